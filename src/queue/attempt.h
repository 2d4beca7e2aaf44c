/* attempt - one try of a message over a line that is open: the transactions it takes, and whatever the server says
 * durable before anything follows from it. What follows, once it is over: queue/job. */
#ifndef TAPPAL_QUEUE_ATTEMPT_H
#define TAPPAL_QUEUE_ATTEMPT_H

#include "queue/line.h"
#include "queue/text.h"
#include "spool/store.h"

struct attempt {
    /* -- in -- */
    struct lines *lines;
    struct line *line;       /* open */
    struct message *message; /* locked */
    struct journal_writer *w;
    size_t most;    /* recipients that it is for */
    bool lock_step; /* this message has met a host that does not bear more */
    /* -- out -- */
    struct smtp_transaction t; /* the last one */
    bool announced;            /* a durable record of doubt stands */
    bool delivered;            /* to somebody */
    bool finished;             /* to all, and written down as such */
    /* -- its own -- */
    struct text text;
    struct outcome *outcomes; /* one for each recipient */
    size_t outcome_count;
    size_t *to, to_count; /* whom the next transaction is for */
    bool reopened;
    bool owes_copy; /* from this try on */
};

enum attempt_end {
    ATTEMPT_OVER,  /* the server has answered for everybody */
    ATTEMPT_CUT,   /* the connection, or the account, failed (err, t.blame) */
    ATTEMPT_LOCAL, /* this machine did */
};

/* The record, durable unless that of the doubt, which goes before the first word, makes it so. To be freed either way. */
MUST_USE bool attempt_begin(struct attempt *a, struct err *err);
/* As many transactions as it takes, over a new connection where that may help. */
enum attempt_end attempt_send(struct attempt *a, struct err *err);
void attempt_free(struct attempt *a);

/* Permissions, disk, memory: another runner, in other circumstances, may do better. */
bool attempt_is_local(const struct err *why);

#endif
