/* imap_box - see imap_box.h. */
#include "fetch/imap_box.h"

#include <stdlib.h>

#include "fetch/batch.h"
#include "fetch/imap_sync.h"
#include "fetch/quarantine.h"

/* trust_numbers - do the memory's UIDs mean the messages that they meant (RFC 9051 2.3.1.1)? Where host or login have
 * changed, the numbers may fit by chance; sizes and dates do not. */
static bool trust_numbers(struct imap_job *job, const char **why_not_r, struct err *err)
{
    const struct imap_box *box = imap_box(job->imap);
    const struct seen *seen = job->f.seen;
    bool same = true;
    *why_not_r = NULL;
    if (seen_validity(seen) != box->validity)
        *why_not_r = "has numbered all messages anew (UIDVALIDITY)";
    else if (box->next != 0 && box->next < seen_next(seen))
        *why_not_r = "was set back (UIDNEXT)";
    else if (seen_moved(seen) && !imap_box_is_same(job, &same, err))
        return false;
    else if (!same)
        *why_not_r = "is another one than before";
    return true;
}

static bool check_numbers(struct imap_job *job, struct err *err)
{
    const struct imap_box *box = imap_box(job->imap);
    struct seen *seen = job->f.seen;
    const char *why_not = NULL;
    if (box->validity == 0)
        return err_set(err, ERR_PROTOCOL, "The server %s gives no UIDVALIDITY for the folder %s.",
                       imap_peer(job->imap), job->f.name) ||
               err_hint(err, "Fetch this mailbox by POP3 instead: protocol = pop3.");
    if (!seen_is_empty(seen)) {
        if (!trust_numbers(job, &why_not, err))
            return false;
        if (why_not && box->exists == 0) { /* the memory may still be of use: the folder may come back */
            job->deletes = false;
            job->empty = true;
            return true;
        }
        if (why_not)
            return imap_box_pair(job, why_not, err);
    }
    if (job->pull->dry_run)
        return true;
    if (seen_moved(seen) && !seen_adopt(seen, err))
        return false;
    bool fits = seen_validity(seen) == box->validity && (box->next == 0 || box->next >= seen_next(seen));
    return fits || (seen_set_validity(seen, box->validity, err) && seen_set_next(seen, 1, err));
}

/* advance - remembers up to where all is settled. What a filter leaves out never is; nor is what a server has that
 * calls its folder empty: some do so when they cannot look into it just now. */
static bool advance(struct imap_job *job, struct err *err)
{
    if (imap_box_is_filtered(&job->pull->account->fetch) || imap_box(job->imap)->exists == 0)
        return seen_sync(job->f.seen, err);
    uint32_t next = imap_box(job->imap)->next;
    uint32_t last = job->count ? job->wanted[job->count - 1].uid : 0;
    if (last >= next && last < UINT32_MAX)
        next = last + 1;
    return (next <= seen_next(job->f.seen) || seen_set_next(job->f.seen, next, err)) &&
           seen_sync(job->f.seen, err);
}

/* is_settled - does the server say, unopened, that nothing has come since all was settled? */
static bool is_settled(const struct imap_job *job, const struct folder *folder)
{
    const struct seen *seen = job->f.seen;
    return folder->validity != 0 && folder->validity == job->was.validity && folder->next != 0 &&
           folder->next == job->was.next &&
           (job->glanced ||
            (!seen_moved(seen) && !quarantine_has_due(seen) && imap_sync_is_settled(job, folder)));
}

/* has_news - does the server say, unopened, that the folder is what we believe, and that something has come? */
static bool has_news(const struct imap_job *job)
{
    return job->folder->validity != 0 && job->folder->validity == job->was.validity &&
           job->folder->next > job->was.next;
}

/* send_select - plainly, where the server did not take it otherwise */
static bool send_select(struct imap_job *job, bool plain, unsigned *tag_r, struct err *err)
{
    struct str how = STR_INIT(128);
    if (plain)
        imap_sync_fall_back(job);
    bool ok = (plain || imap_sync_how(job, job->imap, &how, err)) &&
              imap_send_select(job->imap, job->folder->wire, !job->writes, how.buf, tag_r, err);
    str_free(&how);
    return ok;
}

static bool open_folder(struct imap_job *job, struct err *err)
{
    struct imap_events events = imap_sync_events(job);
    struct imap_answer answer;
    unsigned tag = job->lead.select;
    if (tag == 0 && !send_select(job, false, &tag, err))
        return false;
    job->lead.select = 0;
    if (!imap_await(job->imap, tag, &events, &answer, err))
        return false;
    if (answer.status == IMAP_NOT_UNDERSTOOD && job->sync) { /* QRESYNC is too much for some that offer it */
        if (!imap_box_drop_lead(job, err) || !send_select(job, true, &tag, err) ||
            !imap_await(job->imap, tag, &events, &answer, err))
            return false;
    }
    return answer.status == IMAP_OK || imap_refused(job->imap, &answer, "open the folder", err) ||
           err_prefix(err, "%s: ", job->folder->name);
}

/* check_folder - what was asked ahead is of no use where the numbers are not those we knew */
static bool check_folder(struct imap_job *job, struct err *err)
{
    const struct imap_box *box = imap_box(job->imap);
    const struct seen *seen = job->f.seen;
    bool same = box->validity == seen_validity(seen) && !seen_moved(seen) &&
                (box->next == 0 || box->next >= seen_next(seen));
    if (same)
        return check_numbers(job, err);
    return imap_box_drop_lead(job, err) && check_numbers(job, err) && imap_sync_again(job, err);
}

static bool pull_new(struct imap_job *job, struct err *err)
{
    if (job->pull->only_uid != 0)
        return check_folder(job, err) && imap_box_pull_one(job, err);
    if (!check_folder(job, err) || (!job->empty && !imap_box_list(job, err)))
        return false;
    if (job->pull->dry_run)
        return imap_box_report(job, err);
    if (job->empty)
        return true;
    return imap_box_fetch(job, err) && advance(job, err) && imap_sync_work(job, err) &&
           (!job->pull->account->fetch.mark_seen || imap_box_mark_seen(job, err)) &&
           (!job->deletes || imap_box_delete(job, err));
}

/* recollect - opens memory and maildir, and sees what there is to do */
static bool recollect(struct imap_job *job, struct err *err)
{
    const struct pull *pull = job->pull;
    const struct folder *folder = job->folder;
    const struct fetch_conf *conf = &pull->account->fetch;
    if (!pull_folder_open(pull, folder->wire, folder->name, folder->path, &job->f, err))
        return false;
    job->glanced = false;
    job->was = (struct seen_glance){seen_validity(job->f.seen), seen_next(job->f.seen)};
    job->first = job->was.next;
    if (!imap_sync_open(job, err))
        return false;
    job->due = (!conf->move_to || job->target) && imap_box_has_due(job);
    bool dismissed = job->sync && job->sync->dismissed.count > 0;
    job->deletes = conf->keep == KEEP_NO || job->target || job->due || dismissed;
    job->writes = !pull->dry_run && (job->deletes || conf->mark_seen || (job->sync && job->sync->pushes));
    return true;
}

/* is_unchanged - the folder is open: is it as the glance at the memory has it? */
static bool is_unchanged(const struct imap_job *job)
{
    const struct imap_box *box = imap_box(job->imap);
    return job->glanced && box->validity == job->was.validity && box->next == job->was.next;
}

bool imap_box_work(struct imap_job *job, struct imap *imap, struct err *err)
{
    job->imap = imap;
    if (job->lead.select == 0 && !job->due && job->pull->only_uid == 0 && is_settled(job, job->folder))
        return !job->pull->dry_run || imap_box_report(job, err);
    if (job->lead.select == 0 && has_news(job) && imap_box_may_lead(job, imap) &&
        !imap_box_lead(job, imap, err))
        return false;
    if (open_folder(job, err) &&
        (is_unchanged(job) ? imap_box_drop_lead(job, err)
                           : (!job->glanced || recollect(job, err)) && pull_new(job, err)))
        return true;
    struct err ignored;
    if (imap_usable(imap) && !job->lost)
        job->lost = !imap_box_drop_lead(job, &ignored);
    return false;
}

/* may_glance - is there nothing to do in the folder but to fetch what is new? */
static bool may_glance(const struct pull *pull)
{
    const struct fetch_conf *conf = &pull->account->fetch;
    return !pull->dry_run && !pull->only_folder && conf->keep == KEEP_YES && !conf->move_to &&
           conf->flags == SYNC_OFF && conf->deletions == SYNC_OFF;
}

bool imap_box_open(const struct pull *pull, struct pull_result *result, const struct folder *folder,
                   const char *target, struct imap_job *job_r, struct err *err)
{
    struct imap_job job = {.pull = pull, .result = result, .folder = folder, .target = target};
    job.f.name = folder->name;
    job.glanced = may_glance(pull) && pull_glance(pull, folder->wire, folder->path, &job.was);
    job.first = job.was.next;
    job.writes = job.glanced && pull->account->fetch.mark_seen;
    if (!job.glanced && !recollect(&job, err)) {
        imap_box_close(&job);
        return false;
    }
    *job_r = job;
    return true;
}

void imap_box_close(struct imap_job *job)
{
    imap_sync_close(job);
    pull_folder_close(&job->f, job->result);
    uidset_free(&job->fresh);
    free(job->wanted);
    free(job->known);
    *job = (struct imap_job){0};
}
