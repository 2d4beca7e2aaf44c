/* pop3 - see pop3.h. */
#include "client/pop3.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/pop3_impl.h"
#include "net/tls_words.h"

#define POP3_SECONDS 180       /* for each line; some servers lock and read the mailbox at the sign-in */
#define POP3_AUTH_LINE_MAX 255 /* RFC 5034: with the CRLF, and with an initial response */
#define PATIENCE 10            /* time limits that a whole listing may take */
#define CAPA_LINES_MAX 256
#define WINDOW 16
#define RENEW_EVERY 65536 /* octets of a message that must come within one time limit */

bool pop3_refused(const struct pop3 *p, enum err_kind kind, const char *what, struct err *err)
{
    char words[400];
    text_clean(words, sizeof words, p->reply.text, p->reply.n);
    if (pop3_reply_is_temporary(&p->reply))
        kind = ERR_REFUSED_TEMP;
    return err_set(err, kind, "The server %s %s%s%s", pop3_peer(p), what, words[0] ? ": " : ".", words);
}

static bool read_line(struct pop3 *p, struct err *err)
{
    bool ok = chat_read_line(&p->session.chat, &p->line, err);
    p->lost = p->lost || !ok;
    return ok;
}

bool pop3_read_reply(struct pop3 *p, struct err *err)
{
    if (!read_line(p, err))
        return false;
    p->reply = pop3_reply_read(p->line.buf, p->line.len);
    if (p->reply.status != POP3_GARBAGE)
        return true;
    p->lost = true;
    return pop3_refused(p, ERR_PROTOCOL, "does not speak POP3, or we lost the thread", err);
}

/* command - one line out, one reply in */
static bool command(struct pop3 *p, const char *line, struct err *err)
{
    return chat_send_bytes(&p->session.chat, line, strlen(line), err) && pop3_read_reply(p, err);
}

bool pop3_next_line(struct pop3 *p, const char **line_r, size_t *n_r, bool *end_r, struct err *err)
{
    if (!read_line(p, err))
        return false;
    bool dot = p->line.len > 0 && p->line.buf[0] == '.';
    *end_r = dot && p->line.len == 1;
    *line_r = p->line.buf + (dot ? 1 : 0);
    *n_r = p->line.len - (dot ? 1 : 0);
    return true;
}

void pop3_listing_begins(struct pop3 *p)
{
    chat_set_end(&p->session.chat, PATIENCE * p->session.chat.limit);
}

bool pop3_listing_too_long(struct pop3 *p, const char *command, struct err *err)
{
    p->lost = true;
    return err_set(err, ERR_PROTOCOL, "The server %s answers %s without end.", pop3_peer(p), command);
}

/* -- opening -- */

static bool read_greeting(struct pop3 *p, struct err *err)
{
    p->session.phase = PHASE_GREETING;
    if (!pop3_read_reply(p, err)) {
        if (err->kind == ERR_PROTOCOL)
            err_hint(err, "POP3 is on port 995 (tls = implicit) or 110 (tls = starttls).");
        return false;
    }
    return p->reply.status == POP3_OK || pop3_refused(p, ERR_REFUSED_TEMP, "does not let us in", err);
}

static bool ask_capabilities(struct pop3 *p, struct err *err)
{
    const char *line;
    size_t n;
    bool end = false;
    p->session.phase = PHASE_CAPABILITY;
    pop3_caps_free(&p->caps);
    if (!command(p, "CAPA", err))
        return false;
    if (p->reply.status != POP3_OK)
        return true; /* an old server: it can what RFC 1939 says */
    pop3_listing_begins(p);
    for (int lines = 0; lines < CAPA_LINES_MAX; lines++) {
        if (!pop3_next_line(p, &line, &n, &end, err))
            return false;
        if (end) {
            chat_set_end(&p->session.chat, 0);
            return true;
        }
        if (!pop3_caps_add(&p->caps, line, n, err))
            return false;
    }
    return pop3_listing_too_long(p, "CAPA", err);
}

/* ask_own_capabilities - where some depend on who asks: they are known only now (RFC 2449, 5) */
static bool ask_own_capabilities(struct pop3 *p, struct err *err)
{
    struct pop3_caps before = p->caps;
    if (!before.per_user)
        return true;
    p->caps = (struct pop3_caps){0};
    bool ok = ask_capabilities(p, err);
    p->session.phase = PHASE_READY;
    if (ok && p->reply.status != POP3_OK) {
        p->caps = before;
        return true;
    }
    pop3_caps_free(&before);
    return ok;
}

/* STLS or nothing: whatever does not go exactly as RFC 2595 has it ends the session. */
static bool start_tls(struct pop3 *p, struct err *err)
{
    p->session.phase = PHASE_TLS;
    if (!p->caps.stls)
        return err_set(err, ERR_TLS, "The server %s does not offer STLS (STARTTLS).", pop3_peer(p)) ||
               err_hint(err,
                        "Most servers speak TLS from the start: tls = implicit, port 995. If this one always "
                        "offered it, somebody on the way may be removing it.");
    if (stream_buffered(p->session.chat.stream) > 0) /* an answer that nobody asked for yet */
        return tls_say_spoke_early(err, pop3_peer(p));
    if (!command(p, "STLS", err))
        return false;
    if (p->reply.status != POP3_OK)
        return pop3_refused(p, ERR_TLS, "does not start TLS as it should", err);
    return session_start_tls(&p->session, err) && ask_capabilities(p, err);
}

/* -- signing in -- */

static bool send_auth(void *protocol, const char *mechanism, const char *ir, struct err *err)
{
    struct pop3 *p = protocol;
    struct str line = STR_INIT(2 * POP3_AUTH_LINE_MAX), shown = STR_INIT(2 * POP3_AUTH_LINE_MAX);
    bool ok = str_reserve(&line, line.max, err) && /* growing would leave copies behind */
              str_addf(&line, err, "AUTH %s%s%s", mechanism, ir ? " " : "", ir ? ir : "") &&
              str_addf(&shown, err, "AUTH %s%s", mechanism, ir ? " ***" : "") &&
              chat_send_secret(&p->session.chat, line.buf, line.len, shown.buf, err);
    str_wipe(&line);
    str_free(&shown);
    return ok;
}

static bool send_response(void *protocol, const char *base64, struct err *err)
{
    struct pop3 *p = protocol;
    return chat_send_secret(&p->session.chat, base64, strlen(base64), "***", err);
}

static bool send_cancel(void *protocol, struct err *err)
{
    struct pop3 *p = protocol;
    return chat_send(&p->session.chat, err, "*");
}

/* begin_utf8 - messages as they are, not made over for those who read ASCII alone (RFC 6856, 2.1). A server that
 * does not want to after all gives what it gave before. */
static bool begin_utf8(struct pop3 *p, struct err *err)
{
    if (!p->caps.utf8)
        return true;
    if (!chat_send(&p->session.chat, err, "UTF8"))
        return false;
    p->utf8_owed = p->caps.pipelining;
    return p->utf8_owed || pop3_read_reply(p, err);
}

static bool settle_utf8(struct pop3 *p, struct err *err)
{
    bool owed = p->utf8_owed;
    p->utf8_owed = false;
    return !owed || pop3_read_reply(p, err);
}

/* judge - what a response code says of a refused sign-in (RFC 2449, 8; RFC 3206) */
static void judge(const struct pop3 *p, struct err *answer)
{
    static const struct {
        const char *code;
        enum err_kind kind;
        const char *hint;
    } codes[] = {
        {"IN-USE", ERR_REFUSED_TEMP, "Another program has this mailbox open; the next run tries again."},
        {"LOGIN-DELAY", ERR_REFUSED_TEMP,
         "The server wants more time between two sign-ins: fetch less often."},
        {"SYS/TEMP", ERR_REFUSED_TEMP,
         "It is the server's own trouble and may pass; the next run tries again."},
        {"SYS/PERM", ERR_REFUSED_PERM,
         "It is the server's own trouble, not the password: whoever runs it has to look at this mailbox."},
    };
    *answer = (struct err){.kind = ERR_NONE};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(p->reply.code, codes[i].code) == 0) {
            answer->kind = codes[i].kind;
            err_hint(answer, "%s", codes[i].hint);
        }
    if (strcmp(p->reply.code, "LOGIN-DELAY") == 0 && p->caps.login_delay > 0)
        err_hint(answer, "The server lets one sign in every %u seconds: fetch less often.",
                 p->caps.login_delay);
}

static enum sasl_word read_answer(void *protocol, struct str *text, struct err *answer, struct err *err)
{
    struct pop3 *p = protocol;
    if (!settle_utf8(p, err) || !pop3_read_reply(p, err) || !str_add(text, p->reply.text, p->reply.n, err))
        return SASL_BROKEN;
    judge(p, answer);
    return p->reply.status == POP3_CHALLENGE ? SASL_CONTINUE : p->reply.status == POP3_OK ? SASL_OK : SASL_NO;
}

static enum sasl_word plain_login(void *protocol, const char *login, const struct secret *password,
                                  struct str *text, struct err *answer, struct err *err)
{
    struct pop3 *p = protocol;
    if (!chat_send(&p->session.chat, err, "USER %s", login))
        return SASL_BROKEN;
    enum sasl_word word = read_answer(protocol, text, answer, err);
    if (word != SASL_OK)
        return word == SASL_CONTINUE ? SASL_NO : word;
    str_clear(text);
    struct str line = STR_INIT(SECRET_MAX + 16);
    bool ok = str_reserve(&line, line.max, err) && str_addz(&line, "PASS ", err) &&
              str_add(&line, password->bytes.buf, password->bytes.len, err) &&
              chat_send_secret(&p->session.chat, line.buf, line.len, "PASS ***", err);
    str_wipe(&line);
    word = ok ? read_answer(protocol, text, answer, err) : SASL_BROKEN;
    return word == SASL_CONTINUE ? SASL_NO : word;
}

static bool sign_in(struct pop3 *p, struct err *err)
{
    static const struct sasl_wire wire = {
        .service = "pop",
        .initial_response = true,
        .command_max = POP3_AUTH_LINE_MAX,
        .send_auth = send_auth,
        .send_response = send_response,
        .send_cancel = send_cancel,
        .read_answer = read_answer,
        .plain_login = plain_login,
    };
    return begin_utf8(p, err) && session_authenticate(&p->session, &wire, p, &p->caps.sasl, err) &&
           settle_utf8(p, err) && ask_own_capabilities(p, err);
}

static bool open_session(struct pop3 *p, struct err *err)
{
    const struct endpoint *server = p->session.options.server;
    chat_set_limit(&p->session.chat, server->timeout ? server->timeout : POP3_SECONDS);
    return read_greeting(p, err) && ask_capabilities(p, err) &&
           (server->tls.mode != TLS_STARTTLS || start_tls(p, err)) && sign_in(p, err);
}

static void pop3_free(struct pop3 *p)
{
    pop3_caps_free(&p->caps);
    str_free(&p->line);
    free(p);
}

bool pop3_open(const struct session_options *options, struct pop3 **pop3_r, enum session_phase *phase_r,
               struct err *err)
{
    struct pop3 *p = calloc(1, sizeof *p);
    *phase_r = PHASE_DIAL;
    if (!p)
        return err_nomem(err);
    str_init(&p->line, CHAT_LINE_MAX);
    bool opened = session_open(options, &p->session, err);
    bool ok = opened && open_session(p, err);
    *phase_r = p->session.phase;
    if (ok) {
        *pop3_r = p;
        return true;
    }
    if (opened)
        session_close(&p->session);
    pop3_free(p);
    return false;
}

void pop3_close(struct pop3 **pop3)
{
    if (!*pop3)
        return;
    session_close(&(*pop3)->session);
    pop3_free(*pop3);
    *pop3 = NULL;
}

bool pop3_usable(const struct pop3 *p)
{
    return !p->lost && !stream_is_cut(p->session.chat.stream);
}

const char *pop3_peer(const struct pop3 *p)
{
    return p->session.chat.peer;
}

const struct pop3_caps *pop3_caps(const struct pop3 *p)
{
    return &p->caps;
}

unsigned pop3_window(const struct pop3 *p)
{
    return p->caps.pipelining ? WINDOW : 1;
}

/* -- messages -- */

bool pop3_send_retr(struct pop3 *p, uint32_t number, struct err *err)
{
    return chat_send(&p->session.chat, err, "RETR %u", number);
}

bool pop3_send_top(struct pop3 *p, uint32_t number, struct err *err)
{
    return chat_send(&p->session.chat, err, "TOP %u 0", number);
}

bool pop3_send_dele(struct pop3 *p, uint32_t number, struct err *err)
{
    return chat_send(&p->session.chat, err, "DELE %u", number);
}

/* take_block - what has come, unstuffed; *n_r octets of the stream are used up */
static bool take_block(struct pop3_text *text, const char *bytes, size_t n, size_t *n_r, pop3_take *take,
                       void *arg, struct err *err)
{
    size_t used = 0;
    while (used < n && !text->done) {
        const char *run;
        size_t run_n;
        used += pop3_text_take(text, bytes + used, n - used, &run, &run_n);
        if (run_n > 0 && !take(arg, run, run_n, err))
            return false;
    }
    *n_r = used;
    return true;
}

static bool stream_text(struct pop3 *p, pop3_take *take, void *arg, struct err *err)
{
    struct chat *chat = &p->session.chat;
    struct pop3_text text = POP3_TEXT_INIT;
    uint64_t total = 0;
    size_t since = 0;
    chat_renew(chat);
    while (!text.done) {
        const char *bytes;
        size_t n;
        if (!stream_peek(chat->stream, &bytes, &n, err))
            return false;
        if (n == 0)
            return err_set(err, ERR_NETWORK, "The server %s hung up in the middle of a message.",
                           pop3_peer(p));
        if (!take_block(&text, bytes, n, &n, take, arg, err))
            return false;
        stream_consume(chat->stream, n);
        total += n;
        since += n;
        if (since >= RENEW_EVERY) {
            chat_renew(chat);
            since = 0;
        }
    }
    chat_remark(chat, "(%llu octets of a message)", (unsigned long long)total);
    return true;
}

bool pop3_read_text(struct pop3 *p, pop3_take *take, void *arg, bool *ok_r, struct err *err)
{
    if (!pop3_read_reply(p, err))
        return false;
    *ok_r = p->reply.status == POP3_OK || pop3_refused(p, ERR_REFUSED_PERM, "does not give a message", err);
    if (!*ok_r)
        return true;
    bool ok = stream_text(p, take, arg, err);
    p->lost = p->lost || !ok; /* also where the fault is ours: we stand inside a message */
    return ok;
}

bool pop3_read_dele(struct pop3 *p, bool *ok_r, struct err *err)
{
    if (!pop3_read_reply(p, err))
        return false;
    *ok_r = p->reply.status == POP3_OK || pop3_refused(p, ERR_REFUSED_PERM, "does not delete a message", err);
    return true;
}

bool pop3_quit(struct pop3 *p, struct err *err)
{
    if (!command(p, "QUIT", err))
        return false;
    p->lost = true; /* there is nothing more to say */
    return p->reply.status == POP3_OK || pop3_refused(p, ERR_REFUSED_TEMP, "did not make all deletions", err);
}
