/* queue_list - the queue as a person sees it: mailq, `tappal queue list` and `tappal queue show`. Reads only, takes
 * no lock. Addresses and replies are others' words and are cleaned for the terminal. */
#ifndef TAPPAL_CMD_QUEUE_LIST_H
#define TAPPAL_CMD_QUEUE_LIST_H

#include "spool/store.h"

/* Every message, oldest first, in the form that mailq has had for decades: behind the id `*` is being sent, `!`
 * held, `?` in doubt; then why it waits, and who has not got it yet. */
MUST_USE bool queue_list(struct store *store, struct err *err);
/* All that is known of one message, and its header. */
MUST_USE bool queue_show(const struct message *m, struct err *err);
/* "still queued, next try in 5 min: The server ... ." and the like, as one line. */
MUST_USE bool queue_why(const struct message *m, struct str *out, struct err *err);

#endif
