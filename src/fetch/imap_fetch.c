/* imap_fetch - the messages themselves: sets of bounded size, the next one under way while this one arrives,
 * made durable by batches; the newest first, for that is what a person waits for. What an OK answer left
 * out is asked for again, one by one, as is what was trouble before; what then does not come goes into
 * quarantine, and so does, the third time, a message over which the session ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "fetch/batch.h"
#include "fetch/imap_sync.h"
#include "fetch/imap_team.h"
#include "fetch/quarantine.h"
#include "fetch/throttle.h"

static int uid_order(const void *key, const void *item)
{
    uint32_t uid = *(const uint32_t *)key;
    const struct wanted *w = item;
    return uid < w->uid ? -1 : uid > w->uid;
}

struct wanted *imap_box_wanted(const struct imap_job *job, uint32_t uid)
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
        return imap_box_wanted(job, uid);
    return imap_box_is_lead(job, uid) ? imap_box_want(job, uid, err) : NULL;
}

/* -- what is asked for -- */

const char *imap_box_mark_item(const struct imap *imap)
{
    return imap_can(imap, "OBJECTID") ? " EMAILID" : imap_can(imap, "X-GM-EXT-1") ? " X-GM-MSGID" : "";
}

void imap_box_mark(const struct imap_fetch *fetch, unsigned char mark_r[SEEN_MARK_BYTES])
{
    if (fetch->email_id.n > 0)
        seen_mark_text("emailid", fetch->email_id.at, fetch->email_id.n, mark_r);
    else if (fetch->gm_msgid.n > 0)
        seen_mark_text("gm-msgid", fetch->gm_msgid.at, fetch->gm_msgid.n, mark_r);
}

bool imap_box_send_bodies(struct imap_job *job, const struct uidset *set, unsigned *tag_r, struct err *err)
{
    char items[80];
    snprintf(items, sizeof items, "UID%s RFC822.SIZE INTERNALDATE%s BODY.PEEK[]",
             job->pull->account->fetch.flags != SYNC_OFF ? " FLAGS" : "", imap_box_mark_item(job->imap));
    return imap_send_fetch(job->imap, set, items, tag_r, err);
}

/* -- one message -- */

/* commit - the time that our disk takes says nothing of the line */
static bool commit(struct imap_job *job, struct err *err)
{
    int64_t began = clock_mono_ms();
    bool ok = batch_commit(job->f.batch, err);
    job->pace.held += clock_mono_ms() - began;
    return ok;
}

bool imap_box_begin(void *arg, const struct imap_fetch *so_far, uint64_t size, bool *take_r, struct err *err)
{
    struct imap_job *job = arg;
    struct seen_key key = seen_key_uid(so_far->uid);
    /* Empty is what some servers give for a message that they cannot read: it must not count as fetched. */
    *take_r = size > 0 && (so_far->uid == 0 || find_due(job, so_far->uid, err));
    job->reading = *take_r;
    job->at = so_far->uid;
    return !*take_r || batch_begin(job->f.batch, so_far->uid ? &key : NULL, so_far->date, err);
}

void imap_box_show_progress(const struct imap_job *job)
{
    const struct pull *pull = job->pull;
    const struct batch *b = job->f.batch;
    uint64_t octets = job->result->octets + b->placed_octets + b->octets + b->open_octets;
    pull->watch.progress(pull->watch.arg, job->f.name, job->done, job->count,
                         pull->team ? imap_team_octets(pull->team, octets) : octets);
}

bool imap_box_data(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct imap_job *job = arg;
    job->pace.came += n;
    imap_box_show_progress(job);
    return pull_goes_on(job->pull, err) && batch_write(job->f.batch, bytes, n, err);
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

/* take_header - of a message that is too large */
static bool take_header(struct imap_job *job, const struct imap_fetch *fetch, struct err *err)
{
    struct wanted *w = imap_box_wanted(job, fetch->uid);
    return !w || !w->stub || fetch->header.n == 0 || imap_box_put_stub(job, fetch, w, err);
}

bool imap_box_fetched(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct imap_job *job = arg;
    struct seen_entry about = {.key = seen_key_uid(fetch->uid),
                               .wire = fetch->has_size ? fetch->size : 0,
                               .date = fetch->date,
                               .flags = job->sync ? fetch->flags & SYNC_FLAGS : 0};
    bool same = false;
    imap_box_mark(fetch, about.id);
    imap_sync_hear(job, fetch);
    if (!taken && fetch->body == IMAP_BODY_TEXT && !take_text(job, fetch, &taken, err))
        return false;
    job->reading = false;
    job->at = 0;
    if (!taken)
        return fetch->uid == 0 || !imap_token_is_string(&fetch->header) || take_header(job, fetch, err);
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
    imap_box_show_progress(job);
    return !batch_is_full(job->f.batch) || commit(job, err);
}

/* -- sets -- */

/* How many go into one command: ONE at a time, MANY but for those that need to be alone, as many HEADERS, or ALL. */
enum company { ONE, MANY, HEADERS, ALL };

static bool is_of(const struct wanted *w, enum company company)
{
    return !w->got && (company == ONE || company == ALL || (!w->alone && w->stub == (company == HEADERS)));
}

/* next_set - *at are done, the newest first; empty at the end */
static bool next_set(const struct imap_job *job, size_t *at, enum company company, struct uidset *set,
                     uint64_t *octets_r, struct err *err)
{
    uint64_t octets = 0;
    size_t messages = 0, most = company == ONE      ? 1
                                : job->result->calm ? IMAP_BOX_CALM_MESSAGES
                                                    : IMAP_BOX_SET_MESSAGES;
    while (*at < job->count && messages < most && (messages == 0 || octets < IMAP_BOX_SET_OCTETS)) {
        const struct wanted *w = &job->wanted[job->count - 1 - (*at)++];
        if (!is_of(w, company))
            continue;
        if (!uidset_add(set, w->uid, w->uid, err))
            return false;
        octets += w->stub ? 0 : w->size;
        messages++;
    }
    *octets_r = octets;
    return true;
}

/* Sets that are under way, oldest first. */
struct flights {
    struct flight {
        unsigned tag;
        struct uidset set;
        uint64_t octets; /* as listed */
    } each[IMAP_PACE_WINDOW_MAX];
    size_t count;
    uint64_t octets;
};

static void forget_oldest(struct flights *flights)
{
    uidset_free(&flights->each[0].set);
    flights->octets -= flights->each[0].octets;
    flights->count--;
    memmove(flights->each, flights->each + 1, flights->count * sizeof flights->each[0]);
}

/* send_set - a set holds large messages only, or none */
static bool send_set(struct imap_job *job, const struct uidset *set, unsigned *tag_r, struct err *err)
{
    const struct wanted *w = imap_box_wanted(job, uidset_next(set, 0));
    return w && w->stub ? imap_box_send_headers(job, set, tag_r, err)
                        : imap_box_send_bodies(job, set, tag_r, err);
}

/* has_room - what has been trouble is asked for in small steps */
static bool has_room(const struct imap_job *job, const struct flights *flights, enum company company)
{
    if (job->result->calm || imap_is_spared(job->imap))
        return flights->count == 0;
    return flights->count < (company == ONE ? 2 : IMAP_PACE_WINDOW_MAX) &&
           imap_pace_has_room(&job->pace, flights->count, flights->octets);
}

static bool launch(struct imap_job *job, struct flights *flights, size_t *at, enum company company,
                   struct err *err)
{
    while (has_room(job, flights, company) && *at < job->count) {
        struct flight f = {.set = UIDSET_INIT};
        bool ok = next_set(job, at, company, &f.set, &f.octets, err) &&
                  (f.set.count == 0 || send_set(job, &f.set, &f.tag, err));
        if (!ok || f.set.count == 0) {
            uidset_free(&f.set);
            return ok;
        }
        flights->each[flights->count++] = f;
        flights->octets += f.octets;
    }
    return true;
}

/* land - waits for the oldest set; the last one's end makes durable what came, if it was not by then */
static bool land(struct imap_job *job, struct flights *flights, struct err *err)
{
    struct imap_events events = {
        .arg = job, .begin = imap_box_begin, .data = imap_box_data, .fetched = imap_box_fetched};
    struct imap_answer answer;
    if (!imap_await(job->imap, flights->each[0].tag, &events, &answer, err))
        return false;
    forget_oldest(flights);
    if (answer.status != IMAP_OK)
        text_clean(job->refusal, sizeof job->refusal, answer.text, strlen(answer.text));
    if (answer.status != IMAP_OK && answer.temporary)
        return imap_refused(job->imap, &answer, "hand out messages", err);
    job->pace.landed++;
    return flights->count > 0 || commit(job, err);
}

/* suspect_set - the message that was being read; where nobody knows which, all that the set has not brought */
static bool suspect_set(struct imap_job *job, const struct uidset *set, const struct err *why,
                        struct err *err)
{
    bool ok = true;
    for (uint32_t uid = uidset_next(set, 0); ok && uid; uid = uidset_next(set, uid)) {
        struct seen_key key = seen_key_uid(uid);
        if (imap_box_wanted(job, uid) && (job->at == 0 || job->at == uid))
            ok = quarantine_suspect(job->f.seen, &key, why->what, err);
    }
    return ok;
}

/* keep_whole - of what was coming; what is not to be trusted is under suspicion from now on */
static void keep_whole(struct imap_job *job, const struct uidset *set, const struct err *why)
{
    struct err ignored;
    int64_t seconds;
    job->lost = true;
    if (why->kind == ERR_LOCAL || why->kind == ERR_INTERNAL)
        return;
    if (throttle_is(why, &seconds))
        set = NULL;
    if (job->reading && !batch_drop(job->f.batch, &ignored))
        return;
    job->reading = false;
    if (batch_commit(job->f.batch, &ignored) &&
        (imap_usable(job->imap) || !set || suspect_set(job, set, why, &ignored)) &&
        seen_sync(job->f.seen, &ignored))
        return;
    batch_abort(job->f.batch);
}

/* spare_server - where it ended the session by itself while it had more to do than one thing at a time (`ahead`), or
 * compressed. A line that broke is nobody's fault. */
static void spare_server(struct imap_job *job, bool ahead, const struct err *why)
{
    struct err ignored;
    int64_t seconds;
    bool ended = why->sys == 0 &&
                 (why->kind == ERR_NETWORK || why->kind == ERR_PROTOCOL || why->kind == ERR_REFUSED_TEMP);
    if (ended && (ahead || imap_is_compressed(job->imap)) && !imap_usable(job->imap) &&
        !throttle_is(why, &seconds) && pull_goes_on(job->pull, &ignored))
        imap_spare(job->imap);
}

void imap_box_rescue(struct imap_job *job, const struct err *why)
{
    struct uidset set = UIDSET_INIT;
    struct err ignored;
    struct seen_key first = seen_key_uid(job->first);
    bool ok = true;
    spare_server(job, true, why);
    for (size_t i = 0; ok && i < job->count; i++)
        if (imap_box_is_lead(job, job->wanted[i].uid))
            ok = uidset_add(&set, job->wanted[i].uid, job->wanted[i].uid, &ignored);
    /* Nobody knows yet what is there: next time nothing is asked for ahead. */
    if (ok && job->count == 0 && !imap_usable(job->imap))
        ok = quarantine_suspect(job->f.seen, &first, why->what, &ignored);
    keep_whole(job, ok ? &set : NULL, why);
    uidset_free(&set);
}

static bool wants_compression(const struct imap_job *job)
{
    return imap_may_compress(job->imap) && !job->result->calm &&
           imap_pace_is_slow(&job->pace, clock_mono_ms());
}

static bool fetch_round(struct imap_job *job, enum company company, struct err *err)
{
    struct flights flights = {.count = 0};
    for (size_t at = 0;;) {
        bool pause = at < job->count &&
                     wants_compression(job); /* no command may be behind that for compression, or before it */
        if (pause && flights.count == 0 && !imap_compress(job->imap, err))
            break;
        if ((!pause || flights.count == 0) && !launch(job, &flights, &at, company, err))
            break;
        if (flights.count == 0)
            return true;
        if (!land(job, &flights, err))
            break;
    }
    spare_server(job, flights.count > 1, err);
    keep_whole(job, flights.count ? &flights.each[0].set : NULL, err);
    while (flights.count > 0)
        forget_oldest(&flights);
    return false;
}

/* ask_missing - are they still there? Those that are not have been deleted by somebody in the meantime. */
static bool ask_missing(struct imap_job *job, struct uidset *there, struct err *err)
{
    for (size_t at = 0; at < job->count;) {
        struct uidset set = UIDSET_INIT;
        uint64_t octets;
        bool ok = next_set(job, &at, ALL, &set, &octets, err) &&
                  (set.count == 0 || imap_box_search(job, &set, there, err));
        uidset_free(&set);
        if (!ok)
            return false;
    }
    return true;
}

/* set_aside - what is there and did not come, into quarantine; what is not there needs none. *fresh_r: those that were
 * not in it before. */
static bool set_aside(struct imap_job *job, const struct uidset *there, struct uidset *fresh_r,
                      struct err *err)
{
    char why[QUARANTINE_WHY_MAX];
    snprintf(why, sizeof why, "The server did not hand it out%s%.300s", job->refusal[0] ? ": " : ".",
             job->refusal);
    for (size_t i = 0; i < job->count; i++) {
        uint32_t uid = job->wanted[i].uid;
        struct seen_key key = seen_key_uid(uid);
        if (job->wanted[i].got)
            continue;
        if (!uidset_has(there, uid)) {
            if (!quarantine_end(job->f.seen, &key, err))
                return false;
            continue;
        }
        const struct quarantined *old = quarantine_find(job->f.seen, &key);
        if (((!old || old->next == 0) && !uidset_add(fresh_r, uid, uid, err)) ||
            !quarantine_add(job->f.seen, &key, why, err))
            return false;
    }
    return true;
}

/* report_missing - those that a person has not been told of before */
static bool report_missing(struct imap_job *job, struct err *err)
{
    struct uidset there = UIDSET_INIT, fresh = UIDSET_INIT;
    struct str text = STR_INIT(CHAT_LINE_MAX);
    bool ok = ask_missing(job, &there, err) && set_aside(job, &there, &fresh, err) &&
              seen_sync(job->f.seen, err) && uidset_write(&fresh, &text, err);
    if (ok && fresh.count > 0) {
        struct err why = {0};
        err_set(&why, ERR_PROTOCOL,
                "The server %s did not hand out %llu of the messages in %s (UID %.200s)%s%s",
                imap_peer(job->imap), (unsigned long long)uidset_count(&fresh), job->f.name, text.buf,
                job->refusal[0] ? ": " : ".", job->refusal);
        err_hint(
            &why,
            "They stay on the server and are asked for again from time to time; tappal status lists them. "
            "Webmail may show what is wrong with them.");
        pull_trouble(job->pull, job->result, &why);
    }
    uidset_free(&there);
    uidset_free(&fresh);
    str_free(&text);
    return ok;
}

/* land_lead - what was asked for before the list was there */
static bool land_lead(struct imap_job *job, struct err *err)
{
    struct flights flights = {.each = {{.tag = job->lead.bodies}}, .count = 1};
    if (!land(job, &flights, err)) {
        imap_box_rescue(job, err);
        return false;
    }
    job->lead.bodies = 0;
    return true;
}

static uint64_t octets_due(const struct imap_job *job)
{
    uint64_t octets = 0;
    for (size_t i = 0; i < job->count; i++)
        octets += job->wanted[i].got || job->wanted[i].stub ? 0 : job->wanted[i].size;
    return octets;
}

bool imap_box_fetch(struct imap_job *job, struct err *err)
{
    if (job->count == 0)
        return imap_box_drop_lead(job, err);
    imap_box_show_progress(job);
    job->pace = imap_pace_begin(octets_due(job), clock_mono_ms());
    if (job->lead.bodies && !land_lead(job, err))
        return false;
    if (!imap_box_put_links(job, err) || !fetch_round(job, MANY, err) || !fetch_round(job, HEADERS, err))
        return false;
    if (job->done == job->count)
        return true;
    return fetch_round(job, ONE, err) && (job->done == job->count || report_missing(job, err));
}
