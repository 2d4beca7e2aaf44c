/* job - the course of one message: is it to be tried, by its line; the attempt (queue/attempt); what follows from what
 * the server said. Every step is durable before the next one relies on it (doc/INTERNALS "Queue"). */
#ifndef TAPPAL_QUEUE_JOB_H
#define TAPPAL_QUEUE_JOB_H

#include "queue/copy.h"
#include "queue/line.h"
#include "spool/store.h"

struct job {
    struct store *store;
    struct lines *lines;
    struct waiter *waiter; /* of this message; its fd is -1 where nobody waits */
    struct line *line;
    struct message *message; /* locked; released by job_run */
    bool counted;            /* by its line's rate, this time */
    struct copies *copies;   /* where it is noted what the message owes once it is delivered */
    bool lock_step;          /* it was sent ahead of answers before, and got no verdict that counts */
    bool delivered;          /* out: to somebody, this time */
    bool now;                /* the person asked for it: breakers and times do not count */
    bool woken;              /* there may be a network again: what failed for want of it is tried */
};

enum job_end {
    JOB_DONE,  /* removed, or moved to failed/ or aside/ */
    JOB_KEPT,  /* stays queued; the journal says until when */
    JOB_LOCAL, /* this machine is at fault (err): the runner had better leave */
};
enum job_end job_run(struct job *job, struct err *err);

/* A failure before there was a line: written down where it is news; due again at `next`, or, where that is 0,
 * at once. The message stays locked. */
MUST_USE bool job_note_failure(struct store *store, struct message *m, const struct err *why, int64_t next,
                               struct err *err);

#endif
