/* imap_flags - bringing both sides together, in an order that a crash cannot turn into a wrong change: first the
 * files, durable; then what goes to the server; then the memory. Repeated, it comes to the same.
 *
 * Each flag by itself: changed here since the memory, it is as here; else as on the server. */
#include "fetch/imap_sync.h"

#include <stdio.h>
#include <string.h>

#include "fetch/batch.h"

#define STORE_MESSAGES 200 /* of one command */

/* -- here -- */

/* server_flags - as they are there now; false where nobody has said */
static bool server_flags(const struct imap_sync *sync, size_t at, const struct seen_entry *e, uint8_t *flags)
{
    const struct imap_heard *heard = &sync->heard[at];
    *flags = heard->known ? heard->flags : e->flags & SYNC_FLAGS;
    return heard->known || (sync->engine != ENGINE_PLAIN && sync->since != 0);
}

static uint8_t merge(uint8_t base, uint8_t here, uint8_t server)
{
    uint8_t changed_here = (uint8_t)((here ^ base) & SYNC_FLAGS);
    return (uint8_t)((here & (changed_here | FLAG_TRASHED)) | (server & SYNC_FLAGS & ~changed_here));
}

struct applying {
    struct imap_job *job;
    const struct uidset *gone;
};

/* apply_one - to the file as it is called now: its reader may have changed it since we looked */
static bool apply_one(void *arg, const struct maildir_file *file, struct err *err)
{
    struct applying *a = arg;
    struct imap_sync *sync = a->job->sync;
    const struct seen_entry *e = local_entry(&sync->local, file->name);
    size_t at = e ? seen_number(a->job->f.seen, e) : sync->local.count;
    bool there = true;
    uint8_t server;
    if (at >= sync->local.count)
        return true;
    struct local_mark *mark = &sync->local.marks[at];
    if (uidset_has(a->gone, seen_uid(&e->key))) {
        a->job->result->removed++;
        return maildir_remove(a->job->f.box, file, &there, err);
    }
    if (a->job->pull->account->fetch.flags == SYNC_OFF || !server_flags(sync, at, e, &server))
        return true;
    uint8_t flags = merge(e->flags, file->flags, server);
    if (flags != file->flags && !maildir_set_flags(a->job->f.box, file, flags, &there, err))
        return false;
    mark->missed = mark->missed || !there;
    mark->flags = flags;
    return true;
}

/* is_due - is there a file to be changed or removed? */
static bool is_due(const struct imap_job *job, const struct uidset *gone)
{
    const struct imap_sync *sync = job->sync;
    uint8_t server;
    for (size_t i = 0; i < sync->local.count; i++) {
        const struct seen_entry *e = seen_at(job->f.seen, i);
        const struct local_mark *mark = &sync->local.marks[i];
        if (!e || !mark->here)
            continue;
        if (uidset_has(gone, seen_uid(&e->key)) ||
            (server_flags(sync, i, e, &server) && merge(e->flags, mark->flags, server) != mark->flags))
            return true;
    }
    return false;
}

static bool forget_gone(struct imap_job *job, const struct uidset *gone, struct err *err)
{
    bool ok = true;
    for (uint32_t uid = uidset_next(gone, 0); ok && uid; uid = uidset_next(gone, uid)) {
        struct seen_key key = seen_key_uid(uid);
        ok = seen_gone(job->f.seen, &key, err) && uidset_remove(&job->sync->dismissed, uid, uid, err);
    }
    return ok;
}

bool imap_sync_apply(struct imap_job *job, const struct uidset *gone, struct err *err)
{
    struct applying a = {job, gone};
    if (is_due(job, gone) &&
        (!maildir_files(job->f.box, apply_one, &a, err) || !maildir_sync(job->f.box, err)))
        return false;
    return forget_gone(job, gone, err);
}

/* -- there -- */

/* store_set - NO is told, and then nothing has changed; what others changed meanwhile is left to the next run */
static bool store_set(struct imap_job *job, const struct uidset *set, bool add, uint8_t flags,
                      struct err *err)
{
    char names[FLAGS_IMAP_TEXT], unchanged[48] = "";
    struct str text = STR_INIT(CHAT_LINE_MAX);
    struct imap_answer answer;
    unsigned tag;
    flags_imap(flags, names);
    if (job->sync->engine != ENGINE_PLAIN)
        snprintf(unchanged, sizeof unchanged, "(UNCHANGEDSINCE %llu) ",
                 (unsigned long long)imap_box(job->imap)->modseq);
    bool ok = uidset_write(set, &text, err) &&
              imap_send(job->imap, &tag, err, "UID STORE %s %s%sFLAGS.SILENT (%s)", text.buf, unchanged,
                        add ? "+" : "-", names) &&
              imap_await(job->imap, tag, NULL, &answer, err);
    str_free(&text);
    if (!ok)
        return false;
    struct uidset modified = imap_take_modified(job->imap);
    for (uint32_t uid = uidset_next(set, 0); answer.status == IMAP_OK && uid; uid = uidset_next(set, uid)) {
        struct seen_key key = seen_key_uid(uid);
        size_t at = seen_number(job->f.seen, seen_message(job->f.seen, &key));
        struct imap_heard *heard = &job->sync->heard[at];
        if (!uidset_has(&modified, uid))
            heard->flags = (uint8_t)(add ? heard->flags | flags : heard->flags & ~flags);
    }
    uidset_free(&modified);
    return answer.status == IMAP_OK || imap_refused(job->imap, &answer, "change flags", err);
}

/* differs - which of the flags in question are to be set, or taken, there? */
static uint8_t differs(const struct imap_job *job, size_t at, bool add)
{
    const struct local_mark *mark = &job->sync->local.marks[at];
    const struct seen_entry *e = seen_at(job->f.seen, at);
    uint8_t there = job->sync->heard[at].flags, may = SYNC_FLAGS & imap_box(job->imap)->permanent;
    if (!e || !mark->here || mark->missed || !job->sync->heard[at].known)
        return 0;
    return (uint8_t)((add ? mark->flags & ~there : there & ~mark->flags) & may);
}

/* store - all messages that lack, or have too much, just these flags */
static bool store(struct imap_job *job, bool add, uint8_t flags, struct err *err)
{
    struct uidset set = UIDSET_INIT;
    size_t in_set = 0, count = job->sync->local.count;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (differs(job, i, add) == flags) {
            uint32_t uid = seen_uid(&seen_at(job->f.seen, i)->key);
            ok = uidset_add(&set, uid, uid, err);
            in_set++;
        }
        if (ok && in_set > 0 && (in_set == STORE_MESSAGES || i + 1 == count)) {
            ok = store_set(job, &set, add, flags, err);
            uidset_free(&set);
            in_set = 0;
        }
    }
    uidset_free(&set);
    return ok;
}

static bool push(struct imap_job *job, struct err *err)
{
    bool wanted[2][FLAGS_ALL + 1] = {{false}};
    for (size_t i = 0; i < job->sync->local.count; i++)
        for (int add = 0; add < 2; add++)
            wanted[add][differs(job, i, add)] = true;
    for (unsigned flags = 1; flags <= FLAGS_ALL; flags++)
        for (int add = 0; add < 2; add++)
            if (wanted[add][flags] && !store(job, add, (uint8_t)flags, err))
                return false;
    return true;
}

/* -- the memory -- */

/* settle_heard - what was not told has not changed */
static void settle_heard(struct imap_job *job)
{
    struct imap_sync *sync = job->sync;
    for (size_t i = 0; i < sync->local.count; i++) {
        const struct seen_entry *e = seen_at(job->f.seen, i);
        sync->missed = sync->missed || sync->local.marks[i].missed;
        if (e)
            sync->heard[i].known = server_flags(sync, i, e, &sync->heard[i].flags);
    }
}

static bool remember(struct imap_job *job, struct err *err)
{
    const struct imap_sync *sync = job->sync;
    bool ok = true;
    for (size_t i = 0; ok && i < sync->local.count; i++) {
        const struct seen_entry *e = seen_at(job->f.seen, i);
        if (e && seen_is_here(e) && sync->heard[i].known && !sync->local.marks[i].missed)
            ok = seen_set_flags(job->f.seen, &e->key, sync->heard[i].flags, err);
    }
    return ok;
}

bool imap_sync_push(struct imap_job *job, struct err *err)
{
    const struct fetch_conf *conf = &job->pull->account->fetch;
    struct err why = {0};
    if (conf->flags == SYNC_OFF)
        return true;
    settle_heard(job);
    if (conf->flags == SYNC_BOTH && job->sync->pushes && !push(job, &why)) {
        if (!imap_usable(job->imap)) {
            *err = why;
            return false;
        }
        pull_trouble(job->pull, job->result, &why);
    }
    return remember(job, err);
}
