/* trouble - what went wrong with an account in its last run, for `tappal status`: who fetches by cron or as a service
 * sees no run end. Kept durably in STATE/fetch/NAME-HASH/trouble (doc/INTERNALS). The account's lock need not be held:
 * at worst an older run's word stands until the next one. */
#ifndef TAPPAL_FETCH_TROUBLE_H
#define TAPPAL_FETCH_TROUBLE_H

#include <stdint.h>

#include "base/err.h"

struct trouble {
    int64_t since;  /* the first of the runs in a row that had any */
    struct err why; /* the last one's; ERR_NONE: all is well */
};

/* What is remembered; what cannot be read is nothing. */
void trouble_recall(const char *state_dir, struct trouble *trouble_r);
/* How a run ended; ERR_NONE: well. Nothing is written where it ended as the one before. */
MUST_USE bool trouble_note(const char *state_dir, int64_t now, const struct err *why, struct err *err);

#endif
