/* smtp - opening a session: greeting, EHLO, STARTTLS, AUTH. The transactions are in smtp_send.c. */
#include "client/smtp.h"

#include <stdlib.h>
#include <string.h>

#include "client/smtp_impl.h"
#include "net/tls_words.h"

#define ANONYMOUS_EHLO "[127.0.0.1]" /* no name of this machine, no address of its network */

/* -- lines and replies -- */

static uint32_t seconds(const struct smtp *s, uint32_t usual)
{
    uint32_t own = s->session.options.server->timeout;
    return own != 0 ? own : usual;
}

bool smtp_is_lmtp(const struct smtp *s)
{
    return s->session.options.server->protocol == PROTO_LMTP;
}

void smtp_set_limit(struct smtp *s, uint32_t usual)
{
    chat_set_limit(&s->session.chat, seconds(s, usual));
}

bool smtp_read_reply(struct smtp *s, uint32_t usual, struct err *err)
{
    enum smtp_reply_step step = SMTP_REPLY_MORE;

    smtp_reply_clear(&s->reply);
    smtp_set_limit(s, usual);
    chat_set_end(&s->session.chat, seconds(s, usual)); /* for the whole reply, not for each of its lines */
    while (step == SMTP_REPLY_MORE) {
        if (!chat_read_line(&s->session.chat, &s->line, err)) {
            s->lost = true;
            return false;
        }
        step = smtp_reply_add(&s->reply, s->line.buf, s->line.len, err);
    }
    chat_set_end(&s->session.chat, 0);
    if (step == SMTP_REPLY_BROKEN) {
        s->lost = true;
        return err_prefix(err, "%s: ", smtp_peer(s));
    }
    s->lost = s->lost || s->reply.code == 421;
    return true;
}

bool smtp_is(const struct smtp *s, int first_digit)
{
    return s->reply.code / 100 == first_digit;
}

/* The server's words with their code, as a sentence of ours ends with them. */
static bool show_reply(const struct smtp *s, struct str *out, struct err *err)
{
    return str_addf(out, err, "%d%s%s ", s->reply.code, s->reply.enhanced[0] != '\0' ? " " : "",
                    s->reply.enhanced) &&
           smtp_reply_show(&s->reply, out, err);
}

bool smtp_refused(const struct smtp *s, enum err_kind kind, const char *what, struct err *err)
{
    struct str words = STR_INIT(SMTP_REPLY_SHOWN_MAX + 64);
    bool shown = show_reply(s, &words, err);

    if (shown) {
        err_set(err, kind, "The server %s %s: %s", smtp_peer(s), what, words.buf);
        err->code = s->reply.code;
        memcpy(err->enhanced, s->reply.enhanced, sizeof(err->enhanced));
    }
    str_free(&words);
    return false;
}

static enum err_kind kind_of_reply(const struct smtp *s)
{
    return smtp_is(s, 4) ? ERR_REFUSED_TEMP : smtp_is(s, 5) ? ERR_REFUSED_PERM : ERR_PROTOCOL;
}

/* -- the steps of opening -- */

static bool read_greeting(struct smtp *s, struct err *err)
{
    s->session.phase = PHASE_GREETING;
    if (!smtp_read_reply(s, SMTP_SECONDS_GREETING, err)) {
        if (err->kind == ERR_PROTOCOL && !smtp_is_lmtp(s))
            err_hint(err, "Mail is handed in by SMTP, on port 465 (tls = implicit) or 587 (tls = starttls).");
        return false;
    }
    return s->reply.code == 220 || smtp_refused(s, kind_of_reply(s), "does not let us in", err);
}

/* Each of the two protocols refuses the other's first word. */
static bool refuses_ehlo(const struct smtp *s, struct err *err)
{
    (void)!smtp_refused(s, kind_of_reply(s),
                        smtp_is_lmtp(s) ? "does not take our LHLO" : "does not take our EHLO", err);
    if (s->reply.code >= 500 && s->reply.code <= 504) {
        err_hint(err, smtp_is_lmtp(s) ? "Does it speak SMTP? Then take protocol = lmtp out."
                                      : "Does it speak LMTP? Then write protocol = lmtp under [send].");
    }
    return false;
}

static bool say_ehlo(struct smtp *s, const char *name, struct err *err)
{
    s->session.phase = PHASE_CAPABILITY;
    str_clear(&s->out);
    if (!smtp_command_ehlo(&s->out, smtp_is_lmtp(s) ? "LHLO" : "EHLO", name, err) ||
        !chat_send_bytes(&s->session.chat, s->out.buf, s->out.len, err) ||
        !smtp_read_reply(s, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    smtp_caps_free(&s->caps);
    return s->reply.code == 250 ? smtp_caps_parse(&s->reply, &s->caps, err) : refuses_ehlo(s, err);
}

/* STARTTLS or nothing: whatever does not go exactly as RFC 3207 has it ends the session, and what was heard
 * before is forgotten by the EHLO that follows. */
static bool start_tls(struct smtp *s, struct err *err)
{
    s->session.phase = PHASE_TLS;
    if (!s->caps.starttls) {
        return err_set(err, ERR_TLS, "The server %s does not offer STARTTLS.", smtp_peer(s)) ||
               err_hint(err,
                        "%s If this one always offered STARTTLS, somebody on the way may be removing it.",
                        smtp_is_lmtp(s)
                            ? "Many LMTP servers have TLS only from the start (tls = implicit), or listen "
                              "on a UNIX socket (socket = PATH)."
                            : "Most servers speak TLS from the start: tls = implicit, port 465.");
    }
    if (stream_buffered(s->session.chat.stream) > 0) { /* an answer that nobody asked for yet */
        return tls_say_spoke_early(err, smtp_peer(s));
    }
    if (!chat_send(&s->session.chat, err, "STARTTLS") || !smtp_read_reply(s, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    if (s->reply.code != 220 || s->reply.lines != 1) {
        return smtp_refused(s, ERR_TLS, "does not start TLS as it should", err);
    }
    return session_start_tls(&s->session, err);
}

/* -- AUTH (RFC 4954) -- */

static bool send_auth(void *protocol, const char *mechanism, const char *ir, struct err *err)
{
    struct smtp *s = protocol;
    struct str line = STR_INIT(SMTP_AUTH_LINE_MAX), shown = STR_INIT(SMTP_AUTH_LINE_MAX);
    bool ok = str_reserve(&line, SMTP_AUTH_LINE_MAX, err) && /* growing would leave copies behind */
              str_addf(&line, err, "AUTH %s%s%s", mechanism, ir != NULL ? " " : "", ir != NULL ? ir : "") &&
              str_addf(&shown, err, "AUTH %s%s", mechanism, ir != NULL ? " ***" : "") &&
              chat_send_secret(&s->session.chat, line.buf, line.len, shown.buf, err);
    str_wipe(&line);
    str_free(&shown);
    return ok;
}

static bool send_response(void *protocol, const char *base64, struct err *err)
{
    struct smtp *s = protocol;
    return chat_send_secret(&s->session.chat, base64, strlen(base64), "***", err);
}

static bool send_cancel(void *protocol, struct err *err)
{
    struct smtp *s = protocol;
    return chat_send(&s->session.chat, err, "*");
}

static enum sasl_word read_answer(void *protocol, struct str *text, struct err *answer, struct err *err)
{
    struct smtp *s = protocol;

    if (!smtp_read_reply(s, SMTP_SECONDS_COMMAND, err)) {
        return SASL_BROKEN;
    }
    *answer = (struct err){.code = s->reply.code};
    memcpy(answer->enhanced, s->reply.enhanced, sizeof(answer->enhanced));
    if (smtp_is(s, 3)) { /* a challenge is one line, as it came */
        return str_add(text, s->reply.text.buf, s->reply.text.len - 1, err) ? SASL_CONTINUE : SASL_BROKEN;
    }
    return !smtp_reply_show(&s->reply, text, err) ? SASL_BROKEN : smtp_is(s, 2) ? SASL_OK : SASL_NO;
}

static bool sign_in(struct smtp *s, struct err *err)
{
    const struct sasl_wire wire = {
        .service = smtp_is_lmtp(s) ? "lmtp" : "smtp",
        .initial_response = true,
        .command_max = SMTP_AUTH_LINE_MAX,
        .send_auth = send_auth,
        .send_response = send_response,
        .send_cancel = send_cancel,
        .read_answer = read_answer,
    };
    return session_authenticate(&s->session, &wire, s, &s->caps.auth, err);
}

/* -- the session -- */

static struct smtp *smtp_new(struct err *err)
{
    struct smtp *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_nomem(err);
        return NULL;
    }
    smtp_reply_init(&s->reply);
    str_init(&s->line, SMTP_REPLY_LINE_MAX);
    str_init(&s->out, SMTP_OUT_MAX);
    str_init(&s->text, SMTP_WHOLE_MAX);
    str_init(&s->repaired, SMTP_REPAIRED_MAX);
    str_init(&s->mime.header, 0);
    return s;
}

static void smtp_free(struct smtp *s)
{
    smtp_caps_free(&s->caps);
    smtp_reply_free(&s->reply);
    str_free(&s->line);
    str_free(&s->out);
    str_free(&s->text);
    str_free(&s->repaired);
    mime_free(&s->mime);
    free(s);
}

bool smtp_open(const struct session_options *options, const char *ehlo, struct smtp **smtp_r,
               enum session_phase *phase_r, struct err *err)
{
    const char *name = ehlo != NULL ? ehlo : ANONYMOUS_EHLO;
    bool starttls = options->server->tls.mode == TLS_STARTTLS;
    struct smtp *s = smtp_new(err);
    if (s == NULL) {
        *phase_r = PHASE_DIAL;
        return false;
    }
    bool opened = session_open(options, &s->session, err);
    bool ok = opened && read_greeting(s, err) && say_ehlo(s, starttls ? ANONYMOUS_EHLO : name, err) &&
              (!starttls || (start_tls(s, err) && say_ehlo(s, name, err))) && sign_in(s, err);
    *phase_r = s->session.phase;
    if (ok) {
        *smtp_r = s;
        return true;
    }
    if (opened) {
        session_close(&s->session);
    }
    smtp_free(s);
    return false;
}

void smtp_close(struct smtp **smtp)
{
    struct smtp *s = *smtp;
    struct err ignored;

    if (s == NULL) {
        return;
    }
    if (!s->lost && chat_send(&s->session.chat, &ignored, "QUIT")) {
        chat_set_limit(&s->session.chat, SMTP_SECONDS_QUIT);
        (void)!chat_flush(&s->session.chat, &ignored);
    }
    session_close(&s->session);
    smtp_free(s);
    *smtp = NULL;
}

bool smtp_usable(const struct smtp *s)
{
    return !s->lost && smtp_room(s) > 0;
}

uint64_t smtp_room(const struct smtp *s)
{
    uint64_t max = s->caps.mail_max;
    return max == 0 ? UINT64_MAX : s->mails < max ? max - s->mails : 0;
}

bool smtp_pipelines(const struct smtp *s)
{
    return s->caps.pipelining;
}

bool smtp_chunks(const struct smtp *s)
{
    return s->caps.chunking && !smtp_is_lmtp(s); /* RFC 2033 says nothing of BDAT's answers */
}

void smtp_note_most(struct smtp *s, size_t recipients)
{
    s->caps.rcpt_max = recipients;
}

bool smtp_knows_dsn(const struct smtp *s)
{
    return s->caps.dsn;
}

const char *smtp_peer(const struct smtp *s)
{
    return s->session.chat.peer;
}
