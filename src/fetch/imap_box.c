/* imap_box - see imap_box.h. */
#include "fetch/imap_box.h"

#include <stdlib.h>

#include "fetch/batch.h"

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
static bool advance(struct imap_job *job, uint32_t missing, struct err *err)
{
    if (imap_box_is_filtered(&job->pull->account->fetch))
        return seen_sync(job->f.seen, err);
    uint32_t next = imap_box(job->imap)->next;
    uint32_t last = job->count ? job->wanted[job->count - 1].uid : 0;
    if (last >= next && last < UINT32_MAX)
        next = last + 1;
    if (missing != 0 && missing < next)
        next = missing;
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
           folder->next != 0 && folder->next == seen_next(seen);
}

static bool work(struct imap_job *job, const struct folder *folder, struct err *err)
{
    const struct fetch_conf *conf = &job->pull->account->fetch;
    uint32_t missing;
    bool stuck = conf->move_to && !job->target, due = !stuck && imap_box_has_due(job);
    if (!due && is_settled(job, folder))
        return !job->pull->dry_run || report_dry(job);
    bool deletes = !job->pull->dry_run && (conf->keep == KEEP_NO || job->target || due);
    bool writes = deletes || (!job->pull->dry_run && conf->mark_seen);
    if (!imap_select(job->imap, folder->wire, !writes, err))
        return err_prefix(err, "%s: ", folder->name);
    if (!check_numbers(job, err) || !imap_box_list(job, err))
        return false;
    if (job->pull->dry_run)
        return report_dry(job);
    return imap_box_fetch(job, &missing, err) && advance(job, missing, err) &&
           (!conf->mark_seen || imap_box_mark_seen(job, err)) && (!deletes || imap_box_delete(job, err));
}

bool imap_box_pull(const struct pull *pull, struct pull_result *result, struct imap *imap,
                   const struct folder *folder, const char *target, bool *lost_r, struct err *err)
{
    struct imap_job job = {.pull = pull, .result = result, .imap = imap, .target = target};
    bool ok = pull_folder_open(pull, folder->wire, folder->name, folder->path, &job.f, err) &&
              work(&job, folder, err);
    pull_folder_close(&job.f, result);
    *lost_r = job.lost;
    uidset_free(&job.fresh);
    free(job.wanted);
    return ok;
}
