/* sendmail_options - the command lines of real callers, and what they mean. The grammar is the
 * program's own, so its source is taken in here whole. */
#include "cmd/sendmail_options.c"

#include "unit.h"

#define WORDS_MAX 16

static const struct {
    const char *caller, *line; /* split at blanks; '' is an empty word */
    const char *recipients;    /* joined by "|" */
    struct sendmail_options is;
} cases[] = {
    {"Debian cron",
     "-FCronDaemon -i -B8BITMIME -oem root",
     "root",
     {.dot_is_text = true, .full_name = "CronDaemon"}},
    {"cronie",
     "-FCronDaemon -i -odi -oem -oi -t -f cron@example.org",
     "",
     {.from_header = true,
      .dot_is_text = true,
      .mode = SEND_WAIT,
      .full_name = "CronDaemon",
      .sender = "cron@example.org"}},
    {"busybox crond", "-ti", "", {.from_header = true, .dot_is_text = true}},
    {"systemd-cron", "-i -B 8BITMIME ada@example.org", "ada@example.org", {.dot_is_text = true}},
    {"at", "-i ada", "ada", {.dot_is_text = true}},
    {"letters in one word, the last with a value",
     "-itf ada@example.org",
     "",
     {.from_header = true, .dot_is_text = true, .sender = "ada@example.org"}},
    {"git's post-receive-email",
     "-t -f ada@example.org",
     "",
     {.from_header = true, .sender = "ada@example.org"}},
    {"anacron", "-FAnacron -odi root", "root", {.mode = SEND_WAIT, .full_name = "Anacron"}},
    {"sudo", "-t", "", {.from_header = true}},
    {"git send-email",
     "-f ada@example.org -i bob@example.test eve@example.test",
     "bob@example.test|eve@example.test",
     {.dot_is_text = true, .sender = "ada@example.org"}},
    {"git send-email, by name",
     "--account work -i bob@example.test",
     "bob@example.test",
     {.dot_is_text = true, .account = "work"}},
    {"mutt",
     "-oem -oi -B8BITMIME -f ada@example.org -N success,delay -R hdrs -- bob@example.test",
     "bob@example.test",
     {.dot_is_text = true,
      .sender = "ada@example.org",
      .notify = NOTIFY_SUCCESS | NOTIFY_DELAY,
      .ret = RET_HDRS}},
    {"s-nail",
     "-i -m -v -F Ada -f ada@example.org -- -x@example.test",
     "-x@example.test",
     {.dot_is_text = true, .verbose = true, .full_name = "Ada", .sender = "ada@example.org"}},
    {"bsd-mailx",
     "-i -t -f ada@example.org -m -v",
     "",
     {.from_header = true, .dot_is_text = true, .verbose = true, .sender = "ada@example.org"}},
    {"alpine", "-bs -odb -oem", "", {.job = JOB_SMTP, .mode = SEND_BACKGROUND}},
    {"emacs sendmail.el",
     "-oi -f ada@example.org -oA/etc/aliases -oep -odi -t -N failure",
     "",
     {.from_header = true,
      .dot_is_text = true,
      .mode = SEND_WAIT,
      .sender = "ada@example.org",
      .notify = NOTIFY_FAILURE}},
    {"emacs message.el",
     "-oi -f ada@example.org -oem -odb a@b,c@d",
     "a@b,c@d",
     {.dot_is_text = true, .mode = SEND_BACKGROUND, .sender = "ada@example.org"}},
    {"PHP mail()",
     "-t -i -f ada@example.org -fbob@example.test",
     "",
     {.from_header = true, .dot_is_text = true, .sender = "bob@example.test"}},
    {"PHPMailer",
     "-oi -fada@example.org -t",
     "",
     {.from_header = true, .dot_is_text = true, .sender = "ada@example.org"}},
    {"Symfony",
     "-oi -fada@example.org bob@example.test",
     "bob@example.test",
     {.dot_is_text = true, .sender = "ada@example.org"}},
    {"Symfony -bs", "-bs", "", {.job = JOB_SMTP}},
    {"MIME::Lite", "-t -oi -oem", "", {.from_header = true, .dot_is_text = true}},
    {"dovecot sieve",
     "-i -f <> -- bob@example.test",
     "bob@example.test",
     {.dot_is_text = true, .sender = "<>"}},
    {"Sympa",
     "-oi -odi -oem -N success,delay,failure -V00000042 -f '' -- a@b c@d",
     "a@b|c@d",
     {.dot_is_text = true,
      .mode = SEND_WAIT,
      .notify = NOTIFY_SUCCESS | NOTIFY_DELAY | NOTIFY_FAILURE,
      .envid = "00000042",
      .sender = ""}},
    {"fail2ban", "-f fail2ban root", "root", {.sender = "fail2ban"}},
    {"reportbug",
     "-f ada@example.org -oi -oem submit@example.test",
     "submit@example.test",
     {.dot_is_text = true, .sender = "ada@example.org"}},
    {"nodemailer",
     "-i -f ada@example.org bob@example.test -f",
     "bob@example.test|-f",
     {.dot_is_text = true, .sender = "ada@example.org"}},
    {"REQUIRETLS", "-O RequireTLS=yes a@b", "a@b", {.require_tls = true}},
    {"REQUIRETLS, not", "-O requiretls=no -Orequiretlsx=1 a@b", "a@b", {.require_tls = false}},
    {"rmail", "-G -i -fada -- bob", "bob", {.dot_is_text = true, .sender = "ada"}},
    {"everything ignored",
     "-Am -Ac -C /x -C/x -D /x -E -J -L tag -Ltag -M id -O a=b -Oa=b -Q -Qwhy -T 5d -U -X /x -X/x "
     "-c -d -d0-99.1 -em -e p",
     "",
     {.job = JOB_SEND}},
    {"more ignored",
     "-h 5 -h5 -m -n -oee -o em -o7 -oQ/x -om -p smtp -pESMTP -s -x a",
     "a",
     {.job = JOB_SEND}},
    {"mailq", "-bp", "", {.job = JOB_LIST}},
    {"mailq, verbosely", "-v -bp", "", {.job = JOB_LIST, .verbose = true}},
    {"newaliases", "-bi", "", {.job = JOB_ALIASES}},
    {"newaliases of old", "-I", "", {.job = JOB_ALIASES}},
    {"verify", "-bv a@b", "a@b", {.job = JOB_VERIFY}},
    {"mode apart", "-b m -o i a@b", "a@b", {.dot_is_text = true}},
    {"queue run", "-q", "", {.job = JOB_RUN_QUEUE}},
    {"queue run, each 30 min", "-q30m", "", {.job = JOB_RUN_QUEUE}},
    {"queue run of some",
     "-v -qRexample.org",
     "",
     {.job = JOB_RUN_QUEUE, .verbose = true, .queue_by = 'R', .queue_text = "example.org"}},
    {"queue run by id", "-qI06h", "", {.job = JOB_RUN_QUEUE, .queue_by = 'I', .queue_text = "06h"}},
    {"queue run by sender", "-qSada@", "", {.job = JOB_RUN_QUEUE, .queue_by = 'S', .queue_text = "ada@"}},
    {"queue run of other kinds", "-qf -qp5m -qGname -q!Rx -qR", "", {.job = JOB_RUN_QUEUE}},
    {"verdicts for programs", "--json -odi a@b", "a@b", {.json = true, .mode = SEND_WAIT}},
    {"only stored", "-odq -i a@b", "a@b", {.dot_is_text = true, .mode = SEND_QUEUE}},
    {"deferred", "-odd a@b", "a@b", {.mode = SEND_QUEUE}},
    {"our own",
     "--config=/x --account=a --verbose -- a@b",
     "a@b",
     {.config = "/x", .account = "a", .verbose = true}},
    {"our own, apart", "--config /x --account a a@b", "a@b", {.config = "/x", .account = "a"}},
    {"help", "--help", "", {.job = JOB_HELP}},
    {"version", "--version", "", {.job = JOB_VERSION}},
    {"nothing", "", "", {.job = JOB_SEND}},
    {"a dash", "-i -", "-", {.dot_is_text = true}},
};

/* Into argv; the words lie in `copy`. */
static void split(const char *line, char *copy, size_t size, char *argv[WORDS_MAX * 4])
{
    static char program[] = "tappal-sendmail", empty[] = "";
    size_t n = 1;
    argv[0] = program;
    ck_assert_uint_lt(strlen(line), size);
    memcpy(copy, line, strlen(line) + 1);
    for (char *p = copy; *p != '\0';) {
        size_t word = strcspn(p, " ");
        bool last = p[word] == '\0';
        p[word] = '\0';
        argv[n++] = strcmp(p, "''") == 0 ? empty : p;
        p += word + (last ? 0 : 1);
    }
    argv[n] = NULL;
}

static void check_text(const char *what, const char *is, const char *wanted)
{
    ck_assert_msg(is == wanted || (is != NULL && wanted != NULL && strcmp(is, wanted) == 0),
                  "%s: \"%s\", wanted \"%s\"", what, is != NULL ? is : "NULL",
                  wanted != NULL ? wanted : "NULL");
}

START_TEST(test_options_of_callers)
{
    char copy[400], *argv[WORDS_MAX * 4], joined[400] = "";
    struct sendmail_options o, wanted = cases[_i].is;
    struct err err = {.what = ""};
    split(cases[_i].line, copy, sizeof copy, argv);
    ck_assert_msg(sendmail_options_read(argv, false, &o, &err), "%s: %s", cases[_i].caller, err.what);
    for (size_t i = 0; o.recipients[i] != NULL; i++)
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s", i > 0 ? "|" : "",
                 o.recipients[i]);
    check_text("recipients", joined, cases[_i].recipients);
    check_text("sender", o.sender, wanted.sender);
    check_text("full name", o.full_name, wanted.full_name);
    check_text("envid", o.envid, wanted.envid);
    check_text("account", o.account, wanted.account);
    check_text("config", o.config, wanted.config);
    ck_assert_int_eq(o.job, wanted.job);
    ck_assert_int_eq(o.mode, wanted.mode);
    ck_assert_int_eq(o.ret, wanted.ret);
    ck_assert_uint_eq(o.notify, wanted.notify);
    ck_assert_int_eq(o.from_header, wanted.from_header);
    ck_assert_int_eq(o.dot_is_text, wanted.dot_is_text);
    ck_assert_int_eq(o.require_tls, wanted.require_tls);
    ck_assert_int_eq(o.verbose, wanted.verbose);
    ck_assert_int_eq(o.json, wanted.json);
    ck_assert_int_eq(o.queue_by, wanted.queue_by);
    check_text("queue_text", o.queue_text, wanted.queue_text);
}
END_TEST

/* Each option with an argument, attached and apart: the same, and no word of it is a recipient. */
START_TEST(test_options_attached_or_apart)
{
    const struct flag *flag = &flags[_i];
    const char *value = flag->letter == 'R'   ? "full"
                        : flag->letter == 'N' ? "delay"
                        : flag->letter == 'b' ? "m"
                                              : "i";
    char attached[16], letter[3] = {'-', flag->letter, '\0'};
    struct sendmail_options one, two;
    struct err err = {.what = ""};
    snprintf(attached, sizeof attached, "-%c%s", flag->letter, flag->takes == ALONE ? "" : value);
    char *first[] = {letter, attached, (char[]){"a@b"}, NULL};
    char *second[] = {(char[]){"-"}, letter, flag->takes == WORD ? (char *)(uintptr_t)value : (char[]){"-i"},
                      (char[]){"a@b"}, NULL};
    ck_assert_msg(sendmail_options_read(first, false, &one, &err), "%s: %s", attached, err.what);
    ck_assert_msg(sendmail_options_read(second, false, &two, &err), "%s: %s", letter, err.what);
    check_text(attached, one.recipients[0], "a@b");
    check_text(letter, two.recipients[0], "a@b");
    check_text(letter, one.sender, two.sender);
    check_text(letter, one.full_name, two.full_name);
    check_text(letter, one.envid, two.envid);
    ck_assert_uint_eq(one.notify, two.notify);
    ck_assert_int_eq(one.ret, two.ret);
    ck_assert_int_eq(one.job, two.job);
    ck_assert_int_eq(one.mode, two.mode);
}
END_TEST

/* Nothing of Sendmail 8's is missing from the table, nor of what the other sendmails know. */
START_TEST(test_options_know_all_letters)
{
    static const char all[] = "ABCDEFGIJLMNOQRTUVXbcdefhimnopqrstvx";
    for (const char *p = all; *p != '\0'; p++) {
        bool found = false;
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            found = found || flags[i].letter == *p;
        ck_assert_msg(found, "-%c", *p);
    }
}
END_TEST

static const struct {
    const char *line, *what;
} faults[] = {
    {"-k", "tappal-sendmail has no option -k."},
    {"-tk", "tappal-sendmail has no option -k."},
    {"-t\033", "tappal-sendmail has no option -?."},
    {"-f", "The option -f needs an argument."},
    {"-tf", "The option -f needs an argument."},
    {"-bt", "tappal-sendmail has no mode -bt."},
    {"-bd", "tappal-sendmail has no mode -bd."},
    {"-N often", "-N often says nothing that can be done."},
    {"-N never,delay", "-N never,delay says nothing that can be done."},
    {"-N ''", "-N  says nothing that can be done."},
    {"-O requiretls=maybe", "-O requiretls=maybe says nothing that can be done."},
    {"-ORequireTLS", "-O RequireTLS says nothing that can be done."},
    {"-R some", "-R some says nothing that can be done."},
    {"-V ''", "The envelope id of -V must be 1 to 100 printable ASCII characters."},
    {"--acount x", "tappal-sendmail has no option --acount."},
    {"--account", "The option --account needs an argument."},
    {"--help=me", "The option --help takes no argument."},
};

START_TEST(test_options_faults)
{
    char copy[400], *argv[WORDS_MAX * 4];
    struct sendmail_options o;
    struct err err = {.what = ""};
    split(faults[_i].line, copy, sizeof copy, argv);
    ck_assert(!sendmail_options_read(argv, false, &o, &err));
    ck_assert_int_eq(err.kind, ERR_USAGE);
    ck_assert_str_eq(err.what, faults[_i].what);
}
END_TEST

/* Called as sendmail by a program that lets strangers choose options: no file is named, nor is the
 * word behind it taken for a recipient. */
START_TEST(test_options_untrusted)
{
    char copy[400], *argv[WORDS_MAX * 4];
    struct sendmail_options o;
    struct err err = {.what = ""};
    split("-X /var/www/x.php -C/tmp/c -OQueueDirectory=/tmp --config /tmp/x --config=/tmp/y a@b", copy,
          sizeof copy, argv);
    ck_assert(sendmail_options_read(argv, true, &o, &err));
    ck_assert_ptr_null(o.config);
    ck_assert_str_eq(o.recipients[0], "a@b");
    ck_assert_ptr_null(o.recipients[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sendmail_options");
    TCase *tc = tcase_create("sendmail_options");
    tcase_add_loop_test(tc, test_options_of_callers, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tc, test_options_attached_or_apart, 0, (int)(sizeof flags / sizeof *flags));
    tcase_add_test(tc, test_options_know_all_letters);
    tcase_add_loop_test(tc, test_options_faults, 0, (int)(sizeof faults / sizeof faults[0]));
    tcase_add_test(tc, test_options_untrusted);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
