/* smtp_server: commands as clients write them, their order, and the end of the text. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "wire/smtp_server.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X100 X50 X50

static const struct {
    const char *line;
    int code; /* 0: accepted */
    struct smtp_request r;
} lines[] = {
    {"EHLO [127.0.0.1]", 0, {.verb = SMTP_VERB_EHLO}},
    {"ehlo x", 0, {.verb = SMTP_VERB_EHLO}},
    {"EHLO", 501, {0}},
    {"HELO \t ", 501, {0}},
    {"NOOP whatever", 0, {.verb = SMTP_VERB_NOOP}},
    {"QUIT", 0, {.verb = SMTP_VERB_QUIT}},
    {"quit  ", 0, {.verb = SMTP_VERB_QUIT}},
    {"QUIT now", 501, {0}},
    {"QUITE", 500, {0}},
    {"", 500, {0}},
    {"STARTTLS", 500, {0}},
    {"MAIL FROM:<ada@example.org>", 0, {.verb = SMTP_VERB_MAIL, .path = "ada@example.org"}},
    {"mail from: ada@example.org size=100",
     0,
     {.verb = SMTP_VERB_MAIL, .path = "ada@example.org", .size = 100}},
    {"MAIL FROM:<>", 0, {.verb = SMTP_VERB_MAIL}},
    {"MAIL FROM:", 501, {0}},
    {"MAIL FROM:<ada@example.org", 501, {0}},
    {"MAIL FROM:<ada@example.org>SIZE=1", 501, {0}},
    {"MAIL FROM:<a@b,c@d>", 501, {0}},
    {"MAIL FROM:group:;", 501, {0}},
    {"MAIL ada@example.org", 501, {0}},
    {"MAIL TO:<ada@example.org>", 501, {0}},
    {"MAIL FROM:<\"a> b\"@c>", 0, {.verb = SMTP_VERB_MAIL, .path = "\"a> b\"@c"}},
    {"MAIL FROM:<\"a\\\" b\"@c> SIZE=1", 0, {.verb = SMTP_VERB_MAIL, .path = "\"a\\\" b\"@c", .size = 1}},
    {"MAIL FROM:<@relay.example:a@b>", 0, {.verb = SMTP_VERB_MAIL, .path = "a@b"}},
    {"MAIL FROM:<\xc3\xa4@b> SMTPUTF8 BODY=8BITMIME", 0, {.verb = SMTP_VERB_MAIL, .path = "\xc3\xa4@b"}},
    {"MAIL FROM:<\xe4@b>", 501, {0}},
    {"MAIL FROM:<a@b> BODY=7bit RET=hdrs ENVID=QQ+2B3+3D",
     0,
     {.verb = SMTP_VERB_MAIL, .path = "a@b", .ret = RET_HDRS, .envid = "QQ+3="}},
    {"MAIL FROM:<a@b> RET=FULL", 0, {.verb = SMTP_VERB_MAIL, .path = "a@b", .ret = RET_FULL}},
    {"MAIL FROM:<a@b> ENVID=" X100, 0, {.verb = SMTP_VERB_MAIL, .path = "a@b", .envid = X100}},
    {"MAIL FROM:<a@b> ENVID=" X100 "x", 501, {0}},
    {"MAIL FROM:<a@b> ENVID=", 501, {0}},
    {"MAIL FROM:<a@b> ENVID=+2b", 501, {0}}, /* upper case only */
    {"MAIL FROM:<a@b> ENVID=+2", 501, {0}},
    {"MAIL FROM:<a@b> ENVID=a=b", 501, {0}},
    {"MAIL FROM:<a@b> ENVID=a+0Ab", 501, {0}}, /* no line end comes out */
    {"MAIL FROM:<a@b> ENVID=a+00b", 501, {0}},
    {"MAIL FROM:<a@b> ENVID=+C3+A4", 501, {0}},
    {"MAIL FROM:<a@b> RET=BOTH", 501, {0}},
    {"MAIL FROM:<a@b> RET", 501, {0}},
    {"MAIL FROM:<a@b> SMTPUTF8=1", 501, {0}},
    {"MAIL FROM:<a@b> SIZE=1 SIZE=2", 501, {0}},
    {"MAIL FROM:<a@b> SIZE=99999999999999999999", 501, {0}},
    {"MAIL FROM:<a@b> SIZE=-1", 501, {0}},
    {"MAIL FROM:<a@b> BODY=BINARYMIME", 501, {0}},
    {"MAIL FROM:<a@b> NOTIFY=NEVER", 555, {0}},
    {"MAIL FROM:<a@b> AUTH=<>", 555, {0}},
    {"BDAT 0 LAST", 503, {0}},
    {"DATA", 503, {0}},
    {"RCPT TO:<a@b>", 503, {0}},
};

static void check(const struct smtp_request *r, const struct smtp_request *wanted)
{
    ck_assert_int_eq(r->verb, wanted->verb);
    ck_assert_str_eq(r->path, wanted->path);
    ck_assert_str_eq(r->envid, wanted->envid);
    ck_assert_str_eq(r->orcpt, wanted->orcpt);
    ck_assert_int_eq(r->ret, wanted->ret);
    ck_assert_uint_eq(r->notify, wanted->notify);
    ck_assert_uint_eq(r->size, wanted->size);
    ck_assert_int_eq(r->last, wanted->last);
}

static void try(struct smtp_server *s, const char *line, int code, const struct smtp_request *wanted)
{
    struct smtp_request r;
    struct err err = {0};
    /* No octet behind the line is looked at. */
    char *copy = malloc(strlen(line) + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, line, strlen(line));
    bool ok = smtp_server_read(s, copy, strlen(line), &r, &err);
    free(copy);
    ck_assert_msg((ok ? 0 : err.code) == code, "%s: %d %s", line, err.code, err.what);
    if (ok)
        check(&r, wanted);
    else
        ck_assert(err.enhanced[0] == (char)('0' + code / 100) && err.what[0] != '\0');
}

START_TEST(test_smtp_server_lines)
{
    struct smtp_server s = {.mail = false};
    try(&s, lines[_i].line, lines[_i].code, &lines[_i].r);
}
END_TEST

static const struct {
    const char *line;
    int code;
    struct smtp_request r;
} recipients[] = {
    {"RCPT TO:<bob@example.test>", 0, {.verb = SMTP_VERB_RCPT, .path = "bob@example.test"}},
    {"RCPT TO:root", 0, {.verb = SMTP_VERB_RCPT, .path = "root"}},
    {"RCPT TO:<>", 501, {0}},
    {"RCPT TO:<two words>", 501, {0}},
    {"RCPT TO:<a@b> NOTIFY=success,DELAY",
     0,
     {.verb = SMTP_VERB_RCPT, .path = "a@b", .notify = NOTIFY_SUCCESS | NOTIFY_DELAY}},
    {"RCPT TO:<a@b> NOTIFY=NEVER", 0, {.verb = SMTP_VERB_RCPT, .path = "a@b", .notify = NOTIFY_NEVER}},
    {"RCPT TO:<a@b> NOTIFY=NEVER,DELAY", 501, {0}},
    {"RCPT TO:<a@b> NOTIFY=DELAY,", 501, {0}},
    {"RCPT TO:<a@b> NOTIFY=", 501, {0}},
    {"RCPT TO:<a@b> NOTIFY=WHEN", 501, {0}},
    {"RCPT TO:<a@b> ORCPT=rfc822;a+2Bx+40b",
     0,
     {.verb = SMTP_VERB_RCPT, .path = "a@b", .orcpt = "rfc822;a+x@b"}},
    {"RCPT TO:<a@b> ORCPT=rfc822;", 501, {0}},
    {"RCPT TO:<a@b> ORCPT=;a", 501, {0}},
    {"RCPT TO:<a@b> ORCPT=rfc822", 501, {0}},
    {"RCPT TO:<a@b> ORCPT=rf c;a", 501, {0}},
    {"RCPT TO:<a@b> ORCPT=r+41;a", 501, {0}},
    {"RCPT TO:<a@b> ORCPT=utf-8;\xc3\xa4@b",
     0,
     {.verb = SMTP_VERB_RCPT, .path = "a@b", .orcpt = "utf-8;\xc3\xa4@b"}},
    {"RCPT TO:<a@b> ORCPT=rfc822;" X100 X100 X100 X100 X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
     0,
     {.verb = SMTP_VERB_RCPT,
      .path = "a@b",
      .orcpt = "rfc822;" X100 X100 X100 X100 X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}},
    {"RCPT TO:<a@b> ORCPT=rfc822;" X100 X100 X100 X100 X100, 501, {0}},
    {"RCPT TO:<a@b> SIZE=1", 555, {0}},
};

START_TEST(test_smtp_server_recipients)
{
    struct smtp_server s = {.mail = true};
    try(&s, recipients[_i].line, recipients[_i].code, &recipients[_i].r);
}
END_TEST

static const struct {
    const char *line;
    int code;
    uint64_t size; /* of the octets behind it */
} chunks[] = {
    {"BDAT 0", 0, 0},   {"BDAT 86 LAST", 0, 86}, {"bdat 1 last", 0, 1},    {"BDAT", 501, 0},
    {"BDAT x", 501, 0}, {"BDAT -1", 501, 0},     {"BDAT 5 FIRST", 501, 5}, {"BDAT 5 LAST 6", 501, 5},
};

START_TEST(test_smtp_server_chunks)
{
    struct smtp_server s = {.mail = true, .rcpt = true};
    struct smtp_request r;
    struct err err = {0};
    const char *line = chunks[_i].line;
    ck_assert_int_eq(smtp_server_read(&s, line, strlen(line), &r, &err) ? 0 : err.code, chunks[_i].code);
    ck_assert_uint_eq(r.size, chunks[_i].size);
    ck_assert_int_eq(r.verb, SMTP_VERB_BDAT);
    s = (struct smtp_server){0}; /* where it may not stand, its octets come all the same */
    ck_assert(!smtp_server_read(&s, line, strlen(line), &r, &err));
    ck_assert_uint_eq(r.size, chunks[_i].size);
}
END_TEST

/* A line for each command, and the code it gets: 0 accepted. */
static void dialogue(const char *const *commands, const int *codes, size_t n)
{
    struct smtp_server s = {.mail = false};
    for (size_t i = 0; i < n; i++) {
        struct smtp_request r;
        struct err err = {0};
        bool ok = smtp_server_read(&s, commands[i], strlen(commands[i]), &r, &err);
        ck_assert_msg((ok ? 0 : err.code) == codes[i], "%zu %s: %d", i, commands[i], err.code);
        if (ok && r.verb == SMTP_VERB_RSET)
            smtp_server_reset(&s);
        else if (ok)
            smtp_server_did(&s, &r);
    }
}

START_TEST(test_smtp_server_order)
{
    static const char *const commands[] = {
        "NOOP",   "MAIL FROM:<>", "MAIL FROM:<>", "DATA", "BDAT 1",       "RCPT TO:<a>",
        "BDAT 1", "DATA",         "RCPT TO:<b>",  "RSET", "BDAT 1 LAST",  "MAIL FROM:<a@b>",
        "DATA",   "RCPT TO:<a>",  "RCPT TO:<b>",  "DATA", "RCPT TO:<c@d>"};
    static const int codes[] = {0, 0, 503, 554, 554, 0, 0, 503, 503, 0, 503, 0, 554, 0, 0, 0, 0};
    dialogue(commands, codes, sizeof codes / sizeof *codes);
}
END_TEST

START_TEST(test_smtp_server_has_enough)
{
    struct smtp_server s = {.mail = false};
    struct smtp_request r;
    struct err err;
    for (int i = 1; i < SMTP_SERVER_FAULTS_MAX; i++)
        ck_assert(!smtp_server_read(&s, "GET /", 5, &r, &err) && err.code == 500);
    ck_assert(smtp_server_read(&s, "NOOP", 4, &r, &err)); /* one that is understood, and all is well */
    for (int i = 1; i < SMTP_SERVER_FAULTS_MAX; i++)
        ck_assert(!smtp_server_read(&s, "GET /", 5, &r, &err) && err.code == 500);
    ck_assert(!smtp_server_read(&s, "GET /", 5, &r, &err) && err.code == 421);
}
END_TEST

START_TEST(test_smtp_server_odd_lines)
{
    struct smtp_server s = {.mail = false};
    struct smtp_request r;
    struct err err;
    char line[SMTP_SERVER_LINE_MAX + 1];
    ck_assert(!smtp_server_read(&s, "NOOP\0x", 6, &r, &err) && err.code == 500);
    memset(line, 'x', sizeof line);
    memcpy(line, "NOOP ", 5);
    ck_assert(smtp_server_read(&s, line, SMTP_SERVER_LINE_MAX, &r, &err));
    ck_assert(!smtp_server_read(&s, line, SMTP_SERVER_LINE_MAX + 1, &r, &err) && err.code == 500);
    memcpy(line, "MAIL FROM:", 10);
    ck_assert(!smtp_server_read(&s, line, SMTP_SERVER_LINE_MAX, &r, &err) && err.code == 501);
}
END_TEST

static const struct {
    bool lf;
    const char *in, *out, *rest; /* rest: NULL: the end was not seen */
} texts[] = {
    {false, ".\r\n", "", ""},
    {false, ".\r\nQUIT\r\n", "", "QUIT\r\n"},
    {false, "a\r\n.\r\nQUIT", "a\r\n", "QUIT"},
    {false, "a\r\n..\r\n.b\r\n...\r\n.\r\n", "a\r\n.\r\nb\r\n..\r\n", ""},
    {false, "a\n.\nMAIL FROM:<evil@example.test>\r\n.\r\n", "a\n.\nMAIL FROM:<evil@example.test>\r\n", ""},
    {false, "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", ""},
    {false, "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", ""},
    {false, "a\r.\r\n\r\n.\r\n", "a\r.\r\n\r\n", ""},
    {false, "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", ""},
    {false, "a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n", ""},
    {false, "a\r\r\n.\r\n", "a\r\r\n", ""},
    {false, "a\r\n.", "a\r\n", NULL},
    {false, "a\r\n.\r", "a\r\n", NULL},
    {true, ".\n", "", ""},
    {true, "a\n.\nQUIT\n", "a\n", "QUIT\n"},
    {true, "a\n..\n.b\n.\n", "a\n.\nb\n", ""},
    {true, "a\r\n.\r\nQUIT", "a\r\n", "QUIT"}, /* lines may change their minds */
    {true, "a\n.\r\nQUIT", "a\n", "QUIT"},
    {true, "a.\n.\n", "a.\n", ""},
};

static void feed(const char *in, bool lf, size_t step, const char *out, const char *rest)
{
    struct smtp_text t = {.lf = lf};
    struct str got = STR_INIT(1000);
    struct err err;
    size_t at = 0, n = strlen(in);
    while (at < n && !t.ended) {
        size_t taken, some = n - at < step ? n - at : step;
        ck_assert(smtp_text_add(&t, in + at, some, &got, &taken, &err));
        ck_assert(taken == some || t.ended);
        at += taken;
    }
    ck_assert_str_eq(got.buf, out);
    ck_assert_int_eq(t.ended, rest != NULL);
    if (rest != NULL)
        ck_assert_str_eq(in + at, rest);
    str_free(&got);
}

START_TEST(test_smtp_server_text)
{
    for (size_t step = 1; step <= strlen(texts[_i].in); step++)
        feed(texts[_i].in, texts[_i].lf, step, texts[_i].out, texts[_i].rest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_server");
    TCase *tc = tcase_create("smtp_server");
    tcase_add_loop_test(tc, test_smtp_server_lines, 0, COUNT(lines));
    tcase_add_loop_test(tc, test_smtp_server_recipients, 0, COUNT(recipients));
    tcase_add_loop_test(tc, test_smtp_server_chunks, 0, COUNT(chunks));
    tcase_add_test(tc, test_smtp_server_order);
    tcase_add_test(tc, test_smtp_server_has_enough);
    tcase_add_test(tc, test_smtp_server_odd_lines);
    tcase_add_loop_test(tc, test_smtp_server_text, 0, COUNT(texts));
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
