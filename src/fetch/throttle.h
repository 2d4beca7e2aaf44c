/* throttle - a server that asks us to come later: for how long, and remembered until then, since each run of cron is a
 * process of its own. Kept durably in STATE/fetch/NAME-HASH/wait (doc/INTERNALS). The account's lock must be held. */
#ifndef TAPPAL_FETCH_THROTTLE_H
#define TAPPAL_FETCH_THROTTLE_H

#include <stdint.h>

#include "base/err.h"

#define THROTTLE_CALM 86400 /* seconds in which little is asked for at a time, once it has happened */

struct throttle {
    int64_t until; /* nothing is asked before; 0: never */
    int64_t calm;  /* till then little at a time; 0: never */
    char why[1024];
};

/* Does the server limit us, by what it says? *seconds_r: for so long. */
bool throttle_is(const struct err *err, int64_t *seconds_r);

/* What is remembered; what cannot be read is nothing. */
void throttle_recall(const char *state_dir, int64_t now, struct throttle *throttle_r);
MUST_USE bool throttle_note(const char *state_dir, int64_t now, int64_t seconds, const char *why,
                            struct err *err);

#endif
