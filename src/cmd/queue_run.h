/* queue_run - `tappal queue run`: everything in the queue is tried now, and what became of it is said. */
#ifndef TAPPAL_CMD_QUEUE_RUN_H
#define TAPPAL_CMD_QUEUE_RUN_H

#include "spool/store.h"

/* `account`: this one's alone, or NULL. The exit status: 0 where nothing stays queued, 75 where something does. */
int queue_run(struct store *store, const char *account);
/* `queue run --watch`: becomes a tappal-deliver that stays. Returns only where that fails. */
int queue_watch(struct store *store, const char *account);

#endif
