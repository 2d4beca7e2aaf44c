/* pop3_names - which message is which: by its UIDL; where that is missing, or two messages bear the same one, by its
 * header. Twins in all of their header are told apart by their order. */
#include <stdlib.h>
#include <string.h>

#include "fetch/pop3_box.h"
#include "mail/headsum.h"

static int by_key(const void *a, const void *b)
{
    const struct pop3_letter *const *x = a, *const *y = b;
    int order = memcmp(&(*x)->key, &(*y)->key, sizeof(*x)->key);
    return order ? order : (*x)->number < (*y)->number ? -1 : 1;
}

struct pop3_letter **pop3_box_sorted(const struct pop3_job *job)
{
    struct pop3_letter **order = calloc(job->count + 1, sizeof *order);
    for (size_t i = 0; order && i < job->count; i++)
        order[i] = &job->letters[i];
    if (order)
        qsort(order, job->count, sizeof *order, by_key);
    return order;
}

bool pop3_box_is_listed(const struct pop3_job *job, struct pop3_letter *const *sorted,
                        const struct seen_key *key)
{
    size_t lo = 0, hi = job->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (memcmp(&sorted[mid]->key, key, sizeof *key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < job->count && memcmp(&sorted[lo]->key, key, sizeof *key) == 0;
}

/* find_vague - names that two messages bear, now or before, are names no more */
static bool find_vague(struct pop3_job *job, struct err *err)
{
    struct pop3_letter **order = pop3_box_sorted(job);
    bool ok = order || err_nomem(err);
    for (size_t i = 0; ok && i < job->count; i++) {
        struct pop3_letter *l = order[i];
        const struct seen_entry *e = l->named ? seen_find(job->f.seen, &l->key) : NULL;
        bool twice = (i > 0 && memcmp(&order[i - 1]->key, &l->key, sizeof l->key) == 0) ||
                     (i + 1 < job->count && memcmp(&order[i + 1]->key, &l->key, sizeof l->key) == 0);
        if (!l->named || (!twice && !(e && e->state == SEEN_VAGUE)))
            continue;
        ok = job->pull->dry_run || seen_vague(job->f.seen, &l->key, err);
        l->named = false;
    }
    free(order);
    return ok;
}

/* -- by the header -- */

/* take_key - of one message. One that is refused stays where it is; the others go on. */
static bool take_key(struct pop3_job *job, struct pop3_letter *l, const struct str *header,
                     const struct err *refusal, struct err *err)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    (void)err;
    if (header) {
        headsum_whole(header->buf, header->len, sha256);
        l->key = seen_key_hash("header", sha256, sizeof sha256);
        return true;
    }
    struct err why = *refusal;
    l->fate = POP3_FAILED;
    err_hint(&why, "It stays on the server and is asked for again at each run.");
    pull_trouble(job->pull, job->result, &why);
    return true;
}

/* part_twins - of equal keys the second becomes a hash of the first, and so on */
static bool part_twins(struct pop3_job *job, struct err *err)
{
    struct pop3_letter **order = pop3_box_sorted(job);
    struct seen_key before = {{0}};
    if (!order)
        return err_nomem(err);
    for (size_t i = 0; i < job->count; i++) {
        struct seen_key own = order[i]->key;
        if (i > 0 && memcmp(&own, &before, sizeof own) == 0)
            order[i]->key = seen_key_hash("twin", &order[i - 1]->key, sizeof own);
        before = own;
    }
    free(order);
    return true;
}

static bool key_by_header(struct pop3_job *job, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < job->count; i++) {
        job->letters[i].ask = !job->letters[i].named;
        any = any || job->letters[i].ask;
    }
    return !any || (pop3_box_headers(job, take_key, err) && part_twins(job, err));
}

bool pop3_box_name(struct pop3_job *job, const struct pop3_listing *listing, struct err *err)
{
    job->letters = calloc(listing->count + 1, sizeof *job->letters);
    if (!job->letters)
        return err_nomem(err);
    job->count = listing->count;
    for (size_t i = 0; i < job->count; i++) {
        const struct pop3_item *item = &listing->items[i];
        struct pop3_letter *l = &job->letters[i];
        *l = (struct pop3_letter){.number = item->number, .size = item->size, .named = item->uidl != NULL};
        l->key = item->uidl ? seen_key_hash("uidl", item->uidl, strlen(item->uidl))
                            : seen_key_hash("number", &item->number, sizeof item->number);
    }
    return find_vague(job, err) && key_by_header(job, err);
}
