/* round - goes through the queue until nothing is due that it has not handled: one message after the other, or in
 * windows (queue/batch), each over its account's line. Each round reads the configuration anew. */
#ifndef TAPPAL_QUEUE_ROUND_H
#define TAPPAL_QUEUE_ROUND_H

#include "net/wake.h"
#include "queue/batch.h"
#include "queue/runner.h"

struct groups;
struct group;

struct round {
    /* -- in -- */
    const struct runner_options *options;
    struct store *store;
    const struct wake *wake;  /* says when to stop; NULL: a signal just ends us */
    bool woken;               /* there may be a network again: what failed for want of it is tried */
    const struct group *only; /* of `groups`: the messages of no other are touched; NULL: all are */
    const struct groups *groups;
    bool glance; /* while the account fails, one of the group's messages stands for all */
    /* -- its own -- */
    struct lines lines;
    struct waiter waiter;           /* of options->wait_for, until it is served */
    char (*seen)[STORE_ID_LEN + 1]; /* handled, in order */
    size_t seen_count;
    bool unready;            /* the last scan found a message that its writer may still be at */
    unsigned idle;           /* scans in a row that found nothing but such */
    struct batch batch;      /* taken, and not yet sent */
    struct copies copies;    /* owed by what was sent */
    const struct line *line; /* of the last message */
};

void round_begin(struct round *r);
/* False: this machine is at fault. */
MUST_USE bool round_run(struct round *r, struct err *err);
/* One message, whoever has the role; it counts as handled. */
MUST_USE bool round_serve_one(struct round *r, const char *id, struct err *err);
bool round_is_anything_due(const struct round *r);
void round_end(struct round *r);

#endif
