/* say - how every program speaks to the person: errors as one sentence and a hint, on stderr. */
#ifndef TAPPAL_CMD_SAY_H
#define TAPPAL_CMD_SAY_H

#include "base/err.h"

/* "tappal-fetch: The server ... refused the password.\n  hint: ...\n"; with `about` (an account) named first.
 * Returns the exit status that belongs to the error. */
int say_error(const char *about, const struct err *err);
void say_hint(const char *hint);                          /* stderr, as say_error says it */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);         /* stdout, a line */
void say_warning(const char *fmt, ...) PRINTF_LIKE(1, 2); /* stderr, a line */

/* What getopt_long gave and is no option of the program's own: one of these two, or a fault that it has told of.
 * The exit status. */
enum { SAY_HELP = 1000, SAY_VERSION };
int say_option(const char *usage, int option);

#endif
