/* sendmail_bs - sendmail -bs: an SMTP conversation on standard input and output. Its grammar is wire/smtp_server;
 * each message goes the way of all messages, and is durable before its 250. What is not ended when the
 * conversation ends was never there. */
#include "cmd/sendmail.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/say.h"
#include "wire/smtp_server.h"

#define IN_SIZE (REWRITE_CHUNK_MAX / 2)
#define OUT_SIZE 65536
#define REPLY_TEXT_MAX 400 /* RFC 5321, 4.5.3.1.5: 512 with all that is around it */

struct talk {
    struct desk desk;
    struct smtp_server server;
    struct letter letter; /* of the transaction that is open: server.mail */
    struct err trouble;   /* the text cannot be kept: said at its end. ERR_NONE: all is well */
    char *in;             /* IN_SIZE octets, of which at..end wait */
    size_t at, end;
    struct str out;  /* replies that are not written yet */
    struct str text; /* of a message, unstuffed */
    bool over;       /* QUIT, or the end of the input */
};

/* -- octets -- */

/* Replies wait while there are commands to read: a client that sends many at once gets many at once. */
static bool flush(struct talk *t, struct err *err)
{
    bool ok = stdout_write(t->out.buf, t->out.len, err);
    str_clear(&t->out);
    return ok;
}

/* More input, behind what waits; at its end t->over. */
static bool fill(struct talk *t, struct err *err)
{
    if (!flush(t, err))
        return false;
    memmove(t->in, t->in + t->at, t->end - t->at);
    t->end -= t->at;
    t->at = 0;
    ssize_t n = stdin_read(t->in + t->end, IN_SIZE - t->end);
    if (n < 0)
        return err_errno(err, ERR_LOCAL, "The conversation could not be read from standard input");
    t->end += (size_t)n;
    t->over = n == 0;
    return true;
}

/* The next line, its end not counted. One that is too long is dropped, and its length says so. With t->over there
 * is none. */
static bool next_line(struct talk *t, const char **line_r, size_t *n_r, bool *crlf_r, struct err *err)
{
    bool too_long = false;
    const char *lf;
    while ((lf = memchr(t->in + t->at, '\n', t->end - t->at)) == NULL && !t->over) {
        too_long = too_long || t->end - t->at > SMTP_SERVER_LINE_MAX + 1;
        t->at = too_long ? t->end : t->at;
        if (!fill(t, err))
            return false;
    }
    if (lf == NULL)
        return true;
    *line_r = t->in + t->at;
    *n_r = (size_t)(lf - *line_r);
    t->at += *n_r + 1;
    *crlf_r = *n_r > 0 && lf[-1] == '\r';
    *n_r = too_long ? SMTP_SERVER_LINE_MAX + 1 : *n_r - (*crlf_r ? 1 : 0);
    return true;
}

static bool reply(struct talk *t, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool reply(struct talk *t, struct err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool ok = (t->out.len < OUT_SIZE / 2 || flush(t, err)) && str_addv(&t->out, err, fmt, ap) &&
              str_addz(&t->out, "\r\n", err);
    va_end(ap);
    return ok;
}

/* What an error is in SMTP. */
static bool reply_error(struct talk *t, const struct err *why, struct err *err)
{
    const bool full = why->sys == ENOSPC || why->sys == EDQUOT;
    const bool ours = why->kind == ERR_LOCAL || why->kind == ERR_INTERNAL || err_exit_status(why->kind) == 75;
    int code = why->code != 0 ? why->code : full ? 452 : ours ? 451 : 554;
    const char *enhanced = why->enhanced[0] != '\0' ? why->enhanced
                           : full                   ? "4.3.1"
                           : code < 500             ? "4.3.0"
                           : why->kind == ERR_DATA  ? "5.6.0"
                                                    : "5.3.0";
    return reply(t, err, "%d %s %.*s", code, enhanced, REPLY_TEXT_MAX, why->what);
}

/* -- the transaction -- */

static void end_transaction(struct talk *t)
{
    if (t->server.mail)
        letter_free(&t->letter);
    smtp_server_reset(&t->server);
    t->trouble = (struct err){.kind = ERR_NONE};
}

static bool set_text(char **to, const char *from, struct err *err)
{
    *to = strdup(from);
    return *to != NULL || err_nomem(err);
}

/* A message that the queue will not take is refused before it is sent. */
static bool has_room(struct talk *t, uint64_t size, struct err *why)
{
    uint64_t room;
    return desk_room(&t->desk, &room, why) && desk_use_room(&t->desk, &room, size, why);
}

static bool take_mail(struct talk *t, const struct smtp_request *r, struct err *err)
{
    struct err why;
    if (!has_room(t, r->size, &why))
        return reply_error(t, &why, err);
    letter_begin(&t->letter, &t->desk, false);
    struct envelope *asked = &t->letter.asked;
    asked->ret = r->ret != RET_UNSET ? r->ret : t->desk.options->ret;
    const char *envid = r->envid[0] != '\0' ? r->envid : t->desk.options->envid;
    smtp_server_did(&t->server, r);
    if (set_text(&asked->sender, r->path, &why) && (envid == NULL || set_text(&asked->envid, envid, &why)))
        return reply(t, err, "250 2.1.0 The sender is accepted.");
    end_transaction(t);
    return reply_error(t, &why, err);
}

static bool take_rcpt(struct talk *t, const struct smtp_request *r, struct err *err)
{
    struct envelope *asked = &t->letter.asked;
    struct err why;
    const size_t before = asked->count;
    if (before == ENVELOPE_RECIPIENTS_MAX)
        return reply(t, err, "452 4.5.3 These are too many recipients.");
    if (!envelope_add(asked, r->path, &why))
        return reply_error(t, &why, err);
    if (asked->count > before) {
        struct recipient *added = &asked->recipients[before];
        added->notify = r->notify;
        if (r->orcpt[0] != '\0' && !set_text(&added->orcpt, r->orcpt, err))
            return false;
    }
    smtp_server_did(&t->server, r);
    return reply(t, err, "250 2.1.5 The recipient is accepted.");
}

/* Octets of the text; once they cannot be kept they are only counted. */
static void take_text(struct talk *t, const char *bytes, size_t n)
{
    struct err why;
    if (t->trouble.kind == ERR_NONE && !letter_add(&t->letter, bytes, n, &why))
        t->trouble = why;
}

static void let_signals_end_us(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The text is whole: durable, handed over, answered. */
static bool take_end(struct talk *t, struct err *err)
{
    struct letter *l = &t->letter;
    struct err why;
    bool ok;
    if (t->trouble.kind != ERR_NONE)
        ok = reply_error(t, &t->trouble, err);
    else if (!letter_end(l, &why))
        ok = reply_error(t, &why, err);
    else if (handover(l) != 0)
        ok = reply_error(t, &l->fault, err);
    else
        ok = reply(t, err, "250 2.0.0 The message is accepted as %s.", l->id);
    end_transaction(t);
    ok = ok && flush(t, err); /* what was accepted is said before a signal can end us */
    let_signals_end_us();
    return ok;
}

/* The conversation ended within the text of a message. */
static bool broken_off(struct err *err)
{
    return err_set(err, ERR_DATA, "The conversation ended within a message, which was not kept.");
}

static bool take_data(struct talk *t, bool crlf, struct err *err)
{
    struct smtp_text text = {.lf = !crlf};
    bool ok = reply(t, err, "354 Send the text, and a line with a dot behind it.") && flush(t, err);
    while (ok && !text.ended) {
        size_t taken = 0;
        if (t->at == t->end)
            ok = fill(t, err) && (!t->over || broken_off(err));
        ok = ok && smtp_text_add(&text, t->in + t->at, t->end - t->at, &t->text, &taken, err);
        t->at += taken;
        take_text(t, t->text.buf, t->text.len);
        str_clear(&t->text);
    }
    return ok && take_end(t, err);
}

/* The octets of a chunk; those of one that was refused are passed over. */
static bool read_chunk(struct talk *t, uint64_t size, bool refused, struct err *err)
{
    while (size > 0) {
        if (t->at == t->end && (!fill(t, err) || (t->over && !broken_off(err))))
            return false;
        size_t n = t->end - t->at < size ? t->end - t->at : (size_t)size;
        if (!refused)
            take_text(t, t->in + t->at, n);
        t->at += n;
        size -= n;
    }
    return true;
}

static bool take_bdat(struct talk *t, const struct smtp_request *r, struct err *err)
{
    smtp_server_did(&t->server, r);
    if (!read_chunk(t, r->size, false, err))
        return false;
    if (r->last)
        return take_end(t, err);
    if (t->trouble.kind == ERR_NONE)
        return reply(t, err, "250 2.0.0 %" PRIu64 " octets are taken.", r->size);
    bool ok = reply_error(t, &t->trouble, err);
    end_transaction(t);
    return ok;
}

/* -- the conversation -- */

static bool greet(struct talk *t, struct err *err)
{
    return reply(t, err, "220 %s ESMTP tappal", t->desk.place.mail_name);
}

static bool take_ehlo(struct talk *t, struct err *err)
{
    end_transaction(t);
    return reply(t, err,
                 "250-%s\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
                 "250-CHUNKING\r\n250 ENHANCEDSTATUSCODES",
                 t->desk.place.mail_name);
}

static bool carry_out(struct talk *t, const struct smtp_request *r, bool crlf, struct err *err)
{
    switch (r->verb) {
    case SMTP_VERB_EHLO:
        return take_ehlo(t, err);
    case SMTP_VERB_HELO:
        end_transaction(t);
        return reply(t, err, "250 %s", t->desk.place.mail_name);
    case SMTP_VERB_MAIL:
        return take_mail(t, r, err);
    case SMTP_VERB_RCPT:
        return take_rcpt(t, r, err);
    case SMTP_VERB_DATA:
        return take_data(t, crlf, err);
    case SMTP_VERB_BDAT:
        return take_bdat(t, r, err);
    case SMTP_VERB_RSET:
        end_transaction(t);
        return reply(t, err, "250 2.0.0 All is forgotten.");
    case SMTP_VERB_NOOP:
        return reply(t, err, "250 2.0.0 Still here.");
    case SMTP_VERB_VRFY:
        return reply(t, err, "252 2.5.0 Send it some mail: who answers is known to the server only.");
    case SMTP_VERB_HELP:
        return reply(t, err,
                     "214 2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT; see "
                     "tappal-sendmail(8)");
    case SMTP_VERB_QUIT:
        t->over = true;
        return reply(t, err, "221 2.0.0 Goodbye.");
    }
    return true;
}

static bool converse(struct talk *t, struct err *err)
{
    const char *line;
    size_t n;
    bool crlf;
    while (next_line(t, &line, &n, &crlf, err)) {
        struct smtp_request r;
        struct err why = {0};
        if (t->over)
            return true;
        bool good = smtp_server_read(&t->server, line, n, &r, &why);
        if (good ? !carry_out(t, &r, crlf, err) : !reply_error(t, &why, err))
            return false;
        if (!good && r.verb == SMTP_VERB_BDAT && !read_chunk(t, r.size, true, err))
            return false;
        if (!good && r.verb == SMTP_VERB_BDAT)
            end_transaction(t);
        if (t->over || why.code == 421)
            return flush(t, err);
    }
    return false;
}

static bool open_all(struct talk *t, const struct sendmail_options *options, struct err *err)
{
    str_init(&t->out, OUT_SIZE);
    str_init(&t->text, IN_SIZE + 2);
    t->in = malloc(IN_SIZE);
    return (t->in != NULL || err_nomem(err)) && desk_open(&t->desk, options, err) &&
           desk_open_store(&t->desk, err);
}

int speak_smtp(const struct sendmail_options *options)
{
    struct talk t = {.over = false};
    struct err err, ignored;
    bool ok = open_all(&t, options, &err);
    if (!ok && reply(&t, &ignored, "421 4.3.0 %.*s", REPLY_TEXT_MAX, err.what))
        (void)flush(&t, &ignored);
    ok = ok && greet(&t, &err) && converse(&t, &err);
    int status = ok ? 0 : say_error(NULL, &err);
    end_transaction(&t);
    desk_close(&t.desk);
    str_free(&t.out);
    str_free(&t.text);
    free(t.in);
    return status;
}
