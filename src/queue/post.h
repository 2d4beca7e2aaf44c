/* post - where a letter of ours goes, a report or a notice: into the maildir of the account's own person (queue/line: its teller), or, where
 * there is none, into the queue as a message from the null sender. */
#ifndef TAPPAL_QUEUE_POST_H
#define TAPPAL_QUEUE_POST_H

#include "queue/line.h"
#include "spool/store.h"

struct post {
    const char *to;         /* address, for the queue */
    uint32_t uid;           /* on whose behalf */
    const char *event, *id; /* what the log calls it; the message it is about, or NULL */
};

/* Durably, before anything is recorded about it. */
MUST_USE bool post_put(struct store *store, const struct line *line, const struct post *post,
                       const struct str *letter, struct err *err);

#endif
