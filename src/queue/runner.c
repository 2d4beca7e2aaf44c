/* runner - who runs the queue, and when it leaves: see runner.h. */
#include "queue/runner.h"

#include <unistd.h>

#include "queue/round.h"
#include "queue/stand.h"

/* With the role held, if it is free. *had_r: we had it. */
static bool run_in_role(struct round *r, bool *had_r, struct err *err)
{
    struct err why = {0};
    int role = store_take_role(r->store, &why);
    *had_r = role >= 0;
    if (role < 0) {
        if (why.kind == ERR_NONE) {
            return true; /* another runner is at it */
        }
        *err = why;
        return false;
    }
    bool ok = store_clean_tmp(r->store, err) && round_run(r, err);
    close(role);
    return ok;
}

static bool run_and_leave(struct round *r, struct err *err)
{
    const struct runner_options *o = r->options;
    bool had_role = true;
    bool ok = o->wait_for == NULL || round_serve_one(r, o->wait_for, err);
    if (ok && o->account != NULL) {
        return round_run(r, err);
    }
    while (ok && had_role && round_is_anything_due(r)) {
        ok = run_in_role(r, &had_role, err);
    }
    if (ok && !had_role && o->now) {
        ok = round_run(r, err); /* the other one goes by its own times; each message's lock keeps us apart */
    }
    for (bool more = true; ok && more;) { /* of the message that somebody waited for, and no longer does */
        ok = copies_make(&r->copies, &more, err);
    }
    return ok;
}

static bool run(const struct runner_options *options, struct store *store, struct err *err)
{
    struct round r = {
        .options = options,
        .store = store,
        .waiter = {options->verdict_fd, options->verbose},
    };
    round_begin(&r);
    bool ok = run_and_leave(&r, err);
    round_end(&r);
    return ok;
}

bool runner_run(const struct runner_options *options, struct err *err)
{
    struct store store;
    if (!store_open(options->queue, &store, err)) {
        struct waiter waiter = {options->verdict_fd, options->verbose};
        waiter_failure(&waiter, err);
        waiter_end(&waiter);
        return false;
    }
    bool ok = options->watch ? stand(options, &store, err)
                             : run(options, &store, err) && (!options->stay || stand(options, &store, err));
    store_close(&store);
    return ok;
}
