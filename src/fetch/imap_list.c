/* imap_list - what is new in the folder: what the server lists from the first UID that is not settled, less
 * what we have. A UID that one answer leaves out may stand in the other: both are asked. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "fetch/batch.h"
#include "fetch/imap_sync.h"
#include "fetch/quarantine.h"
#include "wire/imap_search.h"

#define DAY 86400

bool imap_box_add_wanted(struct imap_job *job, uint32_t uid, uint64_t size, struct err *err)
{
    uint64_t most = job->pull->account->fetch.max_size;
    struct seen_key key = seen_key_uid(uid);
    bool alone = quarantine_find(job->f.seen, &key) != NULL;
    if (job->count == IMAP_BOX_WANTED_MAX)
        return err_set(err, ERR_PROTOCOL, "The server %s lists more than %d messages in %s.",
                       imap_peer(job->imap), IMAP_BOX_WANTED_MAX, job->f.name);
    struct wanted *wanted = array_room(job->wanted, &job->cap, job->count + 1, sizeof *wanted, err);
    if (!wanted)
        return false;
    job->wanted = wanted;
    job->wanted[job->count++] =
        (struct wanted){.uid = uid, .size = size, .alone = alone, .stub = most > 0 && size > most};
    return true;
}

static bool listed(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct imap_job *job = arg;
    (void)taken;
    imap_sync_hear(job, fetch);
    /* "n:*" gives the last message even where its UID is below n. What is not ours to fetch passes by. */
    if (fetch->uid < job->first || (job->only && !uidset_has(job->only, fetch->uid)))
        return true;
    struct seen_key key = seen_key_uid(fetch->uid);
    const struct seen_entry *e = seen_find(job->f.seen, &key);
    return (e && e->state == SEEN_PLACED) || quarantine_holds(job->f.seen, &key) ||
           (imap_box_add_wanted(job, fetch->uid, fetch->has_size ? fetch->size : 0, err) &&
            imap_box_note_known(job, fetch, err));
}

struct wanted *imap_box_want(struct imap_job *job, uint32_t uid, struct err *err)
{
    struct seen_key key = seen_key_uid(uid);
    const struct seen_entry *e = seen_find(job->f.seen, &key);
    for (size_t i = 0; i < job->count; i++)
        if (job->wanted[i].uid == uid)
            return job->wanted[i].got ? NULL : &job->wanted[i];
    if ((e && e->state == SEEN_PLACED) || quarantine_holds(job->f.seen, &key) ||
        !imap_box_add_wanted(job, uid, 0, err))
        return NULL;
    return &job->wanted[job->count - 1];
}

/* heard - while the list is read: a line of it, or a message that was asked for ahead */
static bool heard(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    return taken || fetch->body == IMAP_BODY_TEXT ? imap_box_fetched(arg, fetch, taken, err)
                                                  : listed(arg, fetch, taken, err);
}

static int by_uid(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    if (x->uid != y->uid)
        return x->uid < y->uid ? -1 : 1;
    if (x->got != y->got)
        return x->got ? -1 : 1;                        /* came ahead of its line in the list */
    return x->size > y->size ? -1 : x->size < y->size; /* the one whose size is known first */
}

static void sort_wanted(struct imap_job *job)
{
    size_t kept = 0;
    if (job->count > 0)
        qsort(job->wanted, job->count, sizeof *job->wanted, by_uid);
    for (size_t i = 0; i < job->count; i++)
        if (kept == 0 || job->wanted[kept - 1].uid != job->wanted[i].uid)
            job->wanted[kept++] = job->wanted[i];
    job->count = kept;
}

/* add_found - UIDs that SEARCH names and FETCH left out */
static bool add_found(struct imap_job *job, const struct uidset *found, struct err *err)
{
    for (uint32_t uid = uidset_next(found, job->first - 1); uid; uid = uidset_next(found, uid)) {
        struct imap_fetch f = {.uid = uid};
        if (!listed(job, &f, false, err))
            return false;
    }
    return true;
}

/* list_due - out of quarantine, for another try: those that are settled otherwise, so that no list names them */
static bool list_due(struct imap_job *job, struct err *err)
{
    const struct seen *seen = job->f.seen;
    struct uidset due = UIDSET_INIT;
    struct imap_events events = {.arg = job, .fetched = listed};
    char items[IMAP_BOX_ITEMS_SIZE];
    uint32_t first = job->first;
    unsigned tag;
    bool ok = true;
    imap_box_list_items(job, items);
    for (const struct quarantined *q = quarantine_each(seen, NULL); ok && q; q = quarantine_each(seen, q))
        if (!quarantine_holds(seen, &q->key) && seen_uid(&q->key) < first &&
            uidset_count(&due) < IMAP_BOX_SET_MESSAGES)
            ok = uidset_add(&due, seen_uid(&q->key), seen_uid(&q->key), err);
    job->only = &due;
    job->first = 1;
    if (ok && due.count > 0)
        ok = imap_send_fetch(job->imap, &due, items, &tag, err) &&
             imap_finish(job->imap, tag, &events, "list the messages", err) && add_found(job, &due, err);
    job->only = NULL;
    job->first = first;
    uidset_free(&due);
    return ok;
}

/* send_search - all UIDs from job->first to `last`; 0: to the end, unless the answer might not fit into a line */
static bool send_search(struct imap_job *job, uint32_t last, struct err *err)
{
    bool extended = imap_can(job->imap, "ESEARCH");
    uint32_t next = imap_box(job->imap)->next;
    char end[16] = "*";
    if (last != 0)
        snprintf(end, sizeof end, "%u", last);
    else if (!extended && (next < job->first || next - job->first > IMAP_BOX_SEARCH_MAX))
        return true;
    return imap_send(job->imap, &job->lead.search, err, "UID SEARCH %sUID %u:%s",
                     extended ? "RETURN (ALL) " : "", job->first, end);
}

bool imap_box_send_list(struct imap_job *job, uint32_t last, struct err *err)
{
    char items[IMAP_BOX_ITEMS_SIZE];
    imap_box_list_items(job, items);
    return imap_send(job->imap, &job->lead.list, err, "UID FETCH %u:* (%s)", job->first, items) &&
           send_search(job, last, err);
}

/* finish_list - the second answer is waited for even where the first is a refusal: no command may be forgotten
 */
static bool finish_list(struct imap_job *job, const struct imap_events *events, struct err *err)
{
    struct err second;
    struct imap_lead *lead = &job->lead;
    unsigned search = lead->search;
    bool ok = imap_finish(job->imap, lead->list, events, "list the messages", err);
    lead->list = lead->search = 0;
    if (search == 0 || !imap_usable(job->imap))
        return ok;
    return imap_finish(job->imap, search, events, "search for messages", ok ? err : &second) && ok;
}

/* -- where only some messages are wanted -- */

bool imap_box_is_filtered(const struct fetch_conf *conf)
{
    return conf->unseen || conf->search || conf->max_age > 0;
}

/* add_since - a day more than asked for: the server's clock is in a zone of its own */
static bool add_since(uint32_t max_age, struct str *out, struct err *err)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t since = clock_now() - max_age - DAY;
    struct tm day;
    return !gmtime_r(&since, &day) ||
           str_addf(out, err, " SINCE %d-%s-%04d", day.tm_mday, months[day.tm_mon], day.tm_year + 1900);
}

static bool add_search(const struct imap *imap, const char *program, struct str *out, struct err *err)
{
    bool literals = imap_can(imap, "LITERAL+") || imap_can(imap, "LITERAL-");
    return str_addz(out, " (", err) && imap_search_add(out, program, literals, err) &&
           str_addc(out, ')', err);
}

static bool add_filter(const struct imap *imap, const struct fetch_conf *conf, struct str *out,
                       struct err *err)
{
    return (!conf->unseen || str_addz(out, " UNSEEN", err)) &&
           (conf->max_age == 0 || add_since(conf->max_age, out, err)) &&
           (!conf->search || add_search(imap, conf->search, out, err));
}

/* search_range - up to `last`; 0: to the end */
static bool search_range(struct imap_job *job, uint32_t first, uint32_t last, const char *filter,
                         struct err *err)
{
    struct imap_events events = {.found = job->only};
    struct str command = STR_INIT(CHAT_LINE_MAX);
    char end[16] = "*";
    unsigned tag;
    if (last != 0)
        snprintf(end, sizeof end, "%u", last);
    bool ok = str_addf(&command, err, "UID SEARCH %s%sUID %u:%s%s",
                       imap_can(job->imap, "ESEARCH") ? "RETURN (ALL) " : "",
                       imap_search_is_wide(filter) && !imap_speaks_utf8(job->imap) ? "CHARSET UTF-8 " : "",
                       first, end, filter) &&
              imap_send_lines(job->imap, &command, &tag, err) &&
              imap_finish(job->imap, tag, &events, "search for messages", err);
    str_free(&command);
    if (ok)
        return true;
    if (job->pull->account->fetch.search && imap_usable(job->imap))
        err_hint(err, "Look at the option `search` in %s.", job->pull->account->file);
    return false;
}

/* search_all - in one go, or in as many as keep an answer of one line within bounds */
static bool search_all(struct imap_job *job, struct err *err)
{
    struct str filter = STR_INIT(CHAT_LINE_MAX);
    uint32_t first = job->first, next = imap_box(job->imap)->next;
    if (next == 0 && job->count > 0)
        next = job->wanted[job->count - 1].uid; /* at least */
    bool ok = add_filter(job->imap, &job->pull->account->fetch, &filter, err);
    if (!imap_can(job->imap, "ESEARCH"))
        for (; ok && next > first && next - first > IMAP_BOX_SEARCH_MAX; first += IMAP_BOX_SEARCH_MAX)
            ok = search_range(job, first, first + IMAP_BOX_SEARCH_MAX - 1, filter.buf, err);
    ok = ok && search_range(job, first, 0, filter.buf, err);
    str_free(&filter);
    return ok;
}

/* drop_placed - from job->only: what is here already */
static bool drop_placed(struct imap_job *job, struct err *err)
{
    for (uint32_t uid = uidset_next(job->only, 0); uid; uid = uidset_next(job->only, uid)) {
        struct seen_key key = seen_key_uid(uid);
        const struct seen_entry *e = seen_find(job->f.seen, &key);
        if (((e && e->state == SEEN_PLACED) || uid < job->first) && !uidset_remove(job->only, uid, uid, err))
            return false;
    }
    return true;
}

/* list_filtered - what the server finds, and the sizes of those that are new */
static bool list_filtered(struct imap_job *job, struct err *err)
{
    struct uidset only = UIDSET_INIT;
    struct imap_events events = {.arg = job, .fetched = listed};
    char items[IMAP_BOX_ITEMS_SIZE];
    unsigned tag;
    imap_box_list_items(job, items);
    job->only = &only;
    bool ok = search_all(job, err) && drop_placed(job, err);
    if (ok && only.count > 0)
        ok = imap_send(job->imap, &tag, err, "UID FETCH %u:%u (%s)", uidset_next(&only, 0), uidset_max(&only),
                       items) &&
             imap_finish(job->imap, tag, &events, "list the messages", err) && add_found(job, &only, err);
    job->only = NULL;
    uidset_free(&only);
    return ok;
}

/* search_gaps - a list that came alone may lack lines, with some servers; unless it is as long as it can be, what it
 * should have named is searched for */
static bool search_gaps(struct imap_job *job, struct uidset *found, struct err *err)
{
    sort_wanted(job);
    if (job->count >= imap_box(job->imap)->exists)
        return true;
    job->only = found;
    bool ok = search_all(job, err);
    job->only = NULL;
    return ok;
}

/* list_new - all from the first UID that is not settled */
static bool list_new(struct imap_job *job, struct err *err)
{
    struct uidset found = UIDSET_INIT;
    struct imap_events events = {.arg = job, .found = &found, .fetched = listed};
    struct imap_events leading = {
        .arg = job, .found = &found, .begin = imap_box_begin, .data = imap_box_data, .fetched = heard};
    const struct imap_box *box = imap_box(job->imap);
    job->first = seen_next(job->f.seen);
    if (box->exists == 0 || (box->next != 0 && box->next <= job->first))
        return imap_box_drop_lead(job, err);
    if (imap_box_is_filtered(&job->pull->account->fetch))
        return list_filtered(job, err);
    job->leading = job->lead.bodies != 0;
    bool ok = job->lead.list || imap_box_send_list(job, 0, err), searched = job->lead.search != 0;
    ok = ok && finish_list(job, job->leading ? &leading : &events, err) &&
         (searched || search_gaps(job, &found, err)) && add_found(job, &found, err);
    if (!ok && job->leading) {
        sort_wanted(job);
        imap_box_rescue(job, err);
    }
    job->leading = false;
    uidset_free(&found);
    return ok;
}

bool imap_box_list(struct imap_job *job, struct err *err)
{
    bool ok = list_new(job, err) && list_due(job, err);
    sort_wanted(job);
    return ok;
}

bool imap_box_search(struct imap_job *job, const struct uidset *set, struct uidset *found, struct err *err)
{
    struct imap_events events = {.found = found};
    struct str text = STR_INIT(CHAT_LINE_MAX);
    unsigned tag;
    bool ok = uidset_write(set, &text, err) &&
              imap_send(job->imap, &tag, err, "UID SEARCH %sUID %s",
                        imap_can(job->imap, "ESEARCH") ? "RETURN (ALL) " : "", text.buf) &&
              imap_finish(job->imap, tag, &events, "search for messages", err);
    str_free(&text);
    return ok;
}
