/* imap_known - what an IMAP server said it can do when we last signed in: with it the commands behind the
 * sign-in can be sent before its answer.
 *
 * It is believed only where host, port, login and greeting are the same as then. A small file, replaced as a
 * whole (doc/INTERNALS "Accounts and hosts"); without it, or where it cannot be written, all is asked anew. */
#ifndef TAPPAL_CLIENT_IMAP_KNOWN_H
#define TAPPAL_CLIENT_IMAP_KNOWN_H

#include <stdint.h>

#include "base/strv.h"
#include "conf/account.h"
#include "wire/imap_reply.h"

#define IMAP_KNOWN_REST 86400 /* seconds in which nothing is sent ahead, once a server did not bear it */

struct imap_known {
    char *path;
    char *who; /* "ada@imap.example.org:993" */
    struct str greeting;
    struct strv before, after; /* capabilities before and after the sign-in */
    int64_t fell;              /* when it did not bear commands ahead; 0: never */
};

/* Reads what the file says of this server and login; nothing where it says nothing. */
MUST_USE bool imap_known_load(struct imap_known *known_r, const char *path, const struct endpoint *server,
                              const char *login, struct err *err);
void imap_known_free(struct imap_known *known);
/* What stays the same in a greeting: its capabilities, else its words without those that hold digits. */
MUST_USE bool imap_known_greeting(const struct imap_reply *reply, struct str *out, struct err *err);
/* May commands be sent ahead, after this greeting? */
bool imap_known_fits(const struct imap_known *known, const struct str *greeting, int64_t now);
/* Remembers, where anything has changed. */
void imap_known_keep(struct imap_known *known, const struct str *greeting, const struct strv *before,
                     const struct strv *after);
/* Is it less than a day that it did not bear commands ahead? */
bool imap_known_rests(const struct imap_known *known, int64_t now);
void imap_known_fall(struct imap_known *known, int64_t now);

#endif
