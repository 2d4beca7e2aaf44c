/* socks5 - asks a SOCKS5 proxy for a connection (RFC 1928, RFC 1929).
 *
 *   ->  05 n methods          <-  05 method            (00 none, 02 user and password, FF no)
 *   ->  01 n user n password  <-  01 status
 *   ->  05 01 00 atyp address port
 *   <-  05 reply 00 atyp address port                  (atyp 01 IPv4, 03 name, 04 IPv6) */
#include "net/socks5.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MESSAGE_MAX 1024

enum { ATYP_IPV4 = 1, ATYP_NAME = 3, ATYP_IPV6 = 4, METHOD_NONE = 0, METHOD_PASSWORD = 2 };

/* -- the option -- */

static bool unescape(const char *from, size_t n, char to[SOCKS5_FIELD_MAX + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)from[i];
        if (c == '%') {
            if (n - i < 3 || !text_unhex(from + i + 1, 2, &c) || c == '\0')
                return false;
            i += 2;
        }
        if (len == SOCKS5_FIELD_MAX)
            return false;
        to[len++] = (char)c;
    }
    to[len] = '\0';
    return true;
}

static bool parse_user(const char *at, size_t n, struct socks5_proxy *proxy)
{
    const char *colon = memchr(at, ':', n);
    size_t user = colon ? (size_t)(colon - at) : n;
    return unescape(at, user, proxy->user) && (!colon || unescape(colon + 1, n - user - 1, proxy->password));
}

static bool parse_host(const char *at, struct socks5_proxy *proxy)
{
    const char *end = *at == '[' ? strchr(at, ']') : at + strcspn(at, ":/");
    size_t skip = *at == '[';
    if (!end || end == at + skip || end - at - (ptrdiff_t)skip > SOCKS5_FIELD_MAX)
        return false;
    size_t n = (size_t)(end - at) - skip;
    memcpy(proxy->host, at + skip, n);
    proxy->host[n] = '\0';
    end += skip;
    if (strcmp(end, "") == 0 || strcmp(end, "/") == 0)
        return true;
    uint64_t port;
    if (*end != ':' || !text_u64(end + 1, 65535, &port) || port == 0)
        return false;
    proxy->port = (uint16_t)port;
    return true;
}

bool socks5_parse(const char *url, struct socks5_proxy *proxy_r, struct err *err)
{
    const char *at = strstr(url, "://");
    *proxy_r = (struct socks5_proxy){.port = SOCKS5_PORT};
    if (at && (text_starts_nocase(url, "socks5://") || text_starts_nocase(url, "socks5h://"))) {
        at += 3;
        const char *sign = strrchr(at, '@');
        if ((!sign || parse_user(at, (size_t)(sign - at), proxy_r)) &&
            parse_host(sign ? sign + 1 : at, proxy_r))
            return true;
    }
    explicit_bzero(proxy_r, sizeof *proxy_r);
    err_set(err, ERR_CONFIG, "The option proxy does not name a SOCKS5 proxy.");
    return err_hint(err, "Write proxy = socks5://HOST:PORT, or socks5://USER:PASSWORD@HOST:PORT.");
}

/* -- the dialogue -- */

static bool say(struct stream *s, const char *bytes, size_t n, struct err *err)
{
    return stream_write(s, bytes, n, err) && stream_flush(s, err);
}

static bool read_exactly(struct stream *s, unsigned char *buf, size_t n, struct err *err)
{
    while (n > 0) {
        size_t got = 0;
        if (!stream_read(s, buf, n, &got, err))
            return false;
        if (got == 0)
            return err_set(err, ERR_NETWORK, "The proxy closed the connection.");
        buf += got;
        n -= got;
    }
    return true;
}

static bool not_socks(struct err *err)
{
    err_set(err, ERR_PROTOCOL, "The proxy does not speak SOCKS5.");
    return err_hint(err, "Check host and port of the option proxy; HTTP proxies cannot be used.");
}

static bool wrong_password(struct err *err)
{
    err_set(err, ERR_NETWORK, "The proxy refused the user name or password.");
    return err_hint(err, "Check the option proxy: socks5://USER:PASSWORD@HOST:PORT.");
}

static bool sign_in(struct stream *s, const struct socks5_proxy *proxy, struct err *err)
{
    struct str message = STR_INIT(MESSAGE_MAX);
    unsigned char answer[2];
    bool good = str_addc(&message, 1, err) && str_addc(&message, (char)strlen(proxy->user), err) &&
                str_addz(&message, proxy->user, err) &&
                str_addc(&message, (char)strlen(proxy->password), err) &&
                str_addz(&message, proxy->password, err) && say(s, message.buf, message.len, err) &&
                read_exactly(s, answer, sizeof answer, err);
    str_wipe(&message);
    return good && (answer[1] == 0 || wrong_password(err));
}

static bool agree_on_method(struct stream *s, const struct socks5_proxy *proxy, struct err *err)
{
    static const char both[] = {5, 2, METHOD_NONE, METHOD_PASSWORD}, none[] = {5, 1, METHOD_NONE};
    bool may_sign_in = *proxy->user != '\0';
    unsigned char answer[2];
    if (!say(s, may_sign_in ? both : none, may_sign_in ? sizeof both : sizeof none, err) ||
        !read_exactly(s, answer, sizeof answer, err))
        return false;
    if (answer[0] != 5)
        return not_socks(err);
    if (answer[1] == METHOD_NONE)
        return true;
    if (answer[1] == METHOD_PASSWORD && may_sign_in)
        return sign_in(s, proxy, err);
    return wrong_password(err);
}

static bool add_address(struct str *message, const char *host, struct err *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1)
        return str_addc(message, ATYP_IPV4, err) && str_add(message, address, 4, err);
    if (inet_pton(AF_INET6, host, address) == 1)
        return str_addc(message, ATYP_IPV6, err) && str_add(message, address, 16, err);
    if (strlen(host) > SOCKS5_FIELD_MAX)
        return err_set(err, ERR_CONFIG, "The server's name is too long for a proxy.");
    return str_addc(message, ATYP_NAME, err) && str_addc(message, (char)strlen(host), err) &&
           str_addz(message, host, err);
}

/* Section 6 of RFC 1928. */
static bool judge_reply(unsigned char reply, struct err *err)
{
    static const char *const words[] = {
        [1] = "it failed",
        [2] = "its rules do not allow this",
        [3] = "the network is unreachable from there",
        [4] = "the host is unknown or unreachable from there",
        [5] = "the server refused the connection",
        [6] = "the server is too far away (TTL expired)",
        [7] = "it does not know how to connect",
        [8] = "it does not know this kind of address",
    };
    if (reply == 0)
        return true;
    const char *why = reply < sizeof words / sizeof *words ? words[reply] : "for a reason of its own";
    err_set(err, ERR_NETWORK, "The proxy did not connect: %s.", why);
    return err_hint(err, "Check the server's name and port, and whether the proxy may reach it.");
}

static bool read_reply(struct stream *s, struct err *err)
{
    unsigned char head[4], rest[SOCKS5_FIELD_MAX + 2], length;
    if (!read_exactly(s, head, sizeof head, err))
        return false;
    if (head[0] != 5)
        return not_socks(err);
    if (!judge_reply(head[1], err))
        return false;
    switch (head[3]) {
    case ATYP_IPV4:
        length = 4;
        break;
    case ATYP_IPV6:
        length = 16;
        break;
    case ATYP_NAME:
        if (!read_exactly(s, &length, 1, err))
            return false;
        break;
    default:
        return not_socks(err);
    }
    return read_exactly(s, rest, (size_t)length + 2, err);
}

bool socks5_connect(struct stream *s, const struct socks5_proxy *proxy, const char *host, uint16_t port,
                    struct err *err)
{
    struct str message = STR_INIT(MESSAGE_MAX);
    const char number[2] = {(char)(port >> 8), (char)(port & 0xff)};
    bool good = agree_on_method(s, proxy, err) && str_add(&message, "\5\1\0", 3, err) &&
                add_address(&message, host, err) && str_add(&message, number, 2, err) &&
                say(s, message.buf, message.len, err) && read_reply(s, err);
    str_free(&message);
    return good || err_prefix(err, "%s:%u through the proxy %s:%u: ", host, port, proxy->host, proxy->port);
}
