/* pop3_delete - deletions are asked for last, all together, for they happen at QUIT or not at all; a server may break
 * off in the middle, or list again what it has said to have deleted. So a name is forgotten when a later listing
 * lacks it, and not before. */
#include <stdlib.h>
#include <string.h>

#include "fetch/pop3_box.h"
#include "fetch/quarantine.h"

static bool is_due(const struct pop3_job *job, const struct pop3_letter *l)
{
    const struct seen_entry *e = l->fate == POP3_HAVE ? seen_find(job->f.seen, &l->key) : NULL;
    return e && pull_is_due(job->pull, e);
}

static bool read_dele(struct pop3_job *job, struct pop3_letter *l, struct err *err)
{
    struct err why = {0};
    bool ok;
    if (!pop3_read_dele(job->pop3, &ok, &why)) {
        *err = why;
        return false;
    }
    if (!ok) {
        l->fate = POP3_FAILED;
        pull_trouble(job->pull, job->result, &why);
    }
    return true;
}

static bool mark_deleted(struct pop3_job *job, struct err *err)
{
    size_t sent = 0, flying = 0, window = pop3_window(job->pop3);
    for (size_t read = 0; read < job->count; read++) {
        if (!is_due(job, &job->letters[read]))
            continue;
        for (sent = sent < read ? read : sent; sent < job->count && flying < window; sent++) {
            if (!is_due(job, &job->letters[sent]))
                continue;
            if (!pop3_send_dele(job->pop3, job->letters[sent].number, err))
                return false;
            flying++;
        }
        if (!read_dele(job, &job->letters[read], err))
            return false;
        flying--;
    }
    return true;
}

/* note_deleted - QUIT was answered. Should such a name be listed again, what bears it is looked at once more. */
static bool note_deleted(struct pop3_job *job, struct err *err)
{
    for (size_t i = 0; i < job->count; i++) {
        if (!is_due(job, &job->letters[i]))
            continue;
        const struct seen_key *key = &job->letters[i].key;
        if (seen_find(job->f.seen, key)->state == SEEN_STAYS)
            continue;
        if (!seen_asked(job->f.seen, key, err))
            return false;
        job->result->deleted++;
    }
    return seen_sync(job->f.seen, err);
}

/* end_quarantines - of messages that are there no more */
static bool end_quarantines(struct pop3_job *job, struct pop3_letter *const *order, struct err *err)
{
    const struct quarantined *q = quarantine_each(job->f.seen, NULL);
    while (q) {
        struct seen_key key = q->key;
        bool gone = !pop3_box_is_listed(job, order, &key);
        if (gone && !quarantine_end(job->f.seen, &key, err))
            return false;
        q = quarantine_each(job->f.seen, gone ? NULL : q);
    }
    return true;
}

/* forget_unlisted - what was to be deleted and is not listed any more has been, perhaps in a session whose end we did
 * not live to see; its name may be used again */
static bool forget_unlisted(struct pop3_job *job, struct err *err)
{
    struct pop3_letter **order = pop3_box_sorted(job);
    bool ok = order || err_nomem(err);
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); ok && e; e = seen_each(job->f.seen, e)) {
        struct seen_key key = e->key;
        bool asked = (e->state >= SEEN_ASKED && e->state <= SEEN_KNOWN) || pull_is_due(job->pull, e);
        if (asked && !pop3_box_is_listed(job, order, &key))
            ok = seen_gone(job->f.seen, &key, err);
    }
    ok = ok && end_quarantines(job, order, err);
    free(order);
    return ok;
}

bool pop3_box_finish(struct pop3_job *job, struct err *err)
{
    struct err why = {0};
    bool deletes = false;
    if (!forget_unlisted(job, err) || !seen_sync(job->f.seen, err))
        return false;
    for (size_t i = 0; i < job->count && !deletes; i++)
        deletes = is_due(job, &job->letters[i]);
    if (!mark_deleted(job, err))
        return false;
    if (pop3_quit(job->pop3, &why))
        return note_deleted(job, err);
    if (deletes) {
        err_hint(&why,
                 "Nothing is lost: the messages are here, and their deletion is asked for again next time.");
        pull_trouble(job->pull, job->result, &why);
    }
    return true;
}
