/* imap_sync - see imap_sync.h: which engine, and hearing what it tells. */
#include "fetch/imap_sync.h"

#include <stdlib.h>

#include "fetch/batch.h"

static const struct fetch_conf *conf_of(const struct imap_job *job)
{
    return &job->pull->account->fetch;
}

/* -- beginning -- */

/* is_changed - has the person given it other flags than it had there? */
static bool is_changed(const struct imap_sync *sync, const struct seen_entry *e)
{
    const struct local_mark *mark = &sync->local.marks[seen_number(sync->local.seen, e)];
    return mark->here && ((mark->flags ^ e->flags) & SYNC_FLAGS) != 0;
}

static bool look(struct imap_job *job, struct err *err)
{
    struct imap_sync *sync = job->sync;
    if (!local_open(&job->f, &sync->local, err))
        return false;
    sync->heard = calloc(sync->local.count + 1, sizeof *sync->heard);
    if (!sync->heard)
        return err_nomem(err);
    sync->last = 0;
    sync->pushes = false;
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); e; e = seen_each(job->f.seen, e)) {
        uint32_t uid = seen_uid(&e->key);
        if (!seen_is_here(e))
            continue;
        sync->last = uid > sync->last ? uid : sync->last;
        sync->pushes = sync->pushes || (conf_of(job)->flags == SYNC_BOTH && is_changed(sync, e));
    }
    return true;
}

static bool wants_sync(const struct imap_job *job)
{
    const struct fetch_conf *conf = conf_of(job);
    return conf->flags != SYNC_OFF || conf->deletions != SYNC_OFF ||
           seen_counts(job->f.seen) != SEEN_COUNTS_NOTHING;
}

bool imap_sync_open(struct imap_job *job, struct err *err)
{
    if (job->pull->dry_run || !wants_sync(job))
        return true;
    job->sync = calloc(1, sizeof *job->sync);
    if (!job->sync)
        return err_nomem(err);
    unsigned counts = seen_counts(job->f.seen);
    job->sync->starts = conf_of(job)->deletions != SYNC_OFF && counts == SEEN_COUNTS_NOTHING;
    job->sync->since = job->sync->starts ? 0 : seen_modseq(job->f.seen);
    return look(job, err) && imap_sync_find_dismissed(job, err);
}

static void forget(struct imap_sync *sync)
{
    local_close(&sync->local);
    free(sync->heard);
    sync->heard = NULL;
    uidset_free(&sync->vanished);
    uidset_free(&sync->there);
    uidset_free(&sync->dismissed);
}

void imap_sync_close(struct imap_job *job)
{
    if (job->sync)
        forget(job->sync);
    free(job->sync);
    job->sync = NULL;
}

bool imap_sync_again(struct imap_job *job, struct err *err)
{
    if (!job->sync)
        return true;
    forget(job->sync);
    job->sync->since = 0;
    return look(job, err);
}

bool imap_sync_is_settled(const struct imap_job *job, const struct folder *folder)
{
    const struct imap_sync *sync = job->sync;
    return !sync || (!sync->starts && !sync->pushes && sync->dismissed.count == 0 && folder->modseq != 0 &&
                     folder->modseq == seen_modseq(job->f.seen));
}

/* -- opening -- */

bool imap_sync_how(struct imap_job *job, struct imap *imap, struct str *how, struct err *err)
{
    struct imap_sync *sync = job->sync;
    if (!sync)
        return true;
    bool qresync = imap_can(imap, "QRESYNC") && imap_can(imap, "ENABLE");
    if (qresync && sync->since != 0 && imap_enable(imap, "QRESYNC", err)) {
        sync->engine = ENGINE_QRESYNC;
        return str_addf(how, err, " (QRESYNC (%u %llu))", seen_validity(job->f.seen),
                        (unsigned long long)sync->since);
    }
    sync->engine = qresync || imap_can(imap, "CONDSTORE") ? ENGINE_CONDSTORE : ENGINE_PLAIN;
    return sync->engine == ENGINE_PLAIN || str_addz(how, " (CONDSTORE)", err);
}

void imap_sync_fall_back(struct imap_job *job)
{
    if (job->sync)
        job->sync->engine = ENGINE_PLAIN;
}

bool imap_sync_ask(struct imap_job *job, struct err *err)
{
    struct imap_sync *sync = job->sync;
    if (!sync || sync->engine == ENGINE_QRESYNC || sync->last == 0 || conf_of(job)->flags == SYNC_OFF)
        return true;
    if (sync->engine == ENGINE_PLAIN || sync->since == 0)
        return imap_send(job->imap, &sync->asked, err, "UID FETCH 1:%u (UID FLAGS)", sync->last);
    return imap_send(job->imap, &sync->asked, err, "UID FETCH 1:%u (UID FLAGS) (CHANGEDSINCE %llu)",
                     sync->last, (unsigned long long)sync->since);
}

/* -- hearing -- */

void imap_sync_hear(struct imap_job *job, const struct imap_fetch *fetch)
{
    struct seen_key key = seen_key_uid(fetch->uid);
    const struct seen_entry *e =
        job->sync && fetch->has_flags && fetch->uid ? seen_message(job->f.seen, &key) : NULL;
    size_t at = e ? seen_number(job->f.seen, e) : 0;
    if (e && at < job->sync->local.count)
        job->sync->heard[at] = (struct imap_heard){true, fetch->flags & SYNC_FLAGS};
}

static bool heard(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    (void)taken;
    (void)err;
    imap_sync_hear(arg, fetch);
    return true;
}

struct imap_events imap_sync_events(struct imap_job *job)
{
    if (!job->sync)
        return (struct imap_events){0};
    return (struct imap_events){.arg = job, .fetched = heard, .vanished = &job->sync->vanished};
}

/* check_engine - what the server has said by opening the folder */
static void check_engine(struct imap_job *job)
{
    struct imap_sync *sync = job->sync;
    if (imap_box(job->imap)->modseq == 0)
        sync->engine = ENGINE_PLAIN; /* it keeps none for this folder */
    if (sync->engine == ENGINE_PLAIN || imap_box(job->imap)->modseq < sync->since)
        sync->since = 0;
}

static bool hear_flags(struct imap_job *job, struct err *err)
{
    struct imap_sync *sync = job->sync;
    struct imap_events events = imap_sync_events(job);
    struct imap_answer answer = {.status = IMAP_NO};
    unsigned tag = sync->asked;
    uint64_t since = sync->since;
    bool told = sync->engine == ENGINE_QRESYNC;
    sync->asked = 0;
    check_engine(job);
    if (tag != 0 && !imap_await(job->imap, tag, &events, &answer, err))
        return false;
    if ((tag != 0 && answer.status == IMAP_OK && since == sync->since) || (told && since == sync->since))
        return true;
    sync->engine = sync->engine == ENGINE_QRESYNC ? ENGINE_CONDSTORE : sync->engine;
    if (!imap_sync_ask(job, err))
        return false;
    tag = sync->asked;
    sync->asked = 0;
    return tag == 0 || imap_finish(job->imap, tag, &events, "tell the flags of messages", err);
}

bool imap_sync_work(struct imap_job *job, struct err *err)
{
    struct imap_sync *sync = job->sync;
    struct uidset gone = UIDSET_INIT;
    if (!sync)
        return true;
    bool ok = hear_flags(job, err) && imap_sync_find_gone(job, &gone, err) &&
              imap_sync_apply(job, &gone, err) && imap_sync_push(job, err) &&
              imap_sync_start_counting(job, err);
    uint64_t modseq = sync->engine == ENGINE_PLAIN ? 0 : imap_box(job->imap)->modseq;
    if (ok && !sync->missed)
        ok = seen_set_modseq(job->f.seen, modseq, err);
    uidset_free(&gone);
    return ok && seen_sync(job->f.seen, err);
}
