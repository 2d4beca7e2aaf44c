/* socks5 - asks a SOCKS5 proxy for a connection (RFC 1928), with user and password where it wants them
 * (RFC 1929). The name goes to the proxy as it is: this machine looks nothing up. */
#ifndef TAPPAL_NET_SOCKS5_H
#define TAPPAL_NET_SOCKS5_H

#include <stdint.h>

#include "net/stream.h"

#define SOCKS5_FIELD_MAX 255
#define SOCKS5_PORT 1080

struct socks5_proxy {
    char host[SOCKS5_FIELD_MAX + 1];
    uint16_t port;
    char user[SOCKS5_FIELD_MAX + 1], password[SOCKS5_FIELD_MAX + 1]; /* "": none */
};

/* "socks5://[user:password@]host[:port]" (socks5h too); %HH in user and password. No value is shown in err. */
MUST_USE bool socks5_parse(const char *url, struct socks5_proxy *proxy_r, struct err *err);
/* Over a stream to the proxy. `host`: A-labels or an IP literal. */
MUST_USE bool socks5_connect(struct stream *s, const struct socks5_proxy *proxy, const char *host, uint16_t port,
                             struct err *err);

#endif
