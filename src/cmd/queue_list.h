/* queue_list - the queue as a person sees it: mailq, `tappal queue list` and `tappal queue show`. Reads only, takes
 * no lock. Addresses and replies are others' words and are cleaned for the terminal. */
#ifndef TAPPAL_CMD_QUEUE_LIST_H
#define TAPPAL_CMD_QUEUE_LIST_H

#include "spool/store.h"

/* Why a message may wait that was not tried itself: its account's server fails. Nothing is added where there is no such
 * reason. mailq, which knows the queue alone, does without. */
struct queue_reason {
    bool (*add)(void *arg, const struct message *m, struct str *out, struct err *err);
    void *arg;
};

/* Every message, oldest first, in the form that mailq has had for decades: behind the id `*` is being sent, `!`
 * held, `?` in doubt; then why it waits, and who has not got it yet. Then what was given up. reason: or NULL. */
MUST_USE bool queue_list(struct store *store, const struct queue_reason *reason, struct err *err);
/* All that is known of one message, and its header. `failed`: it was given up. */
MUST_USE bool queue_show(const struct message *m, bool failed, const struct queue_reason *reason,
                         struct err *err);
/* "still queued, next try in 5 min: The server ... ." and the like, as one line. */
MUST_USE bool queue_why(const struct message *m, const struct queue_reason *reason, struct str *out,
                        struct err *err);
/* "550 5.1.1 No such user here", cleaned */
MUST_USE bool queue_add_reply(struct str *out, const struct outcome *o, struct err *err);

#endif
