/* imap - opening a session, and giving commands. Listening is in imap_read.c. */
#include "client/imap_impl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/tls_words.h"

#define IMAP_SECONDS 180    /* for each line; a large folder may take a server that long to open */
#define BYE_SECONDS 5       /* to get our LOGOUT out */
#define AUTH_LINE_MAX 16384 /* tokens are long; Dovecot takes lines of this length before the sign-in */

static bool refuse(const struct imap *imap, enum err_kind kind, const char *what,
                   const struct imap_part *text, struct err *err)
{
    char words[400];
    text_clean(words, sizeof words, text->at, text->n);
    return err_set(err, kind, "The server %s %s%s%s", imap_peer(imap), what, words[0] ? ": " : ".", words);
}

/* -- commands -- */

static struct imap_pending *new_pending(struct imap *imap)
{
    for (size_t i = 0; i < IMAP_OUTSTANDING_MAX; i++)
        if (imap->pending[i].tag == 0) {
            imap->pending[i] = (struct imap_pending){.tag = ++imap->tags};
            return &imap->pending[i];
        }
    return NULL;
}

/* send_line - "TAG " and the command; `shown` stands for it where it holds a secret */
static bool send_line(struct imap *imap, const struct imap_pending *p, const char *command, size_t n,
                      const char *shown, struct err *err)
{
    struct str line = STR_INIT(n + 32), masked = STR_INIT(512);
    bool ok = str_reserve(&line, n + 16, err) && str_addf(&line, err, "T%u ", p->tag) &&
              str_add(&line, command, n, err) &&
              (!shown || str_addf(&masked, err, "T%u %s", p->tag, shown)) &&
              (shown ? chat_send_secret(&imap->session.chat, line.buf, line.len, masked.buf, err)
                     : chat_send_bytes(&imap->session.chat, line.buf, line.len, err));
    if (shown)
        str_wipe(&line);
    str_free(&line);
    str_free(&masked);
    imap->lost = imap->lost || !ok;
    return ok;
}

static bool send_command(struct imap *imap, const char *command, size_t n, const char *shown, unsigned *tag_r,
                         struct err *err)
{
    struct imap_pending *p = new_pending(imap);
    if (!p)
        return err_set(err, ERR_INTERNAL, "Too many commands wait for %s.", imap_peer(imap));
    *tag_r = p->tag;
    return send_line(imap, p, command, n, shown, err);
}

bool imap_send(struct imap *imap, unsigned *tag_r, struct err *err, const char *fmt, ...)
{
    struct str command = STR_INIT(CHAT_LINE_MAX);
    va_list ap;
    va_start(ap, fmt);
    bool ok = str_addv(&command, err, fmt, ap);
    va_end(ap);
    ok = ok && send_command(imap, command.buf, command.len, NULL, tag_r, err);
    str_free(&command);
    return ok;
}

bool imap_await(struct imap *imap, unsigned tag, const struct imap_events *events,
                struct imap_answer *answer_r, struct err *err)
{
    imap->news = 0;
    for (imap_be_patient(imap);;) {
        for (size_t i = 0; i < IMAP_OUTSTANDING_MAX; i++) {
            struct imap_pending *p = &imap->pending[i];
            if (p->tag != tag || !p->done)
                continue;
            chat_set_end(&imap->session.chat, 0);
            *answer_r = p->answer;
            p->tag = 0;
            return true;
        }
        struct imap_reply r;
        if (!imap_read(imap, events, &r, err))
            return false;
        if (r.form == IMAP_CONTINUE) {
            imap->lost = true;
            return refuse(imap, ERR_PROTOCOL, "asks to go on where there is nothing to go on with", &r.text,
                          err);
        }
        if (r.form == IMAP_TAGGED && !imap_complete(imap, &r, err))
            return false;
    }
}

bool imap_refused(const struct imap *imap, const struct imap_answer *answer, const char *what,
                  struct err *err)
{
    return err_set(err, answer->temporary ? ERR_REFUSED_TEMP : ERR_REFUSED_PERM,
                   "The server %s refused to %s: %s", imap_peer(imap), what,
                   answer->text[0] ? answer->text : "it did not say why");
}

bool imap_finish(struct imap *imap, unsigned tag, const struct imap_events *events, const char *what,
                 struct err *err)
{
    struct imap_answer answer;
    return imap_await(imap, tag, events, &answer, err) &&
           (answer.status == IMAP_OK || imap_refused(imap, &answer, what, err));
}

bool imap_select(struct imap *imap, const char *name, bool read_only, struct err *err)
{
    unsigned tag;
    struct str quoted = STR_INIT(8192);
    imap->box = (struct imap_box){0};
    bool ok = imap_add_quoted(&quoted, name, strlen(name), err) &&
              imap_send(imap, &tag, err, "%s %s", read_only ? "EXAMINE" : "SELECT", quoted.buf) &&
              imap_finish(imap, tag, NULL, "open the folder", err);
    str_free(&quoted);
    return ok;
}

bool imap_send_fetch(struct imap *imap, const struct uidset *set, const char *items, unsigned *tag_r,
                     struct err *err)
{
    struct str text = STR_INIT(CHAT_LINE_MAX);
    bool ok =
        uidset_write(set, &text, err) && imap_send(imap, tag_r, err, "UID FETCH %s (%s)", text.buf, items);
    str_free(&text);
    return ok;
}

/* -- opening -- */

static bool read_greeting(struct imap *imap, struct err *err)
{
    struct imap_reply r;
    imap->session.phase = PHASE_GREETING;
    if (!imap_read(imap, NULL, &r, err)) {
        if (err->kind == ERR_PROTOCOL) {
            struct imap_part line = {.at = imap->line.buf, .n = imap->line.len};
            refuse(imap, ERR_PROTOCOL, "does not speak IMAP", &line, err);
            err_hint(err, "IMAP is on port 993 (tls = implicit) or 143 (tls = starttls).");
        }
        return false;
    }
    const struct session *s = &imap->session;
    imap->session.phase = PHASE_CAPABILITY;
    if (r.form == IMAP_UNTAGGED && r.status == IMAP_OK)
        return true;
    if (r.form == IMAP_UNTAGGED && r.status == IMAP_PREAUTH) {
        /* Somebody in the middle could skip STARTTLS by this word (CVE-2021-39272). */
        if (!s->chat.tls && (!s->chat.local || s->options.server->tls.mode == TLS_STARTTLS))
            return refuse(imap, ERR_TLS, "says that we are signed in already, before TLS", &r.text, err) ||
                   err_hint(err, "Use tls = implicit. If it is so already, do not trust this network.");
        imap->session.phase = PHASE_READY;
        return true;
    }
    return refuse(imap, r.status == IMAP_BYE ? ERR_REFUSED_TEMP : ERR_PROTOCOL, "does not let us in", &r.text,
                  err);
}

static bool ask_capabilities(struct imap *imap, struct err *err)
{
    unsigned tag;
    return imap->told || (imap_send(imap, &tag, err, "CAPABILITY") &&
                          imap_finish(imap, tag, NULL, "say what it can do", err));
}

/* STARTTLS or nothing: its OK must be the very next line and the last one before TLS, and all that was heard
 * until then is forgotten. */
static bool start_tls(struct imap *imap, struct err *err)
{
    unsigned tag;
    struct imap_reply r;
    if (!ask_capabilities(imap, err))
        return false;
    imap->session.phase = PHASE_TLS;
    if (!imap_can(imap, "STARTTLS"))
        return err_set(err, ERR_TLS, "The server %s does not offer STARTTLS.", imap_peer(imap)) ||
               err_hint(err,
                        "Most servers speak TLS from the start: tls = implicit, port 993. If this one always "
                        "offered STARTTLS, somebody on the way may be removing it.");
    if (stream_buffered(imap->session.chat.stream) > 0) /* an answer that nobody asked for yet */
        return tls_say_spoke_early(err, imap_peer(imap));
    if (!imap_send(imap, &tag, err, "STARTTLS") || !imap_read(imap, NULL, &r, err))
        return false;
    if (r.form != IMAP_TAGGED || r.status != IMAP_OK)
        return refuse(imap, ERR_TLS, "does not start TLS as it should", &r.text, err);
    struct imap_answer answer;
    if (!imap_complete(imap, &r, err) || !imap_await(imap, tag, NULL, &answer, err) ||
        !session_start_tls(&imap->session, err))
        return false;
    strv_free(&imap->capabilities);
    imap->told = false;
    imap->bye[0] = '\0';
    return true;
}

/* -- signing in -- */

static bool send_auth(void *protocol, const char *mechanism, const char *ir, struct err *err)
{
    unsigned tag;
    struct imap *imap = protocol;
    struct str line = STR_INIT(AUTH_LINE_MAX), shown = STR_INIT(256);
    bool ok = str_reserve(&line, AUTH_LINE_MAX, err) && /* growing would leave copies behind */
              str_addf(&line, err, "AUTHENTICATE %s%s%s", mechanism, ir ? " " : "", ir ? ir : "") &&
              str_addf(&shown, err, "AUTHENTICATE %s%s", mechanism, ir ? " ***" : "") &&
              send_command(imap, line.buf, line.len, shown.buf, &tag, err);
    str_wipe(&line);
    str_free(&shown);
    return ok;
}

static bool send_response(void *protocol, const char *base64, struct err *err)
{
    struct imap *imap = protocol;
    return chat_send_secret(&imap->session.chat, base64, strlen(base64), "***", err);
}

static bool send_cancel(void *protocol, struct err *err)
{
    struct imap *imap = protocol;
    return chat_send(&imap->session.chat, err, "*");
}

/* read_answer - a challenge, or the completion of the one command that is under way */
static enum sasl_word read_answer(void *protocol, struct str *text, struct err *answer, struct err *err)
{
    struct imap *imap = protocol;
    struct imap_reply r;
    imap_be_patient(imap);
    do {
        if (!imap_read(imap, NULL, &r, err))
            return SASL_BROKEN;
    } while (r.form == IMAP_UNTAGGED);
    *answer = (struct err){.kind = imap_reply_is_temporary(&r) ? ERR_REFUSED_TEMP : ERR_NONE};
    if (!str_add(text, r.text.at, r.text.n, err))
        return SASL_BROKEN;
    if (r.form == IMAP_CONTINUE)
        return SASL_CONTINUE;
    unsigned tag = imap->tags;
    struct imap_answer final;
    if (!imap_complete(imap, &r, err) || !imap_await(imap, tag, NULL, &final, err))
        return SASL_BROKEN;
    return final.status == IMAP_OK ? SASL_OK : SASL_NO;
}

static enum sasl_word plain_login(void *protocol, const char *login, const struct secret *password,
                                  struct str *text, struct err *answer, struct err *err)
{
    unsigned tag;
    struct imap *imap = protocol;
    struct str line = STR_INIT(2 * SECRET_MAX + 4096);
    bool ok = str_reserve(&line, line.max, err) && str_addz(&line, "LOGIN ", err) &&
              imap_add_quoted(&line, login, strlen(login), err) && str_addc(&line, ' ', err) &&
              imap_add_quoted(&line, password->bytes.buf, password->bytes.len, err) &&
              send_command(imap, line.buf, line.len, "LOGIN ***", &tag, err);
    str_wipe(&line);
    enum sasl_word word = SASL_CONTINUE;
    if (ok)
        word = read_answer(protocol, text, answer, err);
    if (ok && word == SASL_CONTINUE)
        err_set(err, ERR_PROTOCOL, "The server %s answers LOGIN with a question.", imap_peer(imap));
    return word == SASL_CONTINUE ? SASL_BROKEN : word;
}

static bool sign_in(struct imap *imap, struct err *err)
{
    struct sasl_wire wire = {
        .service = "imap",
        .initial_response = imap_can(imap, "SASL-IR"),
        .command_max = AUTH_LINE_MAX - 64,
        .send_auth = send_auth,
        .send_response = send_response,
        .send_cancel = send_cancel,
        .read_answer = read_answer,
        .plain_login = imap_can(imap, "LOGINDISABLED") ? NULL : plain_login,
    };
    struct strv offered = STRV_INIT;
    bool ok = true;
    for (size_t i = 0; ok && i < imap->capabilities.count; i++)
        if (text_starts_nocase(imap->capabilities.items[i], "AUTH="))
            ok = strv_add(&offered, imap->capabilities.items[i] + 5, err);
    imap->told = false; /* the completion may tell anew; else they are asked for again */
    ok = ok && session_authenticate(&imap->session, &wire, imap, &offered, err);
    strv_free(&offered);
    return ok;
}

/* tell_id - some servers open no folder for a client without name; its answer does not matter */
static bool tell_id(struct imap *imap, struct err *err)
{
    unsigned tag;
    if (!imap_can(imap, "ID"))
        return true;
    if (!imap_send(imap, &tag, err, "ID (\"name\" \"tappal\" \"version\" \"%s\")", TAPPAL_VERSION))
        return false;
    for (size_t i = 0; i < IMAP_OUTSTANDING_MAX; i++)
        if (imap->pending[i].tag == tag)
            imap->pending[i].ignored = true;
    return true;
}

static struct imap *imap_new(struct err *err)
{
    struct imap *imap = calloc(1, sizeof *imap);
    if (!imap) {
        err_nomem(err);
        return NULL;
    }
    str_init(&imap->line, CHAT_LINE_MAX);
    str_init(&imap->text, IMAP_RESPONSE_MAX + 64);
    return imap;
}

static void imap_free(struct imap *imap)
{
    strv_free(&imap->capabilities);
    strv_free(&imap->alerts);
    str_free(&imap->line);
    str_free(&imap->text);
    free(imap);
}

static bool open_session(struct imap *imap, struct err *err)
{
    const struct endpoint *server = imap->session.options.server;
    chat_set_limit(&imap->session.chat, server->timeout ? server->timeout : IMAP_SECONDS);
    if (!read_greeting(imap, err))
        return false;
    if (imap->session.phase != PHASE_READY) { /* no PREAUTH */
        if (server->tls.mode == TLS_STARTTLS && !start_tls(imap, err))
            return false;
        if (!ask_capabilities(imap, err) || !sign_in(imap, err))
            return false;
    }
    return ask_capabilities(imap, err) && tell_id(imap, err);
}

bool imap_open(const struct session_options *options, struct imap **imap_r, enum session_phase *phase_r,
               struct err *err)
{
    struct imap *imap = imap_new(err);
    *phase_r = PHASE_DIAL;
    if (!imap)
        return false;
    bool opened = session_open(options, &imap->session, err);
    bool ok = opened && open_session(imap, err);
    *phase_r = imap->session.phase;
    if (ok) {
        *imap_r = imap;
        return true;
    }
    if (opened)
        session_close(&imap->session);
    imap_free(imap);
    return false;
}

void imap_close(struct imap **imap_p)
{
    struct imap *imap = *imap_p;
    struct err ignored;
    *imap_p = NULL;
    if (!imap)
        return;
    chat_set_limit(&imap->session.chat, BYE_SECONDS);
    if (!imap->lost && chat_send(&imap->session.chat, &ignored, "T%u LOGOUT", imap->tags + 1))
        (void)!chat_flush(&imap->session.chat, &ignored);
    session_close(&imap->session);
    imap_free(imap);
}

bool imap_usable(const struct imap *imap)
{
    return !imap->lost && !stream_is_cut(imap->session.chat.stream);
}

bool imap_can(const struct imap *imap, const char *capability)
{
    return strv_has_nocase(&imap->capabilities, capability);
}

const char *imap_peer(const struct imap *imap)
{
    return imap->session.chat.peer;
}

const struct imap_box *imap_box(const struct imap *imap)
{
    return &imap->box;
}

const struct strv *imap_alerts(const struct imap *imap)
{
    return &imap->alerts;
}
