/* breaker - what keeps a queue from hammering at a server or locking an account out.
 *
 * A failure of host or account is no message's fault. It opens the account's breaker: until its next probe is
 * due no message of the account is tried, and each probe in vain moves the next one further away. One message
 * that goes through closes it. Kept durably in STATE/accounts/NAME-HASH.breaker (doc/INTERNALS), so that it
 * outlives the runner. An account file changed since the last failure voids it. */
#ifndef TAPPAL_QUEUE_BREAKER_H
#define TAPPAL_QUEUE_BREAKER_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/place.h"

struct breaker {
    struct str path;
    unsigned failures;   /* in a row, without a pause (RETRY_PAUSE); 0: closed */
    int64_t since, last; /* the first of them, the last */
    int64_t next;        /* probe */
    struct err why;      /* the last one's sentence and hint */
};

/* A file that cannot be made sense of counts as closed. */
MUST_USE bool breaker_load(const struct place *place, const struct account *account, struct breaker *b_r,
                           struct err *err);
void breaker_free(struct breaker *b);
bool breaker_holds(const struct breaker *b, int64_t now);
MUST_USE bool breaker_fail(struct breaker *b, const struct err *why, int64_t now, uint32_t random,
                           struct err *err);
MUST_USE bool breaker_close(struct breaker *b, struct err *err);

#endif
