/* wake - sleeping until something happens that a queue or a mailbox waits for: the time is over, somebody wrote to
 * the FIFO, a server has something to say, the network came up, the machine woke from suspend, a child ended, or we are
 * told to stop. */
#ifndef TAPPAL_NET_WAKE_H
#define TAPPAL_NET_WAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* CALLED: by the FIFO, or by the end of a child */
enum wake_why { WAKE_TIME, WAKE_CALLED, WAKE_HEARD, WAKE_NETWORK, WAKE_RESUMED, WAKE_STOPPED };

struct wake {
    int fifo; /* the caller sets it; closed with the rest; -1: none */
    int peer; /* a connection that can be read: WAKE_HEARD; the caller sets, reads and closes it; -1: none */
    int signals, children, timer;
    int route;         /* netlink; -1 where there is none: then the time alone wakes */
    int64_t suspended; /* milliseconds that this machine has slept since it started */
};

/* From here on SIGTERM, SIGINT, SIGHUP and SIGCHLD are blocked, and wake. */
MUST_USE bool wake_open(struct wake *w_r, struct err *err);
void wake_close(struct wake *w);
/* In a child of ours: nothing but the signals to stop is left, for wake_is_stopped. */
void wake_leave_to_parent(struct wake *w);
/* Of what happened together the last of enum wake_why is told. */
enum wake_why wake_wait(struct wake *w, int64_t seconds);
bool wake_is_stopped(const struct wake *w); /* without waiting */

/* Does a netlink message say that there is an address or a route to the world now? */
bool wake_says_network(const void *bytes, size_t n);

#endif
