/* runner - scanning, taking, leaving: see runner.h. */
#include "queue/runner.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "net/wake.h"
#include "queue/batch.h"
#include "queue/job.h"
#include "queue/notice.h"

#define CONFIG_RETRY 300 /* seconds; looking again costs nothing but a look */
#define RESCAN 60        /* seconds that a standing runner sleeps at most */
#define ROLE_RETRY 5

struct runner {
    const struct runner_options *options;
    struct store store;
    struct lines lines;
    struct waiter waiter;           /* of options->wait_for, until it is served */
    char (*seen)[STORE_ID_LEN + 1]; /* handled in this run, in order */
    size_t seen_count;
    struct batch batch; /* taken, and not yet sent */
    bool stands;        /* and sleeps by: */
    struct wake wake;
    bool woken;       /* there may be a network again */
    int64_t next_due; /* of what a scan left */
};

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool is_seen(const struct runner *r, const char *id)
{
    return r->seen_count > 0 && bsearch(id, r->seen, r->seen_count, sizeof(*r->seen), by_id) != NULL;
}

/* -- one message -- */

/* No account to send it by. Nothing was tried, nobody is blamed; once the configuration is mended it goes. */
static bool no_account(struct runner *r, struct message *m, struct waiter *waiter, const struct err *why,
                       struct err *err)
{
    bool news = m->journal.last_error == NULL || strcmp(m->journal.last_error, why->what) != 0;
    bool local = why->kind == ERR_LOCAL;
    if (news) {
        log_event(LOG_LEVEL_WARNING, "failed", "id", m->id, "account", m->envelope.account, "kind",
                  err_kind_name(why->kind), "problem", why->what, "hint", why->hint, NULL);
    }
    waiter_failure(waiter, why);
    if (!job_note_failure(&r->store, m, why, local ? 0 : clock_now() + CONFIG_RETRY, err)) {
        return false;
    }
    if (local) {
        *err = *why;
    }
    return !local;
}

static bool serve(struct runner *r, struct message *m, struct waiter *waiter, struct err *err)
{
    struct line *line = NULL; /* what is finished or held needs none */
    struct err why = {0};

    if (!m->journal.finished && !m->journal.held && !lines_find(&r->lines, &m->envelope, &line, &why)) {
        bool ok = no_account(r, m, waiter, &why, err);
        store_release(m);
        return ok;
    }
    if (line != NULL && r->options->account != NULL &&
        strcmp(line->account->name, r->options->account) != 0) {
        store_release(m);
        return true;
    }
    if (line != NULL && waiter->fd < 0 && batch_suits(line, m)) {
        return batch_add(&r->batch, line, m, err) != JOB_LOCAL;
    }
    /* A small one need not stand behind a large one, nor a new one behind one that may cost us the connection. */
    bool may_delay = m->facts.size > SMTP_WHOLE_MAX || m->journal.attempts > 0;
    enum job_end before = may_delay ? batch_run(&r->batch, err) : batch_rest(&r->batch, err);
    if (before == JOB_LOCAL) {
        store_release(m);
        return false;
    }
    struct job job = {
        .store = &r->store,
        .lines = &r->lines,
        .waiter = waiter,
        .line = line,
        .message = m,
        .now = r->options->now,
        .woken = r->woken,
    };
    return job_run(&job, err) != JOB_LOCAL;
}

/* False: this machine is at fault, the runner leaves. */
static bool take_and_serve(struct runner *r, const char *id, struct waiter *waiter, struct err *err)
{
    struct message m;
    struct err why = {0};

    switch (store_take(&r->store, id, &m, &why)) {
    case TAKE_GOT:
        return serve(r, &m, waiter, err);
    case TAKE_BROKEN:
        log_event(LOG_LEVEL_ERROR, "broken", "id", id, "problem", why.what, "hint", why.hint, NULL);
        return true;
    case TAKE_ERROR:
        *err = why;
        return false;
    default: /* another has it, or it is gone */
        return true;
    }
}

/* -- the queue -- */

static bool is_due(const struct runner *r, const struct store_item *item, int64_t now)
{
    return (item->due <= now || r->options->now || r->woken) && !is_seen(r, item->id);
}

static bool is_stopped(const struct runner *r)
{
    return r->stands && wake_is_stopped(&r->wake);
}

/* From now on what this scan handled, and what an earlier one did and is still there, counts as seen. */
static bool remember(struct runner *r, const struct store_item *items, const bool *handled, size_t count,
                     struct err *err)
{
    char(*seen)[STORE_ID_LEN + 1] = calloc(count + 1, sizeof(*seen));
    size_t n = 0;
    if (seen == NULL) {
        return err_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (handled[i] || is_seen(r, items[i].id)) {
            memcpy(seen[n++], items[i].id, STORE_ID_LEN + 1);
        }
    }
    if (n > 0) {
        qsort(seen, n, sizeof(*seen), by_id);
    }
    free(r->seen);
    r->seen = seen;
    r->seen_count = n;
    return true;
}

/* What was never tried, by age; then what is due for the longest time. So whatever failed as a probe goes behind the
 * others, and no message keeps new ones waiting. */
static int by_turn(const void *a, const void *b)
{
    const struct store_item *x = a, *y = b;
    return x->due != y->due ? (x->due < y->due ? -1 : 1) : strcmp(x->id, y->id);
}

/* One pass over the queue. *any_r: there was something to do. */
static bool scan(struct runner *r, bool *any_r, struct err *err)
{
    struct store_item *items = NULL;
    struct waiter nobody = {.fd = -1};
    size_t count = 0;
    *any_r = false;
    if (!store_list_due(&r->store, &items, &count, err)) {
        return false;
    }
    if (count > 0) {
        qsort(items, count, sizeof(*items), by_turn);
    }
    bool *handled = calloc(count + 1, sizeof(bool));
    bool ok = handled != NULL || err_nomem(err);
    r->next_due = JOURNAL_NEVER;
    for (size_t i = 0; ok && i < count && !is_stopped(r); i++) {
        if (is_due(r, &items[i], clock_now())) {
            handled[i] = *any_r = true;
            ok = take_and_serve(r, items[i].id, &nobody, err);
        } else if (items[i].due > clock_now() && items[i].due < r->next_due) {
            r->next_due = items[i].due;
        }
    }
    ok = ok && batch_run(&r->batch, err) != JOB_LOCAL && remember(r, items, handled, count, err);
    batch_free(&r->batch);
    free(handled);
    free(items);
    return ok;
}

static bool is_anything_due(const struct runner *r, struct store *store)
{
    struct store_item *items = NULL;
    size_t count = 0;
    struct err ignored;
    bool due = false;
    if (!store_list_due(store, &items, &count, &ignored)) {
        return false;
    }
    for (size_t i = 0; i < count && !due; i++) {
        due = is_due(r, &items[i], clock_now());
    }
    free(items);
    return due;
}

/* Until nothing is due that was not handled. */
static bool run_all(struct runner *r, struct err *err)
{
    bool any = true, ok = true;
    while (ok && any && !is_stopped(r)) {
        ok = scan(r, &any, err);
    }
    notice_send(&r->store, &r->lines);
    return ok;
}

/* With the role held, if it is free. *had_r: we had it. */
static bool run_in_role(struct runner *r, bool *had_r, struct err *err)
{
    struct err why = {0};
    int role = store_take_role(&r->store, &why);
    *had_r = role >= 0;
    if (role < 0) {
        if (why.kind == ERR_NONE) {
            return true; /* another runner is at it */
        }
        *err = why;
        return false;
    }
    bool ok = store_clean_tmp(&r->store, err) && run_all(r, err);
    close(role);
    return ok;
}

/* The message that somebody waits for, whoever has the role. */
static bool run_waited_for(struct runner *r, struct err *err)
{
    const char *id = r->options->wait_for;
    bool ok = take_and_serve(r, id, &r->waiter, err);
    waiter_end(&r->waiter);
    if (!ok || strlen(id) != STORE_ID_LEN) {
        return ok;
    }
    struct store_item item = {0};
    bool handled = true;
    memcpy(item.id, id, STORE_ID_LEN);
    return remember(r, &item, &handled, 1, err);
}

static void lines_begin(struct runner *r)
{
    r->lines =
        (struct lines){.place = r->options->place, .waiter = &r->waiter, .may_ask = r->options->may_ask};
}

/* -- the standing runner -- */

/* Another runner is soon done, or stands, and we take its place once it is gone. False in *go_on_r: told to stop. */
static bool wait_for_role(struct runner *r, int *role_r, bool *go_on_r, struct err *err)
{
    struct err why = {0};
    *go_on_r = true;
    while (*go_on_r && (*role_r = store_take_role(&r->store, &why)) < 0) {
        if (why.kind != ERR_NONE) {
            *err = why;
            return false;
        }
        *go_on_r = wake_wait(&r->wake, ROLE_RETRY) != WAKE_STOPPED;
    }
    return true;
}

static int64_t seconds_to_next(const struct runner *r)
{
    int64_t seconds = r->next_due - clock_now();
    return seconds < 1 ? 1 : seconds < RESCAN ? seconds : RESCAN;
}

/* A round that this machine spoils is said, and not the last one. Each reads the configuration anew. */
static void run_round(struct runner *r)
{
    struct err err = {0};
    free(r->seen);
    r->seen = NULL;
    r->seen_count = 0;
    if (!run_all(r, &err)) {
        log_event(LOG_LEVEL_ERROR, "round", "problem", err.what, "hint", err.hint, NULL);
        r->next_due = JOURNAL_NEVER;
    }
    lines_close(&r->lines);
    lines_begin(r);
}

/* Only who has the role listens at the FIFO: what one runner reads there another does not hear. */
static bool stand(struct runner *r, struct err *err)
{
    int role = -1;
    bool go_on = true, all = r->options->account == NULL;
    if (!store_clean_tmp(&r->store, err) || (all && !wait_for_role(r, &role, &go_on, err)) ||
        (all && go_on && (r->wake.fifo = store_open_wake(&r->store, err)) < 0)) {
        return false;
    }
    notify_service("READY=1");
    while (go_on) {
        run_round(r);
        enum wake_why why = is_stopped(r) ? WAKE_STOPPED : wake_wait(&r->wake, seconds_to_next(r));
        r->woken = why == WAKE_NETWORK || why == WAKE_RESUMED;
        go_on = why != WAKE_STOPPED;
    }
    notify_service("STOPPING=1");
    if (role >= 0) {
        close(role);
    }
    return true;
}

static bool watch(struct runner *r, struct err *err)
{
    if (!wake_open(&r->wake, err)) {
        return false;
    }
    r->stands = true;
    bool ok = stand(r, err);
    wake_close(&r->wake);
    return ok;
}

/* -- one run -- */

static bool run_and_leave(struct runner *r, struct err *err)
{
    bool had_role = true;
    bool ok = r->options->wait_for == NULL || run_waited_for(r, err);
    if (ok && r->options->account != NULL) {
        return run_all(r, err);
    }
    while (ok && had_role && is_anything_due(r, &r->store)) {
        ok = run_in_role(r, &had_role, err);
    }
    return ok;
}

bool runner_run(const struct runner_options *options, struct err *err)
{
    struct runner r = {.options = options, .waiter = {options->verdict_fd, options->verbose}};
    lines_begin(&r);
    r.batch = (struct batch){.store = &r.store, .lines = &r.lines, .now = options->now};
    if (!store_open(options->queue, &r.store, err)) {
        waiter_failure(&r.waiter, err);
        waiter_end(&r.waiter);
        return false;
    }
    bool ok = options->watch ? watch(&r, err) : run_and_leave(&r, err);
    waiter_end(&r.waiter);
    lines_close(&r.lines);
    free(r.seen);
    store_close(&r.store);
    return ok;
}
