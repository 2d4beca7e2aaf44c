/* imap_idle - hearing of new mail without asking: IDLE (RFC 2177), for the folder that is open, and NOTIFY
 * (RFC 5465), for all that are named.
 *
 * Between imap_idle_begin and imap_idle_end nothing else may be sent. Nothing here waits but for an answer that is
 * due: the caller sleeps on imap_idle_fd. */
#ifndef TAPPAL_CLIENT_IMAP_IDLE_H
#define TAPPAL_CLIENT_IMAP_IDLE_H

#include "client/imap.h"

struct imap_idle {
    unsigned tag;
    bool over;    /* the server has ended it by itself */
    bool changes; /* the caller's: changed flags, and messages that went, are news too */
};

/* Has the server said, where nobody asked, that something is new? Forgotten by asking. */
bool imap_has_stirred(struct imap *imap);

/* From now on the server tells of messages in these folders, by their names as it writes them. *granted_r false: it
 * does not. */
MUST_USE bool imap_notify(struct imap *imap, const char *const *names, size_t count, bool *granted_r,
                          struct err *err);

/* It has given that up, because too much happened at once: it must be asked for anew. That counts as something new. */
bool imap_notify_is_over(const struct imap *imap);

/* *granted_r false: the server refuses. */
MUST_USE bool imap_idle_begin(struct imap *imap, struct imap_idle *idle, bool *granted_r, struct err *err);
int imap_idle_fd(const struct imap *imap);
/* Takes what has come, without waiting for more. */
MUST_USE bool imap_idle_hear(struct imap *imap, struct imap_idle *idle, struct err *err);
/* The server must answer within `seconds`: whoever slept finds out here whether it is still there. */
MUST_USE bool imap_idle_end(struct imap *imap, struct imap_idle *idle, uint32_t seconds, struct err *err);

#endif
