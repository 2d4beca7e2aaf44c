/* peer - what a host bears in commands sent ahead of answers: learned, and remembered per host.
 *
 * A host proves each step by one message before it is used for more (client/smtp.h has the calls). One that
 * loses its footing goes two steps back, and is left there for a day. The memory is a small file,
 * STATE/peers/HASH (doc/INTERNALS "Hosts"); without it, or where it cannot be written, all is learned anew. */
#ifndef TAPPAL_CLIENT_PEER_H
#define TAPPAL_CLIENT_PEER_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/account.h"

enum peer_step {
    PEER_LOCK_STEP, /* no command before the answer to the last one */
    PEER_ENVELOPE,  /* MAIL, RCPT and DATA in one flight (RFC 2920) */
    PEER_WHOLE,     /* the text with them, where the server has CHUNKING: here it starts */
    PEER_NEXT_MAIL, /* the next envelope behind an end of data */
    PEER_WINDOW,    /* whole transactions, one behind the other */
};

#define PEER_REST 86400 /* seconds in which a host that fell tries nothing new */

struct peer {
    struct str path; /* "": nothing is remembered */
    char *name;      /* "smtp.example.org:465", for people who read the file */
    enum peer_step step;
    int64_t fell; /* 0: never */
};

/* What is known of the server, or the start. */
MUST_USE bool peer_load(const char *state_dir, const struct endpoint *server, int64_t now,
                        struct peer *peer_r, struct err *err);
void peer_free(struct peer *peer);
/* May the next step be tried? */
bool peer_may_rise(const struct peer *peer, int64_t now);
/* A message went through at that step; or, at that step, the host lost its footing. */
void peer_rise(struct peer *peer, enum peer_step step);
void peer_fall(struct peer *peer, enum peer_step step, int64_t now);

#endif
