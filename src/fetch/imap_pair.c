/* imap_pair - a folder whose numbers mean other messages than before (RFC 9051 2.3.1.1: another UIDVALIDITY, or UIDNEXT
 * set back, or a server it was moved to): which message there is which message here? By its lasting name (EMAILID,
 * X-GM-MSGID), else by size, header and date. What has no counterpart here is new, and is fetched; what has none there
 * is forgotten. Where in doubt a message is fetched twice, and never lost. Nothing is deleted on the server.
 *
 * Only reading, until seen_renumber puts the new memory into the old one's place in one step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "fetch/imap_box.h"
#include "mail/headsum.h"

#define HEADERS_AT_ONCE 500
#define LETTER_ITEM "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]"

/* A message, as the memory or as the server has it. */
struct face {
    uint32_t uid;
    uint64_t size; /* as the server says it */
    int64_t date;
    unsigned char id[SEEN_MARK_BYTES], letter[SEEN_MARK_BYTES];
    bool paired;
};

struct faces {
    struct face *items;
    size_t count, cap;
};

struct pairing {
    struct imap_job *job;
    struct faces ours, theirs;
    struct seen_pair *pairs;
    size_t count;
};

static bool add_face(struct faces *faces, const struct face *face, struct err *err)
{
    if (faces->count == IMAP_BOX_WANTED_MAX)
        return err_set(err, ERR_PROTOCOL, "The folder has more than %d messages.", IMAP_BOX_WANTED_MAX);
    struct face *items = array_room(faces->items, &faces->cap, faces->count + 1, sizeof *items, err);
    if (!items)
        return false;
    faces->items = items;
    faces->items[faces->count++] = *face;
    return true;
}

/* -- what is here, what is there -- */

static bool list_ours(struct pairing *p, struct err *err)
{
    const struct seen *seen = p->job->f.seen;
    for (const struct seen_entry *e = seen_each(seen, NULL); e; e = seen_each(seen, e)) {
        struct face f = {.uid = seen_uid(&e->key), .size = e->wire, .date = e->date};
        memcpy(f.id, e->id, sizeof f.id);
        memcpy(f.letter, e->letter, sizeof f.letter);
        if (!add_face(&p->ours, &f, err))
            return false;
    }
    return true;
}

static bool described(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct pairing *p = arg;
    struct face f = {.uid = fetch->uid, .size = fetch->has_size ? fetch->size : 0, .date = fetch->date};
    (void)taken;
    imap_box_mark(fetch, f.id);
    return fetch->uid == 0 || add_face(&p->theirs, &f, err);
}

static int by_uid(const void *a, const void *b)
{
    const struct face *x = a, *y = b;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* sort_theirs - by UID; a message that was described twice counts once */
static void sort_theirs(struct faces *theirs)
{
    size_t kept = 0;
    if (theirs->count > 0)
        qsort(theirs->items, theirs->count, sizeof *theirs->items, by_uid);
    for (size_t i = 0; i < theirs->count; i++)
        if (kept == 0 || theirs->items[kept - 1].uid != theirs->items[i].uid)
            theirs->items[kept++] = theirs->items[i];
    theirs->count = kept;
}

static bool list_theirs(struct pairing *p, struct err *err)
{
    struct imap *imap = p->job->imap;
    struct imap_events events = {.arg = p, .fetched = described};
    unsigned tag;
    bool ok = imap_send(imap, &tag, err, "UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE%s)",
                        imap_box_mark_item(imap)) &&
              imap_finish(imap, tag, &events, "list the messages", err);
    sort_theirs(&p->theirs);
    return ok;
}

/* -- matching -- */

/* What two faces must have in common. */
enum likeness { SAME_ID, SAME_LETTER_AND_DATE, SAME_LETTER };

static bool can_match(const struct face *f, enum likeness by)
{
    return !f->paired && seen_mark_known(by == SAME_ID ? f->id : f->letter);
}

static int compare(const struct face *x, const struct face *y, enum likeness by)
{
    if (by == SAME_ID)
        return memcmp(x->id, y->id, sizeof x->id);
    int order = x->size < y->size ? -1 : x->size > y->size;
    order = order ? order : memcmp(x->letter, y->letter, sizeof x->letter);
    return order || by == SAME_LETTER ? order : x->date < y->date ? -1 : x->date > y->date;
}

/* Ties go by UID, which is by age. */
#define DEFINE_ORDER(name, by)                                                                               \
    static int name(const void *a, const void *b)                                                            \
    {                                                                                                        \
        const struct face *const *x = a, *const *y = b;                                                      \
        int order = compare(*x, *y, by);                                                                     \
        return order ? order : by_uid(*x, *y);                                                               \
    }
DEFINE_ORDER(order_by_id, SAME_ID)
DEFINE_ORDER(order_by_letter_and_date, SAME_LETTER_AND_DATE)
DEFINE_ORDER(order_by_letter, SAME_LETTER)

/* in_order - those that can match, sorted; NULL without memory */
static struct face **in_order(const struct faces *faces, enum likeness by, size_t *count_r)
{
    static int (*const orders[])(const void *,
                                 const void *) = {[SAME_ID] = order_by_id,
                                                  [SAME_LETTER_AND_DATE] = order_by_letter_and_date,
                                                  [SAME_LETTER] = order_by_letter};
    struct face **order = calloc(faces->count + 1, sizeof *order);
    *count_r = 0;
    for (size_t i = 0; order && i < faces->count; i++)
        if (can_match(&faces->items[i], by))
            order[(*count_r)++] = &faces->items[i];
    if (order)
        qsort(order, *count_r, sizeof *order, orders[by]);
    return order;
}

/* run - how many from here on are alike */
static size_t run(struct face *const *order, size_t count, enum likeness by)
{
    size_t n = 1;
    while (n < count && compare(order[0], order[n], by) == 0)
        n++;
    return n;
}

static void pair_up(struct pairing *p, struct face *ours, struct face *theirs)
{
    p->pairs[p->count++] = (struct seen_pair){.from = ours->uid, .to = theirs->uid, .date = theirs->date};
    ours->paired = theirs->paired = true;
}

/* match - by the letter alone only where one stands against one: of several with other dates nobody knows which */
static bool match(struct pairing *p, enum likeness by, struct err *err)
{
    size_t n, m;
    struct face **ours = in_order(&p->ours, by, &n), **theirs = in_order(&p->theirs, by, &m);
    bool ok = (ours && theirs) || err_nomem(err);
    for (size_t i = 0, k = 0; ok && i < n && k < m;) {
        int order = compare(ours[i], theirs[k], by);
        size_t a = order <= 0 ? run(ours + i, n - i, by) : 0, b = order >= 0 ? run(theirs + k, m - k, by) : 0;
        if (order == 0 && (by != SAME_LETTER || (a == 1 && b == 1)))
            for (size_t pairs = 0; pairs < a && pairs < b; pairs++)
                pair_up(p, ours[i + pairs], theirs[k + pairs]);
        i += a;
        k += b;
    }
    free(ours);
    free(theirs);
    return ok;
}

/* -- headers -- */

static bool header_came(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct faces *theirs = arg;
    struct face key = {.uid = fetch->uid};
    unsigned char sum[SUM_SHA256_BYTES];
    struct str text = STR_INIT(fetch->header.n + 1);
    (void)taken;
    struct face *f = theirs->count ? bsearch(&key, theirs->items, theirs->count, sizeof key, by_uid) : NULL;
    if (!f || !imap_token_is_string(&fetch->header))
        return true;
    bool ok = imap_token_text(&fetch->header, &text, err);
    if (ok && headsum_letter(text.buf, text.len, sum))
        memcpy(f->letter, sum, sizeof f->letter);
    str_free(&text);
    return ok;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* unpaired_sizes - of ours, sorted; NULL without memory */
static uint64_t *unpaired_sizes(const struct faces *ours, size_t *count_r)
{
    uint64_t *sizes = calloc(ours->count + 1, sizeof *sizes);
    *count_r = 0;
    for (size_t i = 0; sizes && i < ours->count; i++)
        if (!ours->items[i].paired)
            sizes[(*count_r)++] = ours->items[i].size;
    if (sizes)
        qsort(sizes, *count_r, sizeof *sizes, by_size);
    return sizes;
}

/* ask_headers - of those that may be one of ours, by their size */
static bool ask_headers(struct pairing *p, struct err *err)
{
    struct imap *imap = p->job->imap;
    struct imap_events events = {.arg = &p->theirs, .fetched = header_came};
    size_t count;
    uint64_t *sizes = unpaired_sizes(&p->ours, &count);
    bool ok = sizes || err_nomem(err);
    for (size_t i = 0; ok && i < p->theirs.count;) {
        struct uidset set = UIDSET_INIT;
        unsigned tag;
        for (size_t n = 0; ok && n < HEADERS_AT_ONCE && i < p->theirs.count; i++) {
            const struct face *f = &p->theirs.items[i];
            if (f->paired || count == 0 || !bsearch(&f->size, sizes, count, sizeof *sizes, by_size))
                continue;
            ok = uidset_add(&set, f->uid, f->uid, err);
            n++;
        }
        if (ok && set.count > 0)
            ok = imap_send_fetch(imap, &set, "UID " LETTER_ITEM, &tag, err) &&
                 imap_finish(imap, tag, &events, "show headers", err);
        uidset_free(&set);
    }
    free(sizes);
    return ok;
}

/* -- the whole -- */

static void report(const struct pairing *p, const char *how)
{
    const struct imap_job *job = p->job;
    char text[600];
    size_t fresh = p->theirs.count - p->count;
    if (p->ours.count == 0)
        return; /* what was fetched is long gone there: nobody misses it */
    snprintf(
        text, sizeof text,
        "%.200s: the server %s. Of %zu message%s fetched before, %zu %s found again; %zu %s new. Nothing "
        "is deleted on the server in this run.",
        job->f.name, how, p->ours.count, p->ours.count == 1 ? "" : "s", p->count,
        p->count == 1 ? "was" : "were", fresh, fresh == 1 ? "is" : "are");
    job->pull->watch.notice(job->pull->watch.arg, text);
}

/* is_other - hardly anything is found again under another host or login: it is another mailbox */
static bool is_other(const struct pairing *p)
{
    size_t fewer = p->ours.count < p->theirs.count ? p->ours.count : p->theirs.count;
    return seen_moved(p->job->f.seen) && p->ours.count > 0 && (p->count == 0 || p->count < fewer / 2);
}

bool imap_box_pair(struct imap_job *job, const char *how, struct err *err)
{
    struct pairing p = {.job = job};
    bool ok = list_ours(&p, err) && list_theirs(&p, err) &&
              ((p.pairs = calloc(p.ours.count + 1, sizeof *p.pairs)) || err_nomem(err)) &&
              match(&p, SAME_ID, err) && ask_headers(&p, err) && match(&p, SAME_LETTER_AND_DATE, err) &&
              match(&p, SAME_LETTER, err);
    if (ok && is_other(&p))
        ok = pull_is_another(&job->f, job->pull, err);
    ok = ok && seen_renumber(job->f.seen, imap_box(job->imap)->validity, p.pairs, p.count, err);
    if (ok) {
        job->deletes = false;
        report(&p, how);
    }
    free(p.ours.items);
    free(p.theirs.items);
    free(p.pairs);
    return ok;
}
