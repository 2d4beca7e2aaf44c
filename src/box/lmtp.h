/* lmtp - a sink that is an LMTP server on a UNIX socket (RFC 2033), which puts the mail into a mailbox of its own.
 *
 * One connection, made when the first message comes, for all messages of the sink. The text goes as it came, but
 * for bare CRs and LFs (mail/crlf). A connection that is lost behind the text leaves the message in doubt. */
#ifndef TAPPAL_BOX_LMTP_H
#define TAPPAL_BOX_LMTP_H

#include "box/sink.h"

/* `folder` is where messages are held. The recipient is as the server knows it, with or without a domain. All strings
 * must outlive the sink. */
MUST_USE bool lmtp_open(const char *folder, const char *socket, const char *recipient, const char *account,
                        struct sink **sink_r, struct err *err);

#endif
