/* hook - the person's own command (`notify` in [tappal]) hears of what needs a person: once for each event, and for a
 * few seconds at most. It gets account, kind, sentence and hint as its last arguments, and as TAPPAL_ACCOUNT,
 * TAPPAL_KIND, TAPPAL_WHAT and TAPPAL_HINT. */
#ifndef TAPPAL_QUEUE_HOOK_H
#define TAPPAL_QUEUE_HOOK_H

#include "conf/conf.h"

#define HOOK_NEEDS_LOGIN "needs-login"     /* the server refused the password, or there is none */
#define HOOK_CANNOT_FETCH "cannot-fetch"   /* an account has had no network for hours */
#define HOOK_CANNOT_SEND "cannot-send"     /* an account has failed for as long as warn_after */
#define HOOK_RETURNED "returned"           /* a message came back */
#define HOOK_UNDELIVERABLE "undeliverable" /* and so did one that nobody could be told of */
#define HOOK_HELD "held"                   /* and one is not tried again, unless a person says so */
#define HOOK_NOT_COPIED "not-copied"       /* it was delivered, but `sent` could not be done */

/* What it does, or fails to do, is logged and changes nothing. */
void hook_tell(const struct config *config, const char *account, const char *kind, const char *what,
               const char *hint);

#endif
