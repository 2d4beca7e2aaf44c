/* dial - from an endpoint to a connected stream: all addresses of the name with Happy Eyeballs timing
 * (RFC 8305), source_ip, SOCKS5 with names resolved by the proxy (RFC 1928, 1929), a UNIX socket, or a
 * tunnel command started by argv. TCP_NODELAY and keepalive are set; TCP_QUICKACK by the stream.
 * Errors: ERR_NO_HOST name unknown (hint: spelling), ERR_NETWORK all addresses failed (hint: port; sys: ECONNREFUSED,
 * ETIMEDOUT, ENETUNREACH where this machine is offline), ERR_LOCAL this machine forbids it, ERR_CONFIG. */
#ifndef TAPPAL_NET_DIAL_H
#define TAPPAL_NET_DIAL_H

#include "conf/account.h"
#include "net/stream.h"

/* `while_waiting` (may be NULL) is called once, when the connect is under way: the place to load trust. */
MUST_USE bool dial(const struct endpoint *server, int64_t deadline_ms, void (*while_waiting)(void *), void *arg,
                   struct stream **stream_r, struct err *err);

/* "smtp.example.org:465", "[2001:db8::1]:993", the socket's path, or "(tunnel)": for sentences. */
MUST_USE bool dial_name(const struct endpoint *server, struct str *out, struct err *err);
/* U-label or A-label to A-label, trailing dot removed (libidn2); IP literals as they are. */
MUST_USE bool dial_idna(const char *host, struct str *out, struct err *err);
bool dial_is_ip(const char *host); /* an IPv4 or IPv6 literal rather than a name */
bool dial_is_loopback(const struct endpoint *server); /* by configuration: 127.0.0.0/8, ::1, localhost, socket */

#endif
