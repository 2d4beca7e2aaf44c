/* imap_delete - taking off the server what is ours to take: messages that the memory calls placed, that `keep`
 * does not hold, and that are, by what the server says of them, the very ones that were fetched. */
#include <string.h>

#include "fetch/batch.h"
#include "fetch/imap_sync.h"

bool imap_box_has_due(const struct imap_job *job)
{
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); e; e = seen_each(job->f.seen, e))
        if (pull_is_due(job->pull, e))
            return true;
    return false;
}

/* some - up to a command's worth of UIDs behind *after */
static bool some(const struct uidset *from, uint32_t *after, struct uidset *set, struct err *err)
{
    uint32_t uid;
    for (int i = 0; i < BATCH_MESSAGES_MAX && (uid = uidset_next(from, *after)); i++) {
        if (!uidset_add(set, uid, uid, err))
            return false;
        *after = uid;
    }
    return true;
}

/* -- messages of earlier sessions: are they still what we think? -- */

struct check {
    struct imap_job *job;
    struct uidset answered, same;
};

static void check_free(struct check *c)
{
    uidset_free(&c->answered);
    uidset_free(&c->same);
}

static bool compare(void *arg, const struct imap_fetch *f, bool taken, struct err *err)
{
    struct check *c = arg;
    struct seen_key key = seen_key_uid(f->uid);
    const struct seen_entry *e = f->uid ? seen_find(c->job->f.seen, &key) : NULL;
    (void)taken;
    if (!e || e->state != SEEN_PLACED || (!f->has_size && f->date == 0))
        return true;
    if (!uidset_add(&c->answered, f->uid, f->uid, err))
        return false;
    return e->date != f->date || e->wire != f->size || uidset_add(&c->same, f->uid, f->uid, err);
}

/* forget_missing - what the server does not know any more needs no deleting */
static bool forget_missing(struct check *c, const struct uidset *set, struct err *err)
{
    struct uidset there = UIDSET_INIT;
    bool ok = true, all = true;
    for (uint32_t uid = uidset_next(set, 0); uid; uid = uidset_next(set, uid))
        all = all && uidset_has(&c->answered, uid);
    if (!all)
        ok = imap_box_search(c->job, set, &there, err);
    for (uint32_t uid = uidset_next(set, 0); !all && ok && uid; uid = uidset_next(set, uid)) {
        struct seen_key key = seen_key_uid(uid);
        if (!uidset_has(&c->answered, uid) && !uidset_has(&there, uid))
            ok = seen_gone(c->job->f.seen, &key, err);
    }
    uidset_free(&there);
    return ok;
}

static void report_changed(const struct imap_job *job, const struct check *c)
{
    uint64_t changed = uidset_count(&c->answered) - uidset_count(&c->same);
    if (changed == 0)
        return;
    struct err why = {0};
    err_set(
        &why, ERR_PROTOCOL,
        "The server %s describes %llu messages of %s in another way than when they were fetched, so they are "
        "not deleted there.",
        imap_peer(job->imap), (unsigned long long)changed, job->f.name);
    err_hint(&why,
             "Set keep = yes, or delete them by webmail once you have seen that they are in the maildir.");
    pull_trouble(job->pull, job->result, &why);
}

/* check_old - of `old`, those that may go are added to `doomed` */
static bool check_old(struct imap_job *job, const struct uidset *old, struct uidset *doomed, struct err *err)
{
    struct check c = {.job = job};
    struct imap_events events = {.arg = &c, .fetched = compare};
    bool ok = true;
    for (uint32_t after = 0; ok && uidset_next(old, after);) {
        struct uidset set = UIDSET_INIT;
        unsigned tag;
        ok = some(old, &after, &set, err) &&
             imap_send_fetch(job->imap, &set, "UID RFC822.SIZE INTERNALDATE", &tag, err) &&
             imap_finish(job->imap, tag, &events, "describe messages", err) && forget_missing(&c, &set, err);
        uidset_free(&set);
    }
    for (size_t i = 0; ok && i < c.same.count; i++)
        ok = uidset_add(doomed, c.same.ranges[i].lo, c.same.ranges[i].hi, err);
    if (ok)
        report_changed(job, &c);
    check_free(&c);
    return ok;
}

bool imap_box_is_same(struct imap_job *job, bool *same_r, struct err *err)
{
    struct check c = {.job = job};
    struct imap_events events = {.arg = &c, .fetched = compare};
    struct uidset known = UIDSET_INIT, sample = UIDSET_INIT;
    uint32_t after = 0;
    unsigned tag;
    bool ok = true;
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); ok && e; e = seen_each(job->f.seen, e))
        ok = e->state != SEEN_PLACED || uidset_add(&known, seen_uid(&e->key), seen_uid(&e->key), err);
    for (uint64_t n = uidset_count(&known); ok && n > BATCH_MESSAGES_MAX; n--)
        after = uidset_next(&known, after); /* the newest: old ones are often deleted by other programs */
    ok = ok && some(&known, &after, &sample, err) &&
         (sample.count == 0 ||
          (imap_send_fetch(job->imap, &sample, "UID RFC822.SIZE INTERNALDATE", &tag, err) &&
           imap_finish(job->imap, tag, &events, "describe messages", err)));
    *same_r = c.same.count > 0 && uidset_count(&c.same) == uidset_count(&c.answered);
    uidset_free(&known);
    uidset_free(&sample);
    check_free(&c);
    return ok;
}

/* -- deleting -- */

/* move_set - the one command that moves them; without it a copy is made, and what follows is as in deleting */
static bool move_set(struct imap_job *job, const char *set, bool *moved_r, struct err *err)
{
    unsigned tag;
    struct str name = STR_INIT(8192);
    *moved_r = imap_can(job->imap, "MOVE") || imap_can(job->imap, "IMAP4rev2");
    bool ok = imap_add_name(job->imap, job->target, &name, err) &&
              imap_send(job->imap, &tag, err, "UID %s %s %s", *moved_r ? "MOVE" : "COPY", set, name.buf) &&
              imap_finish(job->imap, tag, NULL, "move messages", err);
    str_free(&name);
    return ok;
}

/* delete_set - \Deleted; and gone for good where the server can be told exactly which ones (RFC 4315) */
static bool delete_set(struct imap_job *job, const struct uidset *set, bool uidplus, struct err *err)
{
    struct str text = STR_INIT(CHAT_LINE_MAX);
    unsigned store, expunge = 0;
    bool moved = false;
    bool ok = uidset_write(set, &text, err) && (!job->target || move_set(job, text.buf, &moved, err));
    if (ok && !moved)
        ok = imap_send(job->imap, &store, err, "UID STORE %s +FLAGS.SILENT (\\Deleted)", text.buf) &&
             imap_finish(job->imap, store, NULL, "mark messages as deleted", err) &&
             (!uidplus || (imap_send(job->imap, &expunge, err, "UID EXPUNGE %s", text.buf) &&
                           imap_finish(job->imap, expunge, NULL, "delete messages", err)));
    str_free(&text);
    for (uint32_t uid = uidset_next(set, 0); ok && uid; uid = uidset_next(set, uid)) {
        struct seen_key key = seen_key_uid(uid);
        ok = seen_gone(job->f.seen, &key, err);
        job->result->moved += job->target != NULL;
        job->result->deleted += job->target == NULL;
    }
    return ok;
}

static bool delete_doomed(struct imap_job *job, const struct uidset *doomed, struct err *err)
{
    bool uidplus = imap_can(job->imap, "UIDPLUS") || imap_can(job->imap, "IMAP4rev2"), ok = true;
    if (!uidplus && !(job->target && imap_can(job->imap, "MOVE")) && doomed->count > 0 &&
        job->result->deleted + job->result->moved == 0)
        job->pull->watch.notice(
            job->pull->watch.arg,
            "The server has no UIDPLUS: fetched messages are marked as deleted there, and stay "
            "until some program expunges the folder.");
    for (uint32_t after = 0; ok && uidset_next(doomed, after);) {
        struct uidset set = UIDSET_INIT;
        ok = some(doomed, &after, &set, err) && delete_set(job, &set, uidplus, err);
        uidset_free(&set);
    }
    return ok;
}

bool imap_box_delete(struct imap_job *job, struct err *err)
{
    struct uidset doomed = UIDSET_INIT, old = UIDSET_INIT;
    bool ok = true;
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); ok && e; e = seen_each(job->f.seen, e)) {
        uint32_t uid = seen_uid(&e->key);
        bool dismissed = job->sync && uidset_has(&job->sync->dismissed, uid);
        if (pull_is_due(job->pull, e) || dismissed)
            ok = uidset_add(uidset_has(&job->fresh, uid) ? &doomed : &old, uid, uid, err);
    }
    /* What was placed must be durable as such before its other copy goes. */
    ok = ok && seen_sync(job->f.seen, err) && check_old(job, &old, &doomed, err) &&
         delete_doomed(job, &doomed, err) && seen_sync(job->f.seen, err);
    uidset_free(&doomed);
    uidset_free(&old);
    return ok;
}

/* only_kept - of what came in this session; what nobody took (deliver =) stays as it was */
static bool only_kept(struct imap_job *job, struct uidset *kept, struct err *err)
{
    bool ok = true;
    for (uint32_t uid = uidset_next(&job->fresh, 0); ok && uid; uid = uidset_next(&job->fresh, uid)) {
        struct seen_key key = seen_key_uid(uid);
        const struct seen_entry *e = seen_find(job->f.seen, &key);
        ok = !e || !seen_is_here(e) || uidset_add(kept, uid, uid, err);
    }
    return ok;
}

bool imap_box_mark_seen(struct imap_job *job, struct err *err)
{
    struct uidset kept = UIDSET_INIT;
    bool ok = only_kept(job, &kept, err);
    for (uint32_t after = 0; ok && uidset_next(&kept, after);) {
        struct uidset set = UIDSET_INIT;
        struct str text = STR_INIT(CHAT_LINE_MAX);
        unsigned tag;
        ok = some(&kept, &after, &set, err) && uidset_write(&set, &text, err) &&
             imap_send(job->imap, &tag, err, "UID STORE %s +FLAGS.SILENT (\\Seen)", text.buf) &&
             imap_finish(job->imap, tag, NULL, "mark messages as read", err);
        uidset_free(&set);
        str_free(&text);
    }
    uidset_free(&kept);
    return ok;
}
