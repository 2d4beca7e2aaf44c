/* Names, addresses and connections: by loopback alone. */
#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/happy.h"
#include "net/resolve.h"
#include "unit.h"

/* -- names -- */

static const struct {
    const char *host, *ascii; /* NULL: refused */
} idna_cases[] = {
    {"mail.example.org", "mail.example.org"},
    {"MAIL.Example.ORG.", "mail.example.org"},
    {"b\u00fccher.example", "xn--bcher-kva.example"},
    {"B\u00dcCHER.example.", "xn--bcher-kva.example"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"fa\u00df.example", "xn--fa-hia.example"},
    {"r3---a.example", "r3---a.example"},
    {"my_host.example", "my_host.example"},
    {"192.0.2.1", "192.0.2.1"},
    {"2001:db8::1", "2001:db8::1"},
    {"", NULL},
    {".", NULL},
    {"a..b", NULL},
    {"a b", NULL},
    {"a\nb", NULL},
    {"http://a", NULL},
    {"ada@example.org", NULL},
    {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd.example", NULL},
};

START_TEST(test_dial_idna)
{
    struct str out = STR_INIT(1000);
    struct err err = {0};
    bool good = dial_idna(idna_cases[_i].host, &out, &err);
    ck_assert_int_eq(good, idna_cases[_i].ascii != NULL);
    if (good)
        ck_assert_str_eq(out.buf, idna_cases[_i].ascii);
    else
        ck_assert_int_eq(err.kind, ERR_CONFIG);
    str_free(&out);
}
END_TEST

START_TEST(test_dial_name)
{
    static char mail[] = "mail.example.org", v6[] = "2001:db8::1", path[] = "/run/mail";
    const struct {
        struct endpoint server;
        const char *name;
    } cases[] = {
        {{.host = mail, .port = 465}, "mail.example.org:465"},
        {{.host = v6, .port = 993}, "[2001:db8::1]:993"},
        {{.host = mail, .socket = path}, "/run/mail"},
        {{.port = 1}, "(tunnel)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str out = STR_INIT(1000);
        struct err err;
        ck_assert(dial_name(&cases[i].server, &out, &err));
        ck_assert_str_eq(out.buf, cases[i].name);
        str_free(&out);
    }
}
END_TEST

START_TEST(test_dial_is_loopback)
{
    static char word[] = "cat", path[] = "/run/mail", proxy[] = "socks5://192.0.2.1";
    static char *words[] = {word, NULL};
    const struct {
        const char *host;
        bool is;
    } cases[] = {
        {"127.0.0.1", true},  {"127.8.9.1", true},          {"::1", true},       {"localhost", true},
        {"128.0.0.1", false}, {"localhost.example", false}, {"LocalHost", true}, {"127.0.0.1.example", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char host[64];
        snprintf(host, sizeof host, "%s", cases[i].host);
        struct endpoint server = {.host = host};
        ck_assert_int_eq(dial_is_loopback(&server), cases[i].is);
        server.proxy = proxy; /* the proxy's localhost is not ours */
        ck_assert(!dial_is_loopback(&server));
    }
    ck_assert(dial_is_loopback(&(struct endpoint){.socket = path}));
    ck_assert(!dial_is_loopback(&(struct endpoint){.tunnel = {.items = words, .count = 1}}));
}
END_TEST

/* -- looking up -- */

START_TEST(test_resolve_at_once)
{
    static const struct {
        const char *host;
        size_t count;
    } cases[] = {{"127.0.0.1", 1}, {"::1", 1}, {"localhost", 2}, {"fe80::1%lo", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct resolving r;
        struct resolved found;
        struct err err = {0};
        ck_assert_msg(resolve_begin(&r, cases[i].host, 25, &found, &err), "%s", err.what);
        ck_assert_int_eq(r.child, 0);
        ck_assert(resolve_end(&r, cases[i].host, 1, &found, &err));
        ck_assert_uint_eq(found.count, cases[i].count);
    }
}
END_TEST

START_TEST(test_resolve_unknown)
{
    struct resolving r;
    struct resolved found;
    struct err err = {0};
    ck_assert(!resolve_begin(&r, "mail.invalid", 25, &found, &err));
    ck_assert_int_eq(err.kind, ERR_NO_HOST);
    ck_assert_str_eq(err.what, "There is no host named mail.invalid.");
}
END_TEST

/* A resolver that hangs is a child that writes nothing. */
START_TEST(test_resolve_keeps_the_deadline)
{
    int ends[2];
    struct resolved found;
    struct err err = {0};
    ck_assert_int_eq(pipe(ends), 0);
    struct resolving r = {.child = fork(), .fd = ends[0]};
    if (r.child == 0) {
        pause();
        _exit(0);
    }
    pid_t child = r.child;
    ck_assert(!resolve_end(&r, "mail.example.org", clock_mono_ms() + 50, &found, &err));
    ck_assert_int_eq(err.kind, ERR_NETWORK);
    ck_assert_int_eq(err.sys, ETIMEDOUT);
    ck_assert_int_eq(waitpid(child, NULL, WNOHANG), -1); /* ended and reaped */
    close(ends[1]);
}
END_TEST

START_TEST(test_resolve_by_the_child)
{
    struct resolving r;
    struct resolved found;
    struct err err = {0};
    char host[256];
    ck_assert_int_eq(gethostname(host, sizeof host), 0);
    ck_assert(resolve_begin(&r, host, 25, &found, &err));
    ck_assert_int_gt(r.child, 0);
    if (resolve_end(&r, host, clock_mono_ms() + 20000, &found,
                    &err)) /* a machine may not know its own name */
        ck_assert_uint_ge(found.count, 1);
    else
        ck_assert(err.kind == ERR_NO_HOST || err.kind == ERR_NETWORK);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* -- the order of trying -- */

static void add(struct resolved *r, const char *address, uint16_t port)
{
    struct resolved one;
    struct resolving unused;
    struct err err;
    ck_assert(resolve_begin(&unused, address, port, &one, &err));
    r->at[r->count++] = one.at[0];
}

START_TEST(test_happy_interleave)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"666444", "646464"}, {"446", "464"},       {"64", "64"},
        {"6666", "6666"},     {"466664", "464666"}, {"4", "4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct resolved r = {0};
        for (const char *c = cases[i].before; *c; c++)
            add(&r, *c == '6' ? "::1" : "127.0.0.1", (uint16_t)(c - cases[i].before + 1));
        happy_interleave(&r);
        unsigned last[2] = {0, 0};
        for (size_t k = 0; k < r.count; k++) {
            bool v6 = r.at[k].name.ss_family == AF_INET6;
            unsigned port = ntohs(((struct sockaddr_in *)&r.at[k].name)->sin_port);
            ck_assert_int_eq(v6 ? '6' : '4', cases[i].after[k]);
            ck_assert_uint_gt(port, last[v6]); /* the order within a family stays */
            last[v6] = port;
        }
    }
}
END_TEST

/* -- connections -- */

static int listen_at(const char *address, uint16_t *port, int backlog)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof name;
    inet_pton(AF_INET, address, &name.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    if (backlog >= 0)
        ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    *port = ntohs(name.sin_port);
    return fd;
}

/* Fills a listener's backlog, so that further connects get no answer: a black hole on loopback. */
static void make_black_hole(const char *address, uint16_t port, int fds[8])
{
    struct resolved r = {0};
    add(&r, address, port);
    for (int i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fds[i], (struct sockaddr *)&r.at[0].name, r.at[0].size);
    }
    usleep(20000);
}

static unsigned waited;

static void count_waiting(void *arg)
{
    (void)arg;
    waited++;
}

START_TEST(test_happy_passes_by_refusing_and_black_holed_addresses)
{
    struct err err = {0};
    uint16_t port = 0;
    int fds[8], good = listen_at("127.0.0.3", &port, 5), hole = listen_at("127.0.0.2", &port, 0);
    struct resolved r = {0};
    make_black_hole("127.0.0.2", port, fds);
    add(&r, "127.0.0.4", port); /* refuses */
    add(&r, "127.0.0.2", port);
    add(&r, "127.0.0.3", port);
    struct happy_target target = {.host = "mail.example.org", .port = port};
    waited = 0;
    int fd = happy_connect(&target, &r, clock_mono_ms() + 20000, count_waiting, NULL, &err);
    ck_assert_msg(fd >= 0, "%s", err.what);
    ck_assert_uint_eq(waited, 1);
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&peer, &size), 0);
    ck_assert_uint_eq(ntohl(peer.sin_addr.s_addr), 0x7f000003);
    close(fd);
    close(good);
    close(hole);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
}
END_TEST

START_TEST(test_happy_deadline_and_its_sentence)
{
    struct err err = {0};
    uint16_t port = 0;
    int fds[8], hole = listen_at("127.0.0.2", &port, 0);
    struct resolved r = {0};
    make_black_hole("127.0.0.2", port, fds);
    add(&r, "127.0.0.2", port);
    struct happy_target target = {.host = "mail.example.org", .port = port};
    ck_assert_int_eq(happy_connect(&target, &r, clock_mono_ms() + 100, NULL, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERR_NETWORK);
    ck_assert_int_eq(err.sys, ETIMEDOUT);
    ck_assert_msg(strstr(err.what, "mail.example.org (127.0.0.2) did not answer on port") != NULL, "%s",
                  err.what);
    ck_assert(strstr(err.hint, "firewall"));
    close(hole);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
}
END_TEST

static const struct {
    enum protocol protocol;
    const char *source_ip, *host;
    enum err_kind kind;
    const char *what, *hint;
} failures[] = {
    {PROTO_SMTP, NULL, "127.0.0.1", ERR_NETWORK, "127.0.0.1 refused the connection on port",
     "is the port right"},
    {PROTO_IMAP, NULL, "localhost", ERR_NETWORK, "localhost (", "On this machine"},
    {PROTO_SMTP, NULL, "no.invalid", ERR_NO_HOST, "There is no host named no.invalid.", "spelling"},
    {PROTO_SMTP, NULL, "255.255.255.255", ERR_NETWORK, "the network is unreachable", "online"},
    {PROTO_SMTP, NULL, "no host", ERR_CONFIG, "\"no host\" is not the name of a host", "mail.example.org"},
    {PROTO_SMTP, "192.0.2.77", "127.0.0.1", ERR_CONFIG, "source_ip = 192.0.2.77 cannot be used",
     "of this machine"},
    {PROTO_SMTP, "::1", "127.0.0.1", ERR_CONFIG, "no address of its kind", "source_ip"},
    {PROTO_SMTP, "a.invalid", "127.0.0.1", ERR_CONFIG, "it is not an IP address", "source_ip"},
};

START_TEST(test_dial_failures)
{
    struct err err = {0};
    struct stream *s = NULL;
    uint16_t port = 0;
    char host[64], source[64];
    int unheard = listen_at("127.0.0.1", &port, -1); /* taken, but nothing listens */
    snprintf(host, sizeof host, "%s", failures[_i].host);
    snprintf(source, sizeof source, "%s", failures[_i].source_ip ? failures[_i].source_ip : "");
    struct endpoint server = {
        .protocol = failures[_i].protocol, .host = host, .port = port, .source_ip = *source ? source : NULL};
    ck_assert(!dial(&server, clock_mono_ms() + 20000, NULL, NULL, &s, &err));
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert_msg(strstr(err.what, failures[_i].what) != NULL, "%s", err.what);
    ck_assert_msg(strstr(err.hint, failures[_i].hint) != NULL, "%s", err.hint);
    ck_assert_ptr_null(s);
    close(unheard);
}
END_TEST

START_TEST(test_dial_source_ip)
{
    struct err err = {0};
    struct stream *s = NULL;
    uint16_t port = 0;
    char host[] = "localhost", source[] = "127.0.0.9";
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    int fd = listen_at("127.0.0.1", &port, 5);
    struct endpoint server = {.host = host, .port = port, .source_ip = source};
    waited = 0;
    ck_assert_msg(dial(&server, clock_mono_ms() + 20000, count_waiting, NULL, &s, &err), "%s", err.what);
    ck_assert_uint_eq(waited, 1);
    int there = accept(fd, (struct sockaddr *)&name, &size);
    ck_assert_uint_eq(ntohl(name.sin_addr.s_addr), 0x7f000009);
    ck_assert_int_eq(strncmp(stream_peer(s), "localhost:", 10), 0);
    stream_close(&s);
    close(there);
    close(fd);
}
END_TEST

START_TEST(test_dial_unix_socket)
{
    char folder[] = "/tmp/tappal-dial-XXXXXX", path[64];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct err err = {0};
    struct stream *s = NULL;
    struct str line = STR_INIT(100);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    struct endpoint server = {.socket = path};
    ck_assert(!dial(&server, clock_mono_ms() + 20000, NULL, NULL, &s, &err));
    ck_assert_int_eq(err.sys, ENOENT);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    ck_assert(!dial(&server, clock_mono_ms() + 20000, NULL, NULL, &s, &err));
    ck_assert_int_eq(err.sys, ECONNREFUSED);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_msg(dial(&server, clock_mono_ms() + 20000, NULL, NULL, &s, &err), "%s", err.what);
    int there = accept(fd, NULL, NULL);
    ck_assert_int_eq(write(there, "220 hi\r\n", 8), 8);
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert_str_eq(line.buf, "220 hi");
    stream_close(&s);
    close(there);
    close(fd);
    unlink(path);
    rmdir(folder);
    str_free(&line);
}
END_TEST

/* -- tunnel -- */

static struct stream *open_tunnel(const char *command, struct err *err)
{
    struct stream *s = NULL;
    struct endpoint server = {0};
    ck_assert(text_split_argv(command, &server.tunnel, err));
    if (!dial(&server, clock_mono_ms() + 20000, NULL, NULL, &s, err))
        s = NULL;
    strv_free(&server.tunnel);
    return s;
}

START_TEST(test_dial_tunnel)
{
    struct err err = {0};
    struct str line = STR_INIT(100);
    struct stream *s = open_tunnel("cat", &err);
    ck_assert_ptr_nonnull(s);
    ck_assert(stream_write(s, "NOOP\r\n", 6, &err));
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert_str_eq(line.buf, "NOOP");
    stream_close(&s);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* reaped */
    str_free(&line);
}
END_TEST

START_TEST(test_dial_tunnel_that_cannot_start)
{
    struct err err = {0};
    ck_assert_ptr_null(open_tunnel("/nonexistent/command", &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_int_eq(err.sys, ENOENT);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(test_dial_tunnel_that_ends)
{
    struct err err = {0};
    struct str line = STR_INIT(100);
    struct stream *s = open_tunnel("true", &err);
    ck_assert_ptr_nonnull(s);
    ck_assert(!stream_read_line(s, &line, &err));
    ck_assert_str_eq(err.what, "The server (tunnel) closed the connection.");
    stream_close(&s);
}
END_TEST

/* It closes its stdin, so that only signals end it, and it ignores the polite one. */
START_TEST(test_dial_tunnel_that_does_not_want_to_end)
{
    struct err err = {0};
    struct stream *s = open_tunnel("sh: trap '' TERM; exec <&-; while :; do sleep 60; done", &err);
    ck_assert_ptr_nonnull(s);
    stream_close(&s);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dial");
    TCase *t = tcase_create("dial");
    tcase_set_timeout(t, 60);
    signal(SIGPIPE, SIG_IGN);
    tcase_add_loop_test(t, test_dial_idna, 0, sizeof idna_cases / sizeof *idna_cases);
    tcase_add_test(t, test_dial_name);
    tcase_add_test(t, test_dial_is_loopback);
    tcase_add_test(t, test_resolve_at_once);
    tcase_add_test(t, test_resolve_unknown);
    tcase_add_test(t, test_resolve_keeps_the_deadline);
    tcase_add_test(t, test_resolve_by_the_child);
    tcase_add_test(t, test_happy_interleave);
    tcase_add_test(t, test_happy_passes_by_refusing_and_black_holed_addresses);
    tcase_add_test(t, test_happy_deadline_and_its_sentence);
    tcase_add_loop_test(t, test_dial_failures, 0, sizeof failures / sizeof *failures);
    tcase_add_test(t, test_dial_source_ip);
    tcase_add_test(t, test_dial_unix_socket);
    tcase_add_test(t, test_dial_tunnel);
    tcase_add_test(t, test_dial_tunnel_that_cannot_start);
    tcase_add_test(t, test_dial_tunnel_that_ends);
    tcase_add_test(t, test_dial_tunnel_that_does_not_want_to_end);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
