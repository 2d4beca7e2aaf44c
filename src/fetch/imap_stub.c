/* imap_stub - messages larger than `max_size`: their headers are fetched and put down with a word about the rest. And the way
 * back: one message, whole, because a person asks for it. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "fetch/batch.h"
#include "fetch/imap_box.h"

#define HEADER_OCTETS 131072 /* of a header that are asked for */

bool imap_box_send_headers(struct imap_job *job, const struct uidset *set, unsigned *tag_r, struct err *err)
{
    char items[120];
    snprintf(items, sizeof items, "UID RFC822.SIZE INTERNALDATE%s BODY.PEEK[HEADER]<0.%d>",
             imap_box_mark_item(job->imap), HEADER_OCTETS);
    return imap_send_fetch(job->imap, set, items, tag_r, err);
}

bool imap_box_put_stub(struct imap_job *job, const struct imap_fetch *fetch, struct wanted *w,
                       struct err *err)
{
    struct seen_entry about = {.key = seen_key_uid(w->uid), .wire = w->size, .date = fetch->date};
    struct str header = STR_INIT(fetch->header.n + 1);
    imap_box_mark(fetch, about.id);
    bool ok = imap_token_text(&fetch->header, &header, err) &&
              batch_put_stub(job->f.batch, &about, header.buf, header.len, err);
    str_free(&header);
    w->got = ok;
    job->done += ok;
    return ok && (!batch_is_full(job->f.batch) || batch_commit(job->f.batch, err));
}

/* -- one message, whole -- */

static bool described(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct imap_job *job = arg;
    (void)taken;
    if (fetch->uid != job->pull->only_uid || job->count > 0)
        return true;
    return imap_box_add_wanted(job, fetch->uid, fetch->has_size ? fetch->size : 0, err);
}

static bool ask_for(struct imap_job *job, struct err *err)
{
    struct imap_events events = {.arg = job, .fetched = described};
    unsigned tag;
    if (!imap_send(job->imap, &tag, err, "UID FETCH %u (UID RFC822.SIZE INTERNALDATE)",
                   job->pull->only_uid) ||
        !imap_finish(job->imap, tag, &events, "describe the message", err))
        return false;
    if (job->count > 0) {
        job->wanted[0].stub = false;
        return true;
    }
    err_set(err, ERR_DATA, "There is no message %u in the folder %s.", job->pull->only_uid, job->f.name);
    return err_hint(err,
                    "It was deleted or moved on the server, or the server has numbered its messages anew.");
}

bool imap_box_pull_one(struct imap_job *job, struct err *err)
{
    struct seen_key key = seen_key_uid(job->pull->only_uid);
    const struct seen_entry *known = seen_find(job->f.seen, &key);
    struct seen_entry old = known ? *known : (struct seen_entry){.stub = false};
    if (!ask_for(job, err))
        return false;
    if (job->pull->dry_run)
        return true;
    return imap_box_fetch(job, err) && seen_sync(job->f.seen, err) &&
           (!old.stub || job->done == 0 || batch_remove_stub(job->f.batch, &old, err));
}
