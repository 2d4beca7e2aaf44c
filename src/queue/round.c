/* round - scanning, taking, sending: see round.h. */
#include "queue/round.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/group.h"
#include "queue/job.h"
#include "queue/notice.h"

#define CONFIG_RETRY 300 /* seconds; looking again costs nothing but a look */
#define IDLE_MS 20       /* before looking again whether a writer has let go of its message */
#define IDLE_MAX 250     /* such looks; then it is no writer, or one that is stuck in an fsync */

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool is_seen(const struct round *r, const char *id)
{
    return r->seen_count > 0 && bsearch(id, r->seen, r->seen_count, sizeof(*r->seen), by_id) != NULL;
}

/* -- one message -- */

/* Its time runs all the same, and its sender is told, if anybody can. The message is released. */
static bool grow_old(struct round *r, struct message *m, const struct err *why, struct err *err)
{
    struct waiter nobody = {.fd = -1};
    struct line *line;
    struct err ignored;
    if (!lines_find_lost(&r->lines, &m->envelope, why, &line, &ignored)) {
        store_release(m);
        return true;
    }
    struct job job = {.store = r->store,
                      .lines = &r->lines,
                      .waiter = &nobody,
                      .line = line,
                      .message = m,
                      .copies = &r->copies};
    return job_run(&job, err) != JOB_LOCAL;
}

/* No account to send it by. Nothing was tried, nobody is blamed; once the configuration is mended it goes. Releases the
 * message. */
static bool no_account(struct round *r, struct message *m, struct waiter *waiter, const struct err *why,
                       struct err *err)
{
    bool news = m->journal.last_error == NULL || strcmp(m->journal.last_error, why->what) != 0;
    bool local = why->kind == ERR_LOCAL;
    if (news) {
        log_event(LOG_LEVEL_WARNING, "failed", "id", m->id, "account", m->envelope.account, "kind",
                  err_kind_name(why->kind), "problem", why->what, "hint", why->hint, NULL);
    }
    waiter_failure(waiter, why);
    bool ok = job_note_failure(r->store, m, why, local ? 0 : clock_now() + CONFIG_RETRY, err);
    if (ok && !local) {
        return grow_old(r, m, why, err);
    }
    if (ok) {
        *err = *why;
    }
    store_release(m);
    return false;
}

static bool serve(struct round *r, struct message *m, struct waiter *waiter, struct err *err)
{
    struct line *line = NULL; /* what is finished or held needs none */
    struct err why = {0};

    if (!m->journal.finished && !m->journal.held && !lines_find(&r->lines, &m->envelope, &line, &why)) {
        return no_account(r, m, waiter, &why, err);
    }
    r->line = line;
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
        .store = r->store,
        .lines = &r->lines,
        .waiter = waiter,
        .line = line,
        .message = m,
        .copies = &r->copies,
        .now = r->options->now,
        .woken = r->woken,
    };
    return job_run(&job, err) != JOB_LOCAL;
}

/* Out of memory, or of file descriptors: no other message would fare better. */
static bool is_exhausted(const struct err *why)
{
    return why->kind == ERR_INTERNAL || why->sys == ENOMEM || why->sys == EMFILE || why->sys == ENFILE;
}

/* It stays where it is, and the others do not wait for it. */
static void leave_unreadable(const char *id, const struct err *why)
{
    log_event(LOG_LEVEL_ERROR, "unreadable", "id", id, "problem", why->what, "hint", why->hint, NULL);
}

/* False: this machine is at fault, the runner leaves. */
static bool take_and_serve(struct round *r, const char *id, struct waiter *waiter, enum store_take *took_r,
                           struct err *err)
{
    struct message m;
    struct err why = {0};

    switch (*took_r = store_take(r->store, id, &m, &why)) {
    case TAKE_GOT:
        return serve(r, &m, waiter, err);
    case TAKE_BROKEN:
        log_event(LOG_LEVEL_ERROR, "broken", "id", id, "problem", why.what, "hint", why.hint, NULL);
        return true;
    case TAKE_ERROR:
        if (is_exhausted(&why)) {
            *err = why;
            return false;
        }
        leave_unreadable(id, &why);
        return true;
    default: /* another has it, or it is gone */
        return true;
    }
}

/* -- the queue -- */

static bool is_due(const struct round *r, const struct store_item *item, int64_t now)
{
    return (item->due <= now || r->options->now || r->woken) && !is_seen(r, item->id);
}

static bool is_stopped(const struct round *r)
{
    return r->wake != NULL && wake_is_stopped(r->wake);
}

/* From now on what this scan handled, and what an earlier one did and is still there, counts as seen. */
static bool remember(struct round *r, const struct store_item *items, const bool *handled, size_t count,
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

static bool is_ours(const struct round *r, const char *id)
{
    return r->only == NULL || groups_find(r->groups, r->store, id) == r->only;
}

/* The account fails, and was found to in this round. */
static bool stands_for_all(const struct round *r)
{
    return r->glance && r->line != NULL && (r->line->down || breaker_holds(&r->line->breaker, clock_now()));
}

/* A new message has its name a moment before its writer lets go of it, and finds that a runner is there: if that one
 * counted it as handled, nobody would wake another. */
static bool serve_item(struct round *r, const struct store_item *item, bool *handled_r, struct err *err)
{
    struct waiter nobody = {.fd = -1};
    enum store_take took;
    bool ok = take_and_serve(r, item->id, &nobody, &took, err);
    *handled_r = took != TAKE_BUSY || item->due > 0 || r->idle > IDLE_MAX;
    r->unready = r->unready || !*handled_r;
    return ok;
}

/* One pass over the queue. *any_r: there was something to do. */
static bool scan(struct round *r, bool *any_r, struct err *err)
{
    struct store_item *items = NULL;
    size_t count = 0;
    *any_r = r->unready = false;
    if (!store_list_due(r->store, &items, &count, err)) {
        return false;
    }
    if (count > 0) {
        qsort(items, count, sizeof(*items), by_turn);
    }
    bool *handled = calloc(count + 1, sizeof(bool));
    bool ok = handled != NULL || err_nomem(err);
    for (size_t i = 0; ok && i < count && !is_stopped(r) && !stands_for_all(r); i++) {
        if (is_due(r, &items[i], clock_now()) && is_ours(r, items[i].id)) {
            ok = serve_item(r, &items[i], &handled[i], err);
            *any_r = *any_r || handled[i];
        }
    }
    ok = ok && batch_run(&r->batch, err) != JOB_LOCAL && remember(r, items, handled, count, err);
    batch_free(&r->batch);
    free(handled);
    free(items);
    return ok;
}

bool round_is_anything_due(const struct round *r)
{
    struct store_item *items = NULL;
    size_t count = 0;
    struct err ignored;
    bool due = false;
    if (!store_list_due(r->store, &items, &count, &ignored)) {
        return false;
    }
    for (size_t i = 0; i < count && !due; i++) {
        due = is_due(r, &items[i], clock_now()) && is_ours(r, items[i].id);
    }
    free(items);
    return due;
}

/* Until nothing is due that was not handled. Copies come behind all deliveries, and between two groups of them we look
 * whether there is anything new to deliver. */
bool round_run(struct round *r, struct err *err)
{
    bool any = true, more = true, ok = true;
    while (ok && (any || more || r->unready) && !is_stopped(r) && !stands_for_all(r)) {
        ok = scan(r, &any, err) && (any || copies_make(&r->copies, &more, err));
        r->idle = any || more ? 0 : r->idle + 1;
        if (r->idle > 0 && r->unready) {
            poll(NULL, 0, IDLE_MS);
        }
    }
    notice_send(r->store, &r->lines);
    return ok;
}

void round_begin(struct round *r)
{
    const struct runner_options *o = r->options;
    r->lines = (struct lines){.place = o->place, .waiter = &r->waiter, .may_ask = o->may_ask};
    r->batch = (struct batch){
        .store = r->store, .lines = &r->lines, .copies = &r->copies, .wake = r->wake, .now = o->now};
    r->copies = (struct copies){.store = r->store, .lines = &r->lines};
}

bool round_serve_one(struct round *r, const char *id, struct err *err)
{
    struct store_item item = {0};
    bool handled = true;
    enum store_take took;
    bool ok = take_and_serve(r, id, &r->waiter, &took, err) && batch_run(&r->batch, err) != JOB_LOCAL;
    batch_free(&r->batch);
    waiter_end(&r->waiter);
    if (!ok || strlen(id) != STORE_ID_LEN) {
        return ok;
    }
    memcpy(item.id, id, STORE_ID_LEN);
    return remember(r, &item, &handled, 1, err);
}

void round_end(struct round *r)
{
    waiter_end(&r->waiter);
    copies_close(&r->copies);
    lines_close(&r->lines);
    free(r->seen);
}
