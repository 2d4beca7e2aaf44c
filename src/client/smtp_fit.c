/* smtp_fit - what a server is known not to take is settled before anything is said: see smtp_impl.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/smtp_impl.h"

#define SMTP_DOMAINS_MAX 64 /* different domains in one transaction, where the server bounds them */

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

enum verdict smtp_verdict(const struct smtp *s)
{
    return smtp_is(s, 2) ? VERDICT_DELIVERED : smtp_is(s, 4) ? VERDICT_LATER : VERDICT_REFUSED;
}

bool smtp_outcome_reply(const struct smtp *s, enum verdict verdict, struct outcome *o, struct err *err)
{
    struct str text = STR_INIT(4 * SMTP_REPLY_SHOWN_MAX + 1024);
    bool ok = smtp_reply_show(&s->reply, &text, err) &&
              outcome_set(o, verdict, s->reply.code, s->reply.enhanced, text.buf, err);
    str_free(&text);
    return ok;
}

bool smtp_is_accepted(const struct outcome *o)
{
    return o->verdict == VERDICT_NONE && o->code != 0;
}

struct outcome *smtp_outcome(const struct smtp_transaction *t, size_t i)
{
    return &t->outcomes[t->to[i]];
}

static const char *address_at(const struct smtp_transaction *t, size_t i)
{
    return t->envelope->recipients[t->to[i]].address;
}

bool smtp_wants_rcpt(const struct smtp_transaction *t, size_t i)
{
    const struct outcome *o = smtp_outcome(t, i);
    return o->verdict == VERDICT_NONE && o->code == 0;
}

/* -- before anything is said: what the server is known not to take -- */

static bool refuse_all(struct smtp_transaction *t, int code, const char *enhanced, const char *text,
                       struct err *err)
{
    for (size_t i = 0; i < t->to_count; i++) {
        if (!outcome_set(smtp_outcome(t, i), VERDICT_REFUSED, code, enhanced, text, err)) {
            return false;
        }
    }
    return true;
}

static bool too_large(const struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    char text[128];
    snprintf(text, sizeof(text), "The message has %" PRIu64 " octets; the server takes at most %" PRIu64,
             t->progress.size, s->caps.size_max);
    return refuse_all(t, 552, "5.3.4", text, err);
}

static bool stuck(struct smtp_transaction *t, struct err *err)
{
    char text[200];
    snprintf(text, sizeof(text),
             "The message is 8-bit, the server does not speak 8BITMIME, and it cannot be encoded: %s",
             t->progress.plan.stuck);
    return refuse_all(t, 554, "5.6.1", text, err);
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
        return outcome_set(smtp_outcome(t, i), VERDICT_REFUSED, 501, "5.1.3", unusable, err);
    }
    if (!check_address(address_at(t, i), &why)) {
        return outcome_set(smtp_outcome(t, i), VERDICT_REFUSED, 501, "5.1.3", why.what, err);
    }
    if (needs_smtputf8(address_at(t, i)) && !s->caps.smtputf8) {
        return outcome_set(smtp_outcome(t, i), VERDICT_REFUSED, 550, "5.6.7",
                           "The address needs SMTPUTF8, which the server does not speak", err);
    }
    return true;
}

static bool asks_for_dsn(const struct envelope *e)
{
    bool asks = e->ret != RET_UNSET || e->envid != NULL;
    for (size_t i = 0; i < e->count && !asks; i++) {
        asks = e->recipients[i].notify != NOTIFY_UNSET || e->recipients[i].orcpt != NULL;
    }
    return asks;
}

/* -- LIMITS (RFC 9422) -- */

static bool is_known_domain(const char *const *domains, size_t count, const char *domain)
{
    for (size_t i = 0; i < count; i++) {
        if (text_eq_nocase(domains[i], domain)) {
            return true;
        }
    }
    return false;
}

/* Where this transaction's recipients end: those behind want another one. */
static size_t end_of_recipients(const struct smtp *s, const struct smtp_transaction *t)
{
    const char *domains[SMTP_DOMAINS_MAX];
    uint64_t max = s->caps.rcpt_max, domain_max = s->caps.rcpt_domain_max;
    size_t asked = 0, count = 0;

    if (domain_max > SMTP_DOMAINS_MAX) {
        domain_max = SMTP_DOMAINS_MAX;
    }
    for (size_t i = 0; i < t->to_count; i++) {
        const char *at = strrchr(address_at(t, i), '@');
        const char *domain = at != NULL ? at + 1 : "";
        if (!smtp_wants_rcpt(t, i)) {
            continue;
        }
        if (max > 0 && asked == max) {
            return i;
        }
        if (domain_max > 0 && !is_known_domain(domains, count, domain)) {
            if (count == domain_max) {
                return i;
            }
            domains[count++] = domain;
        }
        asked++;
    }
    return t->to_count;
}

/* -- the plan -- */

/* Why the server cannot be asked to take it at all; NULL: it can. */
static const char *misfit(const struct smtp *s, const struct smtp_transaction *t, int *code_r,
                          const char **enhanced_r)
{
    *code_r = 550;
    if (t->facts->eight_bit_header && !s->caps.eight_bit && !s->caps.smtputf8) {
        *enhanced_r = "5.6.7";
        return "The header has octets over 127, and the server speaks neither SMTPUTF8 nor 8BITMIME";
    }
    if (t->envelope->require_tls && (!s->caps.require_tls || !s->session.chat.tls)) {
        *enhanced_r = "5.7.30";
        return "The message asks for REQUIRETLS, which the server does not offer";
    }
    if (needs_smtputf8(t->envelope->sender) && !s->caps.smtputf8) {
        *enhanced_r = "5.6.7";
        return "The sender needs SMTPUTF8, which the server does not speak";
    }
    return NULL;
}

static bool is_small(const struct smtp_transaction *t)
{
    return t->facts->size <= SMTP_WHOLE_MAX && t->to_count <= SMTP_FLIGHT;
}

bool smtp_goes_whole(const struct smtp *s, const struct smtp_transaction *t)
{
    return !smtp_may_need_repair(s, t) && s->caps.pipelining && smtp_chunks(s) && !t->no_chunking &&
           t->step >= PEER_WHOLE && is_small(t);
}

static void plan(const struct smtp *s, struct smtp_transaction *t)
{
    struct smtp_progress *p = &t->progress;

    p->flight = s->caps.pipelining && t->step >= PEER_ENVELOPE;
    p->bdat = smtp_chunks(s) && !t->no_chunking && t->step >= PEER_WHOLE;
    p->end = end_of_recipients(s, t);
    p->smtputf8 = s->caps.smtputf8 && (t->facts->eight_bit_header || needs_smtputf8(t->envelope->sender));
    for (size_t i = 0; i < p->end; i++) {
        if (smtp_wants_rcpt(t, i)) {
            p->to_ask++;
            p->smtputf8 = p->smtputf8 || (s->caps.smtputf8 && needs_smtputf8(address_at(t, i)));
        }
    }
    t->no_dsn = !s->caps.dsn && asks_for_dsn(t->envelope);
}

static void begin(struct smtp_transaction *t)
{
    t->progress = (struct smtp_progress){.size = t->facts->size, .eight_bit = t->facts->eight_bit_body};
    t->in_doubt = t->ahead = false;
    t->blame = SMTP_BLAME_HOST;
    for (size_t i = 0; i < t->to_count; i++) {
        outcome_free(smtp_outcome(t, i));
    }
}

bool smtp_prepare(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    const char *sender = t->envelope->sender, *enhanced;
    struct err why;
    int code;

    begin(t);
    if (smtp_may_need_repair(s, t) && !smtp_plan_repair(s, t, err)) {
        return false;
    }
    if (t->progress.plan.stuck != NULL) {
        return stuck(t, err);
    }
    if (s->caps.size_max > 0 && t->progress.size > s->caps.size_max) {
        return too_large(s, t, err);
    }
    const char *text = misfit(s, t, &code, &enhanced);
    if (text != NULL) {
        return refuse_all(t, code, enhanced, text, err);
    }
    if (sender[0] != '\0' && !check_address(sender, &why)) {
        return refuse_all(t, 501, "5.1.7", why.what, err);
    }
    for (size_t i = 0; i < t->to_count; i++) {
        if (!check_recipient(s, t, i, err)) {
            return false;
        }
    }
    plan(s, t);
    return true;
}
