/* sendmail_handover - a stored message goes to whoever sends it. Waiting is for the person's sake
 * only: the message is safe. It is taken back in two cases, both with its lock: every recipient was
 * refused for good, or an account that never delivered anything failed before a person's eyes. */
#include "cmd/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/log.h"
#include "cmd/dispatch.h"
#include "cmd/say.h"
#include "conf/settle.h"
#include "mail/report.h"
#include "spool/verdict.h"

#define PIPE_MAX (VERDICT_LINE_MAX * 4)
#define JSON_LINE_MAX 65536

/* What came over the verdict pipe. */
struct answers {
    bool ended;  /* the deliverer let go of the message and said all */
    bool failed; /* a fault of host or account: */
    struct err failure;
    struct outcome *outcomes; /* one for each recipient of the envelope */
    bool *reported;           /* likewise: the sender is told of its refusal */
    size_t count;
    bool json;
};

static bool start_for(const struct desk *desk, const char *id, int keep_fd, struct err *err)
{
    struct strv more = STRV_INIT;
    bool verbose = desk->options->verbose && desk->options->job != JOB_SMTP;
    bool ok = strv_add(&more, "--wait-for", err) && strv_add(&more, id, err) &&
              (!verbose || strv_add(&more, "--verbose", err)) && dispatch(&desk->store, &more, keep_fd, err);
    strv_free(&more);
    return ok;
}

/* Moved out of the line. */
static void keep_outcome(struct answers *answers, struct verdict_line *v)
{
    if (v->recipient >= answers->count)
        return;
    outcome_free(&answers->outcomes[v->recipient]);
    answers->outcomes[v->recipient] = v->outcome;
    v->outcome = (struct outcome){.verdict = VERDICT_NONE};
}

static void take_line(const char *line, size_t n, struct answers *answers)
{
    struct verdict_line v;
    struct err ignored;
    if (!verdict_parse(line, n, &v, &ignored))
        return; /* of another version: what counts is in the journal */
    answers->ended = answers->ended || v.kind == VERDICT_END;
    if (v.kind == VERDICT_RECIPIENT)
        keep_outcome(answers, &v);
    if (v.kind == VERDICT_FAILURE) {
        answers->failed = true;
        answers->failure = v.failure;
    } else if (v.kind == VERDICT_DIALOGUE) {
        (answers->json ? say_warning : say)("%s", v.text); /* stdout is for JSON then */
    }
    verdict_line_free(&v);
}

static void take_lines(struct str *in, struct answers *answers)
{
    const char *end;
    while (!answers->ended && (end = memchr(in->buf, '\n', in->len)) != NULL) {
        size_t n = (size_t)(end - in->buf);
        take_line(in->buf, n, answers);
        str_drop(in, n + 1);
    }
}

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDING_SIGNALS (sizeof ending_signals / sizeof *ending_signals)

static void wake_up(int sig)
{
    (void)sig;
}

/* SIGINT, SIGTERM and SIGHUP, blocked since before the message was accepted, interrupt ppoll alone.
 * What the caller ignores (nohup) stays ignored. */
static void let_signals_wake(struct sigaction was[ENDING_SIGNALS], sigset_t *unblocked)
{
    sigprocmask(SIG_BLOCK, NULL, unblocked);
    for (size_t i = 0; i < ENDING_SIGNALS; i++) {
        struct sigaction wakes = {.sa_handler = wake_up};
        if (sigaction(ending_signals[i], NULL, &was[i]) == 0 && was[i].sa_handler != SIG_IGN)
            sigaction(ending_signals[i], &wakes, NULL);
        sigdelset(unblocked, ending_signals[i]);
    }
}

/* Until the deliverer has said all, is gone, or the time is over. */
static void read_answers(int fd, int64_t deadline, struct answers *answers)
{
    struct str in = STR_INIT(PIPE_MAX);
    struct err ignored;
    struct sigaction was[ENDING_SIGNALS];
    sigset_t unblocked;
    char chunk[4096];
    let_signals_wake(was, &unblocked);
    while (!answers->ended) {
        int64_t left = deadline - clock_mono_ms();
        struct timespec limit = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        if (left <= 0 || ppoll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, &limit, &unblocked) <= 0)
            break;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0 || !str_add(&in, chunk, (size_t)n, &ignored))
            break;
        take_lines(&in, answers);
    }
    for (size_t i = 0; i < ENDING_SIGNALS; i++)
        sigaction(ending_signals[i], &was[i], NULL);
    str_free(&in);
}

/* -- after the waiting -- */

static bool all_refused(const struct message *m)
{
    const struct journal *j = &m->journal;
    return j->count > 0 && journal_count(j, VERDICT_REFUSED) == j->count && !j->in_doubt_open;
}

static bool none_delivered(const struct message *m)
{
    return journal_count(&m->journal, VERDICT_DELIVERED) == 0 && !m->journal.in_doubt_open;
}

/* The journal has the last word. */
static void read_journal(struct answers *answers, const struct message *m)
{
    struct err ignored;
    for (size_t i = 0; i < answers->count && i < m->journal.count; i++) {
        if (m->journal.outcomes[i].verdict != VERDICT_NONE)
            (void)!outcome_copy(&answers->outcomes[i], &m->journal.outcomes[i], &ignored);
        answers->reported[i] = m->journal.reported[i];
    }
}

/* The message was done with: who was refused and wants to be reported on, was, if there is anybody to be told. */
static void note_reported(struct answers *answers, const struct letter *l)
{
    for (size_t i = 0; i < answers->count; i++)
        answers->reported[i] = answers->outcomes[i].verdict == VERDICT_REFUSED &&
                               l->envelope.sender[0] != '\0' &&
                               report_is_wanted(&l->envelope.recipients[i], REPORT_REFUSED);
}

/* Each refusal in the server's words: "550 5.1.1 No such user". */
static void say_refusals(const struct letter *l, const struct answers *answers)
{
    for (size_t i = 0; i < answers->count; i++) {
        const struct outcome *o = &answers->outcomes[i];
        if (o->verdict == VERDICT_REFUSED)
            say_warning("%s was refused%s: %d%s%s %s", l->envelope.recipients[i].address,
                        answers->reported[i] ? ", and a report on it made" : "", o->code,
                        o->enhanced[0] != '\0' ? " " : "", o->enhanced, o->text != NULL ? o->text : "");
    }
}

/* The exit status says nothing of a refusal while others got the message: a person wants to know. */
static bool is_to_be_told(const struct letter *l)
{
    return isatty(STDERR_FILENO) || (l->desk->options->verbose && l->desk->options->job != JOB_SMTP);
}

/* The first refusal stands for all. */
static void note_refusal(const struct message *m, struct err *fault_r)
{
    const struct outcome *o = &m->journal.outcomes[0];
    err_set(fault_r, ERR_REFUSED_PERM, "%s", o->text != NULL ? o->text : "The server refused the message.");
    fault_r->code = o->code;
    snprintf(fault_r->enhanced, sizeof fault_r->enhanced, "%s", o->enhanced);
}

/* From the durable record on the message is done with; what is left of it any runner clears away. */
static bool finish(struct desk *desk, struct message *m)
{
    struct journal_writer *w = NULL;
    struct err err;
    bool done = journal_open(&desk->store, m, &w, &err) && journal_finished(w, "refused", &err) &&
                journal_sync(w, &err);
    journal_close(&w);
    if (!done || !store_remove(&desk->store, m, &err))
        log_event(LOG_LEVEL_WARNING, "not removed", "id", m->id, "error", err.what, NULL);
    return done;
}

static const char *account_name(const struct letter *l)
{
    return l->account != NULL ? l->account->name : NULL;
}

/* Kept: on a terminal it is said why. Elsewhere silence is the promise. */
static void say_kept(const struct letter *l, const struct answers *answers)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (answers->failed)
        (void)say_error(account_name(l), &answers->failure);
    say_warning("The message stays in the queue as %s and will be tried again.", l->id);
}

/* 75 would say that there was no room for the message: a password that cannot be had is said as a wrong one. */
static int say_set_up(const struct letter *l, const struct err *failure)
{
    const int status = say_error(account_name(l), failure);
    say_warning("The message was not kept, since this account has never sent one yet. Mend that, then send "
                "it again.");
    return failure->kind == ERR_SECRET ? err_exit_status(ERR_AUTH) : status;
}

/* With the message's lock: whether it is taken back, and the exit status. */
static int decide(struct letter *l, struct message *m, struct answers *answers)
{
    const bool refused = all_refused(m);
    /* no code: no server said so, but a rate of our own */
    const bool by_rate = answers->failure.kind == ERR_REFUSED_TEMP && answers->failure.code == 0;
    const bool is_fault = answers->failed && !by_rate;
    const bool setting_up = is_fault && none_delivered(m) && desk_is_first_setup(l->desk, l->account);
    read_journal(answers, m);
    if (refused || is_to_be_told(l))
        say_refusals(l, answers);
    struct err fault = answers->failure;
    if (refused)
        note_refusal(m, &fault); /* while the message is there */
    if ((refused || setting_up) && finish(l->desk, m)) {
        l->fault = fault;
        return refused ? err_exit_status(ERR_REFUSED_PERM) : say_set_up(l, &answers->failure);
    }
    if (journal_count_open(&m->journal) > 0) /* else only a copy is still to be made (`sent`) */
        say_kept(l, answers);
    return 0;
}

/* A server on a port of its own may be waiting for us to begin TLS, and we for its greeting, which has minutes. */
static void say_no_verdict(const struct letter *l)
{
    const struct endpoint *server = &l->account->send.server;
    enum tls_mode usual;
    char hint[128];
    say_warning("The server's verdict has not come yet; tappal queue show %s says how it stands.", l->id);
    if (server->tls.mode != TLS_STARTTLS || settle_port_mode(server->protocol, server->port, &usual))
        return;
    snprintf(hint, sizeof hint, "If port %u speaks TLS from the first byte, use tls = implicit.",
             server->port);
    say_hint(hint);
}

/* Nothing is left to be decided, and whoever makes the copy for `sent` is not to find the message locked. */
static bool all_delivered(const struct answers *answers)
{
    size_t delivered = 0;
    for (size_t i = 0; i < answers->count; i++)
        delivered += answers->outcomes[i].verdict == VERDICT_DELIVERED;
    return answers->ended && !answers->failed && delivered > 0 && delivered == answers->count;
}

static int conclude(struct letter *l, struct answers *answers)
{
    struct message m;
    struct err err;
    int status = 0;
    enum store_take took = TAKE_BUSY;
    if (all_delivered(answers))
        return 0;
    if (answers->ended || answers->failed)
        took = store_take(&l->desk->store, l->id, &m, &err);
    if (took == TAKE_GOT) {
        status = decide(l, &m, answers);
        store_release(&m);
    } else if (took == TAKE_GONE) { /* delivered, or reported on */
        note_reported(answers, l);
        if (is_to_be_told(l))
            say_refusals(l, answers);
    } else {
        if (!answers->ended && !answers->failed && isatty(STDERR_FILENO))
            say_no_verdict(l);
        say_kept(l, answers);
    }
    return status;
}

static bool start_and_wait(struct letter *l, struct answers *answers, struct err *err)
{
    int fds[2];
    int64_t deadline = clock_mono_ms() + (int64_t)l->account->send.wait * 1000;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_errno(err, ERR_LOCAL, "A pipe could not be made");
    bool ok = start_for(l->desk, l->id, fds[1], err);
    close(fds[1]);
    if (ok)
        read_answers(fds[0], deadline, answers);
    close(fds[0]);
    return ok;
}

/* A mode that the configuration names is settled; else the command line's counts. Without an account
 * there is nothing to wait for; and within an SMTP conversation, where the next message may come, nobody
 * waits unasked. */
static enum send_mode choose_mode(const struct letter *l)
{
    enum send_mode mode = l->account != NULL ? l->account->send.mode : SEND_AUTO;
    mode = mode != SEND_AUTO ? mode : l->desk->options->mode;
    if (mode == SEND_AUTO && l->desk->options->job == JOB_SMTP)
        return SEND_BACKGROUND;
    if (mode == SEND_AUTO && store_is_watched(&l->desk->store))
        return SEND_BACKGROUND;
    return mode != SEND_QUEUE && l->account == NULL ? SEND_BACKGROUND : mode;
}

static int hand_over(struct letter *l, struct answers *answers)
{
    struct err err;
    const enum send_mode mode = choose_mode(l);
    snprintf(l->id, sizeof l->id, "%s", store_writer_id(l->writer));
    store_writer_free(&l->writer); /* and with it the lock, which the deliverer wants */
    if (l->account == NULL) {
        answers->failed = true;
        answers->failure = l->fault;
    }
    if (mode == SEND_QUEUE || l->account == NULL)
        say_kept(l, answers);
    if (mode == SEND_QUEUE)
        return 0;
    store_wake(&l->desk->store);
    const bool wait = mode != SEND_BACKGROUND;
    bool started = wait ? start_and_wait(l, answers, &err)
                        : !store_role_is_free(&l->desk->store) || dispatch(&l->desk->store, NULL, -1, &err);
    if (!started) {
        log_event(LOG_LEVEL_ERROR, "not started", "id", l->id, "error", err.what, NULL);
        answers->failed = true;
        answers->failure = err;
        say_kept(l, answers);
        return 0;
    }
    return wait ? conclude(l, answers) : 0;
}

/* -- --json -- */

static const char *status_word(enum verdict verdict, bool kept)
{
    static const char *const words[] = {[VERDICT_NONE] = "queued",
                                        [VERDICT_DELIVERED] = "delivered",
                                        [VERDICT_LATER] = "later",
                                        [VERDICT_REFUSED] = "refused"};
    return verdict == VERDICT_NONE && !kept ? "dropped" : words[verdict];
}

static bool add_object(struct str *out, const struct letter *l, const struct answers *answers, size_t i,
                       bool kept, struct err *err)
{
    static const struct outcome nothing = {.verdict = VERDICT_NONE};
    const struct outcome *o = i < answers->count ? &answers->outcomes[i] : &nothing;
    const bool fault = answers->failed && o->verdict == VERDICT_NONE;
    struct json_out j = json_begin(out);
    return json_open(&j, NULL, '{', err) && json_text(&j, "id", l->id, err) &&
           json_text(&j, "account", l->envelope.account, err) &&
           json_text(&j, "recipient", l->envelope.recipients[i].address, err) &&
           json_text(&j, "status", status_word(o->verdict, kept), err) &&
           (o->code == 0 || json_number(&j, "code", o->code, err)) &&
           (o->enhanced[0] == '\0' || json_text(&j, "enhanced", o->enhanced, err)) &&
           (o->text == NULL || json_text(&j, "reply", o->text, err)) &&
           (!kept || o->verdict != VERDICT_REFUSED || json_bool(&j, "reported", answers->reported[i], err)) &&
           (!fault || (json_text(&j, "problem", answers->failure.what, err) &&
                       json_text(&j, "hint", answers->failure.hint, err))) &&
           json_close(&j, '}', err);
}

/* One line for each recipient, once nothing more is waited for. */
static void say_json(const struct letter *l, const struct answers *answers, bool kept)
{
    struct str out = STR_INIT(JSON_LINE_MAX);
    struct err err;
    for (size_t i = 0; i < l->envelope.count; i++) {
        str_clear(&out);
        if (add_object(&out, l, answers, i, kept, &err))
            say("%s", out.buf);
        else
            (void)say_error(NULL, &err);
    }
    str_free(&out);
}

/* Without memory for it nothing is told of recipients. */
static struct answers answers_begin(const struct letter *l)
{
    struct answers answers = {
        .outcomes = calloc(l->envelope.count, sizeof *answers.outcomes),
        .reported = calloc(l->envelope.count, sizeof *answers.reported),
        .json = l->desk->options->json && l->desk->options->job != JOB_SMTP,
    };
    answers.count = answers.outcomes != NULL && answers.reported != NULL ? l->envelope.count : 0;
    return answers;
}

static void answers_free(struct answers *answers)
{
    for (size_t i = 0; i < answers->count; i++)
        outcome_free(&answers->outcomes[i]);
    free(answers->outcomes);
    free(answers->reported);
}

int handover(struct letter *l)
{
    struct answers answers = answers_begin(l);
    int status = hand_over(l, &answers);
    if (answers.json)
        say_json(l, &answers, status == 0);
    answers_free(&answers);
    return status;
}
