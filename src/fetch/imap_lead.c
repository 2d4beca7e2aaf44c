/* imap_lead - going ahead of the answers: the folder is opened, listed from where we left off, and the first new
 * messages are asked for, all in one flight. Where nothing but some new mail has come since the last run, which is
 * nearly always, nothing is asked in vain; where the folder is not what we believed, the answers are read over. Where
 * another folder may have a message already, it is not asked for before its name is known. */
#include "fetch/imap_sync.h"
#include "fetch/quarantine.h"

#define LEAD_SEARCH 5000 /* UIDs: an answer of one line holds so many */
#define LEAD_BODIES 32   /* messages asked for before it is known how large they are */

/* has_trouble - is there anything that needs to be asked for alone? */
static bool has_trouble(const struct imap_job *job)
{
    const struct seen *seen = job->f.seen;
    bool ahead = false;
    for (const struct quarantined *q = quarantine_each(seen, NULL); q && !ahead; q = quarantine_each(seen, q))
        ahead = seen_uid(&q->key) >= job->first;
    return ahead || quarantine_has_due(seen);
}

bool imap_box_may_lead(const struct imap_job *job, const struct imap *imap)
{
    const struct seen_glance *was = &job->was;
    return !job->pull->dry_run && !imap_box_is_filtered(&job->pull->account->fetch) &&
           (job->glanced || (!seen_moved(job->f.seen) && !has_trouble(job))) && was->validity != 0 &&
           job->pull->account->fetch.max_size == 0 && job->pull->only_uid == 0 && !job->result->calm &&
           !imap_is_spared(imap) && was->next > 1 && was->next < UINT32_MAX - LEAD_SEARCH;
}

bool imap_box_lead(struct imap_job *job, struct imap *imap, struct err *err)
{
    struct uidset set = UIDSET_INIT;
    struct str how = STR_INIT(128);
    job->imap = imap;
    bool ok = uidset_add(&set, job->first, job->first + LEAD_BODIES - 1, err) &&
              imap_sync_how(job, imap, &how, err) &&
              imap_send_select(imap, job->folder->wire, !job->writes, how.buf, &job->lead.select, err) &&
              imap_sync_ask(job, err) && imap_box_send_list(job, job->first + LEAD_SEARCH - 1, err) &&
              (imap_box_links(job) || imap_box_send_bodies(job, &set, &job->lead.bodies, err));
    uidset_free(&set);
    str_free(&how);
    return ok;
}

bool imap_box_is_lead(const struct imap_job *job, uint32_t uid)
{
    return job->lead.bodies != 0 && uid >= job->first && uid - job->first < LEAD_BODIES;
}

bool imap_box_drop_lead(struct imap_job *job, struct err *err)
{
    unsigned *tags[] = {&job->lead.select, &job->lead.list, &job->lead.search, &job->lead.bodies};
    struct imap_events events = imap_sync_events(job);
    struct imap_answer answer;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        unsigned tag = *tags[i];
        *tags[i] = 0;
        if (tag != 0 && !imap_await(job->imap, tag, &events, &answer, err))
            return false;
    }
    return true;
}
