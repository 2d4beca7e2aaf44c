/* resolve - a name's addresses, within a deadline. */
#ifndef TAPPAL_NET_RESOLVE_H
#define TAPPAL_NET_RESOLVE_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"

#define RESOLVE_MAX 32 /* more addresses than we would ever try */

struct resolved {
    size_t count;
    struct { struct sockaddr_storage name; socklen_t size; } at[RESOLVE_MAX];
};

struct resolving {
    pid_t child; /* 0: the answer is there already */
    int fd;
};

/* Begins to look up `host` (A-labels or an IP literal). IP literals, localhost and .invalid (RFC 6761) are
 * answered at once; all else by a child, since getaddrinfo knows no time limit, and neither threads nor
 * getaddrinfo_a (glibc alone) are ours to use. */
MUST_USE bool resolve_begin(struct resolving *r, const char *host, uint16_t port, struct resolved *out, struct err *err);
/* Takes the answer and ends the child, by the deadline (clock_mono_ms; 0: none). At least one address. */
MUST_USE bool resolve_end(struct resolving *r, const char *host, int64_t deadline_ms, struct resolved *out,
                          struct err *err);
/* Lets go of a look-up that is not wanted any more. */
void resolve_cancel(struct resolving *r);

#endif
