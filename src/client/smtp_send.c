/* smtp_send - mail transactions (RFC 5321, 3.3), in the five steps of client/peer.h: see smtp.h.
 *
 * Commands are put and answers are taken, in the same order; the steps differ in how far the one runs ahead of
 * the other. A recipient that was accepted and waits for the end of the data has VERDICT_NONE and its code. */
#include "base/clock.h"
#include "client/smtp_impl.h"

/* -- the envelope -- */

static bool envelope_in_lock_step(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct smtp_progress *p = &t->progress;

    if (!smtp_put_rset(s, t, err) || !smtp_take_rset(s, t, err) || !smtp_put_mail(s, t, err) ||
        !smtp_take_mail(s, t, err)) {
        return false;
    }
    for (size_t i = 0; i < p->end && p->mail_ok; i++) {
        if (smtp_wants_rcpt(t, i) && (!smtp_put_rcpt(s, t, i, err) || !smtp_take_rcpt(s, t, i, err))) {
            return false;
        }
    }
    return p->accepted == 0 || (smtp_put_data(s, err) && smtp_take_data(s, t, err));
}

/* Recipients, as many as a flight bears; `asked` keeps which. */
static bool put_rcpts(struct smtp *s, struct smtp_transaction *t, size_t at, size_t end,
                      bool asked[SMTP_FLIGHT], struct err *err)
{
    for (size_t i = at; i < end; i++) {
        asked[i - at] = smtp_wants_rcpt(t, i);
        if (asked[i - at] && !smtp_put_rcpt(s, t, i, err)) {
            return false;
        }
    }
    return true;
}

static bool take_rcpts(struct smtp *s, struct smtp_transaction *t, size_t at, size_t end,
                       const bool asked[SMTP_FLIGHT], struct err *err)
{
    for (size_t i = at; i < end; i++) {
        if (asked[i - at] && !smtp_take_rcpt(s, t, i, err)) {
            return false;
        }
    }
    return true;
}

static size_t flight_end(const struct smtp_transaction *t, size_t at)
{
    size_t left = t->progress.end - at;
    return at + (left < SMTP_FLIGHT ? left : SMTP_FLIGHT);
}

/* What follows the last RCPT: DATA, or, with BDAT, nothing before the answers. */
static bool put_last(struct smtp *s, const struct smtp_transaction *t, struct err *err)
{
    return t->progress.bdat || smtp_put_data(s, err);
}

static bool take_last(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct smtp_progress *p = &t->progress;
    if (!p->bdat) {
        return smtp_take_data(s, t, err);
    }
    p->go_ahead = p->accepted > 0;
    return true;
}

static bool envelope_in_one_flight(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    bool asked[SMTP_FLIGHT];
    size_t count = t->progress.end;

    if (!smtp_put_rset(s, t, err) || !smtp_put_mail(s, t, err)) {
        return false;
    }
    for (size_t at = 0, end; at < count; at = end) {
        end = flight_end(t, at);
        if (!put_rcpts(s, t, at, end, asked, err) || (end == count && !put_last(s, t, err)) ||
            (at == 0 && (!smtp_take_rset(s, t, err) || !smtp_take_mail(s, t, err))) ||
            !take_rcpts(s, t, at, end, asked, err)) {
            return false;
        }
        if (!t->progress.mail_ok && end < count) {
            return true;
        }
    }
    return take_last(s, t, err);
}

static bool send_envelope(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!t->progress.flight) {
        return envelope_in_lock_step(s, t, err);
    }
    if (!envelope_in_one_flight(s, t, err)) {
        t->ahead = t->blame == SMTP_BLAME_HOST && s->reply.code != 421;
        return false;
    }
    return true;
}

/* -- the end, good or bad -- */

static bool fail(struct smtp *s, struct smtp_transaction *t, const struct err *err)
{
    if (err->kind == ERR_LOCAL || err->kind == ERR_INTERNAL) {
        smtp_blame_local(t);
    }
    smtp_forget_accepted(t);
    s->lost = true;
    return false;
}

static bool send_in_parts(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    return send_envelope(s, t, err) &&
           (!t->progress.go_ahead || (smtp_put_text(s, t, err) && smtp_take_end(s, t, err)));
}

bool smtp_send(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!smtp_prepare(s, t, err)) {
        return smtp_blame_local(t);
    }
    if (t->progress.to_ask == 0) {
        return true;
    }
    if (smtp_goes_whole(s, t)) {
        return smtp_put(s, t, err) && smtp_take(s, t, err);
    }
    return send_in_parts(s, t, err) || fail(s, t, err);
}

/* -- whole transactions -- */

/* A connection that was idle may have been closed meanwhile: better seen before the text goes out than after. */
static bool is_still_there(struct smtp *s, struct err *err)
{
    int said = s->mails == 0 || s->unread > 0 ? 0 : stream_wait(s->session.chat.stream, clock_mono_ms(), err);
    if (said > 0) {
        return smtp_read_reply(s, SMTP_SECONDS_COMMAND, err) &&
               smtp_refused(s, ERR_REFUSED_TEMP, "closes the connection", err);
    }
    return said == 0;
}

static bool put_whole(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    bool asked[SMTP_FLIGHT];
    return smtp_put_rset(s, t, err) && smtp_put_mail(s, t, err) &&
           put_rcpts(s, t, 0, t->progress.end, asked, err) && smtp_put_loaded(s, t, err);
}

bool smtp_put(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!smtp_prepare(s, t, err)) {
        return smtp_blame_local(t);
    }
    if (t->progress.to_ask > 0 && t->progress.repair) {
        err_set(err, ERR_LOCAL, "The message has to be encoded, which is not done ahead of answers.");
        return smtp_blame_local(t);
    }
    if (t->progress.to_ask > 0) {
        if (!is_still_there(s, err)) {
            return fail(s, t, err);
        }
        if (!smtp_load_text(s, t, err)) {
            return false; /* nothing was said of it */
        }
        if (!put_whole(s, t, err)) {
            t->ahead = true;
            return fail(s, t, err);
        }
    }
    s->unread++;
    return true;
}

bool smtp_flush(struct smtp *s, struct err *err)
{
    smtp_set_limit(s, SMTP_SECONDS_BLOCK);
    s->lost = s->lost || !chat_flush(&s->session.chat, err);
    return !s->lost;
}

static bool take_whole(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct smtp_progress *p = &t->progress;
    bool asked[SMTP_FLIGHT];

    for (size_t i = 0; i < p->end; i++) {
        asked[i] = smtp_wants_rcpt(t, i);
    }
    if (!smtp_take_rset(s, t, err) || !smtp_take_mail(s, t, err)) {
        return false;
    }
    t->in_doubt = p->mail_ok;
    if (!take_rcpts(s, t, 0, p->end, asked, err)) {
        return false;
    }
    t->in_doubt = p->accepted > 0; /* for nobody it cannot have been taken */
    return smtp_take_end(s, t, err);
}

bool smtp_take(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    s->unread--;
    if (t->progress.to_ask == 0) {
        t->in_doubt = false;
        return true;
    }
    if (s->lost) {
        err_set(err, ERR_NETWORK, "The server %s closed the connection.", smtp_peer(s));
    } else if (take_whole(s, t, err)) {
        return true;
    }
    if (s->reply.code == 421) {
        t->in_doubt = false; /* it says that it does no more */
    }
    t->ahead = true;
    return fail(s, t, err);
}

/* -- the next envelope behind an end of data -- */

static bool put_envelope(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    bool asked[SMTP_FLIGHT];
    return t->progress.to_ask == 0 ||
           (smtp_put_rset(s, t, err) && smtp_put_mail(s, t, err) &&
            put_rcpts(s, t, 0, t->progress.end, asked, err) && put_last(s, t, err));
}

static bool take_envelope(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct smtp_progress *p = &t->progress;
    bool asked[SMTP_FLIGHT];

    for (size_t i = 0; i < p->end; i++) {
        asked[i] = smtp_wants_rcpt(t, i);
    }
    return p->to_ask == 0 || (smtp_take_rset(s, t, err) && smtp_take_mail(s, t, err) &&
                              take_rcpts(s, t, 0, p->end, asked, err) && take_last(s, t, err));
}

static bool send_link(struct smtp *s, struct smtp_transaction *t, struct smtp_transaction *next,
                      struct err *err)
{
    bool text = false;
    return take_envelope(s, t, err) && (!(text = t->progress.go_ahead) || smtp_put_text(s, t, err)) &&
           (next == NULL || put_envelope(s, next, err)) && (!text || smtp_take_end(s, t, err));
}

bool smtp_send_chain(struct smtp *s, struct smtp_transaction *const *t, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!smtp_prepare(s, t[i], err)) {
            return smtp_blame_local(t[i]);
        }
    }
    if (!put_envelope(s, t[0], err)) {
        return fail(s, t[0], err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!send_link(s, t[i], i + 1 < count ? t[i + 1] : NULL, err)) {
            t[i]->ahead = true;
            return fail(s, t[i], err);
        }
    }
    return true;
}
