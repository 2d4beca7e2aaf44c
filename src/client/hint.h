/* hint - what a person can do when a server refuses a sign-in: the big providers' peculiarities and
 * the beginner's mistakes, as one table. Pure. */
#ifndef TAPPAL_CLIENT_HINT_H
#define TAPPAL_CLIENT_HINT_H

/* Never NULL. `text`: the server's words; `login`, `host` as configured (host may be NULL). */
const char *hint_for_refusal(const char *host, const char *login, const char *text);
/* What to say before a password is asked for ("Gmail wants an app password, ..."), or NULL. */
const char *hint_before_login(const char *host);

#endif
