/* doubt - a message whose end went out and got no answer: it may have been delivered, or not. When the other side has
 * had time to be done with it, it is tried once more, alone; in doubt again, or at once where the account says so
 * (`in_doubt = hold`), it is held, and its sender and the person's own command are told. */
#ifndef TAPPAL_QUEUE_DOUBT_H
#define TAPPAL_QUEUE_DOUBT_H

#include "queue/line.h"
#include "spool/store.h"

/* Not yet to be tried, unless a person said so of this very message. */
bool doubt_waits(const struct journal *j);
/* What is in doubt, since when, and for whom: the recipients `to`; NULL: all who are open. */
struct doubt_of {
    const struct message *message;
    int64_t since;
    const size_t *to;
    size_t to_count;
};

/* Adds to the journal what becomes of the message; to be synced by the caller. The letter goes before the record: who is
 * killed between the two leaves a letter that comes twice, not a silent hold. */
MUST_USE bool doubt_record(struct store *store, const struct lines *lines, const struct line *line,
                           const struct doubt_of *of, struct journal_writer *w, struct err *err);

#endif
