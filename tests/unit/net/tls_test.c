/* TLS against servers with every kind of certificate that must be refused: each in a child, over a socket
 * pair. A refused server must not have got one byte of application data. */
#include "net/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "certs.h"
#include "drip.h"
#include "unit.h"

#define HOST "mail.example.test"

/* -- the server, in a child -- */

/* How far the client came: the child's exit status. */
enum { SERVER_REFUSED = 1, SERVER_SHOOK_HANDS, SERVER_GOT_DATA, SERVER_BROKE };

struct server {
    struct recipe leaf;
    int issuer;  /* SELF: signed by itself */
    int sent[3]; /* further certificates of the chain, ended by 0 (ROOT is never sent) */
    const char *priority;
    bool wants_client; /* certificate required */
    bool truncates;    /* says "220 hi", then cuts */
    size_t talks;      /* answers so many bytes twofold, and reads on only when each answer is taken */
    bool binds;        /* what the client sends must be the channel binding of this type */
    gnutls_channel_binding_t binding;
};

/* Answers each record twofold until `total` bytes have come. */
static int talk_on(gnutls_session_t session, size_t total)
{
    char data[2 * 16384];
    for (size_t come = 0; come < total;) {
        ssize_t got = gnutls_record_recv(session, data, sizeof data / 2);
        if (got <= 0)
            return SERVER_BROKE;
        come += (size_t)got;
        for (ssize_t at = 0, put; at < 2 * got; at += put)
            if ((put = gnutls_record_send(session, data, (size_t)(2 * got - at))) <= 0)
                return SERVER_BROKE;
    }
    gnutls_bye(session, GNUTLS_SHUT_WR);
    return SERVER_GOT_DATA;
}

static bool same_binding(gnutls_session_t session, gnutls_channel_binding_t type, const char *data, size_t n)
{
    gnutls_datum_t binding;
    if (gnutls_session_channel_binding(session, type, &binding) < 0)
        return false;
    bool same = binding.size == n && memcmp(binding.data, data, n) == 0;
    gnutls_free(binding.data);
    return same;
}

static int serve_session(gnutls_session_t session, const struct server *o)
{
    char data[4096];
    int status;
    while ((status = gnutls_handshake(session)) < 0 && !gnutls_error_is_fatal(status))
        ;
    if (status < 0) {
        gnutls_alert_send_appropriate(session, status);
        return SERVER_REFUSED;
    }
    if (o->talks > 0)
        return talk_on(session, o->talks);
    if (o->truncates) {
        gnutls_record_send(session, "220 hi\r\n", 8);
        return SERVER_SHOOK_HANDS;
    }
    ssize_t got = gnutls_record_recv(session, data, sizeof data);
    if (got <= 0)
        return SERVER_SHOOK_HANDS;
    if (o->binds && !same_binding(session, o->binding, data, (size_t)got))
        return SERVER_BROKE;
    gnutls_record_send(session, data, (size_t)got);
    gnutls_bye(session, GNUTLS_SHUT_WR);
    return SERVER_GOT_DATA;
}

static _Noreturn void serve(int fd, const struct server *o)
{
    struct signer leaf = make(&o->leaf, o->issuer == SELF ? NULL : &signers[o->issuer]);
    gnutls_x509_crt_t chain[4] = {leaf.cert};
    int n = 1;
    while (n <= 3 && o->sent[n - 1]) {
        chain[n] = signers[o->sent[n - 1]].cert;
        n++;
    }
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    check(gnutls_certificate_allocate_credentials(&credentials));
    check(gnutls_certificate_set_x509_key(credentials, chain, n, leaf.key));
    check(gnutls_certificate_set_x509_trust(credentials, &signers[ROOT].cert, 1));
    check(gnutls_init(&session, GNUTLS_SERVER));
    check(gnutls_priority_set_direct(
        session, o->priority ? o->priority : "NORMAL:%PROFILE_VERY_WEAK:+SIGN-ALL", NULL));
    check(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
    gnutls_certificate_server_set_request(session,
                                          o->wants_client ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
    if (o->wants_client)
        gnutls_session_set_verify_cert(session, NULL, 0);
    gnutls_transport_set_int(session, fd);
    int came = serve_session(session, o);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    drop(&leaf);
    _exit(came);
}

struct talk {
    struct stream *stream;
    pid_t child;
};

static struct talk open_server(const struct server *o)
{
    int fds[2];
    struct err err;
    struct talk t;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    t.child = fork();
    if (t.child == 0) {
        close(fds[0]);
        serve(fds[1], o);
    }
    close(fds[1]);
    t.stream = stream_from_fds(fds[0], fds[0], HOST ":465", &err);
    ck_assert_ptr_nonnull(t.stream);
    stream_set_deadline(t.stream, clock_mono_ms() + 100000);
    return t;
}

static int close_server(struct talk *t)
{
    int status;
    stream_close(&t->stream);
    ck_assert_int_eq(waitpid(t->child, &status, 0), t->child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct tls_trust *load(const struct tls_settings *settings)
{
    struct err err = {0};
    struct tls_trust *trust = NULL;
    ck_assert_msg(tls_trust_load(settings, &trust, &err), "%s", err.what);
    return trust;
}

static bool start(struct stream *s, const char *host, const char *tls_host, struct err *err)
{
    char other[64];
    snprintf(other, sizeof other, "%s", tls_host ? tls_host : "");
    struct tls_settings settings = {.ca = ca_file, .host = tls_host ? other : NULL};
    struct tls_trust *trust = load(&settings);
    bool good = tls_start(s, trust, &settings, host, err);
    tls_trust_free(&trust);
    return good;
}

/* -- the matrix -- */

static const struct {
    const char *title, *host, *tls_host;
    struct server server;
    const char *what; /* NULL: must be accepted */
} matrix[] = {
    {"good", HOST, NULL, {.leaf = {.cn = "x", .dns = HOST}}, NULL},
    {"good, TLS 1.2",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2"},
     NULL},
    {"second name", HOST, NULL, {.leaf = {.cn = "x", .dns = "a.example", .dns2 = HOST}}, NULL},
    {"case and dot", "MAIL.Example.test.", NULL, {.leaf = {.cn = "x", .dns = HOST}}, NULL},
    {"wildcard", HOST, NULL, {.leaf = {.cn = "x", .dns = "*.example.test"}}, NULL},
    {"IDN", "b\u00fccher.example", NULL, {.leaf = {.cn = "x", .dns = "xn--bcher-kva.example"}}, NULL},
    {"intermediate", HOST, NULL, {.leaf = {.cn = "x", .dns = HOST}, .issuer = INTER, .sent = {INTER}}, NULL},
    {"IPv4", "127.0.0.1", NULL, {.leaf = {.cn = "x", .ip = "127.0.0.1"}}, NULL},
    {"IPv6", "::1", NULL, {.leaf = {.cn = "x", .ip = "::1"}}, NULL},
    {"tls_host", "other.example", HOST, {.leaf = {.cn = "x", .dns = HOST}}, NULL},
    {"expired", HOST, NULL, {.leaf = {.cn = "x", .dns = HOST, .from = -9, .to = -2}}, "expired on 20"},
    {"not yet valid",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST, .from = 2, .to = 9}},
     "is not valid before 20"},
    {"wrong name",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = "mail.example.net", .ip = "192.0.2.1"}},
     "is not for mail.example.test but for mail.example.net, 192.0.2.1."},
    {"tls_host, wrong",
     HOST,
     "other.example",
     {.leaf = {.cn = "x", .dns = HOST}},
     "is not for other.example but"},
    {"CN only", HOST, NULL, {.leaf = {.cn = HOST}}, "names no host besides its subject"},
    {"CN, other SAN", HOST, NULL, {.leaf = {.cn = HOST, .dns = "a.example"}}, "but for a.example."},
    {"CN, IP SAN",
     HOST,
     NULL,
     {.leaf = {.cn = HOST, .ip = "127.0.0.1"}},
     "names no host besides its subject"},
    {"IP in CN", "127.0.0.1", NULL, {.leaf = {.cn = "127.0.0.1"}}, "is not for 127.0.0.1 but for nobody"},
    {"IP as DNS name", "127.0.0.1", NULL, {.leaf = {.cn = "x", .dns = "127.0.0.1"}}, "is not for 127.0.0.1"},
    {"wrong IP", "127.0.0.2", NULL, {.leaf = {.cn = "x", .ip = "127.0.0.1"}}, "is not for 127.0.0.2"},
    {"wildcard, two labels",
     "a.b.example.test",
     NULL,
     {.leaf = {.cn = "x", .dns = "*.example.test"}},
     "is not for"},
    {"wildcard, no label",
     "example.test",
     NULL,
     {.leaf = {.cn = "x", .dns = "*.example.test"}},
     "is not for"},
    {"wildcard of a top", "example.test", NULL, {.leaf = {.cn = "x", .dns = "*.test"}}, "is not for"},
    {"wildcard within", HOST, NULL, {.leaf = {.cn = "x", .dns = "ma*.example.test"}}, "is not for"},
    {"wildcard alone", HOST, NULL, {.leaf = {.cn = "x", .dns = "*"}}, "is not for"},
    {"NUL in SAN",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST "\0.evil.example", .dns_n = sizeof HOST + 13}},
     "but for mail.example.test\\x00.evil.example."},
    {"suffix", HOST, NULL, {.leaf = {.cn = "x", .dns = HOST ".evil.example"}}, "is not for"},
    {"self-signed", HOST, NULL, {.leaf = {.cn = "x", .dns = HOST}, .issuer = SELF}, "is self-signed"},
    {"untrusted root",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .issuer = OTHER_ROOT},
     "issued by \"Other root\", whom this machine does not trust"},
    {"untrusted root, sent",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .issuer = OTHER_ROOT, .sent = {OTHER_ROOT}},
     "issued by \"Other root\""},
    {"intermediate missing",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .issuer = INTER},
     "issued by \"Between\""},
    {"intermediate expired",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .issuer = INTER_EXPIRED, .sent = {INTER_EXPIRED}},
     "above that of"},
    {"intermediate no CA",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .issuer = INTER_NO_CA, .sent = {INTER_NO_CA}},
     "is not good"},
    {"name constraint",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .issuer = INTER_OTHER_NAMES, .sent = {INTER_OTHER_NAMES}},
     "is not good"},
    {"for clients",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST, .client_only = true}},
     "is not meant for servers"},
    {"RSA 1024", HOST, NULL, {.leaf = {.cn = "x", .dns = HOST, .weak_key = true}}, "is not good"},
    {"SHA-1", HOST, NULL, {.leaf = {.cn = "x", .dns = HOST, .sha1 = true}}, "is not good"},
    {"TLS 1.1",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1:%PROFILE_VERY_WEAK"},
     "speaks no version of TLS that is still safe"},
    {"TLS 1.0",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.0:%PROFILE_VERY_WEAK"},
     "speaks no version of TLS that is still safe"},
    {"client certificate",
     HOST,
     NULL,
     {.leaf = {.cn = "x", .dns = HOST}, .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2", .wants_client = true},
     "wants a client certificate"},
};

START_TEST(test_tls_matrix)
{
    const char *title = matrix[_i].title;
    struct err err = {0};
    struct talk t = open_server(&matrix[_i].server);
    bool good = start(t.stream, matrix[_i].host, matrix[_i].tls_host, &err);
    if (matrix[_i].what) {
        ck_assert_msg(!good, "%s: was accepted", title);
        ck_assert_int_eq(err.kind, ERR_TLS);
        ck_assert_msg(strstr(err.what, matrix[_i].what) != NULL, "%s: %s", title, err.what);
        ck_assert_msg(strstr(err.what, HOST ":465") != NULL, "%s: %s", title, err.what);
        ck_assert_msg(*err.hint != '\0', "%s", title);
        ck_assert_int_eq(close_server(&t), SERVER_REFUSED);
        return;
    }
    struct str line = STR_INIT(100);
    ck_assert_msg(good, "%s: %s", title, err.what);
    ck_assert_ptr_nonnull(tls_describe(t.stream));
    ck_assert(stream_write(t.stream, "MAIL\r\n", 6, &err) && stream_write(t.stream, "RCPT\r\n", 6, &err));
    ck_assert_msg(stream_read_line(t.stream, &line, &err), "%s: %s", title, err.what);
    ck_assert_str_eq(line.buf, "MAIL");
    ck_assert(stream_read_line(t.stream, &line, &err)); /* both came in one record: the server echoes one */
    ck_assert_str_eq(line.buf, "RCPT");
    ck_assert_int_eq(close_server(&t), SERVER_GOT_DATA);
    str_free(&line);
}
END_TEST

/* -- trust -- */

START_TEST(test_tls_ca_folder)
{
    struct err err = {0};
    struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST}});
    struct tls_settings settings = {.ca = ca_folder};
    struct tls_trust *trust = load(&settings);
    ck_assert_msg(tls_start(t.stream, trust, &settings, HOST, &err), "%s", err.what);
    tls_trust_free(&trust);
    ck_assert_int_eq(close_server(&t), SERVER_SHOOK_HANDS);
}
END_TEST

/* tls_ca replaces the system's store, and the system's store knows nothing of our root. */
START_TEST(test_tls_system_store)
{
    struct err err = {0};
    struct tls_settings settings = {0};
    struct tls_trust *trust = NULL;
    if (!tls_trust_load(&settings, &trust, &err)) { /* a machine without a store says so */
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert(strstr(err.hint, "ca-certificates"));
        return;
    }
    struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST}});
    ck_assert(!tls_start(t.stream, trust, &settings, HOST, &err));
    ck_assert(strstr(err.what, "issued by \"Root\""));
    tls_trust_free(&trust);
    ck_assert_int_eq(close_server(&t), SERVER_REFUSED);
}
END_TEST

START_TEST(test_tls_broken_settings)
{
    static char none[] = "/nonexistent", null[] = "/dev/null";
    const struct {
        struct tls_settings settings;
        const char *what;
    } cases[] = {
        {{.ca = none}, "The certificates in /nonexistent (tls_ca) cannot be read"},
        {{.ca = null}, "/dev/null (tls_ca) holds no certificate that can be used"},
        {{.ca = ca_file, .cert = none}, "The client certificate /nonexistent (tls_cert)"},
        {{.ca = ca_file, .cert = ca_file}, "(tls_cert) with the key"},
        {{.ca = ca_file, .cert = locked_file}, "(tls_cert) with the key"}, /* nobody to ask */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct tls_trust *trust = NULL;
        ck_assert(!tls_trust_load(&cases[i].settings, &trust, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert_msg(strstr(err.what, cases[i].what) != NULL, "%s", err.what);
        ck_assert_ptr_null(trust);
    }
}
END_TEST

static bool sesame(void *arg, const char *token, char *pin, size_t size)
{
    ++*(int *)arg;
    ck_assert(token != NULL);
    snprintf(pin, size, "open sesame");
    return true;
}

static const char *const client_files[] = {client_file, locked_file};

START_TEST(test_tls_client_certificate)
{
    struct err err = {0};
    struct str line = STR_INIT(100);
    int asked = 0;
    char file[64];
    snprintf(file, sizeof file, "%s", client_files[_i]);
    tls_set_pin_callback(sesame, &asked);
    struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST}, .wants_client = true});
    struct tls_settings settings = {.ca = ca_file, .cert = file};
    struct tls_trust *trust = load(&settings);
    ck_assert_int_eq(asked > 0, _i == 1);
    ck_assert_msg(tls_start(t.stream, trust, &settings, HOST, &err), "%s", err.what);
    ck_assert(stream_write(t.stream, "NOOP\r\n", 6, &err));
    ck_assert_msg(stream_read_line(t.stream, &line, &err), "%s", err.what);
    tls_trust_free(&trust);
    ck_assert_int_eq(close_server(&t), SERVER_GOT_DATA);
    str_free(&line);
}
END_TEST

/* In TLS 1.3 the server's complaint comes behind the handshake. */
START_TEST(test_tls_client_certificate_missing)
{
    for (int late = 0; late < 2; late++) { /* late: the server is gone when we write */
        struct err err = {0};
        struct str line = STR_INIT(100);
        struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST}, .wants_client = true});
        ck_assert_msg(start(t.stream, HOST, NULL, &err), "%s", err.what);
        if (late) {
            siginfo_t gone;
            ck_assert_int_eq(waitid(P_PID, (id_t)t.child, &gone, WEXITED | WNOWAIT), 0);
            ck_assert(stream_write(t.stream, "EHLO me\r\n", 9, &err));
            ck_assert(!stream_flush(t.stream, &err));
        } else {
            ck_assert(!stream_read_line(t.stream, &line, &err));
        }
        ck_assert_msg(strstr(err.what, "wants a client certificate") != NULL, "%d: %s", late, err.what);
        ck_assert_int_eq(close_server(&t), SERVER_REFUSED);
        str_free(&line);
    }
}
END_TEST

/* -- channel bindings -- */

static const struct {
    const char *priority, *type;
    gnutls_channel_binding_t binding;
} bindings[] = {
    {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "tls-exporter", GNUTLS_CB_TLS_EXPORTER},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "tls-unique", GNUTLS_CB_TLS_UNIQUE},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH", NULL, GNUTLS_CB_TLS_UNIQUE},
};

START_TEST(test_tls_channel_binding)
{
    struct err err = {0};
    struct str data = STR_INIT(500);
    const char *type = NULL;
    struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST},
                                                 .priority = bindings[_i].priority,
                                                 .binds = true,
                                                 .binding = bindings[_i].binding});
    ck_assert(!tls_channel_binding(t.stream, &type, &data));
    ck_assert_msg(start(t.stream, HOST, NULL, &err), "%s", err.what);
    ck_assert_int_eq(tls_channel_binding(t.stream, &type, &data), bindings[_i].type != NULL);
    if (bindings[_i].type) {
        ck_assert_str_eq(type, bindings[_i].type);
        ck_assert(stream_write(t.stream, data.buf, data.len, &err) && stream_flush(t.stream, &err));
        ck_assert_int_eq(stream_wait(t.stream, clock_mono_ms() + 20000, &err), 1);
        ck_assert_int_eq(close_server(&t), SERVER_GOT_DATA); /* it found the same bytes */
    } else {
        ck_assert_int_eq(close_server(&t), SERVER_SHOOK_HANDS);
    }
    str_free(&data);
}
END_TEST

/* -- ends -- */

START_TEST(test_tls_truncation_is_no_end)
{
    for (int cut = 0; cut < 2; cut++) {
        struct err err = {0};
        char buf[16];
        size_t got = 99;
        struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST}, .truncates = cut});
        ck_assert(start(t.stream, HOST, NULL, &err));
        if (!cut) /* what it had not read would be answered by a reset */
            ck_assert(stream_write(t.stream, "220 hi\r\n", 8, &err));
        ck_assert(stream_read(t.stream, buf, sizeof buf, &got, &err));
        ck_assert_uint_eq(got, 8);
        ck_assert_int_eq(stream_read(t.stream, buf, sizeof buf, &got, &err), !cut);
        if (!cut)
            ck_assert_uint_eq(got, 0);
        else
            ck_assert_msg(strstr(err.what, "without the goodbye") != NULL, "%s", err.what);
        close_server(&t);
    }
}
END_TEST

START_TEST(test_tls_little_by_little)
{
    struct err err = {0};
    struct str line = STR_INIT(100);
    struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST}});
    drip_push(t.stream, 1);
    ck_assert_msg(start(t.stream, HOST, NULL, &err), "%s", err.what);
    ck_assert(stream_write(t.stream, "NOOP\r\n", 6, &err));
    ck_assert_msg(stream_read_line(t.stream, &line, &err), "%s", err.what);
    ck_assert_str_eq(line.buf, "NOOP");
    ck_assert_int_eq(close_server(&t), SERVER_GOT_DATA);
    str_free(&line);
}
END_TEST

START_TEST(test_tls_reads_while_it_writes)
{
    static char bytes[400000];
    struct err err = {0};
    struct talk t = open_server(&(struct server){.leaf = {.cn = "x", .dns = HOST}, .talks = sizeof bytes});
    ck_assert(start(t.stream, HOST, NULL, &err));
    stream_set_deadline(t.stream, clock_mono_ms() + 20000);
    ck_assert_msg(stream_write(t.stream, bytes, sizeof bytes, &err) && stream_flush(t.stream, &err), "%s",
                  err.what);
    size_t total = 0;
    const char *at;
    for (size_t got = 1; got > 0; total += got) {
        ck_assert_msg(stream_peek(t.stream, &at, &got, &err), "%s", err.what);
        stream_consume(t.stream, got);
    }
    ck_assert_uint_eq(total, 2 * sizeof bytes);
    ck_assert_int_eq(close_server(&t), SERVER_GOT_DATA);
}
END_TEST

/* -- servers that do not speak TLS -- */

static const struct {
    const char *says;
    enum tls_mode mode;
    enum err_kind kind;
    const char *what, *hint;
} others[] = {
    {"220 mail ESMTP\r\n", TLS_IMPLICIT, ERR_TLS, "answered without TLS (\"220 mail ESMTP\").", "port 587"},
    {"* OK ready\r\n", TLS_IMPLICIT, ERR_TLS, "answered without TLS (\"* OK ready\").", "port 143"},
    {"+OK ready\r\n", TLS_IMPLICIT, ERR_TLS, "answered without TLS (\"+OK ready\").", "port 110"},
    {"\033[2J\r\n", TLS_IMPLICIT, ERR_TLS, "answered without TLS (\"\\x1b[2J\").", "another port"},
    {"250 go on\r\n", TLS_STARTTLS, ERR_TLS, "went on without TLS", "tls = implicit"},
    {"", TLS_IMPLICIT, ERR_NETWORK, "closed the connection instead of starting TLS", "port"},
    {"\x16\x03\x03\x40\0garbage", TLS_IMPLICIT, ERR_TLS, "TLS with the server", "operator"},
    {"\x16\x03\x03\0\4\2\0\0\0", TLS_IMPLICIT, ERR_TLS, "TLS with the server", "operator"},
    {"\x15\x03\x03\0\2\2\x28", TLS_IMPLICIT, ERR_TLS, "offers no encryption that is still safe", "operator"},
};

START_TEST(test_tls_peer_that_speaks_none)
{
    struct err err = {0};
    struct str out = STR_INIT(10000);
    static const size_t lengths[] = {[6] = 12, [7] = 9, [8] = 7};
    size_t n =
        (size_t)_i < sizeof lengths / sizeof *lengths && lengths[_i] ? lengths[_i] : strlen(others[_i].says);
    struct stream *s = stream_from_memory(others[_i].says, n, &out, &err);
    struct tls_settings settings = {.mode = others[_i].mode, .ca = ca_file};
    struct tls_trust *trust = load(&settings);
    ck_assert(!tls_start(s, trust, &settings, HOST, &err));
    ck_assert_int_eq(err.kind, others[_i].kind);
    ck_assert_msg(strstr(err.what, others[_i].what) != NULL, "%s", err.what);
    ck_assert_msg(strstr(err.hint, others[_i].hint) != NULL, "%s", err.hint);
    tls_trust_free(&trust);
    stream_close(&s);
    str_free(&out);
}
END_TEST

START_TEST(test_tls_silent_peer)
{
    struct err err = {0};
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct stream *s = stream_from_fds(fds[0], fds[0], HOST ":587", &err);
    stream_set_deadline(s, clock_mono_ms() + 50);
    ck_assert(!start(s, HOST, NULL, &err));
    ck_assert_int_eq(err.sys, ETIMEDOUT);
    ck_assert_msg(strstr(err.hint, "tls = starttls") != NULL, "%s", err.hint);
    stream_close(&s);
    close(fds[1]);
}
END_TEST

START_TEST(test_tls_without_a_name)
{
    struct err err = {0};
    struct str out = STR_INIT(10000);
    struct stream *s = stream_from_memory("", 0, &out, &err);
    ck_assert(!start(s, NULL, NULL, &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_uint_eq(out.len, 0);
    stream_close(&s);
    str_free(&out);
}
END_TEST

/* What came before TLS must never be taken for something that came through it. */
START_TEST(test_tls_refuses_bytes_from_before)
{
    struct err err = {0};
    struct str out = STR_INIT(10000), line = STR_INIT(100);
    struct stream *s = stream_from_memory("220 go\r\n250 injected\r\n", 22, &out, &err);
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert(!start(s, HOST, NULL, &err));
    ck_assert_int_eq(err.kind, ERR_TLS);
    ck_assert_uint_eq(out.len, 0);
    stream_close(&s);
    str_free(&out);
    str_free(&line);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

int main(void)
{
    Suite *suite = suite_create("tls");
    TCase *t = tcase_create("tls");
    tcase_set_timeout(t, 120);
    signal(SIGPIPE, SIG_IGN);
    tcase_add_unchecked_fixture(t, make_all, drop_all);
    tcase_add_loop_test(t, test_tls_matrix, 0, COUNT(matrix));
    tcase_add_test(t, test_tls_ca_folder);
    tcase_add_test(t, test_tls_system_store);
    tcase_add_test(t, test_tls_broken_settings);
    tcase_add_loop_test(t, test_tls_client_certificate, 0, COUNT(client_files));
    tcase_add_test(t, test_tls_client_certificate_missing);
    tcase_add_loop_test(t, test_tls_channel_binding, 0, COUNT(bindings));
    tcase_add_test(t, test_tls_truncation_is_no_end);
    tcase_add_test(t, test_tls_little_by_little);
    tcase_add_test(t, test_tls_reads_while_it_writes);
    tcase_add_loop_test(t, test_tls_peer_that_speaks_none, 0, COUNT(others));
    tcase_add_test(t, test_tls_silent_peer);
    tcase_add_test(t, test_tls_without_a_name);
    tcase_add_test(t, test_tls_refuses_bytes_from_before);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
