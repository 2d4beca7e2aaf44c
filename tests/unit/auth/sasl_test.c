/* sasl: the choice of a mechanism, messages as the RFCs print them, SCRAM against libgsasl's server side, and
 * servers that cheat. */
#include "unit.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sasl_impl.h"
#include "base/text.h"

#define LOGIN "ada@example.org"
#define PASSWORD "correct horse"

/* -- the choice -- */

static const struct choice {
    const char *offered; /* blanks between */
    enum auth_choice choice;
    bool unsafe, binding, cert;
    const char *expect; /* NULL: none */
    const char *why;    /* part of the sentence or hint then */
} choices[] = {
    {.offered = "PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256", .expect = "SCRAM-SHA-256"},
    {.offered = "PLAIN LOGIN SCRAM-SHA-1", .expect = "SCRAM-SHA-1"},
    {.offered = "LOGIN PLAIN", .expect = "PLAIN"},
    {.offered = "login plain", .expect = "PLAIN"},
    {.offered = "LOGIN", .expect = "LOGIN"},
    {.offered = "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", .binding = true, .expect = "SCRAM-SHA-256-PLUS"},
    {.offered = "SCRAM-SHA-256 SCRAM-SHA-1-PLUS", .binding = true, .expect = "SCRAM-SHA-1-PLUS"},
    {.offered = "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", .expect = "SCRAM-SHA-256"},
    {.offered = "SCRAM-SHA-256-PLUS", .why = "None of the server's ways"},
    {.offered = "PLAIN EXTERNAL", .expect = "PLAIN"},
    {.offered = "PLAIN EXTERNAL", .cert = true, .expect = "EXTERNAL"},
    {.offered = "PLAIN EXTERNAL", .choice = AUTH_EXTERNAL, .expect = "EXTERNAL"},
    {.offered = "PLAIN LOGIN", .unsafe = true, .why = "unencrypted line"},
    {.offered = "PLAIN", .choice = AUTH_PLAIN, .unsafe = true, .why = "unencrypted line"},
    {.offered = "LOGIN", .choice = AUTH_LOGIN, .unsafe = true, .why = "tls = implicit"},
    {.offered = "OAUTHBEARER", .choice = AUTH_OAUTH2, .unsafe = true, .why = "unencrypted line"},
    {.offered = "PLAIN SCRAM-SHA-1", .unsafe = true, .expect = "SCRAM-SHA-1"},
    {.offered = "CRAM-MD5", .why = "it offers CRAM-MD5"},
    {.offered = "CRAM-MD5 PLAIN", .choice = AUTH_CRAM_MD5, .expect = "CRAM-MD5"},
    {.offered = "PLAIN LOGIN", .choice = AUTH_SCRAM, .why = "auth = scram"},
    {.offered = "SCRAM-SHA-256", .choice = AUTH_PLAIN, .why = "auth = plain"},
    {.offered = "PLAIN LOGIN", .choice = AUTH_LOGIN, .expect = "LOGIN"},
    {.offered = "XOAUTH2 OAUTHBEARER PLAIN", .choice = AUTH_OAUTH2, .expect = "OAUTHBEARER"},
    {.offered = "XOAUTH2 PLAIN", .choice = AUTH_OAUTH2, .expect = "XOAUTH2"},
    {.offered = "XOAUTH2 OAUTHBEARER", .why = "XOAUTH2 and OAUTHBEARER"},
    {.offered = "GSSAPI NTLM DIGEST-MD5", .why = "GSSAPI, NTLM and DIGEST-MD5"},
    {.offered = "PLAIN", .choice = AUTH_GSSAPI, .why = "auth = gssapi"},
    {.offered = "", .why = "no way to sign in"},
    {.offered = "\033[2J", .why = "\\x1b"},
};

START_TEST(test_sasl_choose)
{
    const struct choice *c = &choices[_i];
    struct strv offered = STRV_INIT;
    struct err err = {0};
    for (const char *at = c->offered; *at != '\0';) {
        size_t n = strcspn(at, " ");
        ck_assert(strv_addn(&offered, at, n, &err));
        at += n + (at[n] == ' ');
    }
    const char *got = sasl_choose(c->choice, &offered, !c->unsafe, c->binding, c->cert, &err);
    if (c->expect != NULL) {
        ck_assert_ptr_nonnull(got);
        ck_assert_str_eq(got, c->expect);
        ck_assert_int_eq(err.kind, ERR_NONE);
    } else {
        ck_assert_ptr_null(got);
        ck_assert_int_eq(err.kind, ERR_AUTH);
        ck_assert_msg(strstr(err.what, c->why) != NULL || strstr(err.hint, c->why) != NULL, "%s / %s",
                      err.what, err.hint);
    }
    strv_free(&offered);
}
END_TEST

START_TEST(test_sasl_traits)
{
    ck_assert(!sasl_needs_secret("EXTERNAL"));
    ck_assert(sasl_needs_secret("PLAIN"));
    ck_assert(sasl_gives_secret_away("PLAIN"));
    ck_assert(sasl_gives_secret_away("XOAUTH2"));
    ck_assert(!sasl_gives_secret_away("SCRAM-SHA-256"));
}
END_TEST

/* -- talking to a machine -- */

static struct sasl *begin(const char *mechanism, const char *login, const char *password,
                          const struct sasl_binding *binding, struct err *err)
{
    struct secret secret;
    struct sasl *sasl = NULL;
    struct sasl_param param = {
        .login = login, .secret = &secret, .service = "imap", .host = "server.example.com", .port = 143};
    if (binding != NULL)
        param.binding = *binding;
    secret_init(&secret);
    ck_assert(secret_set(&secret, password, strlen(password), err));
    (void)!sasl_begin(mechanism, &param, &sasl, err);
    secret_wipe(&secret);
    return sasl;
}

struct exchange_case {
    const char *mechanism, *login, *password;
    const char *challenges[4]; /* ended by NULL; for a client that begins, [0] is "" */
    const char *responses[4];
    bool client_first;
};

static const struct exchange_case exchanges[] = {
    {"PLAIN", "tim", "tanstaaftanstaaf", {""}, {"0tim0tanstaaftanstaaf"}, true}, /* 0 stands for NUL */
    {"LOGIN", "tim", "tanstaaf", {"User Name", "Password"}, {"tim", "tanstaaf"}, false},
    {"LOGIN", "tim", "tanstaaf", {"", ""}, {"tim", "tanstaaf"}, false},
    /* RFC 2195, 2 */
    {"CRAM-MD5",
     "tim",
     "tanstaaftanstaaf",
     {"<1896.697170952@postoffice.reston.mci.net>"},
     {"tim b913a602c7eda7a495b4e6e7334d3890"},
     false},
    {"EXTERNAL", NULL, "", {""}, {""}, true},
    /* RFC 7628, 4.1, and its failure, 4.3 */
    {"OAUTHBEARER",
     "user@example.com",
     "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
     {"", "{\"status\":\"invalid_token\"}"},
     {"n,a=user@example.com,\001host=server.example.com\001port=143\001"
      "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001",
      "\001"},
     true},
    {"OAUTHBEARER",
     "a,b=c",
     "t",
     {""},
     {"n,a=a=2Cb=3Dc,\001host=server.example.com\001port=143\001auth=Bearer t\001\001"},
     true},
    {"XOAUTH2",
     "someuser@example.com",
     "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
     {"", "{\"status\":\"401\"}"},
     {"user=someuser@example.com\001auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\001\001", ""},
     true},
};

START_TEST(test_sasl_exchange)
{
    const struct exchange_case *c = &exchanges[_i];
    struct err err = {0};
    struct str out = STR_INIT(4096);
    struct sasl *sasl = begin(c->mechanism, c->login, c->password[0] ? c->password : "x", NULL, &err);
    ck_assert_msg(sasl != NULL, "%s", err.what);
    ck_assert(sasl_client_first(sasl) == c->client_first);
    for (int i = 0; c->challenges[i] != NULL; i++) {
        ck_assert(sasl_step(sasl, c->challenges[i], strlen(c->challenges[i]), &out, &err));
        for (size_t k = 0; k < out.len; k++)
            if (out.buf[k] == '\0')
                out.buf[k] = '0';
        ck_assert_str_eq(out.buf, c->responses[i]);
    }
    bool refused_token = c->challenges[1] != NULL && strstr(c->mechanism, "OAUTH") != NULL;
    ck_assert(sasl_finish(sasl, &err) == !refused_token);
    sasl_free(&sasl);
    str_wipe(&out);
}
END_TEST

START_TEST(test_sasl_plain_asks_no_more)
{
    struct err err = {0};
    struct str out = STR_INIT(4096);
    struct sasl *sasl = begin("PLAIN", LOGIN, PASSWORD, NULL, &err);
    ck_assert(sasl_step(sasl, NULL, 0, &out, &err));
    ck_assert(!sasl_step(sasl, "more?", 5, &out, &err));
    ck_assert_int_eq(err.kind, ERR_PROTOCOL);
    sasl_free(&sasl);
    sasl_free(&sasl); /* twice is once */
    str_wipe(&out);
}
END_TEST

START_TEST(test_sasl_bad_secrets)
{
    struct err err = {0};
    struct sasl *sasl = NULL;
    struct secret secret;
    struct sasl_param param = {.login = LOGIN, .secret = &secret};
    secret_init(&secret);
    ck_assert(!sasl_begin("PLAIN", &param, &sasl, &err));
    ck_assert_int_eq(err.kind, ERR_SECRET);
    ck_assert(secret_set(&secret, "a\0b", 3, &err));
    ck_assert(!sasl_begin("PLAIN", &param, &sasl, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "NUL"));
    ck_assert(secret_set(&secret, "a\001b", 3, &err));
    ck_assert(!sasl_begin("XOAUTH2", &param, &sasl, &err));
    param.login = NULL;
    ck_assert(!sasl_begin("PLAIN", &param, &sasl, &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    param.login = "a\001auth=Bearer x";
    ck_assert(secret_set(&secret, "token", 5, &err));
    ck_assert(!sasl_begin("OAUTHBEARER", &param, &sasl, &err));
    ck_assert_ptr_null(sasl);
    secret_wipe(&secret);
}
END_TEST

/* -- SCRAM: libgsasl's server is the oracle -- */

#define BINDING "0123456789abcdef0123456789abcdef"
#define BINDING_BASE64 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct scram_case {
    const char *mechanism, *login, *password, *servers_password;
    bool client_binds, server_binds;
    const char *gs2; /* how the client's first message begins */
    bool expect;
};

static const struct scram_case scrams[] = {
    {"SCRAM-SHA-256", LOGIN, PASSWORD, PASSWORD, .gs2 = "n,,", .expect = true},
    {"SCRAM-SHA-1", LOGIN, PASSWORD, PASSWORD, .gs2 = "n,,", .expect = true},
    {"SCRAM-SHA-256", "a,b=c", "p,=w", "p,=w", .gs2 = "n,,n=a=2Cb=3Dc,", .expect = true},
    {"SCRAM-SHA-256", LOGIN, "p\xc3\xa4sse", "p\xc3\xa4sse", .gs2 = "n,,", .expect = true},
    {"SCRAM-SHA-256", LOGIN, PASSWORD, "other", .gs2 = "n,,", .expect = false},
    {"SCRAM-SHA-256-PLUS", LOGIN, PASSWORD, PASSWORD, true, true, "p=tls-exporter,,", true},
    {"SCRAM-SHA-1-PLUS", LOGIN, PASSWORD, PASSWORD, true, true, "p=tls-exporter,,", true},
    {"SCRAM-SHA-256-PLUS", LOGIN, PASSWORD, "other", true, true, "p=tls-exporter,,", false},
    /* a binding in hand does not disturb the plain form */
    {"SCRAM-SHA-256", LOGIN, PASSWORD, PASSWORD, true, false, "n,,", true},
};

static Gsasl_session *server_begin(Gsasl **library, const struct scram_case *c, const char *iterations)
{
    Gsasl_session *server;
    ck_assert_int_eq(gsasl_init(library), GSASL_OK);
    ck_assert_int_eq(gsasl_server_start(*library, c->mechanism, &server), GSASL_OK);
    ck_assert_int_eq(gsasl_property_set(server, GSASL_PASSWORD, c->servers_password), GSASL_OK);
    ck_assert_int_eq(gsasl_property_set(server, GSASL_SCRAM_ITER, iterations), GSASL_OK);
    if (c->server_binds)
        ck_assert_int_eq(gsasl_property_set(server, GSASL_CB_TLS_EXPORTER, BINDING_BASE64), GSASL_OK);
    return server;
}

static bool server_step(Gsasl_session *server, struct str *message)
{
    char *out = NULL;
    size_t n = 0;
    struct err err = {0};
    int rc = gsasl_step(server, message->buf, message->len, &out, &n);
    str_clear(message);
    if (out != NULL)
        ck_assert(str_add(message, out, n, &err));
    gsasl_free(out);
    return rc == GSASL_OK || rc == GSASL_NEEDS_MORE;
}

START_TEST(test_scram_with_oracle)
{
    const struct scram_case *c = &scrams[_i];
    struct err err = {0};
    struct str message = STR_INIT(4096), out = STR_INIT(4096);
    Gsasl *library;
    Gsasl_session *server = server_begin(&library, c, "4096");
    struct sasl_binding binding = {"tls-exporter", BINDING, strlen(BINDING)};
    struct sasl *client = begin(c->mechanism, c->login, c->password, c->client_binds ? &binding : NULL, &err);
    ck_assert_msg(client != NULL, "%s", err.what);

    ck_assert_msg(sasl_step(client, NULL, 0, &message, &err), "%s", err.what);
    ck_assert_msg(text_starts(message.buf, c->gs2), "%s", message.buf);
    ck_assert(server_step(server, &message));
    ck_assert_msg(sasl_step(client, message.buf, message.len, &out, &err), "%s", err.what);
    ck_assert(!sasl_finish(client, &err)); /* not yet: the signature is missing */
    ck_assert(server_step(server, &out) == c->expect);
    if (c->expect) {
        ck_assert_msg(sasl_step(client, out.buf, out.len, &message, &err), "%s", err.what);
        ck_assert_uint_eq(message.len, 0);
        ck_assert(sasl_finish(client, &err));
    }
    sasl_free(&client);
    gsasl_finish(server);
    gsasl_done(library);
    str_wipe(&message);
    str_wipe(&out);
}
END_TEST

static const struct final_case {
    const char *final; /* what the server sends last; NULL: it says "success" at once */
    enum err_kind kind;
    const char *part;
} finals[] = {
    {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ERR_PROTOCOL, "prove"},
    {"", ERR_PROTOCOL, ""},
    {"v=", ERR_PROTOCOL, ""},
    {"garbage", ERR_PROTOCOL, ""},
    {"e=invalid-proof", ERR_AUTH, "invalid-proof"},
    {"e=\033[31m", ERR_AUTH, "\\x1b"},
    {"e=server-does-support-channel-binding", ERR_PROTOCOL, "channel binding"},
    {NULL, ERR_PROTOCOL, "without proving"},
};

START_TEST(test_scram_cheating_server)
{
    const struct final_case *c = &finals[_i];
    static const struct scram_case with = {"SCRAM-SHA-256", LOGIN, PASSWORD, PASSWORD, .expect = true};
    struct err err = {0};
    struct str message = STR_INIT(4096), out = STR_INIT(4096);
    Gsasl *library;
    Gsasl_session *server = server_begin(&library, &with, "4096");
    struct sasl *client = begin(with.mechanism, LOGIN, PASSWORD, NULL, &err);
    ck_assert(sasl_step(client, NULL, 0, &message, &err));
    ck_assert(server_step(server, &message));
    ck_assert(sasl_step(client, message.buf, message.len, &out, &err));
    if (c->final != NULL)
        ck_assert(!sasl_step(client, c->final, strlen(c->final), &out, &err));
    else
        ck_assert(!sasl_finish(client, &err));
    ck_assert_int_eq(err.kind, c->kind);
    ck_assert_msg(strstr(err.what, c->part) != NULL, "%s", err.what);
    ck_assert_ptr_null(strchr(err.what, '\033'));
    sasl_free(&client);
    gsasl_finish(server);
    gsasl_done(library);
    str_wipe(&message);
    str_wipe(&out);
}
END_TEST

/* RFC 5802, 5 and RFC 7677, 3, and what a server might do to us */
#define FIRST_1 "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
#define FIRST_256 "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
static const struct first_case {
    const char *client, *server;
    bool expect;
} firsts[] = {
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096", true},
    {FIRST_256, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     true},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=1000000", true},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096,x=more", true},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=1000001", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=99999999999999999999999", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4095", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=1", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=0", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=-4096", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096x", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawLx,i=4096,s=QSXCR+Q6sek8bf92", false},
    {FIRST_1, "r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096", false},     /* adds nothing */
    {FIRST_1, "r=xyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096", false}, /* not ours */
    {FIRST_1, "r=,s=QSXCR+Q6sek8bf92,i=4096", false},
    {FIRST_1, "m=x,r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096", false},
    {FIRST_1, "", false},
    {FIRST_1, "r", false},
    {"", "r=abc,s=QSXCR+Q6sek8bf92,i=4096", false},
};

START_TEST(test_scram_first)
{
    const struct first_case *c = &firsts[_i];
    struct err err = {0};
    ck_assert(sasl_scram_check_first(c->client, c->server, strlen(c->server), &err) == c->expect);
    ck_assert_int_eq(err.kind, c->expect ? ERR_NONE : ERR_PROTOCOL);
    for (size_t n = 0; c->expect && n < strlen(c->server); n++) /* any prefix: never read beyond it */
        (void)!sasl_scram_check_first(c->client, c->server, n, &err);
}
END_TEST

START_TEST(test_scram_first_nul_and_long)
{
    struct err err = {0};
    static char big[8192];
    ck_assert(!sasl_scram_check_first(FIRST_1, "r=\0,s=x,i=4096", 14, &err));
    memset(big, 'r', sizeof big);
    ck_assert(!sasl_scram_check_first(FIRST_1, big, sizeof big, &err));
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
    Suite *suite = suite_create("sasl");
    TCase *t = tcase_create("sasl");
    tcase_add_loop_test(t, test_sasl_choose, 0, COUNT(choices));
    tcase_add_test(t, test_sasl_traits);
    tcase_add_loop_test(t, test_sasl_exchange, 0, COUNT(exchanges));
    tcase_add_test(t, test_sasl_plain_asks_no_more);
    tcase_add_test(t, test_sasl_bad_secrets);
    tcase_add_loop_test(t, test_scram_with_oracle, 0, COUNT(scrams));
    tcase_add_loop_test(t, test_scram_cheating_server, 0, COUNT(finals));
    tcase_add_loop_test(t, test_scram_first, 0, COUNT(firsts));
    tcase_add_test(t, test_scram_first_nul_and_long);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
