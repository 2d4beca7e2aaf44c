/* rate - how much an account may send: `rate` messages in its time, `daily` recipients in any 24 hours.
 *
 * What is given to the server counts, whatever it answers, and it is counted before: durably, in
 * STATE/accounts/NAME-HASH.rate (doc/INTERNALS), under a lock, so that neither a kill nor another process makes it
 * more. An account without limits has no such file, and nothing here costs it anything. */
#ifndef TAPPAL_QUEUE_RATE_H
#define TAPPAL_QUEUE_RATE_H

#include "base/err.h"
#include "base/str.h"
#include "conf/place.h"
#include "mail/tally.h"

struct rate_counts {
    struct tally messages, recipients;
};

struct rate {
    const struct account *account;
    struct str path;
    struct rate_counts booked; /* what was sent, and what has been given a time to come by rate_book */
    int64_t booked_until;      /* the last of these; 0: none */
};

MUST_USE bool rate_begin(const struct place *place, const struct account *account, struct rate *r_r,
                         struct err *err);
void rate_free(struct rate *r);

/* To how many of a message's recipients it goes at once: to all, unless they are more than `daily`. */
size_t rate_most(const struct rate *r, size_t recipients);
/* Milliseconds since 1970 when a message to so many may go; not after clock_now_ms: now. Counts nothing. */
MUST_USE bool rate_ask(const struct rate *r, size_t recipients, int64_t *when_r, struct err *err);
/* Counts as many of the next messages, to so many recipients each, as may go now. */
MUST_USE bool rate_take(struct rate *r, const size_t *recipients, size_t count, size_t *taken_r,
                        struct err *err);
/* Gives a message that may not go now a time, behind all that were given one since rate_begin: seconds since 1970. */
MUST_USE bool rate_book(struct rate *r, size_t recipients, int64_t *when_r, struct err *err);
/* The sentence for a message that may not go now. */
void rate_explain(const struct rate *r, size_t recipients, struct err *why_r);

#endif
