/* waker - who looks at the queue when nobody sends anything. */
#ifndef TAPPAL_CMD_WAKER_H
#define TAPPAL_CMD_WAKER_H

#include "conf/place.h"
#include "spool/store.h"

enum waker {
    WAKER_STAYS,  /* a deliverer, until nothing waits any more */
    WAKER_NONE,   /* nothing until the next message, or `tappal queue run` */
    WAKER_CRON,   /* a line in the crontab */
    WAKER_TIMER,  /* systemd's tappal.timer */
    WAKER_RUNNER, /* a standing runner */
};

enum waker waker_find(const struct place *place, struct store *store);
const char *waker_name(enum waker waker);

#define WAKER_MARK "# tappal service" /* what its crontab line is known by */

#endif
