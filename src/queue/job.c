/* job - one message: see job.h. */
#include "queue/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "mail/report.h"
#include "mail/retry.h"
#include "queue/giveback.h"
#include "queue/hook.h"
#include "queue/notice.h"
#include "queue/term.h"
#include "queue/outlog.h"
#include "queue/text.h"

#define HUNG_UP_MAX 2     /* connections lost in a row before the host is to blame, not a message */
#define HUNG_UP_ALONE 3   /* tries of a message that ended so, before it is to blame where others pass */
#define CRASHES_MAX 3     /* of a process handling a message, before it is held */
#define WAITER_SECONDS 60 /* a waiter has to take its message back */

/* One attempt. */
struct attempt {
    struct job *job;
    struct journal_writer *w;
    struct text text;
    struct outcome *outcomes;
    size_t *to, to_count;
    bool announced; /* a durable record of doubt stands */
    bool reopened;
    bool lock_step; /* this message has met a host that does not bear more */
    bool finished;  /* all is delivered, and written down as such */
};

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

static bool read_text(void *arg, char *buf, size_t size, size_t *n_r, struct err *err)
{
    struct attempt *a = arg;
    return text_read(&a->text, buf, size, n_r, err);
}

/* -- what is written down -- */

bool job_note_failure(struct store *store, struct message *m, const struct err *why, int64_t next,
                      struct err *err)
{
    struct journal_writer *w = NULL;
    const struct journal *j = &m->journal;
    bool news = j->last_error == NULL || strcmp(j->last_error, why->what) != 0;
    bool ok = journal_open(store, m, &w, err) && (!news || journal_failure(w, why, err)) &&
              (next == 0 || journal_next(w, next, err)) && journal_sync(w, err);
    journal_close(&w);
    return ok;
}

/* -- outcomes: journal, log, waiter -- */

/* A server that knows DSN has been asked for the notification; else it is ours to make (RFC 3461, 5.2). */
static bool passes_on_dsn(const struct line *line, const struct message *m, size_t i)
{
    return (m->envelope.recipients[i].notify & NOTIFY_SUCCESS) != 0 && smtp_knows_dsn(line->smtp);
}

/* Nobody is left, and nobody is to be told anything: the message is finished with the same sync. */
static bool is_all_delivered(const struct attempt *a)
{
    const struct journal *j = &a->job->message->journal;
    size_t delivered = 0;
    for (size_t i = 0; i < j->count; i++) {
        delivered += j->outcomes[i].verdict == VERDICT_DELIVERED;
    }
    for (size_t k = 0; k < a->to_count; k++) {
        delivered += a->outcomes[a->to[k]].verdict == VERDICT_DELIVERED;
    }
    return delivered == j->count;
}

static bool asks_for_word(const struct message *m)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (report_is_wanted(&m->envelope.recipients[i], REPORT_RELAYED)) {
            return true;
        }
    }
    return false;
}

static bool finish_attempt(struct attempt *a, struct err *err)
{
    a->finished = is_all_delivered(a) && !asks_for_word(a->job->message);
    return !a->finished || (journal_attempt_end(a->w, err) && journal_finished(a->w, "delivered", err));
}

static bool record_outcomes(struct attempt *a, bool *delivered_r, struct err *err)
{
    struct job *job = a->job;
    *delivered_r = false;
    for (size_t k = 0; k < a->to_count; k++) {
        size_t i = a->to[k];
        const struct outcome *o = &a->outcomes[i];
        if (o->verdict == VERDICT_NONE) {
            continue;
        }
        if (!journal_outcome(a->w, i, o, err)) {
            return false;
        }
        if (o->verdict == VERDICT_DELIVERED && passes_on_dsn(job->line, job->message, i) &&
            !journal_reported(a->w, i, err)) {
            return false;
        }
        *delivered_r = *delivered_r || o->verdict == VERDICT_DELIVERED;
    }
    if (!finish_attempt(a, err) || !journal_sync(a->w, err)) {
        return false;
    }
    outlog(job->message, job->line->account, a->outcomes, a->to, a->to_count);
    job->delivered = job->delivered || *delivered_r;
    if (*delivered_r) {
        line_mark_delivered(job->lines, job->line);
    }
    return true;
}

/* What stands now for each recipient, told once the attempt is over. */
static void tell_waiter(const struct job *job)
{
    const struct journal *j = &job->message->journal;
    for (size_t i = 0; i < j->count; i++) {
        if (j->outcomes[i].verdict != VERDICT_NONE) {
            waiter_recipient(job->waiter, i, &j->outcomes[i]);
        }
    }
}

/* -- which recipients -- */

static bool is_open(enum verdict verdict)
{
    return verdict == VERDICT_NONE || verdict == VERDICT_LATER;
}

static size_t count_open(const struct message *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->journal.count; i++) {
        count += is_open(m->journal.outcomes[i].verdict);
    }
    return count;
}

static size_t count_of(const struct message *m, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < m->journal.count; i++) {
        count += m->journal.outcomes[i].verdict == verdict;
    }
    return count;
}

static void choose_open(struct attempt *a)
{
    const struct journal *j = &a->job->message->journal;
    a->to_count = 0;
    for (size_t i = 0; i < j->count; i++) {
        if (is_open(j->outcomes[i].verdict)) {
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

/* Keeps in `to` those whom another transaction, now, can help. */
static bool choose_again(struct attempt *a, bool delivered)
{
    size_t kept = 0;
    for (size_t k = 0; k < a->to_count; k++) {
        const struct outcome *o = &a->outcomes[a->to[k]];
        if (o->verdict == VERDICT_NONE || (delivered && is_too_many(o))) {
            a->to[kept++] = a->to[k];
        }
    }
    a->to_count = kept;
    return kept > 0;
}

/* -- transactions -- */

bool job_is_local(const struct err *why)
{
    return why->kind == ERR_LOCAL || why->kind == ERR_INTERNAL || why->sys == EACCES || why->sys == EPERM;
}

enum round { ROUND_OVER, ROUND_AGAIN, ROUND_CUT, ROUND_LOCAL };

/* No verdict for want of lock step: this message goes again without any command ahead, others with fewer. */
static void lower_step(struct attempt *a, const struct smtp_transaction *t)
{
    a->lock_step = true;
    peer_fall(&a->job->line->peer, t->step, clock_now());
}

static enum peer_step step_for(const struct attempt *a)
{
    enum peer_step step = a->job->line->peer.step;
    bool alone = a->lock_step || a->job->lock_step || a->job->message->journal.in_doubt > 0;
    return alone ? PEER_LOCK_STEP : step > PEER_WHOLE ? PEER_WHOLE : step;
}

/* A connection that had gone stale, or a host that does not bear commands ahead of answers, gets one more
 * chance at once, over a new connection. */
static bool deserves_reopening(struct attempt *a, const struct smtp_transaction *t)
{
    struct line *line = a->job->line;
    if (a->reopened || t->in_doubt || t->blame != SMTP_BLAME_HOST || (line->messages == 0 && !t->ahead)) {
        return false;
    }
    if (t->ahead && line->messages == 0) {
        lower_step(a, t);
    }
    return a->reopened = true;
}

static enum round send_round(struct attempt *a, struct smtp_transaction *t, struct err *err)
{
    struct line *line = a->job->line;
    struct err journal_err;
    bool delivered;

    text_begin(&a->text, a->job->message);
    a->announced = false;
    t->to = a->to;
    t->to_count = a->to_count;
    t->step = step_for(a);
    bool sent = smtp_send(line->smtp, t, err);
    if (!record_outcomes(a, &delivered, &journal_err)) {
        *err = journal_err;
        return ROUND_LOCAL;
    }
    if (!sent) {
        choose_again(a, false);
        return t->blame == SMTP_BLAME_LOCAL ? ROUND_LOCAL : ROUND_CUT;
    }
    if (t->ahead) {
        lower_step(a, t);
    }
    if (!line_works(line, err)) {
        return ROUND_LOCAL;
    }
    return choose_again(a, delivered) ? ROUND_AGAIN : ROUND_OVER;
}

static enum round send_all(struct attempt *a, struct smtp_transaction *t, struct err *err)
{
    struct job *job = a->job;
    enum round round = ROUND_AGAIN;

    while (round == ROUND_AGAIN) {
        round = send_round(a, t, err);
        if (!smtp_usable(job->line->smtp)) {
            line_close(job->line);
        }
        if (round == ROUND_CUT && deserves_reopening(a, t)) {
            round = ROUND_AGAIN;
        }
        if (round == ROUND_AGAIN && !line_open(job->lines, job->line, err)) {
            t->blame = SMTP_BLAME_ACCOUNT; /* of host or account, it is the same: not this message's */
            round = job_is_local(err) ? ROUND_LOCAL : ROUND_CUT;
        }
    }
    return round;
}

/* -- after an attempt -- */

static int64_t next_try(const struct message *m, struct err *err)
{
    uint32_t random = 0;
    if (!proc_random(&random, sizeof(random), err)) {
        random = 0;
    }
    return clock_now() + retry_after(m->journal.attempts, random);
}

static void log_failure(const struct job *job, const struct err *why)
{
    log_event(LOG_LEVEL_WARNING, "failed", "id", job->message->id, "account", job->line->account->name,
              "kind", err_kind_name(why->kind), "problem", why->what, "hint", why->hint, NULL);
}

static enum job_end conclude(struct job *job, struct journal_writer *w, struct err *err);

/* Not this time. If it was tried for long enough, that was the last time. */
static enum job_end in_vain(struct job *job, struct journal_writer *w, struct err *err)
{
    return term_is_over(job->message, job->line->config, clock_now()) ? conclude(job, w, err) : JOB_KEPT;
}

/* The line could not be had. The message is not blamed: no attempt is counted. */
static enum job_end no_line(struct job *job, struct journal_writer *w, const struct err *why, struct err *err)
{
    struct err noting;
    bool local = job_is_local(why);

    log_failure(job, why);
    waiter_failure(job->waiter, why);
    if (!local && !line_fail(job->line, why, &noting)) {
        *err = noting;
        return JOB_LOCAL;
    }
    if (!job_note_failure(job->store, job->message, why, local ? 0 : job->line->breaker.next, &noting)) {
        *err = noting;
        return JOB_LOCAL;
    }
    if (local) {
        *err = *why;
    }
    return local ? JOB_LOCAL : in_vain(job, w, err);
}

/* The end of the data went out and no answer came. */
static bool record_doubt(struct attempt *a, struct err *err)
{
    return a->job->message->journal.in_doubt > 1
               ? journal_hold(a->w,
                              "The connection was lost behind the message twice: it may have been delivered.",
                              err)
               : journal_next(a->w, clock_now() + RETRY_IN_DOUBT, err);
}

/* The host hung up at this message again, and takes others: it is delayed alone. */
static bool is_to_blame(const struct job *job)
{
    return job->line->passed && job->message->journal.attempts >= HUNG_UP_ALONE;
}

/* The connection, or the account, failed within a transaction. */
static enum job_end cut(struct attempt *a, const struct smtp_transaction *t, const struct err *why,
                        struct err *err)
{
    struct job *job = a->job;
    bool settled = a->announced && !t->in_doubt;
    bool ok = (!settled || journal_no_doubt(a->w, err)) && journal_failure(a->w, why, err) &&
              (t->in_doubt ? record_doubt(a, err) : journal_next(a->w, next_try(job->message, err), err)) &&
              journal_attempt_end(a->w, err) && journal_sync(a->w, err);

    if (t->ahead && t->in_doubt) {
        lower_step(a, t);
    }
    log_failure(job, why);
    tell_waiter(job);
    waiter_failure(job->waiter, why);
    line_close(job->line);
    job->line->hung_up += is_to_blame(job) ? 0 : 1;
    if (ok && (t->blame == SMTP_BLAME_ACCOUNT || job->line->hung_up >= HUNG_UP_MAX)) {
        ok = line_fail(job->line, why, err);
    }
    return !ok ? JOB_LOCAL : t->in_doubt ? JOB_KEPT : in_vain(job, a->w, err);
}

/* This machine failed: its disk, its memory. Nothing more is tried; what could be written is written. */
static enum job_end local_failure(struct attempt *a, struct err *why)
{
    struct job *job = a->job;
    struct err ignored;

    log_failure(job, why);
    waiter_failure(job->waiter, why);
    line_close(job->line);
    if (why->kind == ERR_DATA) {
        return store_set_aside(job->store, job->message, "aside", why) ? JOB_DONE : JOB_LOCAL;
    }
    if (!journal_failure(a->w, why, &ignored) ||
        !journal_next(a->w, next_try(job->message, &ignored), &ignored) ||
        !journal_attempt_end(a->w, &ignored) || !journal_sync(a->w, &ignored)) {
        log_event(LOG_LEVEL_ERROR, "journal", "id", job->message->id, "problem", ignored.what, NULL);
    }
    return JOB_LOCAL;
}

/* -- the end of a message -- */

static bool finish(struct job *job, struct journal_writer *w, const char *how, bool keep, struct err *err)
{
    if (keep) {
        return store_set_aside(job->store, job->message, "failed", err);
    }
    return journal_finished(w, how, err) && journal_sync(w, err) &&
           store_remove(job->store, job->message, err);
}

/* Refused, and nobody to tell: kept where the person can see it. */
static bool keep_failed(struct job *job, struct err *err)
{
    log_event(LOG_LEVEL_ERROR, "undeliverable", "id", job->message->id, "account", job->line->account->name,
              "kept", "failed", NULL);
    hook_tell(job->line->config, job->line->account->name, HOOK_UNDELIVERABLE,
              "A message was not delivered, and there was nobody to send it back to.",
              "It is kept: tappal queue list");
    return store_set_aside(job->store, job->message, "failed", err);
}

/* All were refused, and tappal-sendmail waits: it takes the message back and says so itself. If it does not,
 * the next run reports. */
static bool leave_to_waiter(struct job *job)
{
    const struct message *m = job->message;
    return count_of(m, VERDICT_REFUSED) == m->journal.count && waiter_is_there(job->waiter);
}

/* Tried for long enough, and this time in vain: whoever is left is given up. */
static bool give_up_in_time(struct job *job, struct journal_writer *w, struct err *err)
{
    const struct message *m = job->message;
    const struct breaker *b = &job->line->breaker;
    if (count_open(m) == 0 || !term_is_over(m, job->line->config, clock_now())) {
        return true;
    }
    const char *why = b->failures > 0 ? b->why.what : "The message could not be sent in time.";
    return term_give_up(m, w, why, err) && journal_sync(w, err);
}

/* Reports what is to be reported, and ends the message where nothing is left to do. */
static enum job_end conclude(struct job *job, struct journal_writer *w, struct err *err)
{
    struct message *m = job->message;
    bool ok = give_up_in_time(job, w, err), keep = giveback_keeps_message(m);
    bool refused = count_of(m, VERDICT_REFUSED) > 0;
    size_t open = count_open(m);

    if (ok && leave_to_waiter(job)) {
        ok = journal_next(w, clock_now() + WAITER_SECONDS, err) && journal_sync(w, err);
        return ok ? JOB_KEPT : JOB_LOCAL;
    }
    if (ok && (giveback_is_due(m) || giveback_is_asked_for(m)) && giveback_has_sender(m)) {
        ok = giveback_report(job->store, job->lines, job->line, m, w, err);
    }
    if (ok && open > 0) {
        ok = journal_next(w, next_try(m, err), err) && journal_sync(w, err);
        return ok ? JOB_KEPT : JOB_LOCAL;
    }
    if (ok && giveback_is_due(m)) {
        return keep_failed(job, err) ? JOB_DONE : JOB_LOCAL;
    }
    ok = ok && finish(job, w, refused ? "returned" : "delivered", keep, err);
    return ok ? JOB_DONE : JOB_LOCAL;
}

/* -- the attempt -- */

static bool attempt_begin(struct attempt *a, struct err *err)
{
    const struct message *m = a->job->message;
    a->outcomes = calloc(m->envelope.count + 1, sizeof(struct outcome));
    a->to = calloc(m->envelope.count + 1, sizeof(size_t));
    if (a->outcomes == NULL || a->to == NULL) {
        return err_nomem(err);
    }
    choose_open(a);
    return journal_attempt(a->w, clock_now(), err);
}

static void attempt_free(struct attempt *a, size_t count)
{
    for (size_t i = 0; a->outcomes != NULL && i < count; i++) {
        outcome_free(&a->outcomes[i]);
    }
    free(a->outcomes);
    free(a->to);
}

static void note_missing_dsn(const struct job *job)
{
    static const char note[] =
        "The server does not know DSN: what was asked about notifications was not passed on.";
    log_event(LOG_LEVEL_INFO, "note", "id", job->message->id, "account", job->line->account->name, "note",
              note, NULL);
    waiter_dialogue(job->waiter, '*', note);
}

static enum job_end attempt_run(struct attempt *a, struct err *err)
{
    struct job *job = a->job;
    struct smtp_transaction t = {
        .envelope = &job->message->envelope,
        .facts = &job->message->facts,
        .read = read_text,
        .before_end = announce_end,
        .arg = a,
        .outcomes = a->outcomes,
        .to_count = a->to_count,
        .step = step_for(a),
        .no_chunking = job->line->account->send.chunking == CHUNKING_OFF,
    };
    struct err why = {0};

    /* Where all is said at once, the record of doubt comes before the first word, and one sync does for both. */
    if (!smtp_goes_whole(job->line->smtp, &t) && !journal_sync(a->w, err)) {
        return JOB_LOCAL;
    }
    switch (send_all(a, &t, &why)) {
    case ROUND_CUT:
        return cut(a, &t, &why, err);
    case ROUND_LOCAL:
        *err = why;
        return local_failure(a, err);
    default:
        break;
    }
    if (t.no_dsn) {
        note_missing_dsn(job);
    }
    tell_waiter(job);
    if (a->finished) {
        return store_remove(job->store, job->message, err) ? JOB_DONE : JOB_LOCAL;
    }
    if (!journal_attempt_end(a->w, err) || !journal_sync(a->w, err)) {
        return JOB_LOCAL;
    }
    return conclude(job, a->w, err);
}

static enum job_end deliver(struct job *job, struct journal_writer *w, struct err *err)
{
    struct attempt a = {.job = job, .w = w};
    size_t count = job->message->envelope.count;
    struct err why = {0};
    enum job_end end = JOB_LOCAL;

    if (!line_open(job->lines, job->line, &why)) {
        return no_line(job, w, &why, err);
    }
    if (attempt_begin(&a, err)) {
        end = attempt_run(&a, err);
    }
    attempt_free(&a, count);
    return end;
}

/* -- before an attempt -- */

/* A runner was killed behind the last octet of this message: it is in doubt, and nobody has said so yet. */
static enum job_end settle_doubt(struct job *job, struct journal_writer *w, struct err *err)
{
    const struct journal *j = &job->message->journal;
    bool ok = journal_attempt_end(w, err) &&
              (j->in_doubt > 1
                   ? journal_hold(
                         w, "Its delivery was broken off behind the message twice: it may have arrived.", err)
                   : journal_next(w, j->last_attempt + RETRY_IN_DOUBT, err)) &&
              journal_sync(w, err);
    return ok ? JOB_KEPT : JOB_LOCAL;
}

/* What may have arrived waits its time, whoever is in a hurry. */
static bool waits_in_doubt(const struct journal *j)
{
    return j->held || (j->in_doubt_open && clock_now() < j->last_attempt + RETRY_IN_DOUBT);
}

static bool is_of_network(enum err_kind kind)
{
    return kind == ERR_NO_HOST || kind == ERR_NETWORK;
}

/* Taken because there may be a network again, and that is nothing to this message. */
static bool waits_its_time(const struct job *job)
{
    const struct journal *j = &job->message->journal;
    return job->woken && !job->now && journal_due(j) > clock_now() && !is_of_network(j->last_kind);
}

/* The breaker is open: nothing is tried, and whoever waits hears why. An account that never delivered anything
 * is being set up: there each try of the person counts. */
static bool is_held_by_breaker(struct job *job)
{
    const struct line *line = job->line;
    bool first_set_up = waiter_is_there(job->waiter) && !line_has_delivered(job->lines, line);
    bool woken = job->woken && is_of_network(line->breaker.why.kind);
    return line->down || (breaker_holds(&line->breaker, clock_now()) && !job->now && !first_set_up && !woken);
}

static enum job_end stay(struct job *job, struct journal_writer *w, struct err *err)
{
    const struct breaker *b = &job->line->breaker;
    if (!waiter_is_there(job->waiter)) {
        return in_vain(job, w, err);
    }
    waiter_failure(job->waiter, &b->why);
    return job_note_failure(job->store, job->message, &b->why, b->next, err) ? JOB_KEPT : JOB_LOCAL;
}

/* Whoever handled this message was killed, time and again: by it, perhaps. */
static enum job_end hold_poison(struct job *job, struct journal_writer *w, struct err *err)
{
    static const char why[] = "whoever tried to send it was killed over it three times";
    bool ok = journal_attempt_end(w, err) && journal_hold(w, why, err) && journal_sync(w, err);
    log_event(LOG_LEVEL_ERROR, "held", "id", job->message->id, "account", job->line->account->name, "problem",
              why, NULL);
    return ok ? JOB_KEPT : JOB_LOCAL;
}

static enum job_end run(struct job *job, struct journal_writer *w, struct err *err)
{
    const struct message *m = job->message;
    if (m->journal.finished) {
        return store_remove(job->store, job->message, err) ? JOB_DONE : JOB_LOCAL;
    }
    if (m->journal.unfinished >= CRASHES_MAX && !m->journal.held) {
        return hold_poison(job, w, err);
    }
    if (m->journal.in_doubt_open && m->journal.unfinished > 0) {
        enum job_end end = settle_doubt(job, w, err);
        if (end != JOB_KEPT) {
            return end;
        }
    }
    if (waits_in_doubt(&m->journal) || waits_its_time(job)) {
        return JOB_KEPT;
    }
    if (count_open(m) == 0) {
        return conclude(job, w, err);
    }
    return is_held_by_breaker(job) ? stay(job, w, err) : deliver(job, w, err);
}

/* Whoever asked to be told of a delay is, at once; all others by one letter for the account. */
static bool tell_of_delay(struct job *job, struct journal_writer *w, struct err *err)
{
    struct message *m = job->message;
    bool is_long = job->line != NULL && term_is_long(m, job->line->config, clock_now());
    if (!is_long || m->journal.held) {
        return true;
    }
    notice_consider(job->lines, job->line, m);
    return m->journal.warned > 0 || !giveback_has_sender(m) ||
           giveback_delayed(job->store, job->lines, job->line, m, w, err);
}

enum job_end job_run(struct job *job, struct err *err)
{
    struct journal_writer *w = NULL;
    enum job_end end = JOB_LOCAL;
    if (journal_open(job->store, job->message, &w, err)) {
        end = run(job, w, err);
    }
    if (end == JOB_KEPT && !tell_of_delay(job, w, err)) {
        end = JOB_LOCAL;
    }
    journal_close(&w);
    store_release(job->message);
    return end;
}
