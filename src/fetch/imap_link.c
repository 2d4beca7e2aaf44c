/* imap_link - new messages that another folder of the account has already (links.h): found while the list is read, put
 * down before anything is fetched. What cannot be linked after all is fetched like any other. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "fetch/batch.h"
#include "fetch/imap_sync.h"
#include "fetch/links.h"

bool imap_box_links(const struct imap_job *job)
{
    const struct links *links = job->pull->links;
    return links && links_matter(links) && imap_box_mark_item(job->imap)[0] != '\0';
}

void imap_box_list_items(const struct imap_job *job, char out[IMAP_BOX_ITEMS_SIZE])
{
    bool links = imap_box_links(job);
    snprintf(out, IMAP_BOX_ITEMS_SIZE, "UID%s RFC822.SIZE INTERNALDATE%s",
             links && job->sync && job->pull->account->fetch.flags != SYNC_OFF ? " FLAGS" : "",
             links ? imap_box_mark_item(job->imap) : "");
}

static bool add_known(struct imap_job *job, const struct known *known, struct err *err)
{
    struct known *items = array_room(job->known, &job->known_cap, job->known_count + 1, sizeof *items, err);
    if (!items)
        return false;
    job->known = items;
    job->known[job->known_count++] = *known;
    return true;
}

bool imap_box_note_known(struct imap_job *job, const struct imap_fetch *fetch, struct err *err)
{
    struct known known = {.uid = fetch->uid,
                          .flags = job->sync ? fetch->flags & SYNC_FLAGS : 0,
                          .size = fetch->has_size ? fetch->size : 0,
                          .date = fetch->date};
    if (!imap_box_links(job))
        return true;
    imap_box_mark(fetch, known.id);
    known.fresh = !links_has(job->pull->links, known.id, known.size, known.date);
    return (known.fresh && !job->pull->dry_run) || add_known(job, &known, err);
}

static bool put_link(struct imap_job *job, const struct known *known, struct wanted *w, struct err *err)
{
    struct seen_entry about = {
        .key = seen_key_uid(w->uid), .wire = known->size, .date = known->date, .flags = known->flags};
    memcpy(about.id, known->id, sizeof about.id);
    if (!links_put(job->pull->links, job->f.batch, &about, &w->got, err))
        return false;
    if (!w->got)
        return true;
    job->done++;
    imap_box_show_progress(job);
    return uidset_add(&job->fresh, w->uid, w->uid, err) &&
           (!batch_is_full(job->f.batch) || batch_commit(job->f.batch, err));
}

bool imap_box_put_links(struct imap_job *job, struct err *err)
{
    for (size_t i = job->known_count; i-- > 0;) {
        struct wanted *w = imap_box_wanted(job, job->known[i].uid);
        if (w && (!pull_goes_on(job->pull, err) || !put_link(job, &job->known[i], w, err)))
            return false;
    }
    return job->known_count == 0 || batch_commit(job->f.batch, err);
}
