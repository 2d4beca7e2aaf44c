/* waiter - tappal-sendmail at the other end of the verdict pipe, waiting for one message (spool/verdict.h).
 * Nothing here fails: a waiter that is gone, or does not read, is no reason to stop. */
#ifndef TAPPAL_QUEUE_WAITER_H
#define TAPPAL_QUEUE_WAITER_H

#include <stdbool.h>

#include "mail/envelope.h"

struct waiter {
    int fd; /* -1: nobody waits (any more) */
    bool wants_dialogue;
};

bool waiter_is_there(struct waiter *w); /* asks the pipe */
void waiter_recipient(struct waiter *w, size_t recipient, const struct outcome *o);
void waiter_failure(struct waiter *w, const struct err *why);
void waiter_dialogue(struct waiter *w, char direction, const char *line);
void waiter_end(struct waiter *w); /* says so and closes */

#endif
