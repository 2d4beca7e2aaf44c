/* session_authenticate over a protocol that is a list of answers: what goes out, in which steps, and how refusals
 * become errors with advice. And the advice itself. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "client/hint.h"
#include "client/session.h"

/* -- a protocol without a line -- */

struct answer {
    enum sasl_word word; /* a SASL_OK that stands behind the last one ends the exchange well */
    const char *text;
    int code;
    enum err_kind kind;
};

struct peer {
    const struct answer *answers;
    size_t at;
    struct str heard; /* what we said, a line each */
};

static bool say_auth(void *protocol, const char *mechanism, const char *ir, struct err *err)
{
    struct peer *p = protocol;
    return str_addf(&p->heard, err, "AUTH %s%s%s\n", mechanism, ir != NULL ? " " : "", ir != NULL ? ir : "");
}

static bool say_response(void *protocol, const char *base64, struct err *err)
{
    return str_addf(&((struct peer *)protocol)->heard, err, "> %s\n", base64);
}

static bool say_cancel(void *protocol, struct err *err)
{
    return str_addz(&((struct peer *)protocol)->heard, "*\n", err);
}

static enum sasl_word read_answer(void *protocol, struct str *text, struct err *answer, struct err *err)
{
    struct peer *p = protocol;
    const struct answer *a = &p->answers[p->at++];
    if (a->word == SASL_BROKEN) {
        err_set(err, ERR_NETWORK, "The connection was cut.");
        return SASL_BROKEN;
    }
    if (a->text != NULL)
        ck_assert(str_addz(text, a->text, err));
    answer->code = a->code;
    answer->kind = a->kind;
    if (a->code == 535)
        memcpy(answer->enhanced, "5.7.8", 6);
    return a->word;
}

static enum sasl_word plain_login(void *protocol, const char *login, const struct secret *password,
                                  struct str *text, struct err *answer, struct err *err)
{
    struct peer *p = protocol;
    ck_assert(str_addf(&p->heard, err, "LOGIN %s %s\n", login, password->bytes.buf));
    return read_answer(protocol, text, answer, err);
}

static const struct run {
    const char *offered; /* one mechanism, or "" */
    struct answer answers[5];
    const char *heard; /* NULL: nothing */
    const char *login, *password, *host;
    enum auth_choice choice;
    bool no_ir, unsafe, has_login_command;
    size_t command_max; /* 0: 512 */
    enum err_kind kind; /* ERR_NONE: signed in */
    const char *part;   /* of sentence or hint */
} runs[] = {
    {.offered = "PLAIN",
     .answers = {{.word = SASL_OK}},
     .heard = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n"},
    {.offered = "PLAIN",
     .no_ir = true,
     .answers = {{.word = SASL_CONTINUE, .text = ""}, {.word = SASL_OK}},
     .heard = "AUTH PLAIN\n> AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n"},
    /* "AUTH PLAIN " + 32 + CRLF is 45 */
    {.offered = "PLAIN",
     .command_max = 45,
     .answers = {{.word = SASL_OK}},
     .heard = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n"},
    {.offered = "PLAIN",
     .command_max = 44,
     .answers = {{.word = SASL_CONTINUE, .text = ""}, {.word = SASL_OK}},
     .heard = "AUTH PLAIN\n> AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n"},
    {.offered = "LOGIN",
     .answers = {{.word = SASL_CONTINUE, .text = "VXNlcm5hbWU6"},
                 {.word = SASL_CONTINUE, .text = "UGFzc3dvcmQ6"},
                 {.word = SASL_OK}},
     .heard = "AUTH LOGIN\n> YWRhQGV4YW1wbGUub3Jn\n> c2VzYW1l\n"},
    {.offered = "EXTERNAL",
     .choice = AUTH_EXTERNAL,
     .answers = {{.word = SASL_OK}},
     .heard = "AUTH EXTERNAL =\n"},
    {.offered = "XOAUTH2",
     .choice = AUTH_OAUTH2,
     .password = "t",
     .answers = {{.word = SASL_CONTINUE, .text = "e30="},
                 {.word = SASL_NO, .text = "bad token", .code = 535}},
     .heard = "AUTH XOAUTH2 dXNlcj1hZGFAZXhhbXBsZS5vcmcBYXV0aD1CZWFyZXIgdAEB\n> \n",
     .kind = ERR_AUTH,
     .part = "bad token"},
    {.offered = "OAUTHBEARER",
     .choice = AUTH_OAUTH2,
     .password = "t",
     .command_max = 40,
     .answers = {{.word = SASL_CONTINUE, .text = ""},
                 {.word = SASL_CONTINUE, .text = "e30="},
                 {.word = SASL_NO, .text = "bad token", .code = 535}},
     .heard =
         "AUTH OAUTHBEARER\n"
         "> bixhPWFkYUBleGFtcGxlLm9yZywBaG9zdD1tYWlsLmV4YW1wbGUub3JnAXBvcnQ9OTkzAWF1dGg9QmVhcmVyIHQBAQ==\n"
         "> AQ==\n",
     .kind = ERR_AUTH,
     .part = "bad token"},
    {.offered = "PLAIN", .choice = AUTH_NONE},
    {.offered = "PLAIN", .unsafe = true, .has_login_command = true, .kind = ERR_AUTH, .part = "unencrypted"},
    {.offered = "",
     .has_login_command = true,
     .answers = {{.word = SASL_OK}},
     .heard = "LOGIN ada@example.org sesame\n"},
    {.offered = "", .kind = ERR_AUTH, .part = "no way to sign in"},
    {.offered = "SCRAM-SHA-256",
     .choice = AUTH_PLAIN,
     .has_login_command = true,
     .answers = {{.word = SASL_OK}},
     .heard = "LOGIN ada@example.org sesame\n"},
    {.offered = "PLAIN",
     .choice = AUTH_SCRAM,
     .has_login_command = true,
     .kind = ERR_AUTH,
     .part = "auth = scram"},
    {.offered = "PLAIN",
     .answers = {{.word = SASL_CONTINUE, .text = "more?"},
                 {.word = SASL_NO, .text = "cancelled", .code = 501}},
     .heard = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n*\n",
     .kind = ERR_PROTOCOL,
     .part = "mail.example.org:993"},
    {.offered = "LOGIN",
     .answers = {{.word = SASL_CONTINUE, .text = "not base64!"},
                 {.word = SASL_NO, .text = "cancelled", .code = 501}},
     .heard = "AUTH LOGIN\n*\n",
     .kind = ERR_PROTOCOL},
    {.offered = "LOGIN",
     .answers =
         {{.word = SASL_CONTINUE}, {.word = SASL_CONTINUE}, {.word = SASL_CONTINUE}, {.word = SASL_NO}},
     .heard = "AUTH LOGIN\n> YWRhQGV4YW1wbGUub3Jn\n> c2VzYW1l\n*\n",
     .kind = ERR_PROTOCOL,
     .part = "more than signing in takes"},
    {.offered = "PLAIN",
     .answers = {{.word = SASL_BROKEN}},
     .heard = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n",
     .kind = ERR_NETWORK,
     .part = "cut"},
    {.offered = "PLAIN",
     .answers = {{.word = SASL_NO, .text = "5.7.8 Bad\033[2J credentials", .code = 535}},
     .heard = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n",
     .kind = ERR_AUTH,
     .part = "Bad\\x1b[2J credentials"},
    {.offered = "PLAIN",
     .login = "ada",
     .answers = {{.word = SASL_NO, .text = "no", .code = 535}},
     .heard = "AUTH PLAIN AGFkYQBzZXNhbWU=\n",
     .kind = ERR_AUTH,
     .part = "full address"},
    {.offered = "PLAIN",
     .answers = {{.word = SASL_NO, .text = "4.7.0 Temporary authentication failure", .code = 454}},
     .heard = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n",
     .kind = ERR_REFUSED_TEMP,
     .part = "at the moment"},
    {.offered = "PLAIN",
     .answers = {{.word = SASL_NO, .text = "[UNAVAILABLE] later", .code = 0, .kind = ERR_REFUSED_TEMP}},
     .heard = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZXNhbWU=\n",
     .kind = ERR_REFUSED_TEMP,
     .part = "UNAVAILABLE"},
};

/* SCRAM's nonce is not foreseeable, so its exchange is judged apart: a success that comes too early. */
static void run_case(const struct run *c)
{
    struct sasl_wire wire = {
        "imap",     !c->no_ir,   c->command_max != 0 ? c->command_max : 512, say_auth, say_response,
        say_cancel, read_answer, c->has_login_command ? plain_login : NULL};
    struct err err = {0};
    struct secret secret;
    struct strv offered = STRV_INIT;
    char host[] = "mail.example.org", login[64];
    memset(login, 0, sizeof login);
    memcpy(login, c->login != NULL ? c->login : "ada@example.org",
           strlen(c->login != NULL ? c->login : "ada@example.org"));
    const char *password = c->password != NULL ? c->password : "sesame";
    struct endpoint server = {.protocol = PROTO_IMAP, .host = host, .port = 993};
    struct credentials who = {.auth = c->choice, .login = login};
    struct session s = {.options = {.server = &server, .who = &who, .secret = &secret}};
    struct peer peer = {.answers = c->answers, .heard = STR_INIT(4096)};
    chat_init(&s.chat, NULL, "mail.example.org:993", NULL, NULL);
    s.chat.local = !c->unsafe;
    secret_init(&secret);
    ck_assert(secret_set(&secret, password, strlen(password), &err));
    if (c->offered[0] != '\0')
        ck_assert(strv_add(&offered, c->offered, &err));

    bool ok = session_authenticate(&s, &wire, &peer, &offered, &err);
    ck_assert_msg(ok == (c->kind == ERR_NONE), "%s", err.what);
    ck_assert_msg(err.kind == c->kind, "%d %s", (int)err.kind, err.what);
    if (c->heard != NULL)
        ck_assert_str_eq(peer.heard.buf, c->heard);
    ck_assert(ok == (s.phase == PHASE_READY));
    if (c->part != NULL)
        ck_assert_msg(strstr(err.what, c->part) != NULL || strstr(err.hint, c->part) != NULL, "%s / %s",
                      err.what, err.hint);
    if (c->kind == ERR_AUTH && c->answers[0].code == 535)
        ck_assert_str_eq(err.enhanced, "5.7.8");
    ck_assert_ptr_null(strstr(err.what, password[1] != '\0' ? password : "sesame"));
    chat_close(&s.chat);
    free(s.mechanism);
    secret_wipe(&secret);
    strv_free(&offered);
    str_wipe(&peer.heard);
}

START_TEST(test_session_authenticate)
{
    run_case(&runs[_i]);
}
END_TEST

START_TEST(test_session_scram_success_too_early)
{
    static const struct run early = {.offered = "SCRAM-SHA-256",
                                     .answers = {{.word = SASL_OK}},
                                     .kind = ERR_PROTOCOL,
                                     .part = "without proving"};
    run_case(&early);
}
END_TEST

/* -- advice -- */

static const struct advice {
    const char *host, *login, *text, *part;
} advices[] = {
    {"smtp.gmail.com", "ada@gmail.com", "5.7.8 Username and Password not accepted.", "apppasswords"},
    {"smtp.gmail.com", "ada", "5.7.8 Username and Password not accepted.", "full address"},
    {"imap.gmail.com", "ada@gmail.com", "[ALERT] Application-specific password required", "app password"},
    {"imap.gmail.com", "ada@gmail.com", "[WEBALERT https://accounts.google.com/x] Web login required.",
     "web browser"},
    {"smtp.gmail.com", "a@gmail.com", "5.7.9 Application-specific password required.", "app password"},
    {"smtp.office365.com", "a@x.org",
     "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "administrator"},
    {"smtp.office365.com", "a@x.org", "5.7.30 Basic authentication is not supported for Client Submission",
     "OAuth2"},
    {"outlook.office365.com", "a@x.org", "LOGIN failed.", "OAuth2"},
    {"imap.mail.me.com", "ada", "[AUTHENTICATIONFAILED]", "app-specific"},
    {"imap.web.de", "ada", "authentication failed", "WEB.DE"},
    {"smtp.mail.yahoo.com", "a@yahoo.com", "(#AUTH005) Too many bad auth attempts.", "minutes"},
    {"smtp.mail.yahoo.com", "a@yahoo.com", "Authentication failed", "app password"},
    {"smtp.fastmail.com", "a@fastmail.com", "Incorrect username or password", "Fastmail"},
    {"imap.163.com", "a@163.com", "SELECT Unsafe Login. Please contact kefu@188.com", "authorisation code"},
    {"mail.example.org", "ada@example.org", "no", "tappal auth login"},
    {"mail.example.org", "ada", "no", "full address"},
    {NULL, NULL, "", "tappal auth login"},
};

START_TEST(test_hint_for_refusal)
{
    const struct advice *a = &advices[_i];
    const char *got = hint_for_refusal(a->host, a->login, a->text);
    ck_assert_msg(strstr(got, a->part) != NULL, "%s", got);
}
END_TEST

START_TEST(test_hint_files_sent)
{
    ck_assert(hint_files_sent("smtp.gmail.com") && hint_files_sent("SMTP.office365.com"));
    ck_assert(hint_files_sent("smtp-mail.outlook.com"));
    ck_assert(!hint_files_sent("smtp-relay.gmail.com") && !hint_files_sent("mail.example.org"));
    ck_assert(!hint_files_sent(NULL));
}
END_TEST

START_TEST(test_hint_before_login)
{
    ck_assert_ptr_nonnull(strstr(hint_before_login("smtp.gmail.com"), "app password"));
    ck_assert_ptr_null(hint_before_login("mail.example.org"));
    ck_assert_ptr_null(hint_before_login("notgmail.com"));
    ck_assert_ptr_null(hint_before_login(NULL));
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *t = tcase_create("session");
    tcase_add_loop_test(t, test_session_authenticate, 0, COUNT(runs));
    tcase_add_test(t, test_session_scram_success_too_early);
    tcase_add_loop_test(t, test_hint_for_refusal, 0, COUNT(advices));
    tcase_add_test(t, test_hint_before_login);
    tcase_add_test(t, test_hint_files_sent);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
