/* outage - no network is no news. While this machine cannot get out, runs that nobody watches say nothing; after
 * four hours they say it once. Kept durably in STATE/fetch/NAME-HASH/offline (doc/INTERNALS), since each run of cron
 * is a process of its own. The account's lock need not be held: at worst it is said twice. */
#ifndef TAPPAL_FETCH_OUTAGE_H
#define TAPPAL_FETCH_OUTAGE_H

#include <stdint.h>

#include "base/err.h"

#define OUTAGE_PATIENCE (4 * 3600)

/* Is it our network that is missing? A server that refuses, or is silent, is another matter. */
bool outage_is(const struct err *err);
/* It has failed again. *since_r: when it began; *tell_r: it has lasted long enough, and nobody was told. */
MUST_USE bool outage_note(const char *state_dir, int64_t now, int64_t *since_r, bool *tell_r,
                          struct err *err);
/* Since when it fails, where nobody was told; 0: it does not, or somebody was. */
int64_t outage_untold(const char *state_dir, int64_t now);
void outage_over(const char *state_dir);

#endif
