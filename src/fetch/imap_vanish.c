/* imap_vanish - which of the messages that were fetched are not on the server any more. What an engine tells of
 * them only makes them candidates: each is asked for by its UID before it counts as gone. */
#include <string.h>

#include "fetch/imap_sync.h"

/* count_known - of messages that are believed to be there */
static uint64_t count_known(const struct seen *seen)
{
    uint64_t known = 0;
    for (const struct seen_entry *e = seen_each(seen, NULL); e; e = seen_each(seen, e))
        known += seen_is_here(e);
    return known;
}

bool imap_sync_blows(struct imap_job *job, uint64_t count, const char *where, const char *what)
{
    struct err why = {0};
    uint64_t known = count_known(job->f.seen);
    if (job->pull->delete_many || count <= SYNC_FUSE_LEAST || count * 100 <= known * SYNC_FUSE_PERCENT)
        return false;
    err_set(&why, ERR_DATA, "%llu of the %llu messages of %s are gone %s: they are not deleted %s.",
            (unsigned long long)count, (unsigned long long)known, job->f.name, where, what);
    err_hint(&why, "If that is meant, let it through once: tappal-fetch --delete-many %s",
             job->pull->account->name);
    pull_trouble(job->pull, job->result, &why);
    return true;
}

/* -- searching -- */

/* SEARCH commands under way, oldest first. */
struct searches {
    unsigned tags[SYNC_SEARCH_AHEAD];
    size_t count;
};

static bool land(struct imap_job *job, struct searches *s, struct err *err)
{
    struct imap_events events = {.found = &job->sync->there};
    unsigned tag = s->tags[0];
    memmove(s->tags, s->tags + 1, --s->count * sizeof s->tags[0]);
    if (imap_finish(job->imap, tag, &events, "search for messages", err))
        return true;
    while (s->count > 0)
        imap_forget(job->imap, s->tags[--s->count]);
    return false;
}

/* search_all - all UIDs up to the last that we know, in answers of which each fits into a line */
static bool search_all(struct imap_job *job, struct err *err)
{
    struct searches searches = {.count = 0};
    bool extended = imap_can(job->imap, "ESEARCH");
    uint32_t end = job->sync->last, step = extended ? end : IMAP_BOX_SEARCH_MAX;
    for (uint64_t first = 1; first <= end; first += step) {
        uint64_t last = first + step - 1 < end ? first + step - 1 : end;
        if (searches.count == SYNC_SEARCH_AHEAD && !land(job, &searches, err))
            return false;
        if (!imap_send(job->imap, &searches.tags[searches.count++], err, "UID SEARCH %sUID %llu:%llu",
                       extended ? "RETURN (ALL) " : "", (unsigned long long)first, (unsigned long long)last))
            return false;
    }
    while (searches.count > 0)
        if (!land(job, &searches, err))
            return false;
    return true;
}

/* is_missing - by what the engine told */
static bool is_missing(const struct imap_sync *sync, const struct seen_entry *e)
{
    uint32_t uid = seen_uid(&e->key);
    if (sync->engine == ENGINE_QRESYNC)
        return uidset_has(&sync->vanished, uid);
    return !sync->heard[seen_number(sync->local.seen, e)].known && !uidset_has(&sync->there, uid);
}

/* confirm - takes from `gone` what a search for it finds after all */
static bool confirm(struct imap_job *job, struct uidset *gone, struct err *err)
{
    struct uidset there = UIDSET_INIT;
    bool ok = true;
    for (uint32_t uid = uidset_next(gone, 0); ok && uid;) {
        struct uidset some = UIDSET_INIT;
        for (int i = 0; ok && uid && i < IMAP_BOX_SET_MESSAGES; i++, uid = uidset_next(gone, uid))
            ok = uidset_add(&some, uid, uid, err);
        ok = ok && imap_box_search(job, &some, &there, err);
        uidset_free(&some);
    }
    for (size_t i = 0; ok && i < there.count; i++)
        ok = uidset_remove(gone, there.ranges[i].lo, there.ranges[i].hi, err);
    uidset_free(&there);
    return ok;
}

/* forget_old - deletions count from now on: what was missing before is known no more, and stays here */
static bool forget_old(struct imap_job *job, struct uidset *gone, struct err *err)
{
    bool ok = true;
    for (uint32_t uid = uidset_next(gone, 0); ok && uid; uid = uidset_next(gone, uid)) {
        struct seen_key key = seen_key_uid(uid);
        ok = seen_gone(job->f.seen, &key, err);
    }
    uidset_free(gone);
    return ok;
}

bool imap_sync_find_gone(struct imap_job *job, struct uidset *gone, struct err *err)
{
    struct imap_sync *sync = job->sync;
    if (job->pull->account->fetch.deletions == SYNC_OFF || sync->last == 0)
        return true;
    if (sync->engine != ENGINE_QRESYNC && !search_all(job, err))
        return false;
    for (size_t i = 0; i < sync->local.count; i++) {
        const struct seen_entry *e = seen_at(job->f.seen, i);
        uint32_t uid = e ? seen_uid(&e->key) : 0;
        if (e && seen_is_here(e) && is_missing(sync, e) && !uidset_add(gone, uid, uid, err))
            return false;
    }
    if (gone->count > 0 && !confirm(job, gone, err))
        return false;
    if (sync->starts)
        return forget_old(job, gone, err);
    if (imap_sync_blows(job, uidset_count(gone), "on the server", "here")) {
        sync->missed = true; /* the next run must hear of them again */
        uidset_free(gone);
    }
    return true;
}
