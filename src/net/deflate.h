/* deflate - compression as a stream layer (RFC 4978, RFC 1951: raw, both ways); deflate.c alone includes zlib.
 *
 * Costs some 100 kB of memory, whatever is sent: what comes is unpacked only as far as the reader has room for it. TLS
 * itself never compresses (GnuTLS cannot), and whoever starts this has no secret left to send: what is secret and
 * what others may choose must not be packed together. */
#ifndef TAPPAL_NET_DEFLATE_H
#define TAPPAL_NET_DEFLATE_H

#include "net/stream.h"

/* Right behind the line by which the peer agreed: whatever is buffered unread came behind it, and is compressed. What
 * is written from now on is, too. What cannot be unpacked fails the stream (ERR_PROTOCOL). */
MUST_USE bool deflate_start(struct stream *s, struct err *err);

#endif
