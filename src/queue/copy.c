/* copy - see copy.h: which messages, and what is written down. */
#include "queue/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "client/hint.h"
#include "mail/retry.h"
#include "queue/copy_impl.h"
#include "queue/giveback.h"
#include "queue/hook.h"
#include "queue/job.h"
#include "queue/term.h"

#define PATIENCE 10 /* times that a locked message is tried again */
#define PATIENCE_NS 20000000

bool copy_is_wanted(const struct line *line, const struct message *m)
{
    const struct send_conf *send = &line->account->send;
    return send->sent != SENT_OFF && m->journal.copy.stage == COPY_NONE && !m->envelope.is_report &&
           !(send->sent == SENT_IMAP && hint_files_sent(send->server.host));
}

void copies_note(struct copies *c, struct line *line, const struct message *m)
{
    if (!journal_owes_copy(&m->journal) || m->journal.held || m->journal.finished) {
        return;
    }
    struct err ignored;
    struct copy_owed *owed = array_room(c->owed, &c->cap, c->count + 1, sizeof *owed, &ignored);
    if (owed == NULL) {
        return;
    }
    c->owed = owed;
    struct copy_owed *o = &owed[c->count++];
    memcpy(o->id, m->id, STORE_ID_LEN + 1);
    o->line = line;
}

/* -- the copiers -- */

static struct copier *find_copier(struct copies *c, struct line *line, struct err *err)
{
    for (size_t i = 0; i < c->copier_count; i++) {
        if (c->copiers[i]->line == line) {
            return c->copiers[i];
        }
    }
    struct copier **grown = realloc(c->copiers, (c->copier_count + 1) * sizeof(*grown));
    if (grown != NULL) {
        c->copiers = grown;
    }
    struct copier *copier = grown != NULL ? calloc(1, sizeof(*copier)) : NULL;
    if (copier == NULL) {
        err_nomem(err);
        return NULL;
    }
    copier->lines = c->lines;
    copier->line = line;
    return c->copiers[c->copier_count++] = copier;
}

void copies_close(struct copies *c)
{
    for (size_t i = 0; i < c->copier_count; i++) {
        copier_close_imap(c->copiers[i]);
        maildir_close(&c->copiers[i]->maildir);
        free(c->copiers[i]);
    }
    free(c->copiers);
    free(c->owed);
    *c = (struct copies){.store = c->store, .lines = c->lines};
}

/* -- taking -- */

/* Whoever waited for the verdict may look at the message for a moment. */
static enum store_take take_in_time(struct store *store, const char *id, struct message *m, struct err *err)
{
    enum store_take took = store_take(store, id, m, err);
    for (int i = 0; took == TAKE_BUSY && i < PATIENCE; i++) {
        nanosleep(&(struct timespec){.tv_nsec = PATIENCE_NS}, NULL);
        took = store_take(store, id, m, err);
    }
    return took;
}

/* One that somebody else has, or has done with, is let be. */
static bool take(struct copy_group *g, const char *id, struct err *err)
{
    struct copy_part *part = &g->parts[g->count];
    struct err why = {0};
    *part = (struct copy_part){.message = {.fd = -1}};
    switch (take_in_time(g->store, id, &part->message, &why)) {
    case TAKE_GOT:
        break;
    case TAKE_ERROR:
        *err = why;
        return false;
    default:
        return true;
    }
    const struct journal *j = &part->message.journal;
    if (!journal_owes_copy(j) || j->held || j->finished) {
        store_release(&part->message);
        return true;
    }
    g->count++;
    return journal_open(g->store, &part->message, &part->w, err);
}

/* The first that is owed, and others of its line; the rest stay, in their order. */
static bool gather(struct copies *c, struct copy_group *g, struct err *err)
{
    struct line *line = c->owed[0].line;
    size_t kept = 0;
    bool ok = (g->copier = find_copier(c, line, err)) != NULL;
    for (size_t i = 0; i < c->count; i++) {
        if (ok && g->count < COPY_GROUP && c->owed[i].line == line) {
            ok = take(g, c->owed[i].id, err);
        } else {
            c->owed[kept++] = c->owed[i];
        }
    }
    c->count = kept;
    return ok;
}

static void release_all(struct copy_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        journal_close(&g->parts[i].w);
        store_release(&g->parts[i].message);
    }
}

/* -- what became of it -- */

static bool has_open(const struct message *m)
{
    return journal_count_open(&m->journal) > 0;
}

/* Nothing was left to do but the copy. */
static bool is_all_done(const struct message *m)
{
    return journal_count(&m->journal, VERDICT_DELIVERED) == m->journal.count && !giveback_is_asked_for(m);
}

static bool is_given_up(const struct copy_part *part, const struct copier *copier)
{
    uint32_t term = copier->line->config->give_up_after;
    return !part->over && term > 0 && clock_now() >= part->message.journal.copy.since + term &&
           term_is_tried(&part->message, copier->line, clock_now()) && !has_open(&part->message);
}

/* Said when it is news. */
static void log_part(const struct copy_part *part, const struct copier *copier)
{
    const char *before = part->message.journal.copy.said, *account = copier->line->account->name;
    if (part->over) {
        log_event(LOG_LEVEL_INFO, "copied", "id", part->message.id, "account", account, "copy", part->how,
                  NULL);
    } else if (before == NULL || strcmp(before, part->why.what) != 0) {
        log_event(LOG_LEVEL_WARNING, "not copied", "id", part->message.id, "account", account, "kind",
                  err_kind_name(part->why.kind), "problem", part->why.what, "hint", part->why.hint, NULL);
    }
}

/* A message that waits for other recipients is due when they are. */
static bool note_failure(struct copy_part *part, struct err *err)
{
    const struct message *m = &part->message;
    uint32_t random = 0;
    if (!proc_random(&random, sizeof(random), err)) {
        random = 0;
    }
    return journal_copy_failed(part->w, &part->why, err) &&
           (has_open(m) ||
            journal_next(part->w, clock_now() + retry_after(m->journal.copy.tries + 1, random), err));
}

static bool write_down(struct copy_group *g, struct err *err)
{
    struct journal_writer *writers[COPY_GROUP];
    for (size_t i = 0; i < g->count; i++) {
        struct copy_part *part = &g->parts[i];
        writers[i] = part->w;
        log_part(part, g->copier);
        bool ok = part->over
                      ? journal_copy_over(part->w, part->how, err) &&
                            (!is_all_done(&part->message) || journal_finished(part->w, "delivered", err))
                      : note_failure(part, err);
        if (!ok) {
            return false;
        }
    }
    return journal_sync_many(writers, g->count, err);
}

/* It was tried for long enough. The message is delivered; it is kept for the one who wanted the copy. */
static bool give_up(struct copy_group *g, struct copy_part *part, struct err *err)
{
    const struct line *line = g->copier->line;
    log_event(LOG_LEVEL_ERROR, "copy given up", "id", part->message.id, "account", line->account->name,
              "problem", part->why.what, "kept", "failed", NULL);
    hook_tell(line->config, line->account->name, HOOK_NOT_COPIED, part->why.what,
              "The message was delivered, but no copy of it could be made. It is kept: tappal queue list");
    return store_set_aside(g->store, &part->message, "failed", err);
}

/* Reports and the like: as behind any delivery. */
static bool conclude(struct copies *c, struct copy_group *g, struct copy_part *part, struct err *err)
{
    struct waiter nobody = {.fd = -1};
    struct job job = {.store = c->store,
                      .lines = c->lines,
                      .waiter = &nobody,
                      .copies = c,
                      .line = g->copier->line,
                      .message = &part->message};
    return job_run(&job, err) != JOB_LOCAL;
}

static bool let_go(struct copies *c, struct copy_group *g, struct err *err)
{
    struct message *done[COPY_GROUP];
    size_t count = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < g->count; i++) {
        struct copy_part *part = &g->parts[i];
        journal_close(&part->w);
        if (part->message.journal.finished) {
            done[count++] = &part->message;
        } else if (is_given_up(part, g->copier)) {
            ok = give_up(g, part, err);
        } else if (part->over && !has_open(&part->message)) {
            ok = conclude(c, g, part, err);
        }
    }
    return ok && store_remove_many(c->store, done, count, err);
}

/* -- a group -- */

static bool make(struct copy_group *g, struct err *err)
{
    switch (g->copier->line->account->send.sent) {
    case SENT_MAILDIR:
        return copy_into_maildir(g, err);
    case SENT_IMAP:
        return copy_into_imap(g, err);
    default: /* it was wanted when the message was delivered */
        for (size_t i = 0; i < g->count; i++) {
            g->parts[i].over = true;
            snprintf(g->parts[i].how, sizeof g->parts[i].how, "not wanted any more");
        }
        return true;
    }
}

bool copies_make(struct copies *c, bool *more_r, struct err *err)
{
    struct copy_group *g = calloc(1, sizeof *g);
    bool ok = true;
    *more_r = false;
    if (c->count == 0 || g == NULL) {
        free(g);
        return c->count == 0 || err_nomem(err);
    }
    g->store = c->store;
    ok = gather(c, g, err) && (g->count == 0 || (make(g, err) && write_down(g, err) && let_go(c, g, err)));
    release_all(g);
    free(g);
    *more_r = ok && c->count > 0;
    return ok;
}
