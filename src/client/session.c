/* session - opening a connection and signing in, the same for SMTP, IMAP and POP3.
 *
 * The system's trust store takes some 7 ms to load, about what a connect takes: dial() calls back
 * while it waits. The password is asked for when the connection stands, used once, and wiped. */
#include "client/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/hint.h"

#define DIAL_SECONDS 90
#define TLS_SECONDS 60
#define CHALLENGE_MAX 12288 /* RFC 4954 4.5 */
#define RESPONSE_MAX (2 * SECRET_MAX + 4096)
#define ROUNDS_MAX 10

static uint32_t limit(const struct session *s, uint32_t usual)
{
    uint32_t own = s->options.server->timeout;
    return own != 0 ? own : usual;
}

static const char *tls_name(const struct session *s)
{
    const struct endpoint *server = s->options.server;
    return server->host != NULL ? server->host : "localhost";
}

/* -- opening -- */

struct trust_job {
    const struct tls_settings *settings;
    struct tls_trust *trust;
    bool done, ok;
    struct err err;
};

static void load_trust(void *arg)
{
    struct trust_job *job = arg;
    if (!job->done && job->settings->mode != TLS_OFF)
        job->ok = tls_trust_load(job->settings, &job->trust, &job->err);
    else if (!job->done)
        job->ok = true;
    job->done = true;
}

static bool dial_and_load(struct session *s, struct stream **stream_r, struct err *err)
{
    struct trust_job job = {.settings = &s->options.server->tls};
    s->phase = PHASE_DIAL;
    int64_t deadline = clock_mono_ms() + 1000 * (int64_t)limit(s, DIAL_SECONDS);
    bool dialled = dial(s->options.server, deadline, load_trust, &job, stream_r, err);
    if (dialled)
        load_trust(&job); /* where the connect took no waiting */
    s->trust = job.trust;
    if (!dialled)
        return false;
    s->phase = PHASE_TLS;
    if (!job.ok)
        *err = job.err;
    return job.ok;
}

static bool start_implicit_tls(struct session *s, struct stream *stream, struct err *err)
{
    const struct tls_settings *settings = &s->options.server->tls;
    if (settings->mode != TLS_IMPLICIT)
        return true;
    stream_set_deadline(stream, clock_mono_ms() + 1000 * (int64_t)limit(s, TLS_SECONDS));
    return tls_start(stream, s->trust, settings, tls_name(s), err);
}

bool session_open(const struct session_options *options, struct session *s_r, struct err *err)
{
    const struct endpoint *server = options->server;
    *s_r = (struct session){.options = *options};
    struct str name = STR_INIT(1024);
    struct stream *stream = NULL;
    bool ok = dial_name(server, &name, err) && dial_and_load(s_r, &stream, err) &&
              start_implicit_tls(s_r, stream, err);
    if (ok) {
        chat_init(&s_r->chat, stream, name.buf, options->watch, options->watch_arg);
        s_r->chat.tls = server->tls.mode == TLS_IMPLICIT;
        s_r->chat.local = dial_is_loopback(server) || server->tunnel.count > 0;
        s_r->phase = PHASE_GREETING;
    } else {
        stream_close(&stream);
        tls_trust_free(&s_r->trust);
    }
    str_free(&name);
    return ok;
}

bool session_start_tls(struct session *s, struct err *err)
{
    s->phase = PHASE_TLS;
    chat_set_limit(&s->chat, limit(s, TLS_SECONDS));
    if (!chat_start_tls(&s->chat, s->trust, &s->options.server->tls, tls_name(s), err))
        return false;
    s->phase = PHASE_CAPABILITY;
    return true;
}

void session_close(struct session *s)
{
    chat_close(&s->chat);
    tls_trust_free(&s->trust);
    free(s->mechanism);
    s->mechanism = NULL;
}

/* -- signing in -- */

/* One exchange, and what it may need to be wiped afterwards. */
struct exchange {
    struct session *s;
    const struct sasl_wire *wire;
    void *protocol;
    struct sasl *sasl;
    struct str text;   /* the server's last challenge or final words */
    struct str raw;    /* a challenge or response, decoded */
    struct str base64; /* a response, encoded */
    struct err answer;
};

static void exchange_init(struct exchange *x, struct session *s, const struct sasl_wire *wire, void *protocol)
{
    *x = (struct exchange){.s = s, .wire = wire, .protocol = protocol};
    str_init(&x->text, CHAT_LINE_MAX);
    str_init(&x->raw, RESPONSE_MAX);
    str_init(&x->base64, 2 * RESPONSE_MAX);
}

static void exchange_end(struct exchange *x)
{
    sasl_free(&x->sasl);
    str_wipe(&x->text);
    str_wipe(&x->raw);
    str_wipe(&x->base64);
}

/* The next response, encoded into x->base64, to the decoded challenge in `in`. */
static bool respond(struct exchange *x, const char *in, size_t n, struct err *err)
{
    struct str out = STR_INIT(RESPONSE_MAX);
    str_wipe(&x->base64);
    /* Room for all of it at once: growing would leave copies of the secret behind. */
    bool ok = str_reserve(&out, RESPONSE_MAX, err) && sasl_step(x->sasl, in, n, &out, err) &&
              str_reserve(&x->base64, out.len / 3 * 4 + 8, err) &&
              text_add_base64(&x->base64, out.buf, out.len, err);
    str_wipe(&out);
    return ok;
}

/* Begins: with the initial response where there is one, it may go with the command, and the line bears it. */
static bool send_command(struct exchange *x, const char *mechanism, bool *response_sent_r, struct err *err)
{
    const struct sasl_wire *wire = x->wire;
    *response_sent_r = false;
    if (!sasl_client_first(x->sasl))
        return wire->send_auth(x->protocol, mechanism, NULL, err);
    if (!respond(x, NULL, 0, err))
        return false;
    size_t line = strlen("AUTH  \r\n") + strlen(mechanism) + x->base64.len;
    if (!wire->initial_response || line > wire->command_max)
        return wire->send_auth(x->protocol, mechanism, NULL, err);
    *response_sent_r = true;
    return wire->send_auth(x->protocol, mechanism, x->base64.len == 0 ? "=" : x->base64.buf, err);
}

/* Says that we give up, and reads the server's word on it, which does not matter. */
static void cancel(struct exchange *x)
{
    struct err ignored = {0};
    if (x->wire->send_cancel(x->protocol, &ignored))
        (void)x->wire->read_answer(x->protocol, &x->text, &x->answer, &ignored);
}

static bool answer_challenge(struct exchange *x, bool response_waiting, struct err *err)
{
    str_clear(&x->raw);
    bool ok =
        x->text.len <= CHALLENGE_MAX
            ? text_add_unbase64(&x->raw, x->text.buf, x->text.len, err)
            : err_set(err, ERR_PROTOCOL, "The server's challenge is longer than %d bytes.", CHALLENGE_MAX);
    /* The first challenge behind a command without initial response is empty and asks for just that. */
    if (ok && !response_waiting)
        ok = respond(x, x->raw.buf, x->raw.len, err);
    if (!ok) {
        cancel(x);
        return false;
    }
    return x->wire->send_response(x->protocol, x->base64.buf, err);
}

static enum sasl_word exchange_run(struct exchange *x, const char *mechanism, struct err *err)
{
    bool response_sent;
    if (!send_command(x, mechanism, &response_sent, err))
        return SASL_BROKEN;
    bool response_waiting = sasl_client_first(x->sasl) && !response_sent;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        str_clear(&x->text);
        enum sasl_word word = x->wire->read_answer(x->protocol, &x->text, &x->answer, err);
        if (word == SASL_OK)
            return sasl_finish(x->sasl, err) ? SASL_OK : SASL_BROKEN;
        if (word != SASL_CONTINUE)
            return word;
        if (!answer_challenge(x, response_waiting, err))
            return SASL_BROKEN;
        response_waiting = false;
    }
    err_set(err, ERR_PROTOCOL, "The server asked more than %d questions to sign in.", ROUNDS_MAX);
    return SASL_BROKEN;
}

static bool is_temporary(const struct err *answer)
{
    return answer->kind == ERR_REFUSED_TEMP || (answer->code >= 400 && answer->code < 500);
}

/* The server said no. Its words are cleaned here; code and status are kept. */
static bool refused(const struct exchange *x, struct err *err)
{
    const struct credentials *who = x->s->options.who;
    const char *login = who->login != NULL ? who->login : "the client certificate";
    char words[400];
    text_clean(words, sizeof words, x->text.buf, x->text.len);
    if (is_temporary(&x->answer))
        err_set(err, ERR_REFUSED_TEMP, "The server %s does not let %s sign in at the moment: %s",
                x->s->chat.peer, login, words);
    else if (x->answer.kind == ERR_REFUSED_PERM)
        err_set(err, ERR_REFUSED_PERM, "The server %s does not let %s sign in: %s", x->s->chat.peer, login,
                words);
    else
        err_set(err, ERR_AUTH, "The server %s refused the password of %s: %s", x->s->chat.peer, login, words);
    err->code = x->answer.code;
    memcpy(err->enhanced, x->answer.enhanced, sizeof err->enhanced);
    return err_hint(err, "%s",
                    x->answer.hint[0] ? x->answer.hint
                                      : hint_for_refusal(x->s->options.server->host, who->login, words));
}

/* Names the server in errors of the layers below that do not know it. */
static bool blame_server(const struct session *s, struct err *err)
{
    return strstr(err->what, s->chat.peer) == NULL ? err_prefix(err, "%s: ", s->chat.peer) : false;
}

static const char *keyring_service(enum protocol protocol)
{
    return protocol == PROTO_IMAP ? "imap" : protocol == PROTO_POP3 ? "pop3" : "smtp";
}

static bool get_secret(struct session *s, struct secret *secret, struct err *err)
{
    const struct session_options *o = &s->options;
    s->phase = PHASE_SECRET;
    if (o->secret != NULL)
        return secret_set(secret, o->secret->bytes.buf, o->secret->bytes.len, err);
    struct secret_query query = {
        .account = o->account,
        .host = o->server->host,
        .service = keyring_service(o->server->protocol),
        .login = o->who->login,
        .config_dir = o->config_dir,
        .may_prompt = o->may_prompt,
    };
    return secret_get(&o->who->password_from, &query, secret, err) == SECRET_FOUND;
}

/* Runs `mechanism`, or the protocol's own login where it is NULL. */
static bool sign_in(struct exchange *x, const char *mechanism, const struct sasl_param *param,
                    struct err *err)
{
    enum sasl_word word = SASL_BROKEN;
    x->s->phase = PHASE_AUTH;
    if (mechanism == NULL)
        word = x->wire->plain_login(x->protocol, param->login, param->secret, &x->text, &x->answer, err);
    else if (sasl_begin(mechanism, param, &x->sasl, err))
        word = exchange_run(x, mechanism, err);
    if (word == SASL_NO)
        return refused(x, err);
    if (word != SASL_OK)
        return blame_server(x->s, err);
    x->s->mechanism = strdup(mechanism != NULL ? mechanism : "login command");
    if (x->s->mechanism == NULL)
        return err_nomem(err);
    x->s->phase = PHASE_READY;
    return true;
}

/* May the protocol's own plain command stand in where no mechanism fits? */
static bool plain_login_fits(const struct session *s, const struct sasl_wire *wire, bool safe)
{
    enum auth_choice choice = s->options.who->auth;
    return safe && wire->plain_login != NULL && s->options.who->login != NULL &&
           (choice == AUTH_AUTO || choice == AUTH_PLAIN || choice == AUTH_LOGIN);
}

/* name_account - hints are written for anybody: "tappal auth login ACCOUNT" */
static void name_account(const struct session *s, struct err *err)
{
    static const char word[] = "ACCOUNT";
    char rest[sizeof err->hint], *at = strstr(err->hint, word);
    if (at == NULL || s->options.account == NULL)
        return;
    size_t room = sizeof err->hint - (size_t)(at - err->hint);
    snprintf(rest, sizeof rest, "%s", at + strlen(word));
    snprintf(at, room, "%s%s", s->options.account, rest);
}

bool session_authenticate(struct session *s, const struct sasl_wire *wire, void *protocol,
                          const struct strv *offered, struct err *err)
{
    const struct endpoint *server = s->options.server;
    const struct credentials *who = s->options.who;
    if (who->auth == AUTH_NONE) {
        s->phase = PHASE_READY;
        return true;
    }
    s->phase = PHASE_AUTH;
    struct str binding = STR_INIT(256);
    struct secret secret;
    struct exchange x;
    struct sasl_param param = {
        .login = who->login,
        .secret = &secret,
        .service = wire->service,
        .host = server->host,
        .port = server->port,
    };
    secret_init(&secret);
    exchange_init(&x, s, wire, protocol);
    bool safe = s->chat.tls || s->chat.local;
    bool bound = s->chat.tls && tls_channel_binding(s->chat.stream, &param.binding.type, &binding);
    if (bound) {
        param.binding.data = binding.buf;
        param.binding.n = binding.len;
    }
    struct err why = {0};
    const char *mechanism =
        sasl_choose(who->auth, offered, safe, bound, s->chat.tls && server->tls.cert != NULL, &why);
    bool ok = mechanism != NULL || plain_login_fits(s, wire, safe);
    if (!ok) {
        *err = why;
        blame_server(s, err);
    }
    if (ok && (mechanism == NULL || sasl_needs_secret(mechanism)))
        ok = get_secret(s, &secret, err) && chat_hide(&s->chat, secret.bytes.buf, secret.bytes.len, err);
    ok = ok && sign_in(&x, mechanism, &param, err);
    if (!ok)
        name_account(s, err);
    exchange_end(&x);
    chat_forget(&s->chat);
    secret_wipe(&secret);
    str_wipe(&binding);
    return ok;
}
