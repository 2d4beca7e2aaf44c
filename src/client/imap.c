/* imap - opening a session, and giving commands. Listening is in imap_read.c, signing in in imap_sign_in.c. */
#include "client/imap_impl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "mail/flags.h"
#include "net/deflate.h"
#include "net/tls_words.h"

#define IMAP_SECONDS 180 /* for each line; a large folder may take a server that long to open */
#define BYE_SECONDS 5    /* to get our LOGOUT out */

bool imap_blame(const struct imap *imap, enum err_kind kind, const char *what, const struct imap_part *text,
                struct err *err)
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

bool imap_send_shown(struct imap *imap, const char *command, size_t n, const char *shown, unsigned *tag_r,
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
    ok = ok && imap_send_shown(imap, command.buf, command.len, NULL, tag_r, err);
    str_free(&command);
    return ok;
}

bool imap_send_lines(struct imap *imap, const struct str *command, unsigned *tag_r, struct err *err)
{
    const char *at = command->buf, *end;
    bool ok = true;
    for (bool first = true; ok && at; at = end ? end + 2 : NULL, first = false) {
        end = strstr(at, "\r\n");
        size_t n = end ? (size_t)(end - at) : strlen(at);
        ok = first ? imap_send_shown(imap, at, n, NULL, tag_r, err)
                   : chat_send_bytes(&imap->session.chat, at, n, err);
    }
    imap->lost = imap->lost || !ok;
    return ok;
}

bool imap_hear(struct imap *imap, const struct imap_events *events, struct err *err)
{
    struct imap_reply r;
    if (!imap_read(imap, events, &r, err))
        return false;
    if (r.form == IMAP_CONTINUE) {
        imap->lost = true;
        return imap_blame(imap, ERR_PROTOCOL, "asks to go on where there is nothing to go on with", &r.text,
                          err);
    }
    return r.form != IMAP_TAGGED || imap_complete(imap, &r, err);
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
        if (!imap_hear(imap, events, err))
            return false;
    }
}

bool imap_refused(const struct imap *imap, const struct imap_answer *answer, const char *what,
                  struct err *err)
{
    const char *code = answer->code;
    bool tells = answer->temporary && code[0]; /* why it is temporary, where the words may not say so */
    return err_set(err, answer->temporary ? ERR_REFUSED_TEMP : ERR_REFUSED_PERM,
                   "The server %s refused to %s: %s%s%s%s", imap_peer(imap), what, tells ? "[" : "",
                   tells ? code : "", tells ? "] " : "",
                   answer->text[0] ? answer->text : "it did not say why");
}

void imap_forget(struct imap *imap, unsigned tag)
{
    for (size_t i = 0; tag != 0 && i < IMAP_OUTSTANDING_MAX; i++) {
        struct imap_pending *p = &imap->pending[i];
        if (p->tag == tag && p->done)
            p->tag = 0;
        else if (p->tag == tag)
            p->ignored = true;
    }
}

bool imap_finish(struct imap *imap, unsigned tag, const struct imap_events *events, const char *what,
                 struct err *err)
{
    struct imap_answer answer;
    return imap_await(imap, tag, events, &answer, err) &&
           (answer.status == IMAP_OK || imap_refused(imap, &answer, what, err));
}

bool imap_send_select(struct imap *imap, const char *name, bool read_only, const char *how, unsigned *tag_r,
                      struct err *err)
{
    struct str quoted = STR_INIT(8192);
    imap->box = (struct imap_box){.permanent = FLAGS_ALL};
    imap->counted = imap->box_is_open = false;
    bool ok = imap_add_name(imap, name, &quoted, err) &&
              imap_send(imap, tag_r, err, "%s %s%s", read_only ? "EXAMINE" : "SELECT", quoted.buf, how);
    imap->select_tag = ok ? *tag_r : 0;
    str_free(&quoted);
    return ok;
}

bool imap_enable(struct imap *imap, const char *capability, struct err *err)
{
    unsigned tag;
    if (strv_has_nocase(&imap->enabled, capability))
        return true;
    if (!strv_add(&imap->enabled, capability, err) || !imap_send(imap, &tag, err, "ENABLE %s", capability))
        return false;
    imap_forget(imap, tag);
    return true;
}

bool imap_may_compress(const struct imap *imap)
{
    return !imap->asked_to_compress && !imap_is_spared(imap) && imap_can(imap, "COMPRESS=DEFLATE");
}

bool imap_is_compressed(const struct imap *imap)
{
    return imap->compressed;
}

/* Behind the OK the very next octet is compressed, and no command of ours may go out before it is read. */
bool imap_compress(struct imap *imap, struct err *err)
{
    struct imap_answer answer;
    unsigned tag;
    imap->asked_to_compress = true;
    if (!imap_send(imap, &tag, err, "COMPRESS DEFLATE") || !imap_await(imap, tag, NULL, &answer, err))
        return false;
    if (answer.status != IMAP_OK)
        return true;
    imap->compressed = deflate_start(imap->session.chat.stream, err);
    imap->lost = !imap->compressed;
    return imap->compressed;
}

bool imap_ask_namespaces(struct imap *imap, unsigned *tag_r, struct err *err)
{
    *tag_r = 0;
    if (imap->has_namespaces || (!imap_can(imap, "NAMESPACE") && !imap_can(imap, "IMAP4rev2")))
        return true;
    imap->has_namespaces = true;
    return imap_send(imap, tag_r, err, "NAMESPACE");
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
            imap_blame(imap, ERR_PROTOCOL, "does not speak IMAP", &line, err);
            err_hint(err, "IMAP is on port 993 (tls = implicit) or 143 (tls = starttls).");
        }
        return false;
    }
    const struct session *s = &imap->session;
    imap->session.phase = PHASE_CAPABILITY;
    if (r.form == IMAP_UNTAGGED && r.status == IMAP_OK)
        return !imap->ahead || imap_known_greeting(&r, &imap->greeting, err);
    if (r.form == IMAP_UNTAGGED && r.status == IMAP_PREAUTH) {
        /* Somebody in the middle could skip STARTTLS by this word (CVE-2021-39272). */
        if (!s->chat.tls && (!s->chat.local || s->options.server->tls.mode == TLS_STARTTLS))
            return imap_blame(imap, ERR_TLS, "says that we are signed in already, before TLS", &r.text,
                              err) ||
                   err_hint(err, "Use tls = implicit. If it is so already, do not trust this network.");
        imap->session.phase = PHASE_READY;
        return true;
    }
    return imap_blame(imap, r.status == IMAP_BYE ? ERR_REFUSED_TEMP : ERR_PROTOCOL, "does not let us in",
                      &r.text, err);
}

static bool ask_capabilities(struct imap *imap, struct err *err)
{
    unsigned tag = imap->ask_tag; /* asked behind the sign-in: its answer must be taken */
    imap->ask_tag = 0;
    if (tag == 0 && (imap->told || !imap_send(imap, &tag, err, "CAPABILITY")))
        return imap->told;
    return imap_finish(imap, tag, NULL, "say what it can do", err);
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
        return imap_blame(imap, ERR_TLS, "does not start TLS as it should", &r.text, err);
    struct imap_answer answer;
    if (!imap_complete(imap, &r, err) || !imap_await(imap, tag, NULL, &answer, err) ||
        !session_start_tls(&imap->session, err))
        return false;
    strv_free(&imap->capabilities);
    imap->told = false;
    imap->bye[0] = '\0';
    return true;
}

/* What is said first, behind the sign-in: our name, for some servers open no folder for a client without one; its answer
 * does not matter. And that we take UTF-8: a server that holds such mail may disfigure it for others (RFC 6858). */
bool imap_introduce(struct imap *imap, struct err *err)
{
    unsigned tag = 0;
    if (imap_can(imap, "ID") &&
        !imap_send(imap, &tag, err, "ID (\"name\" \"tappal\" \"version\" \"%s\")", TAPPAL_VERSION))
        return false;
    imap_forget(imap, tag);
    if (!imap_can(imap, "UTF8=ACCEPT") && !imap_can(imap, "UTF8=ONLY"))
        return true;
    bool ok = imap_enable(imap, "UTF8=ACCEPT", err);
    imap->utf8_tag = imap->tags;
    return ok;
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
    str_init(&imap->greeting, IMAP_GREETING_MAX);
    return imap;
}

static void imap_free(struct imap *imap)
{
    imap_known_free(&imap->known);
    str_free(&imap->greeting);
    strv_free(&imap->capabilities);
    strv_free(&imap->alerts);
    uidset_free(&imap->modified);
    imap_namespaces_free(&imap->namespaces);
    strv_free(&imap->enabled);
    str_free(&imap->line);
    str_free(&imap->text);
    free(imap);
}

/* sign_in - a server that we know need not say first what it can do */
static bool sign_in(struct imap *imap, struct strv *before, struct err *err)
{
    if (!imap->told && imap_may_leap(imap)) {
        if (!strv_copy(&imap->capabilities, &imap->known.before, err))
            return false;
        imap->told = true;
    }
    return ask_capabilities(imap, err) && strv_copy(before, &imap->capabilities, err) &&
           imap_sign_in(imap, err);
}

/* learn - for the next time; or, where what we sent ahead was not borne, not to do so again */
static void learn(struct imap *imap, const struct strv *before, const struct err *why)
{
    bool confused = why && (why->kind == ERR_PROTOCOL || why->kind == ERR_NETWORK);
    if (!imap->ahead || !imap->ahead->remember)
        return;
    if (imap->leapt && confused)
        imap_known_fall(&imap->known, clock_now());
    else if (!why && before->count > 0 && imap->session.options.server->tls.mode == TLS_IMPLICIT)
        imap_known_keep(&imap->known, &imap->greeting, before, &imap->capabilities);
}

static bool open_session(struct imap *imap, struct err *err)
{
    const struct endpoint *server = imap->session.options.server;
    struct strv before = STRV_INIT;
    chat_set_limit(&imap->session.chat, server->timeout ? server->timeout : IMAP_SECONDS);
    bool ok = read_greeting(imap, err);
    if (ok && imap->session.phase != PHASE_READY) /* no PREAUTH */
        ok = (server->tls.mode != TLS_STARTTLS || start_tls(imap, err)) && sign_in(imap, &before, err);
    ok = ok && ask_capabilities(imap, err);
    learn(imap, &before, ok ? NULL : err);
    strv_free(&before);
    return ok && (imap->leapt || imap_introduce(imap, err));
}

static bool load_known(struct imap *imap, const struct session_options *options, struct err *err)
{
    return !imap->ahead ||
           imap_known_load(&imap->known, imap->ahead->memory, options->server, options->who->login, err);
}

bool imap_open(const struct session_options *options, const struct imap_ahead *ahead, struct imap **imap_r,
               enum session_phase *phase_r, struct err *err)
{
    struct imap *imap = imap_new(err);
    *phase_r = PHASE_DIAL;
    if (!imap)
        return false;
    imap->ahead = ahead;
    bool opened = load_known(imap, options, err) && session_open(options, &imap->session, err);
    bool ok = opened && open_session(imap, err);
    *phase_r = imap->session.phase;
    imap->ahead = NULL;
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

bool imap_is_spared(const struct imap *imap)
{
    return imap_known_rests(&imap->known, clock_now());
}

void imap_spare(struct imap *imap)
{
    if (imap->known.path && !imap_is_spared(imap))
        imap_known_fall(&imap->known, clock_now());
}

const char *imap_peer(const struct imap *imap)
{
    return imap->session.chat.peer;
}

const struct imap_namespaces *imap_namespaces(const struct imap *imap)
{
    return &imap->namespaces;
}

const struct imap_box *imap_box(const struct imap *imap)
{
    return &imap->box;
}

struct uidset imap_take_modified(struct imap *imap)
{
    struct uidset modified = imap->modified;
    imap->modified = (struct uidset)UIDSET_INIT;
    return modified;
}

const struct strv *imap_alerts(const struct imap *imap)
{
    return &imap->alerts;
}
