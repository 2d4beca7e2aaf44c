/* smtp_line - the commands of a transaction, and the answers to them: see smtp_impl.h. */
#include <string.h>

#include "base/text.h"
#include "client/hint.h"
#include "client/smtp_impl.h"

/* -- putting commands -- */

/* The address as it goes out: its domain in ASCII, unless SMTPUTF8 was asked for. */
static bool wire_address(const struct smtp_transaction *t, const char *address, struct str *out,
                         struct err *err)
{
    const char *at = strrchr(address, '@');
    if (t->progress.smtputf8 || at == NULL || text_is_ascii(at, strlen(at))) {
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

/* Also behind what is not yet answered: Dovecot falls over a second transaction otherwise. */
bool smtp_put_rset(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    t->progress.rset = s->dirty || s->unread > 0;
    return !t->progress.rset || chat_send(&s->session.chat, err, "RSET");
}

bool smtp_put_mail(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct str sender = STR_INIT(4 * SMTP_ADDRESS_MAX);
    const struct envelope *e = t->envelope;
    str_clear(&s->out);
    s->mails++;
    bool ok = wire_address(t, e->sender, &sender, err);
    struct smtp_mail mail = {
        .sender = sender.buf,
        .say_size = s->caps.size,
        .size = t->progress.size,
        .eight_bit = s->caps.eight_bit && (t->progress.eight_bit || t->facts->eight_bit_header),
        .smtputf8 = t->progress.smtputf8,
        .require_tls = e->require_tls,
        .ret = s->caps.dsn ? e->ret : RET_UNSET,
        .envid = s->caps.dsn ? e->envid : NULL,
    };
    ok = ok && smtp_command_mail(&s->out, &mail, err) && put_line(s, err);
    str_free(&sender);
    return ok;
}

bool smtp_put_rcpt(struct smtp *s, const struct smtp_transaction *t, size_t i, struct err *err)
{
    struct str address = STR_INIT(4 * SMTP_ADDRESS_MAX);
    const struct recipient *r = &t->envelope->recipients[t->to[i]];
    str_clear(&s->out);
    bool ok = wire_address(t, r->address, &address, err) &&
              smtp_command_rcpt(&s->out, address.buf, s->caps.dsn ? r->notify : NOTIFY_UNSET,
                                s->caps.dsn ? r->orcpt : NULL, err) &&
              put_line(s, err);
    str_free(&address);
    return ok;
}

bool smtp_put_data(struct smtp *s, struct err *err)
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
    /* Among several transactions it is asked again in lock step, before anybody is blamed. */
    return t->step > PEER_WHOLE || !is_about_account(&s->reply) || blame_account(s, t, err);
}

bool smtp_take_rset(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!t->progress.rset) {
        return true;
    }
    if (!take_reply(s, t, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    s->dirty = false;
    return smtp_is(s, 2) || smtp_refused(s, ERR_PROTOCOL, "refuses RSET", err);
}

bool smtp_take_mail(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!take_reply(s, t, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    if (smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to MAIL", err);
    }
    s->dirty = true;
    t->progress.mail_ok = smtp_is(s, 2);
    for (size_t i = 0; i < t->to_count && !t->progress.mail_ok; i++) {
        struct outcome *o = smtp_outcome(t, i);
        if (o->verdict == VERDICT_NONE && !smtp_outcome_reply(s, smtp_verdict(s), o, err)) {
            return false;
        }
    }
    return true;
}

/* Syntax, sequence: what a server answers that does not bear commands ahead of answers. */
static bool is_confusion(const struct smtp *s, const struct smtp_transaction *t)
{
    return t->progress.flight && s->reply.code >= 500 && s->reply.code <= 504;
}

bool smtp_take_rcpt(struct smtp *s, struct smtp_transaction *t, size_t i, struct err *err)
{
    if (!take_reply(s, t, SMTP_SECONDS_COMMAND, err)) {
        return false;
    }
    if (smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to RCPT", err);
    }
    if (!t->progress.mail_ok) {
        return true; /* MAIL's answer was the verdict */
    }
    if (is_confusion(s, t)) {
        t->ahead = true;
        return true;
    }
    bool accepted = smtp_is(s, 2);
    bool too_many = s->reply.code == 552; /* RFC 5321, 4.5.3.1.10 */
    t->progress.accepted += accepted;
    return smtp_outcome_reply(s,
                              accepted   ? VERDICT_NONE
                              : too_many ? VERDICT_LATER
                                         : smtp_verdict(s),
                              smtp_outcome(t, i), err);
}

/* One answer, a verdict for all who were accepted. */
static bool settle_accepted(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    for (size_t i = 0; i < t->to_count; i++) {
        struct outcome *o = smtp_outcome(t, i);
        if (smtp_is_accepted(o) && !smtp_outcome_reply(s, smtp_verdict(s), o, err)) {
            return false;
        }
    }
    return true;
}

void smtp_forget_accepted(struct smtp_transaction *t)
{
    for (size_t i = 0; i < t->to_count; i++) {
        if (smtp_is_accepted(smtp_outcome(t, i))) {
            outcome_free(smtp_outcome(t, i));
        }
    }
}

/* 354 although nobody was accepted: an empty message for nobody (RFC 2920, 3.1). Where MAIL was refused, who
 * knows for whom: then the connection is dropped. */
static bool end_empty(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (!t->progress.mail_ok) {
        s->lost = true;
        return true;
    }
    return chat_send(&s->session.chat, err, ".") && take_reply(s, t, SMTP_SECONDS_END, err);
}

bool smtp_take_data(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct smtp_progress *p = &t->progress;

    if (!take_reply(s, t, SMTP_SECONDS_DATA, err)) {
        return false;
    }
    if (p->accepted == 0) {
        return s->reply.code != 354 || end_empty(s, t, err);
    }
    if (s->reply.code == 354) {
        p->go_ahead = true;
        return true;
    }
    if (smtp_is(s, 2) || smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to DATA", err);
    }
    if (is_confusion(s, t)) {
        t->ahead = true;
        smtp_forget_accepted(t);
        return true;
    }
    return settle_accepted(s, t, err);
}

/* BDAT that is not understood: its octets will be taken for commands, so nothing more can be said here. */
static bool is_bdat_confusion(struct smtp *s, struct smtp_transaction *t)
{
    bool unknown = s->reply.code == 500 || s->reply.code == 502;
    s->lost = s->lost || (t->progress.bdat && unknown);
    return t->progress.bdat && is_confusion(s, t);
}

/* LMTP answers for each recipient that it has accepted, in their order (RFC 2033, 4.2): whoever has his answer has his
 * verdict, also where the connection is lost before the next one. */
static bool take_ends(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    for (size_t i = 0; i < t->to_count; i++) {
        struct outcome *o = smtp_outcome(t, i);
        if (!smtp_is_accepted(o)) {
            continue;
        }
        if (!smtp_read_reply(s, SMTP_SECONDS_END, err)) {
            return false;
        }
        if (smtp_is(s, 3)) {
            return smtp_refused(s, ERR_PROTOCOL, "gives no answer to the message", err);
        }
        if (!smtp_outcome_reply(s, smtp_verdict(s), o, err)) {
            return false;
        }
    }
    t->in_doubt = false;
    s->dirty = false;
    return true;
}

bool smtp_take_end(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    if (smtp_is_lmtp(s)) {
        return take_ends(s, t, err);
    }
    if (!smtp_read_reply(s, SMTP_SECONDS_END, err)) {
        return false;
    }
    if (smtp_is(s, 3)) {
        return smtp_refused(s, ERR_PROTOCOL, "gives no answer to the message", err);
    }
    t->in_doubt = false;
    if (s->reply.code == 421) {
        return smtp_refused(s, ERR_REFUSED_TEMP, "closes the connection", err);
    }
    if (is_bdat_confusion(s, t) && t->progress.accepted > 0) {
        t->ahead = true;
        smtp_forget_accepted(t);
        return true;
    }
    if (t->progress.accepted == 0) {
        return true; /* 554 "no valid recipients", or whatever: RCPT's answers are the verdicts */
    }
    s->dirty = false;
    if (t->step <= PEER_WHOLE && is_about_account(&s->reply)) {
        return blame_account(s, t, err);
    }
    return settle_accepted(s, t, err);
}
