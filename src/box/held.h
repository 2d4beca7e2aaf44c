/* held - a sink for messages that are handed to somebody else, one by one (sink.h): each is held in an unnamed file
 * until it has come whole, so that nobody ever gets half a message. Who takes it is the caller's: a command (pipe) or an
 * LMTP server (lmtp). */
#ifndef TAPPAL_BOX_HELD_H
#define TAPPAL_BOX_HELD_H

#include <stdbool.h>

#include "box/sink.h"

struct held_taker {
    /* fd: the whole message, open for reading from its beginning; closed by the caller. */
    enum sink_fate (*take)(void *arg, int fd, const struct sink_label *label, struct err *why);
    void (*close)(void *arg);
    void *arg;
    bool lines; /* LF line ends where the whole message has CRLF; else octet for octet */
};

/* Files are made in `folder`, where they never have a name for longer than a moment. The taker is closed with the
 * sink, and also where this fails. */
MUST_USE bool held_open(const char *folder, const struct held_taker *taker, struct sink **sink_r,
                        struct err *err);

#endif
