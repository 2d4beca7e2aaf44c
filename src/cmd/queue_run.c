/* queue_run - runs tappal-deliver in the foreground, then says what became of each message.
 *
 * A message that went out is gone, and its journal with it. So each journal is opened before (and
 * begun, with "due now", where there is none yet): its last records can be read through that fd even
 * after it was unlinked. */
#include "cmd/queue_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "cmd/queue_list.h"
#include "cmd/say.h"

#define FOLLOW_MAX 200 /* messages that get a line of their own: each holds an fd */
#define LINE_MAX_BYTES 8192
#define RUN_LIMIT_MS (INT64_C(24) * 3600 * 1000)
#define OUTPUT_MAX 65536

struct follow {
    char id[STORE_ID_LEN + 1];
    size_t recipients;
    unsigned attempts; /* before this run */
    int journal;       /* fd; -1: there was none to be had */
};

/* A journal that only says that the message is due now. Where another holds the lock, it is being sent anyway. */
static bool begin_journal(struct store *store, const char *id, struct err *err)
{
    struct message m;
    struct journal_writer *w = NULL;
    enum store_take took = store_take(store, id, &m, err);
    bool ok = took == TAKE_BUSY || took == TAKE_GONE;
    if (took == TAKE_GOT)
        ok = m.journal.exists ||
             (journal_open(store, &m, &w, err) && journal_next(w, 0, err) && journal_sync(w, err));
    journal_close(&w);
    store_release(&m);
    return ok;
}

static bool follow(struct store *store, const char *id, struct follow *f, struct err *err)
{
    char name[STORE_ID_LEN + 3];
    struct message m;
    *f = (struct follow){.journal = -1};
    memcpy(f->id, id, sizeof f->id);
    if (!begin_journal(store, id, err))
        return false;
    snprintf(name, sizeof name, "%s.j", id);
    f->journal = openat(store->msg, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (store_peek(store, id, &m, err) == TAKE_GOT) {
        f->recipients = m.envelope.count;
        f->attempts = m.journal.attempts;
    }
    store_release(&m);
    return true;
}

/* -- what became of it -- */

/* "bob@... refused" is in the report; here the counts do. */
static void say_gone(const struct follow *f, const struct journal *j)
{
    size_t delivered = 0;
    const char *reply = "";
    for (size_t i = 0; i < j->count; i++) {
        delivered += j->outcomes[i].verdict == VERDICT_DELIVERED;
        if (j->outcomes[i].verdict == VERDICT_REFUSED && j->outcomes[i].text)
            reply = j->outcomes[i].text;
    }
    if (j->finished && strcmp(j->finished_how, "removed") == 0)
        say("%s  was removed meanwhile", f->id);
    else if (delivered == j->count)
        say("%s  delivered", f->id);
    else
        say("%s  delivered to %zu of %zu recipients, refused by the others: %s", f->id, delivered, j->count,
            reply);
}

static bool say_left(struct store *store, const struct follow *f, struct err *err)
{
    struct str bytes = STR_INIT(JOURNAL_MAX);
    struct journal j;
    if (f->journal < 0 || f->recipients == 0) {
        say("%s  has left the queue", f->id);
        return true;
    }
    bool ok = lseek(f->journal, 0, SEEK_SET) == 0 && fs_read_all(f->journal, &bytes, f->id, err) &&
              journal_parse(bytes.buf, bytes.len, f->recipients, &j, err);
    str_free(&bytes);
    if (!ok)
        return false;
    if (!j.finished)
        say("%s  is kept in %s/failed and not tried again", f->id, store->path);
    else
        say_gone(f, &j);
    journal_free(&j);
    return true;
}

/* True in *stays_r: it is still queued. */
static bool say_outcome(struct store *store, const struct follow *f, bool *stays_r, struct err *err)
{
    struct message m;
    enum store_take took = store_peek(store, f->id, &m, err);
    *stays_r = took == TAKE_GOT;
    if (took == TAKE_GONE)
        return say_left(store, f, err);
    if (took != TAKE_GOT)
        return false;
    struct str why = STR_INIT(LINE_MAX_BYTES);
    bool tried = m.journal.attempts > f->attempts || m.journal.last_error;
    bool ok = queue_why(&m, NULL, &why, err);
    if (ok)
        say("%s  still queued%s, %s", f->id, tried ? "" : ", not tried", why.buf);
    if (ok && m.journal.last_hint && m.journal.last_hint[0])
        say("  hint: %s", m.journal.last_hint);
    str_free(&why);
    store_release(&m);
    return ok;
}

/* -- the run -- */

static bool add_arguments(struct strv *argv, const struct store *store, const char *account, struct err *err)
{
    return strv_add(argv, "--queue", err) && strv_add(argv, store->path, err) &&
           (account == NULL || (strv_add(argv, "--account", err) && strv_add(argv, account, err)));
}

static bool run_deliverer(struct store *store, const char *account, int *status_r, struct err *err)
{
    struct strv argv = STRV_INIT;
    struct str program = STR_INIT(LINE_MAX_BYTES), output = STR_INIT(OUTPUT_MAX);
    bool ok = proc_find("tappal-deliver", &program, err) && strv_add(&argv, program.buf, err) &&
              add_arguments(&argv, store, account, err) && strv_add(&argv, "--now", err) &&
              strv_add(&argv, "--quiet", err) && (!isatty(STDERR_FILENO) || strv_add(&argv, "--ask", err)) &&
              proc_run(&(struct proc_run){.argv = argv.items,
                                          .limit_ms = RUN_LIMIT_MS,
                                          .keep_tty = true,
                                          .shown = "tappal-deliver"},
                       &output, status_r, err);
    strv_free(&argv);
    str_free(&program);
    str_free(&output);
    return ok;
}

static int say_outcomes(struct store *store, const struct follow *follows, size_t count)
{
    int status = 0;
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        bool stays = false;
        if (!say_outcome(store, &follows[i], &stays, &err))
            status = say_error(follows[i].id, &err);
        else if (stays && status == 0)
            status = err_exit_status(ERR_LOCAL);
    }
    return status;
}

static int run_and_tell(struct store *store, const char *account, const struct follow *follows,
                        size_t followed, size_t count)
{
    struct err err = {0};
    int wait_status = 0;
    if (!run_deliverer(store, account, &wait_status, &err))
        return say_error(NULL, &err);
    int status = say_outcomes(store, follows, followed);
    if (followed < count)
        say("%zu more: see tappal queue list", count - followed);
    return wait_status != 0 && status == 0 ? err_exit_status(ERR_LOCAL) : status;
}

int queue_watch(struct store *store, const char *account)
{
    struct err err = {0};
    struct str program = STR_INIT(LINE_MAX_BYTES);
    struct strv argv = STRV_INIT;
    if (proc_find("tappal-deliver", &program, &err) && strv_add(&argv, program.buf, &err) &&
        add_arguments(&argv, store, account, &err) && strv_add(&argv, "--watch", &err)) {
        execv(program.buf, argv.items);
        err_errno(&err, ERR_LOCAL, "%s could not be started", program.buf);
    }
    strv_free(&argv);
    str_free(&program);
    return say_error(NULL, &err);
}

/* Those that the run is about. */
static size_t choose(struct store *store, struct store_item *items, size_t count, const char *account)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct message m;
        struct err ignored;
        bool ours = account == NULL;
        if (!ours && store_peek(store, items[i].id, &m, &ignored) == TAKE_GOT) {
            ours = m.envelope.account != NULL && strcmp(m.envelope.account, account) == 0;
            store_release(&m);
        }
        if (ours)
            items[kept++] = items[i];
    }
    return kept;
}

int queue_run(struct store *store, const char *account)
{
    struct err err = {0};
    struct store_item *items;
    size_t count, followed = 0;
    if (!store_list(store, &items, &count, &err))
        return say_error(NULL, &err);
    count = choose(store, items, count, account);
    size_t most = count < FOLLOW_MAX ? count : FOLLOW_MAX;
    struct follow *follows = calloc(most + 1, sizeof *follows);
    int status = follows || err_nomem(&err) ? 0 : say_error(NULL, &err);
    for (size_t i = 0; follows && i < most; i++) {
        if (follow(store, items[i].id, &follows[followed], &err))
            followed++;
        else
            status = say_error(NULL, &err);
    }
    if (count == 0 && account)
        say("No message waits to be sent by %s", account);
    else if (count == 0)
        say("Mail queue is empty");
    else if (follows) {
        int ran = run_and_tell(store, account, follows, followed, count);
        status = status ? status : ran;
    }
    for (size_t i = 0; i < followed; i++)
        if (follows[i].journal >= 0)
            close(follows[i].journal);
    free(follows);
    free(items);
    return status;
}
