/* imap_box - see imap_box.h. */
#include "fetch/imap_box.h"

#include <stdlib.h>

#include "fetch/batch.h"
#include "fetch/quarantine.h"

/* renumbered - the memory's UIDs mean other messages now, or nobody knows which */
static bool renumbered(const struct imap_job *job, const char *how, struct err *err)
{
    err_set(err, ERR_DATA,
            "The server %s %s in the folder %s, so what was fetched cannot be told from what is new. "
            "Nothing was fetched from it and nothing deleted.",
            imap_peer(job->imap), how, job->f.name);
    return err_hint(
        err, "If the mailbox was moved or restored, rename the account's file: the account then begins "
             "anew and fetches all that is there once more. Else ask the provider.");
}

/* check_mailbox - host or login have changed; the numbers may fit by chance, sizes and dates do not */
static bool check_mailbox(struct imap_job *job, struct err *err)
{
    bool same = seen_is_empty(job->f.seen);
    if (!same && !imap_box_is_same(job, &same, err))
        return false;
    if (!same)
        return pull_is_another(&job->f, job->pull, err);
    return job->pull->dry_run || seen_adopt(job->f.seen, err);
}

/* check_numbers - UIDVALIDITY and UIDNEXT against the memory (RFC 9051 2.3.1.1) */
static bool check_numbers(struct imap_job *job, struct err *err)
{
    const struct imap_box *box = imap_box(job->imap);
    struct seen *seen = job->f.seen;
    uint32_t known = seen_validity(seen);
    if (box->validity == 0)
        return err_set(err, ERR_PROTOCOL, "The server %s gives no UIDVALIDITY for the folder %s.",
                       imap_peer(job->imap), job->f.name) ||
               err_hint(err, "Fetch this mailbox by POP3 instead: protocol = pop3.");
    if (known != 0 && known != box->validity && !seen_is_empty(seen))
        return renumbered(job, "has numbered all messages anew (UIDVALIDITY)", err);
    if (known == box->validity && box->next != 0 && box->next < seen_next(seen))
        return renumbered(job, "counts messages backwards (UIDNEXT)", err);
    if (seen_moved(seen) && !check_mailbox(job, err))
        return false;
    if (known == box->validity || job->pull->dry_run)
        return true;
    return seen_set_validity(seen, box->validity, err) && seen_set_next(seen, 1, err);
}

/* advance - remembers up to where all is settled; what a filter leaves out never is */
static bool advance(struct imap_job *job, struct err *err)
{
    if (imap_box_is_filtered(&job->pull->account->fetch))
        return seen_sync(job->f.seen, err);
    uint32_t next = imap_box(job->imap)->next;
    uint32_t last = job->count ? job->wanted[job->count - 1].uid : 0;
    if (last >= next && last < UINT32_MAX)
        next = last + 1;
    return (next <= seen_next(job->f.seen) || seen_set_next(job->f.seen, next, err)) &&
           seen_sync(job->f.seen, err);
}

static bool report_dry(const struct imap_job *job)
{
    uint64_t octets = 0;
    for (size_t i = 0; i < job->count; i++)
        octets += job->wanted[i].size;
    job->pull->watch.found(job->pull->watch.arg, job->f.name, job->count, octets);
    return true;
}

/* is_settled - does the server say, unopened, that nothing has come since all was settled? */
static bool is_settled(const struct imap_job *job, const struct folder *folder)
{
    const struct seen *seen = job->f.seen;
    return folder->validity != 0 && folder->validity == seen_validity(seen) && !seen_moved(seen) &&
           folder->next != 0 && folder->next == seen_next(seen) && !quarantine_has_due(seen);
}

/* has_news - does the server say, unopened, that the folder is what we believe, and that something has come? */
static bool has_news(const struct imap_job *job)
{
    return job->folder->validity != 0 && job->folder->validity == seen_validity(job->f.seen) &&
           job->folder->next > seen_next(job->f.seen);
}

/* select_folder - what was asked ahead is of no use where the numbers are not those we knew */
static bool select_folder(struct imap_job *job, struct err *err)
{
    const struct seen *seen = job->f.seen;
    unsigned tag = job->lead.select;
    if (tag == 0 && !imap_send_select(job->imap, job->folder->wire, !job->writes, &tag, err))
        return false;
    job->lead.select = 0;
    if (!imap_finish(job->imap, tag, NULL, "open the folder", err))
        return err_prefix(err, "%s: ", job->folder->name);
    const struct imap_box *box = imap_box(job->imap);
    bool same = box->validity == seen_validity(seen) && (box->next == 0 || box->next >= seen_next(seen));
    return same || imap_box_drop_lead(job, err);
}

static bool pull_new(struct imap_job *job, struct err *err)
{
    if (!check_numbers(job, err) || !imap_box_list(job, err))
        return false;
    if (job->pull->dry_run)
        return report_dry(job);
    return imap_box_fetch(job, err) && advance(job, err) &&
           (!job->pull->account->fetch.mark_seen || imap_box_mark_seen(job, err)) &&
           (!job->deletes || imap_box_delete(job, err));
}

bool imap_box_work(struct imap_job *job, struct imap *imap, struct err *err)
{
    job->imap = imap;
    if (job->lead.select == 0 && !job->due && is_settled(job, job->folder))
        return !job->pull->dry_run || report_dry(job);
    if (job->lead.select == 0 && has_news(job) && imap_box_may_lead(job) && !imap_box_lead(job, imap, err))
        return false;
    if (select_folder(job, err) && pull_new(job, err))
        return true;
    struct err ignored;
    if (imap_usable(imap) && !job->lost)
        job->lost = !imap_box_drop_lead(job, &ignored);
    return false;
}

bool imap_box_open(const struct pull *pull, struct pull_result *result, const struct folder *folder,
                   const char *target, struct imap_job *job_r, struct err *err)
{
    const struct fetch_conf *conf = &pull->account->fetch;
    struct imap_job job = {.pull = pull, .result = result, .folder = folder, .target = target};
    if (!pull_folder_open(pull, folder->wire, folder->name, folder->path, &job.f, err))
        return false;
    job.first = seen_next(job.f.seen);
    job.due = (!conf->move_to || target) && imap_box_has_due(&job);
    job.deletes = !pull->dry_run && (conf->keep == KEEP_NO || target || job.due);
    job.writes = job.deletes || (!pull->dry_run && conf->mark_seen);
    *job_r = job;
    return true;
}

void imap_box_close(struct imap_job *job)
{
    pull_folder_close(&job->f, job->result);
    uidset_free(&job->fresh);
    free(job->wanted);
    *job = (struct imap_job){0};
}
