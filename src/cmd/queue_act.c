/* queue_act - what a person may do with one message: hold, release, retry, remove, bounce. Each takes the message's
 * lock, so that none meets a deliverer half-way. */
#include "base/clock.h"
#include "cmd/queue_desk.h"
#include "cmd/say.h"
#include "queue/term.h"

/* What is done to a message that is locked, its journal open. */
typedef bool change(struct message *m, struct journal_writer *w, struct err *err);

/* Takes the message, lets `what` write its records, makes them durable. The message stays taken. */
static bool take_and_change(const struct queue_found *f, change *what, struct message *m, struct err *err)
{
    struct journal_writer *w = NULL;
    enum store_take took = store_take(f->store, f->id, m, err);
    if (took == TAKE_GONE)
        return queue_no_longer(f->id, err);
    if (took == TAKE_BUSY) {
        err_set(err, ERR_LOCAL, "The message %s is just being sent, so nothing was done to it.", f->id);
        return err_hint(err, "Try again in a moment, if it is still there then.");
    }
    bool ok = took == TAKE_GOT && (m->journal.finished || (journal_open(f->store, m, &w, err) &&
                                                           what(m, w, err) && journal_sync(w, err)));
    journal_close(&w);
    return ok;
}

static bool only_in_queue(const struct queue_found *f, struct err *err)
{
    if (!f->failed)
        return true;
    err_set(err, ERR_DATA, "The message %s is not in the queue any more, but in failed/.", f->id);
    return err_hint(err, "Bring it back with: tappal queue retry %s", f->id);
}

static bool hold(struct message *m, struct journal_writer *w, struct err *err)
{
    return m->journal.held || journal_hold(w, "by hand", err);
}

/* Crashes before are not counted any more. */
static bool release(struct message *m, struct journal_writer *w, struct err *err)
{
    return (!m->journal.held || journal_hold(w, NULL, err)) &&
           (m->journal.unfinished == 0 || journal_attempt_end(w, err)) && journal_next(w, 0, err);
}

static bool begin_again(struct message *m, struct journal_writer *w, struct err *err)
{
    return release(m, w, err) && journal_again(w, clock_now(), err);
}

static bool finish(struct message *m, struct journal_writer *w, struct err *err)
{
    (void)m;
    return journal_finished(w, "removed", err);
}

static bool give_up(struct message *m, struct journal_writer *w, struct err *err)
{
    if (journal_owes_only_copy(&m->journal)) {
        err_set(err, ERR_DATA, "The message %s was delivered; only its copy is still to be made.", m->id);
        return err_hint(err, "Do without the copy: tappal queue remove %s", m->id);
    }
    return release(m, w, err) && term_give_up(m, w, "It was sent back by hand.", err);
}

/* -- the commands -- */

bool queue_act_hold(struct queue_desk *desk, const struct queue_found *f, struct err *err)
{
    struct message m = {.fd = -1};
    (void)desk;
    bool ok = only_in_queue(f, err) && take_and_change(f, hold, &m, err);
    store_release(&m);
    if (ok)
        say("Message %s is held until it is released.", f->id);
    return ok;
}

bool queue_act_release(struct queue_desk *desk, const struct queue_found *f, struct err *err)
{
    struct message m = {.fd = -1};
    bool ok = only_in_queue(f, err) && take_and_change(f, release, &m, err);
    store_release(&m);
    if (ok)
        say("Message %s is released and due now.", f->id);
    return ok && queue_desk_wake(desk, err);
}

bool queue_act_retry(struct queue_desk *desk, const struct queue_found *f, struct err *err)
{
    struct message m = {.fd = -1};
    bool ok = take_and_change(f, f->failed ? begin_again : release, &m, err) &&
              (!f->failed || store_bring_back(&desk->store, &desk->failed, &m, err));
    store_release(&m);
    if (ok)
        say(f->failed ? "Message %s is back in the queue and due now." : "Message %s is due now.", f->id);
    return ok && queue_desk_wake(desk, err);
}

bool queue_act_remove(struct queue_desk *desk, const struct queue_found *f, struct err *err)
{
    struct message m = {.fd = -1};
    (void)desk;
    bool ok = take_and_change(f, finish, &m, err);
    const bool was_sent = ok && journal_owes_copy(&m.journal) && journal_count_open(&m.journal) == 0;
    ok = ok && store_remove(f->store, &m, err);
    store_release(&m);
    if (ok)
        say("Message %s is removed; %s.", f->id,
            was_sent ? "it was delivered, and no copy is made" : "it will not be sent");
    return ok;
}

bool queue_act_bounce(struct queue_desk *desk, const struct queue_found *f, struct err *err)
{
    struct message m = {.fd = -1};
    bool ok = only_in_queue(f, err) && take_and_change(f, give_up, &m, err);
    store_release(&m);
    if (ok)
        say("Message %s goes back to its sender, and is kept in failed/.", f->id);
    return ok && queue_desk_serve(desk, f->id, err);
}
