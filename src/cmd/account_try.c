/* account_try - a new account's first message, there and back, by the programs that will carry all the
 * others; and what other programs must be told so that they use tappal. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/text.h"
#include "cmd/account.h"
#include "cmd/say.h"

#define PATH_BYTES_MAX 4096
#define HEAD_MAX 32768 /* of a message, to look for ours in */
#define SEND_LIMIT_MS 120000
#define FETCH_LIMIT_MS (24 * 3600 * 1000LL) /* the first time it may be a whole mailbox */
#define ROUNDS 5                            /* a server takes a moment to put a message into its mailbox */
#define PAUSE_SECONDS 2

/* The message that is sent, and how it is known again. */
struct probe {
    const struct account *account;
    bool named_config;
    char id[80];
    struct str text;
    time_t since;
};

static bool write_probe(struct probe *probe, struct err *err)
{
    unsigned char random[8];
    char hex[2 * sizeof random + 1];
    const char *address = probe->account->address;
    if (!proc_random(random, sizeof random, err))
        return false;
    text_hex(random, sizeof random, hex);
    snprintf(probe->id, sizeof probe->id, "%s@first.tappal.invalid", hex);
    probe->since = time(NULL);
    return str_addf(&probe->text, err,
                    "From: <%s>\nTo: <%s>\nSubject: tappal works\nMessage-ID: <%s>\n"
                    "Auto-Submitted: auto-generated\n\n"
                    "This message was sent by tappal through the account %s, and fetched back.\n"
                    "Mail can now go both ways. You may delete it.\n",
                    address, address, probe->id, probe->account->name);
}

/* run - a sister program; its exit status, 75 where it could not be run */
static int run(const struct probe *probe, const char *program, const struct strv *words, bool with_text,
               int64_t limit)
{
    struct err err;
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct str out = STR_INIT(1u << 20);
    struct strv argv = STRV_INIT;
    int status = 0;
    bool ok = proc_find(program, &path, &err) && strv_add(&argv, path.buf, &err);
    if (ok && probe->named_config)
        ok = strv_add(&argv, "--config", &err) && strv_add(&argv, probe->account->config_dir, &err);
    for (size_t i = 0; ok && i < words->count; i++)
        ok = strv_add(&argv, words->items[i], &err);
    ok = ok && proc_run(&(struct proc_run){.argv = argv.items,
                                           .input = with_text ? probe->text.buf : NULL,
                                           .input_len = with_text ? probe->text.len : 0,
                                           .limit_ms = limit,
                                           .keep_tty = true,
                                           .shown = program},
                        &out, &status, &err);
    int result = !ok ? say_error(NULL, &err) : WIFEXITED(status) ? WEXITSTATUS(status) : 75;
    strv_free(&argv);
    str_free(&out);
    str_free(&path);
    return result;
}

static bool was_delivered(const struct probe *probe, const struct place *place)
{
    struct err ignored;
    struct str mark = STR_INIT(PATH_BYTES_MAX);
    bool yes = place_account_mark(place, probe->account, ".delivered", &mark, &ignored) &&
               access(mark.buf, F_OK) == 0;
    str_free(&mark);
    return yes;
}

static int send_probe(const struct probe *probe, const struct place *place)
{
    struct err err;
    struct strv words = STRV_INIT;
    int status = 75;
    if (!strv_add(&words, "--account", &err) || !strv_add(&words, probe->account->name, &err) ||
        !strv_add(&words, "-odi", &err) || !strv_add(&words, "--", &err) ||
        !strv_add(&words, probe->account->address, &err))
        say_error(NULL, &err);
    else
        status = run(probe, "tappal-sendmail", &words, true, SEND_LIMIT_MS);
    strv_free(&words);
    if (status != 0)
        return status;
    if (!was_delivered(probe, place)) {
        say_warning(
            "The message waits in the queue: `tappal queue list` says why, `tappal queue run` tries again.");
        return 75;
    }
    say("%s: sent a message to %s.", probe->account->name, probe->account->address);
    return 0;
}

/* -- is it there? -- */

static bool holds_probe(int dir, const char *name, const struct probe *probe)
{
    static char head[HEAD_MAX + 1];
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = fstat(fd, &st) == 0 && st.st_ctime >= probe->since ? read(fd, head, HEAD_MAX) : 0;
    close(fd);
    head[n > 0 ? n : 0] = '\0';
    return strstr(head, probe->id) != NULL;
}

static bool in_folder(const char *maildir, const char *below, const struct probe *probe)
{
    struct err ignored;
    struct dirent *entry;
    struct str path = STR_INIT(PATH_BYTES_MAX);
    bool found = false;
    DIR *dir = fs_join(&path, maildir, below, &ignored) ? opendir(path.buf) : NULL;
    while (dir && !found && (entry = readdir(dir)) != NULL)
        found = entry->d_name[0] != '.' && holds_probe(dirfd(dir), entry->d_name, probe);
    if (dir)
        closedir(dir);
    str_free(&path);
    return found;
}

static bool is_back(const struct probe *probe)
{
    static const char *const below[] = {"new", "cur", "INBOX/new", "INBOX/cur"};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
        if (in_folder(probe->account->fetch.maildir, below[i], probe))
            return true;
    return false;
}

static int fetch_probe(const struct probe *probe, bool was_sent)
{
    struct err err;
    struct strv words = STRV_INIT;
    int status = strv_add(&words, probe->account->name, &err) ? 0 : say_error(NULL, &err);
    bool back = false;
    for (int i = 0; status == 0 && !back && i < ROUNDS; i++) {
        if (i > 0)
            sleep(PAUSE_SECONDS);
        status = run(probe, "tappal-fetch", &words, false, FETCH_LIMIT_MS);
        back = !was_sent || (status == 0 && is_back(probe));
    }
    strv_free(&words);
    if (status == 0 && back && was_sent)
        say("%s: fetched it back into %s.", probe->account->name, probe->account->fetch.maildir);
    else if (status == 0 && was_sent)
        say_warning("The message was sent, but is not back yet; look again later: tappal fetch %s",
                    probe->account->name);
    return status;
}

static bool wants_fetching(const struct probe *probe)
{
    return !account_on_terminal() ||
           account_ask_yes(
               "Fetch mail now? The first time, all messages of the INBOX are downloaded; they stay on the "
               "server too.") ||
           (say("Later: tappal fetch %s", probe->account->name), false);
}

int account_try(const struct account *account, const struct place *place, bool named_config)
{
    struct err err;
    struct probe probe = {.account = account, .named_config = named_config, .text = STR_INIT(8192)};
    int status = 0;
    if (!write_probe(&probe, &err))
        return say_error(NULL, &err);
    if (account->send.on)
        status = send_probe(&probe, place);
    if (status == 0 && account->fetch.on && wants_fetching(&probe))
        status = fetch_probe(&probe, account->send.on);
    str_free(&probe.text);
    return status;
}

/* -- the callers -- */

void account_say_callers(const struct account *account, bool named_config)
{
    struct err ignored;
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct str options = STR_INIT(PATH_BYTES_MAX);
    bool ok = proc_find("tappal-sendmail", &path, &ignored) &&
              (!named_config || str_addf(&options, &ignored, " --config %s", account->config_dir));
    if (account->send.on && ok) {
        say("\nSo that other programs send by it:");
        say("  mutt       set sendmail = \"%s%s --account %s\"", path.buf, options.buf, account->name);
        say("             set from = \"%s\"", account->address);
        say("  git        git config --global sendemail.smtpserver %s", path.buf);
        say("             git config --global sendemail.from %s", account->address);
        say("  mail(1)    set mta=%s    (in ~/.mailrc, for s-nail)", path.buf);
    }
    if (account->fetch.on)
        say("\nNew mail is fetched with: tappal fetch %s    (it goes into %s)", account->name,
            account->fetch.maildir);
    str_free(&options);
    str_free(&path);
}
