/* attempt - transactions and their records: see attempt.h. */
#include "queue/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/report.h"
#include "queue/copy.h"
#include "queue/giveback.h"
#include "queue/outlog.h"

/* -- which recipients -- */

static void choose_open(struct attempt *a)
{
    const struct journal *j = &a->message->journal;
    a->to_count = 0;
    for (size_t i = 0; i < j->count && a->to_count < a->most; i++) {
        if (verdict_is_open(j->outcomes[i].verdict)) {
            a->to[a->to_count++] = i;
        }
    }
}

/* "Too many recipients": those come in a transaction of their own (RFC 5321, 4.5.3.1.10). */
static bool is_too_many(const struct outcome *o)
{
    return o->verdict == VERDICT_LATER &&
           (o->code == 552 ||
            (o->code == 452 && (o->enhanced[0] == '\0' || strcmp(o->enhanced, "4.5.3") == 0)));
}

/* Keeps in `to` those whom another transaction, now, can help. Where it has shown how many it takes, the next one asks for
 * as many: all of them each time would grow with the square of their number, on the wire and in the journal. */
static bool choose_again(struct attempt *a, bool delivered)
{
    size_t kept = 0, taken = 0;
    bool too_many = false;
    for (size_t k = 0; k < a->to_count; k++) {
        const struct outcome *o = &a->outcomes[a->to[k]];
        const bool refused = delivered && is_too_many(o);
        taken += o->verdict == VERDICT_DELIVERED;
        too_many = too_many || refused;
        if (o->verdict == VERDICT_NONE || refused) {
            a->to[kept++] = a->to[k];
        }
    }
    a->to_count = kept;
    if (too_many) {
        smtp_note_most(a->line->smtp, taken);
    }
    return kept > 0;
}

/* -- the text -- */

static bool read_text(void *arg, char *buf, size_t size, size_t *n_r, struct err *err)
{
    struct attempt *a = arg;
    return text_read(&a->text, buf, size, n_r, err);
}

static void read_again(void *arg)
{
    struct attempt *a = arg;
    text_begin(&a->text, a->message);
}

/* All is sent but the end. Only what was stored goes out, and the doubt is on disk before it can arise. */
static bool announce_end(void *arg, struct err *err)
{
    struct attempt *a = arg;
    if (!text_is_whole(&a->text, err)) {
        return false;
    }
    a->announced = true;
    return journal_in_doubt(a->w, clock_now(), err) && journal_sync(a->w, err);
}

/* -- what was said, written down -- */

/* A server that knows DSN has been asked for the notification; else it is ours to make (RFC 3461, 5.2). */
static bool passes_on_dsn(const struct attempt *a, size_t i)
{
    return (a->message->envelope.recipients[i].notify & NOTIFY_SUCCESS) != 0 && smtp_knows_dsn(a->line->smtp);
}

/* Nobody is left: */
static bool is_all_delivered(const struct attempt *a)
{
    size_t delivered = journal_count(&a->message->journal, VERDICT_DELIVERED);
    for (size_t k = 0; k < a->to_count; k++) {
        delivered += a->outcomes[a->to[k]].verdict == VERDICT_DELIVERED;
    }
    return delivered == a->message->journal.count;
}

/* Where nobody is to be told anything either, and no copy is owed, the message is finished with the same sync. */
static bool finish_if_done(struct attempt *a, struct err *err)
{
    const bool done = is_all_delivered(a) && !giveback_may_be_asked_for(a->message);
    a->finished = done && !a->owes_copy && !journal_owes_copy(&a->message->journal);
    return !done ||
           (journal_attempt_end(a->w, err) && (!a->finished || journal_finished(a->w, "delivered", err)));
}

static bool record_outcome(struct attempt *a, size_t i, bool *delivered_r, struct err *err)
{
    const struct outcome *o = &a->outcomes[i];
    const bool delivered = o->verdict == VERDICT_DELIVERED;
    *delivered_r = *delivered_r || delivered;
    return o->verdict == VERDICT_NONE ||
           (journal_outcome(a->w, i, o, err) &&
            (!delivered || !passes_on_dsn(a, i) || journal_reported(a->w, i, err)));
}

static bool record_outcomes(struct attempt *a, bool *delivered_r, struct err *err)
{
    *delivered_r = false;
    for (size_t k = 0; k < a->to_count; k++) {
        if (!record_outcome(a, a->to[k], delivered_r, err)) {
            return false;
        }
    }
    bool answered = a->announced && !a->t.in_doubt;
    a->owes_copy = *delivered_r && copy_is_wanted(a->line, a->message);
    if ((answered && !journal_no_doubt(a->w, err)) ||
        (a->owes_copy && !journal_copy_due(a->w, clock_now(), err)) || !finish_if_done(a, err) ||
        !journal_sync(a->w, err)) {
        return false;
    }
    outlog(a->message, a->line->account, a->outcomes, a->to, a->to_count);
    a->delivered = a->delivered || *delivered_r;
    if (*delivered_r) {
        line_mark_delivered(a->lines, a->line);
    }
    return true;
}

/* -- transactions -- */

bool attempt_is_local(const struct err *why)
{
    return why->kind == ERR_LOCAL || why->kind == ERR_INTERNAL || why->sys == EACCES || why->sys == EPERM;
}

enum round { ROUND_OVER, ROUND_AGAIN, ROUND_CUT, ROUND_LOCAL };

/* No verdict for want of lock step: this message goes again without any command ahead, others with fewer. */
static void lower_step(struct attempt *a)
{
    a->lock_step = true;
    peer_fall(&a->line->peer, a->t.step, clock_now());
}

static enum peer_step step_for(const struct attempt *a)
{
    enum peer_step step = a->line->peer.step;
    bool alone = a->lock_step || a->message->journal.in_doubt > 0;
    return alone ? PEER_LOCK_STEP : step > PEER_WHOLE ? PEER_WHOLE : step;
}

/* A connection that had gone stale, or a host that does not bear commands ahead of answers, gets one more
 * chance at once, over a new connection. */
static bool deserves_reopening(struct attempt *a)
{
    const struct smtp_transaction *t = &a->t;
    if (a->reopened || t->in_doubt || t->blame != SMTP_BLAME_HOST || (a->line->messages == 0 && !t->ahead)) {
        return false;
    }
    if (t->ahead && a->line->messages == 0) {
        lower_step(a);
    }
    return a->reopened = true;
}

static enum round send_round(struct attempt *a, struct err *err)
{
    struct smtp_transaction *t = &a->t;
    struct err journal_err;
    bool delivered;

    text_begin(&a->text, a->message);
    a->announced = false;
    t->to = a->to;
    t->to_count = a->to_count;
    t->step = step_for(a);
    bool sent = smtp_send(a->line->smtp, t, err);
    if (!record_outcomes(a, &delivered, &journal_err)) {
        if (sent ||
            t->blame != SMTP_BLAME_LOCAL) { /* else the first failure says more than what follows from it */
            *err = journal_err;
        }
        return ROUND_LOCAL;
    }
    if (!sent) {
        choose_again(a, false);
        return t->blame == SMTP_BLAME_LOCAL ? ROUND_LOCAL : ROUND_CUT;
    }
    if (t->ahead) {
        lower_step(a);
    }
    if (!line_works(a->line, err)) {
        return ROUND_LOCAL;
    }
    return choose_again(a, delivered) ? ROUND_AGAIN : ROUND_OVER;
}

enum attempt_end attempt_send(struct attempt *a, struct err *err)
{
    enum round round = ROUND_AGAIN;

    while (round == ROUND_AGAIN) {
        round = send_round(a, err);
        if (!smtp_usable(a->line->smtp)) {
            line_close(a->line);
        }
        if (round == ROUND_CUT && deserves_reopening(a)) {
            round = ROUND_AGAIN;
        }
        if (round == ROUND_AGAIN && !line_open(a->lines, a->line, err)) {
            a->t.blame = SMTP_BLAME_ACCOUNT; /* of host or account, it is the same: not this message's */
            round = attempt_is_local(err) ? ROUND_LOCAL : ROUND_CUT;
        }
    }
    return round == ROUND_OVER ? ATTEMPT_OVER : round == ROUND_CUT ? ATTEMPT_CUT : ATTEMPT_LOCAL;
}

/* -- begin and end -- */

static void transaction_begin(struct attempt *a)
{
    a->t = (struct smtp_transaction){
        .envelope = &a->message->envelope,
        .facts = &a->message->facts,
        .read = read_text,
        .again = read_again,
        .before_end = announce_end,
        .arg = a,
        .outcomes = a->outcomes,
        .to_count = a->to_count,
        .step = step_for(a),
        .no_chunking = a->line->account->send.chunking == CHUNKING_OFF,
    };
}

bool attempt_begin(struct attempt *a, struct err *err)
{
    size_t count = a->message->envelope.count;
    a->outcome_count = count;
    a->outcomes = calloc(count + 1, sizeof(struct outcome));
    a->to = calloc(count + 1, sizeof(size_t));
    if (a->outcomes == NULL || a->to == NULL) {
        return err_nomem(err);
    }
    choose_open(a);
    transaction_begin(a);
    return journal_attempt(a->w, clock_now(), err) &&
           (smtp_goes_whole(a->line->smtp, &a->t) || journal_sync(a->w, err));
}

void attempt_free(struct attempt *a)
{
    for (size_t i = 0; a->outcomes != NULL && i < a->outcome_count; i++) {
        outcome_free(&a->outcomes[i]);
    }
    free(a->outcomes);
    free(a->to);
}
