/* stand - the standing runner: it has the role, sleeps until something is to be done (net/wake), and then lets a child
 * for each account do it, so that a slow server holds up nobody else's mail. With options->stay it is nobody's standing
 * runner: it has no role, hears of nothing new, and leaves once nothing waits any more or another stands. */
#ifndef TAPPAL_QUEUE_STAND_H
#define TAPPAL_QUEUE_STAND_H

#include "queue/runner.h"
#include "spool/store.h"

/* Until a signal says so. With options->account: that account's messages alone, without the role; nobody wakes it then. */
MUST_USE bool stand(const struct runner_options *options, struct store *store, struct err *err);

#endif
