/* told - what is said of an account's server once and not at each run. Kept in STATE/fetch/NAME-HASH/told
 * (doc/INTERNALS); without that file, or where it cannot be read, it is said once more. */
#ifndef TAPPAL_FETCH_TOLD_H
#define TAPPAL_FETCH_TOLD_H

#include <stdbool.h>

/* Was this said before? If not, it is noted, unless `look_only`. `what` is one line. */
bool told_before(const char *state_dir, const char *what, bool look_only);

#endif
