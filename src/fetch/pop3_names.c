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

/* add_header - as much as counts; of a message without end there may be more */
static bool add_header(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct str *header = arg;
    size_t room = header->max - header->len;
    return str_add(header, bytes, n < room ? n : room, err);
}

/* read_key - the answer to TOP or RETR. A message that is refused stays where it is; the others go on. */
static bool read_key(struct pop3_job *job, struct pop3_letter *l, bool *refused_r, struct err *err)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    struct str header = STR_INIT(HEADSUM_MAX);
    bool given = false, ok = pop3_read_text(job->pop3, add_header, &header, &given, err);
    if (ok && given) {
        headsum_whole(header.buf, header.len, sha256);
        l->key = seen_key_hash("header", sha256, sizeof sha256);
    }
    str_free(&header);
    *refused_r = ok && !given;
    return ok;
}

static bool send_for_header(const struct pop3_job *job, const struct pop3_letter *l, bool whole,
                            struct err *err)
{
    return whole ? pop3_send_retr(job->pop3, l->number, err) : pop3_send_top(job->pop3, l->number, err);
}

static size_t next_unnamed(const struct pop3_job *job, size_t at)
{
    while (at < job->count && job->letters[at].named)
        at++;
    return at;
}

/* read_keys - whole: by RETR, for TOP is not to be had */
static bool read_keys(struct pop3_job *job, size_t from, bool whole, struct err *err)
{
    size_t sent = from, flying = 0, window = pop3_window(job->pop3);
    for (size_t read = from; read < job->count; read = next_unnamed(job, read + 1), flying--) {
        struct err why = {0};
        bool refused;
        for (; sent < job->count && flying < window; flying++, sent = next_unnamed(job, sent + 1))
            if (!send_for_header(job, &job->letters[sent], whole, err))
                return false;
        if (!read_key(job, &job->letters[read], &refused, &why)) {
            *err = why;
            return false;
        }
        if (refused) {
            job->letters[read].fate = POP3_FAILED;
            err_hint(&why, "It stays on the server and is asked for again at each run.");
            pull_trouble(job->pull, job->result, &why);
        }
    }
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

/* key_by_header - the first one shows whether there is TOP; it need not be announced */
static bool key_by_header(struct pop3_job *job, struct err *err)
{
    size_t first = next_unnamed(job, 0);
    struct err why = {0};
    bool refused;
    if (first == job->count)
        return true;
    if (!pop3_send_top(job->pop3, job->letters[first].number, err))
        return false;
    if (!read_key(job, &job->letters[first], &refused, &why)) {
        *err = why;
        return false;
    }
    return read_keys(job, refused ? first : next_unnamed(job, first + 1), refused, err) &&
           part_twins(job, err);
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
