/* queue_run - `tappal queue run`: everything in the queue is tried now, and what became of it is said. */
#ifndef TAPPAL_CMD_QUEUE_RUN_H
#define TAPPAL_CMD_QUEUE_RUN_H

#include "spool/store.h"

/* The exit status: 0 where nothing stays queued, 75 where something does. */
int queue_run(struct store *store);

#endif
