/* happy - connects to the first of several addresses that answers (RFC 8305, "Happy Eyeballs"). */
#ifndef TAPPAL_NET_HAPPY_H
#define TAPPAL_NET_HAPPY_H

#include "net/resolve.h"

struct happy_target {
    const char *host;      /* for sentences */
    uint16_t port;
    const char *source_ip; /* or NULL */
    const char *port_hint; /* what a person should know about this port; may be NULL */
};

/* A connected non-blocking fd, or -1. `addresses` is put in the order of trying. `while_waiting` (may be NULL)
 * is called once, when the first attempt is under way. */
int happy_connect(const struct happy_target *target, struct resolved *addresses, int64_t deadline_ms,
                  void (*while_waiting)(void *), void *arg, struct err *err);
/* Families in turn, beginning with that of the first address (RFC 8305 section 4). */
void happy_interleave(struct resolved *addresses);

#endif
