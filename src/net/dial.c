/* dial - from an endpoint to a connected stream: tunnel command, UNIX socket, proxy, or plain TCP. */
#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/happy.h"
#include "net/resolve.h"
#include "net/socks5.h"
#include "net/tunnel.h"

#define NAME_MAX_SHOWN 512

struct waiting {
    void (*call)(void *);
    void *arg;
};

/* Calls the caller's function the first time only. */
static void pass_the_time(void *arg)
{
    struct waiting *w = arg;
    if (w->call)
        w->call(w->arg);
    w->call = NULL;
}

/* -- TCP -- */

/* What beginners are told about ports; each begins with a blank. */
static const char *port_hint(const struct endpoint *server)
{
    if (dial_is_loopback(server))
        return " On this machine: is the server (or bridge) running?";
    if (server->protocol == PROTO_IMAP)
        return " IMAP servers listen on port 993 (tls = implicit) or 143 (tls = starttls).";
    if (server->protocol == PROTO_POP3)
        return " POP3 servers listen on port 995 (tls = implicit) or 110 (tls = starttls).";
    if (server->protocol == PROTO_SMTP && server->port == 25)
        return " Port 25 is blocked by most access providers: use port 465 (tls = implicit) or 587 (tls = "
               "starttls).";
    if (server->protocol == PROTO_LMTP)
        return " LMTP has port 24 by custom, and many servers listen for it only on a UNIX socket (socket = "
               "PATH).";
    if (server->protocol == PROTO_SMTP)
        return " Mail is handed in on port 465 (tls = implicit) or 587 (tls = starttls).";
    return "";
}

static int connect_tcp(const struct happy_target *target, int64_t deadline_ms, struct waiting *w,
                       struct err *err)
{
    struct resolving r;
    struct resolved addresses;
    if (!resolve_begin(&r, target->host, target->port, &addresses, err))
        return -1;
    if (r.child > 0)
        pass_the_time(w);
    if (!resolve_end(&r, target->host, deadline_ms, &addresses, err))
        return -1;
    return happy_connect(target, &addresses, deadline_ms, pass_the_time, w, err);
}

static struct stream *dial_direct(const struct endpoint *server, const char *name, int64_t deadline_ms,
                                  struct waiting *w, struct err *err)
{
    struct str host = STR_INIT(NAME_MAX_SHOWN);
    struct stream *s = NULL;
    if (dial_idna(server->host, &host, err)) {
        struct happy_target target = {
            .host = host.buf,
            .port = server->port,
            .source_ip = server->source_ip,
            .port_hint = port_hint(server),
        };
        int fd = connect_tcp(&target, deadline_ms, w, err);
        if (fd >= 0)
            s = stream_from_fds(fd, fd, name, err);
    }
    str_free(&host);
    return s;
}

static struct stream *dial_proxy(const struct endpoint *server, const char *name, int64_t deadline_ms,
                                 struct waiting *w, struct err *err)
{
    struct socks5_proxy proxy;
    struct str host = STR_INIT(NAME_MAX_SHOWN);
    struct stream *s = NULL;
    if (!socks5_parse(server->proxy, &proxy, err) || !dial_idna(server->host, &host, err))
        goto out;
    struct happy_target target = {
        .host = proxy.host,
        .port = proxy.port,
        .source_ip = server->source_ip,
        .port_hint = " This is the proxy (option proxy): does it run?",
    };
    int fd = connect_tcp(&target, deadline_ms, w, err);
    s = fd < 0 ? NULL : stream_from_fds(fd, fd, name, err);
    if (!s)
        goto out;
    stream_set_deadline(s, deadline_ms);
    if (!socks5_connect(s, &proxy, host.buf, server->port, err))
        stream_close(&s);
out:
    explicit_bzero(&proxy, sizeof proxy);
    str_free(&host);
    return s;
}

/* -- UNIX socket -- */

static bool socket_failed(const char *path, struct err *err)
{
    int sys = errno;
    switch (sys) {
    case ENOENT:
        err_set(err, ERR_NETWORK, "There is no socket %s.", path);
        err_hint(err, "Is that its path, and does the server run?");
        break;
    case ECONNREFUSED:
        err_set(err, ERR_NETWORK, "Nothing listens on the socket %s.", path);
        err_hint(err, "Is the server running?");
        break;
    default:
        errno = sys;
        err_errno(err, ERR_NETWORK, "No connection to the socket %s", path);
    }
    err->sys = sys;
    return false;
}

static struct stream *dial_socket(const char *path, int64_t deadline_ms, struct waiting *w, struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path) {
        err_set(err, ERR_CONFIG,
                "The socket's path %s is longer than the %zu bytes that a socket's path can have.", path,
                sizeof name.sun_path - 1);
        return NULL;
    }
    memcpy(name.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        socket_failed(path, err);
        return NULL;
    }
    /* A non-blocking connect to a full backlog fails at once; a blocking one heeds the time to send. */
    int64_t left = deadline_ms - clock_mono_ms();
    struct timeval limit = {.tv_sec = left > 0 ? left / 1000 : 0,
                            .tv_usec = left > 0 ? left % 1000 * 1000 + 1 : 1};
    if (deadline_ms)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) < 0) {
        socket_failed(path, err);
        close(fd);
        return NULL;
    }
    pass_the_time(w);
    return stream_from_fds(fd, fd, path, err);
}

/* -- all -- */

bool dial(const struct endpoint *server, int64_t deadline_ms, void (*while_waiting)(void *), void *arg,
          struct stream **stream_r, struct err *err)
{
    struct str name = STR_INIT(NAME_MAX_SHOWN);
    struct waiting w = {while_waiting, arg};
    struct stream *s = NULL;
    if (!dial_name(server, &name, err))
        goto out;
    if (server->tunnel.count > 0) {
        s = tunnel_open(&server->tunnel, name.buf, err);
        if (s)
            pass_the_time(&w);
    } else if (server->socket) {
        s = dial_socket(server->socket, deadline_ms, &w, err);
    } else if (!server->host) {
        err_set(err, ERR_CONFIG, "The account names no server.");
        err_hint(err, "Add a line host = NAME.");
    } else if (server->proxy) {
        s = dial_proxy(server, name.buf, deadline_ms, &w, err);
    } else {
        s = dial_direct(server, name.buf, deadline_ms, &w, err);
    }
out:
    str_free(&name);
    if (!s)
        return false;
    stream_set_deadline(s, deadline_ms);
    *stream_r = s;
    return true;
}

bool dial_name(const struct endpoint *server, struct str *out, struct err *err)
{
    if (server->host && strchr(server->host, ':'))
        return str_addf(out, err, "[%s]:%u", server->host, server->port);
    if (server->host && !server->socket)
        return str_addf(out, err, "%s:%u", server->host, server->port);
    return str_addz(out, server->socket ? server->socket : "(tunnel)", err);
}

bool dial_is_loopback(const struct endpoint *server)
{
    struct in6_addr v6;
    struct in_addr v4;
    if (server->tunnel.count > 0)
        return false;
    if (server->socket)
        return true;
    if (!server->host || server->proxy) /* a proxy's localhost is not ours */
        return false;
    if (inet_pton(AF_INET, server->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, server->host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return text_eq_nocase(server->host, "localhost") || text_ends(server->host, ".localhost");
}
