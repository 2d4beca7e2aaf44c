/* imap_dry - what a run would do in a folder: by the list of what is new, and by what the memory knows. Nothing is
 * fetched, and nothing changed on the server or here. */
#include <string.h>

#include "base/clock.h"
#include "fetch/imap_box.h"
#include "fetch/links.h"

/* count_links - of new messages that another folder has, or will have when its turn has come; the others may be linked
 * by folders behind this one */
static bool count_links(struct imap_job *job, struct pull_found *found, struct err *err)
{
    for (size_t i = 0; i < job->known_count; i++) {
        const struct known *known = &job->known[i];
        struct wanted *w = imap_box_wanted(job, known->uid);
        struct seen_entry e = {.wire = known->size, .date = known->date};
        if (!w || w->got)
            continue;
        w->got = !known->fresh;
        found->linked += !known->fresh;
        memcpy(e.id, known->id, sizeof e.id);
        if (known->fresh && !w->stub && !links_add(job->pull->links, &e, NULL, err))
            return false;
    }
    return true;
}

/* count_new - *going_r: of those, as many as would be deleted or moved there once they are here */
static void count_new(const struct imap_job *job, struct pull_found *found, uint64_t *going_r)
{
    *going_r = 0;
    for (size_t i = 0; i < job->count; i++) {
        const struct wanted *w = &job->wanted[i];
        struct seen_entry e = {.state = SEEN_PLACED, .stub = w->stub && !w->got, .when = clock_now()};
        *going_r += job->deletes && pull_is_due(job->pull, &e);
        found->messages += !w->got;
        found->octets += w->got ? 0 : w->size;
    }
}

/* search - which of `due` are there still; in answers of which each fits into a line */
static bool search(struct imap_job *job, const struct uidset *due, struct uidset *there, struct err *err)
{
    uint32_t end = uidset_max(due), step = imap_can(job->imap, "ESEARCH") ? end : IMAP_BOX_SEARCH_MAX;
    bool ok = true;
    for (uint32_t first = uidset_next(due, 0); ok && first;) {
        struct uidset range = UIDSET_INIT;
        uint32_t last = end - first < step ? end : first + step - 1;
        ok = uidset_add(&range, first, last, err) && imap_box_search(job, &range, there, err);
        uidset_free(&range);
        first = uidset_next(due, last);
    }
    return ok;
}

/* count_old - of messages that came earlier, those that would be deleted or moved */
static bool count_old(struct imap_job *job, uint64_t *going, struct err *err)
{
    struct uidset due = UIDSET_INIT, there = UIDSET_INIT;
    bool ok = true;
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); ok && e; e = seen_each(job->f.seen, e))
        ok = !pull_is_due(job->pull, e) || uidset_add(&due, seen_uid(&e->key), seen_uid(&e->key), err);
    ok = ok && search(job, &due, &there, err);
    for (uint32_t uid = uidset_next(&due, 0); ok && uid; uid = uidset_next(&due, uid))
        *going += uidset_has(&there, uid);
    uidset_free(&due);
    uidset_free(&there);
    return ok;
}

bool imap_box_report(struct imap_job *job, struct err *err)
{
    struct pull_found found = {.folder = job->f.name};
    uint64_t going;
    if (!count_links(job, &found, err))
        return false;
    count_new(job, &found, &going);
    if (job->deletes && job->due && !count_old(job, &going, err))
        return false;
    *(job->target ? &found.moved : &found.deleted) = going;
    job->pull->watch.found(job->pull->watch.arg, &found);
    return true;
}
