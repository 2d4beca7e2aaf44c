/* batch - windows of messages: see batch.h. */
#include "queue/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/doubt.h"
#include "queue/giveback.h"
#include "queue/outlog.h"
#include "queue/term.h"
#include "queue/text.h"

/* One message in a window. */
struct part {
    struct message *message;
    struct journal_writer *w;
    struct text text;
    struct smtp_transaction t;
    size_t *to;
    bool put;      /* its answers are to be taken */
    bool finished; /* all is delivered */
    bool owes_copy;
};

struct window {
    struct batch *batch;
    enum peer_step step;
    struct message messages[BATCH_MAX];
    struct part parts[BATCH_MAX];
    size_t count;
    bool lost;      /* the connection, on the way */
    struct err why; /* of that */
};

static void window_free(struct window *win);

/* -- what may go in -- */

static bool is_plain(const struct message *m)
{
    return m->facts.size <= SMTP_WHOLE_MAX && m->envelope.count <= SMTP_FLIGHT &&
           !giveback_may_be_asked_for(m);
}

/* A window goes to everybody: not what was sent back by hand before any try, or was brought back for some. */
static bool is_new(const struct message *m)
{
    const struct journal *j = &m->journal;
    return j->attempts == 0 && j->in_doubt == 0 && !j->finished && !j->held &&
           journal_count(j, VERDICT_NONE) == j->count;
}

bool batch_suits(const struct line *line, const struct message *m)
{
    return is_plain(m) && is_new(m) && line->breaker.failures == 0 && !line->down &&
           !term_is_long(m, line->config, clock_now()) &&
           rate_most(&line->rate, m->envelope.count) == m->envelope.count &&
           (line->peer.step > PEER_WHOLE || peer_may_rise(&line->peer, clock_now()));
}

void batch_free(struct batch *b)
{
    window_free(b->open);
    b->open = NULL;
    for (size_t i = 0; i < b->count; i++) {
        store_release(&b->messages[i]);
    }
    b->count = 0;
}

/* -- one message alone -- */

static enum job_end run_alone(struct batch *b, struct message *m, bool counted, bool lock_step,
                              bool *delivered_r, struct err *err)
{
    struct waiter nobody = {.fd = -1};
    struct job job = {
        .store = b->store,
        .lines = b->lines,
        .waiter = &nobody,
        .line = b->line,
        .message = m,
        .counted = counted,
        .copies = b->copies,
        .lock_step = lock_step,
        .now = b->now,
    };
    enum job_end end = job_run(&job, err);
    *delivered_r = job.delivered;
    return end;
}

/* -- before the window -- */

static bool read_text(void *arg, char *buf, size_t size, size_t *n_r, struct err *err)
{
    struct part *part = arg;
    return text_read(&part->text, buf, size, n_r, err);
}

static void read_again(void *arg)
{
    struct part *part = arg;
    text_begin(&part->text, part->message);
}

/* The doubt is on the disk already. */
static bool before_end(void *arg, struct err *err)
{
    struct part *part = arg;
    return text_is_whole(&part->text, err);
}

static bool begin_part(struct window *win, struct part *part, struct message *m, struct err *err)
{
    struct batch *b = win->batch;
    size_t count = m->envelope.count;

    *part = (struct part){.message = m};
    part->to = calloc(count + 1, sizeof(size_t));
    part->t.outcomes = calloc(count + 1, sizeof(struct outcome));
    if (part->to == NULL || part->t.outcomes == NULL) {
        return err_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        part->to[i] = i;
    }
    text_begin(&part->text, m);
    part->t.envelope = &m->envelope;
    part->t.facts = &m->facts;
    part->t.to = part->to;
    part->t.to_count = count;
    part->t.step = win->step;
    part->t.no_chunking = b->line->account->send.chunking == CHUNKING_OFF;
    part->t.read = read_text;
    part->t.again = read_again;
    part->t.before_end = before_end;
    part->t.arg = part;
    return journal_open(b->store, m, &part->w, err) && journal_attempt(part->w, clock_now(), err) &&
           journal_in_doubt(part->w, clock_now(), err);
}

static void end_part(struct part *part)
{
    for (size_t i = 0; part->t.outcomes != NULL && i < part->t.to_count; i++) {
        outcome_free(&part->t.outcomes[i]);
    }
    free(part->t.outcomes);
    free(part->to);
    journal_close(&part->w);
}

static bool sync_all(struct window *win, struct err *err)
{
    struct journal_writer *writers[BATCH_MAX];
    for (size_t i = 0; i < win->count; i++) {
        writers[i] = win->parts[i].w;
    }
    return journal_sync_many(writers, win->count, err);
}

/* -- on the wire -- */

static void note_loss(struct window *win, const struct err *why)
{
    if (!win->lost) {
        win->lost = true;
        win->why = *why;
    }
}

static void put_all(struct window *win, struct smtp *smtp)
{
    struct err why = {0};

    for (size_t i = 0; i < win->count && !win->lost; i++) {
        struct part *part = &win->parts[i];
        part->put = smtp_put(smtp, &part->t, &why);
        if (!part->put && part->t.blame != SMTP_BLAME_LOCAL) {
            note_loss(win, &why);
        }
    }
    /* Now, while we are busy with something else, the server is to have it. */
    if (!win->lost && !smtp_flush(smtp, &why)) {
        note_loss(win, &why);
    }
}

static void take_all(struct window *win, struct smtp *smtp)
{
    struct err why = {0};

    for (size_t i = 0; i < win->count; i++) {
        if (win->parts[i].put && !smtp_take(smtp, &win->parts[i].t, &why)) {
            note_loss(win, &why);
        }
    }
}

static void send_chain(struct window *win, struct smtp *smtp)
{
    struct smtp_transaction *t[BATCH_MAX];
    struct err why = {0};

    for (size_t i = 0; i < win->count; i++) {
        t[i] = &win->parts[i].t;
    }
    if (!smtp_send_chain(smtp, t, win->count, &why)) {
        note_loss(win, &why);
    }
}

/* -- behind the window -- */

static bool record_outcomes(const struct window *win, struct part *part, size_t *delivered_r, struct err *err)
{
    size_t to[SMTP_FLIGHT];
    *delivered_r = 0;
    for (size_t i = 0; i < part->t.to_count; i++) {
        const struct outcome *o = &part->t.outcomes[i];
        if (o->verdict != VERDICT_DELIVERED) {
            continue;
        }
        if (!journal_outcome(part->w, i, o, err)) {
            return false;
        }
        to[(*delivered_r)++] = i;
    }
    outlog(part->message, win->batch->line->account, part->t.outcomes, to, *delivered_r);
    return true;
}

/* Some may have their answers (LMTP), which would count as the end of the doubt. */
static bool record_doubt(struct window *win, struct part *part, bool answered, struct err *err)
{
    const struct batch *b = win->batch;
    struct doubt_of of = {.message = part->message, .since = clock_now(), .to = part->to};
    for (size_t i = 0; i < part->t.to_count; i++) { /* `to` is of no more use but for this */
        if (part->t.outcomes[i].verdict == VERDICT_NONE) {
            part->to[of.to_count++] = i;
        }
    }
    log_event(LOG_LEVEL_WARNING, "failed", "id", part->message->id, "account", b->line->account->name, "kind",
              err_kind_name(win->why.kind), "problem", win->why.what, "hint", win->why.hint, NULL);
    return (!answered || journal_in_doubt(part->w, clock_now(), err)) &&
           journal_failure(part->w, &win->why, err) &&
           doubt_record(b->store, b->lines, b->line, &of, part->w, err) && journal_attempt_end(part->w, err);
}

static bool record_part(struct window *win, struct part *part, struct err *err)
{
    size_t delivered;

    if (!record_outcomes(win, part, &delivered, err)) {
        return false;
    }
    part->owes_copy = delivered > 0 && copy_is_wanted(win->batch->line, part->message);
    if (part->owes_copy && !journal_copy_due(part->w, clock_now(), err)) {
        return false;
    }
    if (part->t.in_doubt) {
        return record_doubt(win, part, delivered > 0, err);
    }
    part->finished = delivered == part->t.to_count;
    return (part->finished || journal_no_doubt(part->w, err)) && journal_attempt_end(part->w, err) &&
           (part->owes_copy || !part->finished || journal_finished(part->w, "delivered", err));
}

/* But for those of which a copy is still to be made. */
static bool remove_finished(struct window *win, size_t *finished_r, struct err *err)
{
    struct message *done[BATCH_MAX];
    size_t count = 0;

    *finished_r = 0;
    for (size_t i = 0; i < win->count; i++) {
        struct part *part = &win->parts[i];
        *finished_r += part->finished;
        if (part->finished && part->owes_copy) {
            copies_note(win->batch->copies, win->batch->line, part->message);
            store_release(part->message);
        } else if (part->finished) {
            done[count++] = part->message;
        }
    }
    return store_remove_many(win->batch->store, done, count, err);
}

/* What the line and its host are known by, from now on. */
static bool learn(struct window *win, size_t finished, struct err *err)
{
    struct batch *b = win->batch;

    if (win->lost) {
        b->line->hung_up++;
        peer_fall(&b->line->peer, win->step, clock_now());
    } else if (finished == win->count) {
        peer_rise(&b->line->peer, win->step);
    }
    if (finished > 0) {
        line_mark_delivered(b->lines, b->line);
        return line_works(b->line, err);
    }
    return true;
}

static bool was_refused(const struct part *part)
{
    for (size_t i = 0; i < part->t.to_count; i++) {
        if (part->t.outcomes[i].verdict == VERDICT_REFUSED) {
            return true;
        }
    }
    return part->t.ahead;
}

/* Whom the server did not take: alone, in lock step. Where it takes them then, it was we who asked too much. */
static enum job_end send_again(struct window *win, struct err *err)
{
    enum job_end end = JOB_DONE;
    for (size_t i = 0; i < win->count; i++) {
        struct part *part = &win->parts[i];
        bool again = !part->finished && !part->t.in_doubt, delivered = false;
        if (again && end != JOB_LOCAL) {
            bool unsaid = part->t.blame == SMTP_BLAME_LOCAL; /* we did not get as far as the server */
            end = run_alone(win->batch, part->message, true, !unsaid, &delivered, err);
        } else if (!part->finished) {
            store_release(part->message);
        }
        if (delivered && !win->lost && was_refused(part)) {
            peer_fall(&win->batch->line->peer, win->step, clock_now());
        }
    }
    return end;
}

/* -- a window -- */

static struct window *window_new(struct batch *b, size_t from, size_t count, enum peer_step step,
                                 struct err *err)
{
    struct window *win = calloc(1, sizeof(*win));
    if (win == NULL) {
        err_nomem(err);
        return NULL;
    }
    *win = (struct window){.batch = b, .step = step};
    for (size_t i = 0; i < count; i++) {
        win->messages[i] = b->messages[from + i];
        b->messages[from + i] = (struct message){.fd = -1};
    }
    win->count = count;
    return win;
}

static void window_free(struct window *win)
{
    for (size_t i = 0; win != NULL && i < win->count; i++) {
        end_part(&win->parts[i]);
        store_release(&win->messages[i]);
    }
    free(win);
}

/* Written down, then said. */
static bool begin(struct window *win, struct err *err)
{
    for (size_t i = 0; i < win->count; i++) {
        if (!begin_part(win, &win->parts[i], &win->messages[i], err)) {
            return false;
        }
    }
    if (!sync_all(win, err)) {
        return false;
    }
    if (win->step == PEER_WINDOW) {
        put_all(win, win->batch->line->smtp);
    } else {
        send_chain(win, win->batch->line->smtp);
    }
    return true;
}

/* Heard, then written down. */
static bool finish(struct window *win, struct err *err)
{
    size_t finished;

    take_all(win, win->batch->line->smtp);
    for (size_t i = 0; i < win->count; i++) {
        if (!record_part(win, &win->parts[i], err)) {
            return false;
        }
    }
    bool ok = sync_all(win, err) && remove_finished(win, &finished, err) && learn(win, finished, err);
    for (size_t i = 0; i < win->count; i++) {
        journal_close(&win->parts[i].w); /* a job may open it anew */
    }
    return ok;
}

static bool wants_more(const struct window *win)
{
    bool more = win->lost;
    for (size_t i = 0; i < win->count && !more; i++) {
        more = !win->parts[i].finished;
    }
    return more;
}

/* The open window's answers; `next` is already on its way behind it, or NULL. Only where all is well does it stay
 * open: nothing else may be said over this line while answers are outstanding. */
static enum job_end settle(struct batch *b, struct window *next, struct err *err)
{
    struct window *win = b->open;
    enum job_end end = JOB_DONE;
    bool ok = win == NULL || finish(win, err);

    b->open = next;
    if (ok && win != NULL && wants_more(win)) {
        b->open = NULL;
        ok = next == NULL || finish(next, err);
        if (win->lost || (next != NULL && next->lost)) {
            line_close(b->line);
        }
        end = ok ? send_again(win, err) : JOB_LOCAL;
        if (end != JOB_LOCAL && next != NULL) {
            end = send_again(next, err);
        }
        window_free(next);
    }
    window_free(win);
    return ok ? end : JOB_LOCAL;
}

enum job_end batch_rest(struct batch *b, struct err *err)
{
    return b->open != NULL ? settle(b, NULL, err) : JOB_DONE;
}

/* There is no room to write down all of them together, and nothing was said yet: there may be for one after the other,
 * for each that is delivered makes some. */
static enum job_end one_by_one(struct batch *b, char (*ids)[STORE_ID_LEN + 1], size_t count, struct err *err)
{
    enum job_end end = JOB_DONE;
    for (size_t i = 0; i < count && end != JOB_LOCAL; i++) {
        struct message m;
        struct err ignored;
        bool delivered;
        if (store_take(b->store, ids[i], &m, &ignored) == TAKE_GOT) {
            end = run_alone(b, &m, true, false, &delivered, err);
        }
    }
    return end;
}

/* What is on its way already is heard to its end, or it would be in doubt. */
static enum job_end not_begun(struct batch *b, struct window *win, struct err *why)
{
    char ids[BATCH_MAX][STORE_ID_LEN + 1];
    const size_t count = win->count;
    struct err err;
    for (size_t i = 0; i < count; i++) {
        memcpy(ids[i], win->messages[i].id, sizeof(ids[i]));
    }
    window_free(win);
    bool is_full = why->sys == ENOSPC || why->sys == EDQUOT;
    return batch_rest(b, &err) != JOB_LOCAL && is_full ? one_by_one(b, ids, count, why) : JOB_LOCAL;
}

/* While the server works at one window, the next one is written down and goes out behind it. */
static enum job_end run_window(struct batch *b, size_t from, size_t count, enum peer_step step,
                               struct err *err)
{
    bool proven = step == PEER_WINDOW && b->line->peer.step == PEER_WINDOW;
    if (!proven && batch_rest(b, err) == JOB_LOCAL) {
        return JOB_LOCAL;
    }
    struct window *win = window_new(b, from, count, step, err);
    if (win == NULL) {
        return JOB_LOCAL;
    }
    if (!begin(win, err)) {
        return not_begun(b, win, err);
    }
    enum job_end end = settle(b, win, err);
    return end == JOB_LOCAL || proven ? end : batch_rest(b, err);
}

/* -- which step, and how many -- */

/* How many of the next messages go together, and how; 1: alone. A new step is tried on one message. */
static size_t plan(const struct batch *b, size_t left, enum peer_step *step_r)
{
    const struct line *line = b->line;
    bool may_rise = peer_may_rise(&line->peer, clock_now());
    bool chunking = smtp_chunks(line->smtp) && line->account->send.chunking != CHUNKING_OFF;
    enum peer_step highest = chunking ? PEER_WINDOW : PEER_NEXT_MAIL;
    uint64_t room = smtp_room(line->smtp);
    enum peer_step step = line->peer.step < highest ? line->peer.step : highest;
    size_t count = left;

    if (step < highest && may_rise) {
        step = step + 1 > PEER_NEXT_MAIL ? (enum peer_step)(step + 1) : PEER_NEXT_MAIL;
        count = left < 2 ? left : 2;
    }
    *step_r = step;
    return step < PEER_NEXT_MAIL || !smtp_pipelines(line->smtp) ? 1 : room < count ? (size_t)room : count;
}

/* A connection that is used up is let go of, once all answers are in. */
static bool renew_line(struct batch *b, struct err *err)
{
    if (b->line->smtp != NULL && !smtp_usable(b->line->smtp)) {
        if (batch_rest(b, err) == JOB_LOCAL) {
            return false;
        }
        line_close(b->line);
    }
    return true;
}

/* So many of the next messages may go by the account's rate; 0 where it holds the first one. */
static bool take_rate(const struct batch *b, size_t from, size_t *count, struct err *err)
{
    size_t recipients[BATCH_MAX];
    for (size_t i = 0; i < *count; i++) {
        recipients[i] = b->messages[from + i].envelope.count;
    }
    return rate_take(&b->line->rate, recipients, *count, count, err);
}

/* Nobody connects for what may not go. */
static bool may_go(const struct batch *b, size_t from)
{
    int64_t when;
    struct err ignored;
    return !b->line->down && rate_ask(&b->line->rate, b->messages[from].envelope.count, &when, &ignored) &&
           when <= clock_now_ms();
}

/* A line that cannot be opened, or that has sent as much as it may, is a job's to explain. */
static enum job_end run_next(struct batch *b, size_t from, size_t *count_r, struct err *err)
{
    struct err why = {0};
    enum peer_step step = PEER_WHOLE;
    size_t may = 0;
    bool ignored;

    *count_r = 1;
    if (!renew_line(b, err)) {
        return JOB_LOCAL;
    }
    if (b->count - from > 1 && may_go(b, from) && line_open(b->lines, b->line, &why)) {
        *count_r = may = plan(b, b->count - from, &step);
        if (!take_rate(b, from, &may, err)) {
            return JOB_LOCAL;
        }
    }
    *count_r = may > 1 ? may : 1;
    if (may > 1) {
        return run_window(b, from, may, step, err);
    }
    return batch_rest(b, err) == JOB_LOCAL ? JOB_LOCAL
                                           : run_alone(b, &b->messages[from], may == 1, false, &ignored, err);
}

static bool is_stopped(const struct batch *b)
{
    return b->wake != NULL && wake_is_stopped(b->wake);
}

/* Sends what was gathered; the last window stays open. */
static enum job_end send_gathered(struct batch *b, struct err *err)
{
    enum job_end end = JOB_DONE;
    size_t from = 0, count = 0;

    for (; from < b->count && end != JOB_LOCAL && !is_stopped(b); from += count) {
        end = run_next(b, from, &count, err);
    }
    for (size_t i = 0; i < b->count; i++) {
        store_release(&b->messages[i]);
    }
    b->count = 0;
    return end;
}

enum job_end batch_run(struct batch *b, struct err *err)
{
    return send_gathered(b, err) == JOB_LOCAL ? JOB_LOCAL : batch_rest(b, err);
}

enum job_end batch_add(struct batch *b, struct line *line, struct message *m, struct err *err)
{
    bool other = b->line != NULL && b->line != line;
    enum job_end end = other ? batch_run(b, err) : b->count == BATCH_MAX ? send_gathered(b, err) : JOB_DONE;
    if (end == JOB_LOCAL) {
        store_release(m);
        return end;
    }
    b->line = line;
    b->messages[b->count++] = *m;
    return JOB_KEPT;
}
