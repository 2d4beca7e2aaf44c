/* imap_fetch - the messages themselves: sets of bounded size, the next one under way while this one arrives,
 * made durable by batches; the newest first, for that is what a person waits for. What an OK answer left
 * out is asked for again, one by one. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fetch/batch.h"
#include "fetch/imap_box.h"

static int uid_order(const void *key, const void *item)
{
    uint32_t uid = *(const uint32_t *)key;
    const struct wanted *w = item;
    return uid < w->uid ? -1 : uid > w->uid;
}

static struct wanted *find_wanted(const struct imap_job *job, uint32_t uid)
{
    struct wanted *w =
        job->count ? bsearch(&uid, job->wanted, job->count, sizeof *job->wanted, uid_order) : NULL;
    return w && !w->got ? w : NULL;
}

/* find_due - a message that is to be taken. Those that were asked for ahead may come before their line in the list,
 * whatever the order of the commands: Dovecot runs them together. */
static struct wanted *find_due(struct imap_job *job, uint32_t uid, struct err *err)
{
    if (!job->leading)
        return find_wanted(job, uid);
    return imap_box_is_lead(job, uid) ? imap_box_want(job, uid, err) : NULL;
}

/* -- one message -- */

bool imap_box_begin(void *arg, const struct imap_fetch *so_far, uint64_t size, bool *take_r, struct err *err)
{
    struct imap_job *job = arg;
    struct seen_key key = seen_key_uid(so_far->uid);
    /* Empty is what some servers give for a message that they cannot read: it must not count as fetched. */
    *take_r = size > 0 && (so_far->uid == 0 || find_due(job, so_far->uid, err));
    job->reading = *take_r;
    return !*take_r || batch_begin(job->f.batch, so_far->uid ? &key : NULL, so_far->date, err);
}

static void show_progress(const struct imap_job *job)
{
    const struct pull *pull = job->pull;
    const struct batch *b = job->f.batch;
    pull->watch.progress(pull->watch.arg, job->f.name, job->done, job->count,
                         job->result->octets + b->placed_octets + b->octets + b->open_octets);
}

bool imap_box_data(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct imap_job *job = arg;
    show_progress(job);
    return batch_write(job->f.batch, bytes, n, err);
}

/* take_text - a message that came as a quoted string */
static bool take_text(struct imap_job *job, const struct imap_fetch *fetch, bool *taken, struct err *err)
{
    struct str text = STR_INIT(fetch->body_text.n + 1);
    bool ok = imap_token_text(&fetch->body_text, &text, err) &&
              imap_box_begin(job, fetch, text.len, taken, err) &&
              (!*taken || batch_write(job->f.batch, text.buf, text.len, err));
    str_free(&text);
    return ok;
}

bool imap_box_fetched(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct imap_job *job = arg;
    struct seen_entry about = {
        .key = seen_key_uid(fetch->uid), .wire = fetch->has_size ? fetch->size : 0, .date = fetch->date};
    bool same = false;
    if (!taken && fetch->body == IMAP_BODY_TEXT && !take_text(job, fetch, &taken, err))
        return false;
    job->reading = false;
    if (!taken)
        return true;
    struct wanted *w = fetch->uid ? find_due(job, fetch->uid, err) : NULL;
    if (!w && ++job->strays > IMAP_BOX_STRAYS_MAX)
        return err_set(err, ERR_PROTOCOL, "The server %s sends message after message that nobody asked for.",
                       imap_peer(job->imap));
    if (!w)
        return batch_drop(job->f.batch, err); /* nobody asked for it, or it never said who it is */
    if (!batch_end(job->f.batch, &about, &same, err) || !uidset_add(&job->fresh, w->uid, w->uid, err))
        return false;
    w->got = true;
    job->done++;
    show_progress(job);
    return !batch_is_full(job->f.batch) || batch_commit(job->f.batch, err);
}

/* -- sets -- */

/* next_set - *at are done, the newest first: many more, or one alone; empty at the end */
static bool next_set(const struct imap_job *job, size_t *at, bool alone, struct uidset *set, struct err *err)
{
    uint64_t octets = 0;
    size_t messages = 0, most = alone ? 1 : IMAP_BOX_SET_MESSAGES;
    while (*at < job->count && messages < most && (messages == 0 || octets < IMAP_BOX_SET_OCTETS)) {
        const struct wanted *w = &job->wanted[job->count - 1 - (*at)++];
        if (w->got)
            continue;
        if (!uidset_add(set, w->uid, w->uid, err))
            return false;
        octets += w->size;
        messages++;
    }
    return true;
}

/* Sets that are under way, oldest first. */
struct flights {
    unsigned tags[IMAP_BOX_WINDOW];
    size_t count;
};

static bool launch(struct imap_job *job, struct flights *flights, size_t *at, bool alone, struct err *err)
{
    while (flights->count < IMAP_BOX_WINDOW && *at < job->count) {
        struct uidset set = UIDSET_INIT;
        bool ok = next_set(job, at, alone, &set, err) &&
                  (set.count == 0 ||
                   imap_send_fetch(job->imap, &set, IMAP_BOX_ITEMS, &flights->tags[flights->count], err));
        flights->count += ok && set.count > 0;
        uidset_free(&set);
        if (!ok)
            return false;
    }
    return true;
}

/* land - waits for the oldest set; the last one's end makes durable what came, if it was not by then */
static bool land(struct imap_job *job, struct flights *flights, struct err *err)
{
    struct imap_events events = {
        .arg = job, .begin = imap_box_begin, .data = imap_box_data, .fetched = imap_box_fetched};
    struct imap_answer answer;
    if (!imap_await(job->imap, flights->tags[0], &events, &answer, err))
        return false;
    memmove(flights->tags, flights->tags + 1, --flights->count * sizeof flights->tags[0]);
    if (answer.status != IMAP_OK)
        text_clean(job->refusal, sizeof job->refusal, answer.text, strlen(answer.text));
    if (answer.status != IMAP_OK && answer.temporary)
        return imap_refused(job->imap, &answer, "hand out messages", err);
    return flights->count > 0 || batch_commit(job->f.batch, err);
}

/* rescue - the session ended in the middle of something: whole messages are kept all the same */
static void rescue(struct imap_job *job, const struct err *why)
{
    struct err ignored;
    job->lost = true;
    if (why->kind == ERR_LOCAL || why->kind == ERR_INTERNAL)
        return;
    if (job->reading && !batch_drop(job->f.batch, &ignored))
        return;
    job->reading = false;
    if (batch_commit(job->f.batch, &ignored) && seen_sync(job->f.seen, &ignored))
        return;
    batch_abort(job->f.batch);
}

static bool fetch_round(struct imap_job *job, bool alone, struct err *err)
{
    struct flights flights = {.count = 0};
    for (size_t at = 0;;) {
        if (!launch(job, &flights, &at, alone, err))
            break;
        if (flights.count == 0)
            return true;
        if (!land(job, &flights, err))
            break;
    }
    rescue(job, err);
    return false;
}

/* ask_missing - are they still there? Those that are not have been deleted by somebody in the meantime. */
static bool ask_missing(struct imap_job *job, struct uidset *there, struct err *err)
{
    for (size_t at = 0; at < job->count;) {
        struct uidset set = UIDSET_INIT;
        bool ok = next_set(job, &at, false, &set, err) &&
                  (set.count == 0 || imap_box_search(job, &set, there, err));
        uidset_free(&set);
        if (!ok)
            return false;
    }
    return true;
}

static bool report_missing(struct imap_job *job, uint32_t *missing_r, struct err *err)
{
    struct uidset there = UIDSET_INIT, missing = UIDSET_INIT;
    struct str text = STR_INIT(CHAT_LINE_MAX);
    bool ok = ask_missing(job, &there, err);
    for (size_t i = 0; ok && i < job->count; i++)
        if (!job->wanted[i].got && uidset_has(&there, job->wanted[i].uid))
            ok = uidset_add(&missing, job->wanted[i].uid, job->wanted[i].uid, err);
    ok = ok && uidset_write(&missing, &text, err);
    *missing_r = uidset_next(&missing, 0);
    if (ok && missing.count > 0) {
        struct err why = {0};
        err_set(&why, ERR_PROTOCOL,
                "The server %s did not hand out %llu of the messages in %s (UID %.200s)%s%s",
                imap_peer(job->imap), (unsigned long long)uidset_count(&missing), job->f.name, text.buf,
                job->refusal[0] ? ": " : ".", job->refusal);
        err_hint(
            &why,
            "They stay on the server and are asked for again at each run. Webmail may show what is wrong "
            "with them.");
        pull_trouble(job->pull, job->result, &why);
    }
    uidset_free(&there);
    uidset_free(&missing);
    str_free(&text);
    return ok;
}

/* land_lead - what was asked for before the list was there */
static bool land_lead(struct imap_job *job, struct err *err)
{
    struct flights flights = {.tags = {job->lead.bodies}, .count = 1};
    job->lead.bodies = 0;
    if (land(job, &flights, err))
        return true;
    rescue(job, err);
    return false;
}

bool imap_box_fetch(struct imap_job *job, uint32_t *missing_r, struct err *err)
{
    *missing_r = 0;
    if (job->count == 0)
        return imap_box_drop_lead(job, err);
    show_progress(job);
    if (job->lead.bodies && !land_lead(job, err))
        return false;
    if (!fetch_round(job, false, err))
        return false;
    if (job->done == job->count)
        return true;
    return fetch_round(job, true, err) && (job->done == job->count || report_missing(job, missing_r, err));
}
