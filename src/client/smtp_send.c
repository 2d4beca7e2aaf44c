/* smtp_send - one mail transaction (RFC 5321, 3.3).
 *
 * Commands are put, answers are taken, in the same order; the two go in lock step, or the whole envelope goes
 * out in one flight (RFC 2920) before its answers are taken. What is put and what is taken are functions of
 * their own, so that a window of several transactions is a matter of calling them in another order.
 * A recipient that was accepted and waits for the end of the data has VERDICT_NONE and its code. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/hint.h"
#include "client/smtp_impl.h"
#include "mail/dotcrlf.h"

struct progress {
    bool flight;   /* commands go out ahead of answers */
    bool smtputf8; /* asked for with MAIL */
    size_t to_ask; /* recipients that are worth a RCPT */
    bool mail_ok;
    size_t accepted;
    bool go_ahead; /* 354, and somebody to send it to */
};

/* -- outcomes -- */

static bool outcome_set(struct outcome *o, enum verdict verdict, int code, const char *enhanced,
                        const char *text, struct err *err)
{
    struct outcome said = {.verdict = verdict, .code = code};
    snprintf(said.enhanced, sizeof(said.enhanced), "%s", enhanced);
    said.text = strdup(text);
    if (said.text == NULL) {
        return err_nomem(err);
    }
    outcome_free(o);
    *o = said;
    return true;
}

static enum verdict verdict_of(const struct smtp *s)
{
    return smtp_is(s, 2) ? VERDICT_DELIVERED : smtp_is(s, 4) ? VERDICT_LATER : VERDICT_REFUSED;
}

/* The last reply becomes what was said of this recipient. */
static bool outcome_reply(const struct smtp *s, enum verdict verdict, struct outcome *o, struct err *err)
{
    struct str text = STR_INIT(4 * SMTP_REPLY_SHOWN_MAX + 1024);
    bool ok = smtp_reply_show(&s->reply, &text, err) &&
              outcome_set(o, verdict, s->reply.code, s->reply.enhanced, text.buf, err);
    str_free(&text);
    return ok;
}

static bool is_accepted(const struct outcome *o)
{
    return o->verdict == VERDICT_NONE && o->code != 0;
}

static struct outcome *outcome_at(const struct smtp_transaction *t, size_t i)
{
    return &t->outcomes[t->to[i]];
}

static const char *address_at(const struct smtp_transaction *t, size_t i)
{
    return t->envelope->recipients[t->to[i]].address;
}

/* -- before anything is said: what the server is known not to take -- */

static bool refuse_all(struct smtp_transaction *t, int code, const char *enhanced, const char *text,
                       struct err *err)
{
    for (size_t i = 0; i < t->to_count; i++) {
        if (!outcome_set(outcome_at(t, i), VERDICT_REFUSED, code, enhanced, text, err)) {
            return false;
        }
    }
    return true;
}

static bool too_large(const struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    char text[128];
    snprintf(text, sizeof(text), "The message has %" PRIu64 " octets; the server takes at most %" PRIu64,
             t->facts->size, s->caps.size_max);
    return refuse_all(t, 552, "5.3.4", text, err);
}

/* SMTPUTF8 for a local part beyond ASCII; a domain has its ASCII form. */
static bool needs_smtputf8(const char *address)
{
    const char *at = strrchr(address, '@');
    return !text_is_ascii(address, at != NULL ? (size_t)(at - address) : strlen(address));
}

/* Has the address, or its domain, a form that can go out? */
static bool check_address(const char *address, struct err *why)
{
    const char *at = strrchr(address, '@');
    struct str ascii = STR_INIT(1024);
    bool ok = smtp_address_check(address, why) &&
              (at == NULL || text_is_ascii(at, strlen(at)) || dial_idna(at + 1, &ascii, why));
    str_free(&ascii);
    return ok;
}

static bool check_recipient(const struct smtp *s, struct smtp_transaction *t, size_t i, struct err *err)
{
    const char *unusable = t->envelope->recipients[t->to[i]].unusable;
    struct err why;
    if (unusable != NULL) {
        return outcome_set(outcome_at(t, i), VERDICT_REFUSED, 501, "5.1.3", unusable, err);
    }
    if (!check_address(address_at(t, i), &why)) {
        return outcome_set(outcome_at(t, i), VERDICT_REFUSED, 501, "5.1.3", why.what, err);
    }
    if (needs_smtputf8(address_at(t, i)) && !s->caps.smtputf8) {
        return outcome_set(outcome_at(t, i), VERDICT_REFUSED, 550, "5.6.7",
                           "The address needs SMTPUTF8, which the server does not speak", err);
    }
    return true;
}

/* Settles here what the server need not be asked, and counts the rest. */
static bool prepare(const struct smtp *s, struct smtp_transaction *t, struct progress *p, struct err *err)
{
    const char *sender = t->envelope->sender;
    struct err why;

    if (s->caps.size_max > 0 && t->facts->size > s->caps.size_max) {
        return too_large(s, t, err);
    }
    if (t->facts->eight_bit_body && !s->caps.eight_bit) {
        return refuse_all(t, 554, "5.6.1", "The message is 8-bit, and the server does not speak 8BITMIME",
                          err);
    }
    if (sender[0] != '\0' && !check_address(sender, &why)) {
        return refuse_all(t, 501, "5.1.7", why.what, err);
    }
    if (needs_smtputf8(sender) && !s->caps.smtputf8) {
        return refuse_all(t, 550, "5.6.7", "The sender needs SMTPUTF8, which the server does not speak", err);
    }
    p->smtputf8 = s->caps.smtputf8 && (t->facts->eight_bit_header || needs_smtputf8(sender));
    for (size_t i = 0; i < t->to_count; i++) {
        if (!check_recipient(s, t, i, err)) {
            return false;
        }
        if (outcome_at(t, i)->verdict == VERDICT_NONE) {
            p->to_ask++;
            p->smtputf8 = p->smtputf8 || (s->caps.smtputf8 && needs_smtputf8(address_at(t, i)));
        }
    }
    return true;
}

/* -- putting commands -- */

/* The address as it goes out: its domain in ASCII, unless SMTPUTF8 was asked for. */
static bool wire_address(const struct progress *p, const char *address, struct str *out, struct err *err)
{
    const char *at = strrchr(address, '@');
    if (p->smtputf8 || at == NULL || text_is_ascii(at, strlen(at))) {
        return str_addz(out, address, err);
    }
    struct str domain = STR_INIT(1024);
    bool ok = dial_idna(at + 1, &domain, err) && str_add(out, address, (size_t)(at + 1 - address), err) &&
              str_addz(out, domain.buf, err);
    str_free(&domain);
    return ok;
}

static bool put_line(struct smtp *s, struct err *err)
{
    return chat_send_bytes(&s->session.chat, s->out.buf, s->out.len, err);
}

static bool put_rset(struct smtp *s, struct err *err)
{
    return !s->dirty || chat_send(&s->session.chat, err, "RSET");
}

static bool put_mail(struct smtp *s, const struct smtp_transaction *t, const struct progress *p,
                     struct err *err)
{
    struct str sender = STR_INIT(4 * SMTP_ADDRESS_MAX);
    str_clear(&s->out);
    bool ok = wire_address(p, t->envelope->sender, &sender, err);
    struct smtp_mail mail = {
        .sender = sender.buf,
        .say_size = s->caps.size,
        .size = t->facts->size,
        .eight_bit = s->caps.eight_bit && (t->facts->eight_bit_body || t->facts->eight_bit_header),
        .smtputf8 = p->smtputf8,
    };
    ok = ok && smtp_command_mail(&s->out, &mail, err) && put_line(s, err);
    str_free(&sender);
    return ok;
}

static bool put_rcpt(struct smtp *s, const struct smtp_transaction *t, const struct progress *p, size_t i,
                     struct err *err)
{
    struct str address = STR_INIT(4 * SMTP_ADDRESS_MAX);
    str_clear(&s->out);
    bool ok = wire_address(p, address_at(t, i), &address, err) &&
              smtp_command_rcpt(&s->out, address.buf, err) && put_line(s, err);
    str_free(&address);
    return ok;
}

static bool put_data(struct smtp *s, struct err *err)
{
    return chat_send(&s->session.chat, err, "DATA");
}

/* -- taking answers -- */

/* Replies that speak of the account, whatever command they answer: no message is to blame. */
static bool is_about_account(const struct smtp_reply *r)
{
    static const int codes[] = {530, 534, 535, 538};
    static const char *const states[] = {"5.7.8", "5.7.9", "5.7.30", "5.7.57", "5.4.5"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        if (r->code == codes[i]) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        if (strcmp(r->enhanced, states[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool blame_account(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    const struct session_options *o = &s->session.options;
    bool quota = strcmp(s->reply.enhanced, "5.4.5") == 0;

    t->blame = SMTP_BLAME_ACCOUNT;
    smtp_refused(s, quota ? ERR_REFUSED_TEMP : ERR_AUTH, "does not let this account send", err);
    return quota ? err_hint(err,
                            "The provider's limit for a day is reached; the mail goes out when it is over.")
                 : err_hint(err, "%s", hint_for_refusal(o->server->host, o->who->login, err->what));
}

/* The reply to the next command. False: the session is over, or the account is. */
static bool take_reply(struct smtp *s, struct smtp_transaction *t, uint32_t seconds, struct err *err)
{
    if (!smtp_read_reply(s, seconds, err)) {
        return false;
    }
    if (s->reply.code == 421) {
        return smtp_refused(s, ERR_REFUSED_TEMP, "closes the connection", err);
    }
    return !is_about_account(&s->reply) || blame_account(s, t, err);
}

static bool take_rset(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!s->dirty) {
        return true;
    }
    if (!take_reply(s, t, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    s->dirty = false;
    return smtp_is(s, 2) || smtp_refused(s, ERR_PROTOCOL, "refuses RSET", err);
}

static bool take_mail(struct smtp *s, struct smtp_transaction *t, struct progress *p, struct err *err)
{
    if (!take_reply(s, t, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    if (smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to MAIL", err);
    }
    s->dirty = true;
    p->mail_ok = smtp_is(s, 2);
    for (size_t i = 0; i < t->to_count && !p->mail_ok; i++) {
        struct outcome *o = outcome_at(t, i);
        if (o->verdict == VERDICT_NONE && !outcome_reply(s, verdict_of(s), o, err)) {
            return false;
        }
    }
    return true;
}

/* Syntax, sequence: what a server answers that does not bear commands ahead of answers. */
static bool is_confusion(const struct smtp *s, const struct progress *p)
{
    return p->flight && s->reply.code >= 500 && s->reply.code <= 504;
}

static bool take_rcpt(struct smtp *s, struct smtp_transaction *t, struct progress *p, size_t i,
                      struct err *err)
{
    if (!take_reply(s, t, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    if (smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to RCPT", err);
    }
    if (!p->mail_ok) {
        return true; /* MAIL's answer was the verdict */
    }
    if (is_confusion(s, p)) {
        t->ahead = true;
        return true;
    }
    bool accepted = smtp_is(s, 2);
    bool too_many = s->reply.code == 552; /* RFC 5321, 4.5.3.1.10 */
    p->accepted += accepted;
    return outcome_reply(s,
                         accepted   ? VERDICT_NONE
                         : too_many ? VERDICT_LATER
                                    : verdict_of(s),
                         outcome_at(t, i), err);
}

/* One answer, a verdict for all who were accepted. */
static bool settle_accepted(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    for (size_t i = 0; i < t->to_count; i++) {
        struct outcome *o = outcome_at(t, i);
        if (is_accepted(o) && !outcome_reply(s, verdict_of(s), o, err)) {
            return false;
        }
    }
    return true;
}

static void forget_accepted(struct smtp_transaction *t)
{
    for (size_t i = 0; i < t->to_count; i++) {
        if (is_accepted(outcome_at(t, i))) {
            outcome_free(outcome_at(t, i));
        }
    }
}

/* 354 although nobody was accepted: an empty message for nobody (RFC 2920, 3.1). Where MAIL was refused, who
 * knows for whom: then the connection is dropped. */
static bool end_empty(struct smtp *s, struct smtp_transaction *t, const struct progress *p, struct err *err)
{
    if (!p->mail_ok) {
        s->lost = true;
        return true;
    }
    return chat_send(&s->session.chat, err, ".") && take_reply(s, t, SMTP_SECONDS_END, err);
}

static bool take_data(struct smtp *s, struct smtp_transaction *t, struct progress *p, struct err *err)
{
    if (!take_reply(s, t, SMTP_SECONDS_DATA, err)) {
        return false;
    }
    if (p->accepted == 0) {
        return s->reply.code != 354 || end_empty(s, t, p, err);
    }
    if (s->reply.code == 354) {
        p->go_ahead = true;
        return true;
    }
    if (smtp_is(s, 2) || smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to DATA", err);
    }
    if (is_confusion(s, p)) {
        t->ahead = true;
        forget_accepted(t);
        return true;
    }
    return settle_accepted(s, t, err);
}

/* -- the envelope, in two manners -- */

static bool wants_rcpt(const struct smtp_transaction *t, size_t i)
{
    const struct outcome *o = outcome_at(t, i);
    return o->verdict == VERDICT_NONE && o->code == 0;
}

static bool envelope_in_lock_step(struct smtp *s, struct smtp_transaction *t, struct progress *p,
                                  struct err *err)
{
    if (!put_rset(s, err) || !take_rset(s, t, err) || !put_mail(s, t, p, err) || !take_mail(s, t, p, err)) {
        return false;
    }
    for (size_t i = 0; i < t->to_count && p->mail_ok; i++) {
        if (wants_rcpt(t, i) && (!put_rcpt(s, t, p, i, err) || !take_rcpt(s, t, p, i, err))) {
            return false;
        }
    }
    return p->accepted == 0 || (put_data(s, err) && take_data(s, t, p, err));
}

/* The recipients from *at on, as many as a flight bears; `asked` keeps which. */
static size_t flight_end(const struct smtp_transaction *t, size_t at)
{
    size_t left = t->to_count - at;
    return at + (left < SMTP_FLIGHT ? left : SMTP_FLIGHT);
}

static bool put_rcpts(struct smtp *s, struct smtp_transaction *t, const struct progress *p, size_t at,
                      size_t end, bool asked[SMTP_FLIGHT], struct err *err)
{
    for (size_t i = at; i < end; i++) {
        asked[i - at] = wants_rcpt(t, i);
        if (asked[i - at] && !put_rcpt(s, t, p, i, err)) {
            return false;
        }
    }
    return true;
}

static bool envelope_in_one_flight(struct smtp *s, struct smtp_transaction *t, struct progress *p,
                                   struct err *err)
{
    bool asked[SMTP_FLIGHT];

    if (!put_rset(s, err) || !put_mail(s, t, p, err)) {
        return false;
    }
    for (size_t at = 0, end; at < t->to_count; at = end) {
        end = flight_end(t, at);
        if (!put_rcpts(s, t, p, at, end, asked, err) || (end == t->to_count && !put_data(s, err)) ||
            (at == 0 && (!take_rset(s, t, err) || !take_mail(s, t, p, err)))) {
            return false;
        }
        for (size_t i = at; i < end; i++) {
            if (asked[i - at] && !take_rcpt(s, t, p, i, err)) {
                return false;
            }
        }
        if (!p->mail_ok && end < t->to_count) {
            return true;
        }
    }
    return take_data(s, t, p, err);
}

/* -- the text -- */

static bool blame_local(struct smtp_transaction *t)
{
    t->blame = SMTP_BLAME_LOCAL;
    return false;
}

static bool put_out(struct smtp *s, struct err *err)
{
    smtp_set_limit(s, SMTP_SECONDS_BLOCK);
    return stream_write(s->session.chat.stream, s->out.buf, s->out.len, err);
}

static void remark_text(const struct smtp *s, const struct smtp_transaction *t)
{
    const struct chat *c = &s->session.chat;
    char remark[64];
    snprintf(remark, sizeof(remark), "the message, %" PRIu64 " octets", t->facts->size);
    if (c->watch != NULL) {
        c->watch(c->watch_arg, '*', remark);
    }
}

static bool put_text(struct smtp *s, struct smtp_transaction *t, struct dotcrlf *d, struct err *err)
{
    char block[SMTP_BLOCK];
    size_t n;

    remark_text(s, t);
    do {
        if (!t->read(t->arg, block, sizeof(block), &n, err)) {
            return blame_local(t);
        }
        str_clear(&s->out);
        if (!dotcrlf_add(d, block, n, &s->out, err) || !put_out(s, err)) {
            return false;
        }
    } while (n > 0);
    return true;
}

static bool put_end(struct smtp *s, struct smtp_transaction *t, struct dotcrlf *d, struct err *err)
{
    str_clear(&s->out);
    if (!dotcrlf_end(d, &s->out, err) || !t->before_end(t->arg, err)) {
        return blame_local(t);
    }
    t->in_doubt = true;
    return put_out(s, err) && chat_flush(&s->session.chat, err);
}

static bool take_end(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!smtp_read_reply(s, SMTP_SECONDS_END, err)) {
        return false;
    }
    if (smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to the message", err);
    }
    t->in_doubt = false;
    s->dirty = false;
    if (s->reply.code == 421) {
        return smtp_refused(s, ERR_REFUSED_TEMP, "closes the connection", err);
    }
    if (is_about_account(&s->reply)) {
        return blame_account(s, t, err);
    }
    return settle_accepted(s, t, err);
}

static bool send_text(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct dotcrlf d = DOTCRLF_INIT;
    return put_text(s, t, &d, err) && put_end(s, t, &d, err) && take_end(s, t, err);
}

/* -- the transaction -- */

static bool send_envelope(struct smtp *s, struct smtp_transaction *t, struct progress *p, struct err *err)
{
    p->flight = s->caps.pipelining && !t->lock_step;
    smtp_set_limit(s, SMTP_SECONDS_COMMAND);
    if (!p->flight) {
        return envelope_in_lock_step(s, t, p, err);
    }
    if (!envelope_in_one_flight(s, t, p, err)) {
        t->ahead = t->blame == SMTP_BLAME_HOST && s->reply.code != 421;
        return false;
    }
    return true;
}

bool smtp_send(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct progress p = {0};

    t->in_doubt = t->ahead = false;
    t->blame = SMTP_BLAME_HOST;
    for (size_t i = 0; i < t->to_count; i++) {
        outcome_free(outcome_at(t, i));
    }
    if (!prepare(s, t, &p, err)) {
        return blame_local(t);
    }
    if (p.to_ask == 0 || (send_envelope(s, t, &p, err) && (!p.go_ahead || send_text(s, t, err)))) {
        return true;
    }
    if (err->kind == ERR_LOCAL || err->kind == ERR_INTERNAL) {
        blame_local(t);
    }
    forget_accepted(t);
    s->lost = true;
    return false;
}
