/* job - the course of one message: before an attempt, behind it, and at the end. See job.h. */
#include "queue/job.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "mail/retry.h"
#include "queue/attempt.h"
#include "queue/doubt.h"
#include "queue/giveback.h"
#include "queue/hook.h"
#include "queue/notice.h"
#include "queue/term.h"

#define HUNG_UP_MAX 2   /* connections lost in a row before the host is to blame, not a message */
#define HUNG_UP_ALONE 3 /* tries of a message that ended so, before it is to blame where others pass */
#define CRASHES_MAX 3   /* of a process handling a message, before it is held */
#define TURN_MAX                                                                                             \
    3600 /* seconds until what waits for its turn is looked at: the limit may be another by then */
#define WAITER_SECONDS 60 /* a waiter has to take its message back */

/* -- what is written down -- */

bool job_note_failure(struct store *store, struct message *m, const struct err *why, int64_t next,
                      struct err *err)
{
    struct journal_writer *w = NULL;
    const struct journal *j = &m->journal;
    bool news = j->last_error == NULL || strcmp(j->last_error, why->what) != 0 || j->last_hint == NULL ||
                strcmp(j->last_hint, why->hint) != 0;
    bool ok = journal_open(store, m, &w, err) && (!news || journal_failure(w, why, err)) &&
              (next == 0 || journal_next(w, next, err)) && journal_sync(w, err);
    journal_close(&w);
    return ok;
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
    return term_is_over(job->message, job->line, clock_now()) ? conclude(job, w, err) : JOB_KEPT;
}

/* The line could not be had. The message is not blamed: no attempt is counted. */
static enum job_end no_line(struct job *job, struct journal_writer *w, const struct err *why, struct err *err)
{
    struct err noting;
    bool local = attempt_is_local(why);

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

/* In doubt are those whom the last transaction was for and who got no answer: `to` holds them still. */
static bool record_doubt(const struct job *job, const struct attempt *a, struct err *err)
{
    const struct doubt_of of = {job->message, clock_now(), a->to, a->to_count};
    return doubt_record(job->store, job->lines, job->line, &of, a->w, err);
}

static bool record_cut(const struct job *job, const struct attempt *a, const struct err *why, struct err *err)
{
    return journal_failure(a->w, why, err) &&
           (a->t.in_doubt ? record_doubt(job, a, err) : journal_next(a->w, next_try(a->message, err), err)) &&
           journal_attempt_end(a->w, err) && journal_sync(a->w, err);
}

/* The host hung up at this message again, and takes others: it is delayed alone. */
static bool is_to_blame(const struct job *job)
{
    return job->line->passed && job->message->journal.attempts >= HUNG_UP_ALONE;
}

/* The connection, or the account, failed within a transaction. */
static enum job_end cut(struct job *job, const struct attempt *a, const struct err *why, struct err *err)
{
    struct line *line = job->line;
    bool ok = record_cut(job, a, why, err);

    if (a->t.ahead && a->t.in_doubt) {
        peer_fall(&line->peer, a->t.step, clock_now());
    }
    log_failure(job, why);
    tell_waiter(job);
    waiter_failure(job->waiter, why);
    line_close(line);
    line->hung_up += is_to_blame(job) ? 0 : 1;
    if (ok && (a->t.blame == SMTP_BLAME_ACCOUNT || line->hung_up >= HUNG_UP_MAX)) {
        ok = line_fail(line, why, err);
    }
    return !ok ? JOB_LOCAL : a->t.in_doubt ? JOB_KEPT : in_vain(job, a->w, err);
}

/* This machine failed: its disk, its memory. Nothing more is tried; what could be written is written. */
static enum job_end local_failure(struct job *job, struct journal_writer *w, struct err *why)
{
    struct err ignored;

    log_failure(job, why);
    waiter_failure(job->waiter, why);
    line_close(job->line);
    if (why->kind == ERR_DATA) {
        return store_set_aside(job->store, job->message, "aside", why) ? JOB_DONE : JOB_LOCAL;
    }
    if (!journal_failure(w, why, &ignored) || !journal_next(w, next_try(job->message, &ignored), &ignored) ||
        !journal_attempt_end(w, &ignored) || !journal_sync(w, &ignored)) {
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
    return journal_count(&m->journal, VERDICT_REFUSED) == m->journal.count && waiter_is_there(job->waiter);
}

/* Tried for long enough, and this time in vain: whoever is left is given up. */
static bool give_up_in_time(struct job *job, struct journal_writer *w, struct err *err)
{
    const struct message *m = job->message;
    const struct breaker *b = &job->line->breaker;
    if (journal_count_open(&m->journal) == 0 || !term_is_over(m, job->line, clock_now())) {
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
    bool refused = journal_count(&m->journal, VERDICT_REFUSED) > 0;
    size_t open = journal_count_open(&m->journal);

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
    if (ok && journal_owes_copy(&m->journal)) {
        return JOB_KEPT; /* which ends it (queue/copy) */
    }
    if (ok && giveback_is_due(m)) {
        return keep_failed(job, err) ? JOB_DONE : JOB_LOCAL;
    }
    ok = ok && finish(job, w, refused ? "returned" : "delivered", keep, err);
    return ok ? JOB_DONE : JOB_LOCAL;
}

/* -- the attempt -- */

static void note_missing_dsn(const struct job *job)
{
    static const char note[] =
        "The server does not know DSN: what was asked about notifications was not passed on.";
    log_event(LOG_LEVEL_INFO, "note", "id", job->message->id, "account", job->line->account->name, "note",
              note, NULL);
    waiter_dialogue(job->waiter, '*', note);
}

/* Everybody's answer is there. */
static enum job_end over(struct job *job, const struct attempt *a, struct err *err)
{
    if (a->t.no_dsn) {
        note_missing_dsn(job);
    }
    tell_waiter(job);
    if (a->finished) {
        return store_remove(job->store, job->message, err) ? JOB_DONE : JOB_LOCAL;
    }
    if (job->message->journal.unfinished > 0 &&
        (!journal_attempt_end(a->w, err) || !journal_sync(a->w, err))) {
        return JOB_LOCAL;
    }
    return conclude(job, a->w, err);
}

static enum job_end try_it(struct job *job, struct attempt *a, struct err *err)
{
    struct err why = {0};

    if (!attempt_begin(a, err)) {
        return JOB_LOCAL;
    }
    enum attempt_end end = attempt_send(a, &why);
    job->delivered = a->delivered;
    if (end == ATTEMPT_CUT) {
        return cut(job, a, &why, err);
    }
    if (end == ATTEMPT_LOCAL) {
        *err = why;
        return local_failure(job, a->w, err);
    }
    return over(job, a, err);
}

/* Not counted, for the account has sent as much as it may: the message gets a time behind those that wait already. */
static enum job_end wait_turn(struct job *job, struct journal_writer *w, size_t recipients, struct err *err)
{
    struct rate *rate = &job->line->rate;
    struct err why = {0};
    int64_t when, latest = clock_now() + TURN_MAX;

    rate_explain(rate, recipients, &why);
    waiter_failure(job->waiter, &why);
    if (!rate_book(rate, recipients, &when, err) ||
        !job_note_failure(job->store, job->message, &why, when < latest ? when : latest, err)) {
        return JOB_LOCAL;
    }
    return in_vain(job, w, err);
}

/* May a message to so many go? Counted once there is a line, so that one that cannot be had costs nothing. */
static bool ask_rate(const struct job *job, size_t recipients, bool *may_r, struct err *err)
{
    int64_t when = 0;
    bool ok = job->counted || rate_ask(&job->line->rate, recipients, &when, err);
    *may_r = ok && when <= clock_now_ms();
    return ok;
}

static bool take_rate(struct job *job, size_t recipients, bool *may_r, struct err *err)
{
    size_t taken = 1;
    bool ok = job->counted || rate_take(&job->line->rate, &recipients, 1, &taken, err);
    *may_r = ok && taken == 1;
    return ok;
}

static enum job_end deliver(struct job *job, struct journal_writer *w, struct err *err)
{
    struct err why = {0};
    bool may;
    size_t most = rate_most(&job->line->rate, journal_count_open(&job->message->journal));
    struct attempt a = {
        .most = most,
        .lines = job->lines,
        .line = job->line,
        .message = job->message,
        .w = w,
        .lock_step = job->lock_step,
    };
    if (!ask_rate(job, most, &may, err)) {
        return JOB_LOCAL;
    }
    if (may && !line_open(job->lines, job->line, &why)) {
        return no_line(job, w, &why, err);
    }
    if (may && !take_rate(job, most, &may, err)) {
        return JOB_LOCAL;
    }
    if (!may) {
        return wait_turn(job, w, most, err);
    }
    enum job_end end = try_it(job, &a, err);
    attempt_free(&a);
    return end;
}

/* -- before an attempt -- */

/* A runner was killed behind the last octet of this message: it is in doubt, and nobody has said so yet. */
static enum job_end settle_doubt(struct job *job, struct journal_writer *w, struct err *err)
{
    const struct doubt_of of = {.message = job->message, .since = job->message->journal.last_attempt};
    bool ok = journal_attempt_end(w, err) && doubt_record(job->store, job->lines, job->line, &of, w, err) &&
              journal_sync(w, err);
    return ok ? JOB_KEPT : JOB_LOCAL;
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
    hook_tell(job->line->config, job->line->account->name, HOOK_HELD,
              "A message is held: whoever tried to send it was killed over it three times.",
              "tappal queue show says which; tappal queue release lets it be tried again.");
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
    if (m->journal.held || doubt_waits(&m->journal) || waits_its_time(job)) {
        return JOB_KEPT;
    }
    if (journal_count_open(&m->journal) == 0) {
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
    if (end == JOB_KEPT && job->line != NULL && job->line->lost == NULL) {
        copies_note(job->copies, job->line, job->message);
    }
    journal_close(&w);
    store_release(job->message);
    return end;
}
