/* hint - what a person can do when a server refuses a sign-in: the big providers' peculiarities and
 * the beginner's mistakes, as one table. Pure. */
#ifndef TAPPAL_CLIENT_HINT_H
#define TAPPAL_CLIENT_HINT_H

#include <stdbool.h>

/* Never NULL. `text`: the server's words; `login`, `host` as configured (host may be NULL). */
const char *hint_for_refusal(const char *host, const char *login, const char *text);
/* What to say before a password is asked for ("Gmail wants an app password, ..."), or NULL. */
const char *hint_before_login(const char *host);
/* Does this provider put a copy of what is sent through its server `host` among the sent mail by itself? */
bool hint_files_sent(const char *host);

#endif
