/* pull_pop3 - a POP3 account: one mailbox, whose messages have names (UIDL) at best.
 *
 * A message is known by its UIDL; where that is missing, or two messages bear the same one, by its header. A
 * known message of another size is fetched and compared: some servers count differently from day to day, and
 * some use a name again. Deletions are asked for last, all together, for they happen at QUIT or not at all. */
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "client/pop3.h"
#include "fetch/batch.h"
#include "fetch/pull.h"

#define HEADER_MAX (16u << 20) /* octets of a header that are read to know a message by */

enum fate { FETCH_IT, HAVE_IT, FAILED };

struct letter {
    uint32_t number;
    uint64_t size;
    struct seen_key key;
    bool named; /* by its UIDL; else by its header */
    enum fate fate;
};

struct pop3_job {
    const struct pull *pull;
    struct pull_result *result;
    struct pop3 *pop3;
    struct pull_folder f;
    struct letter *letters;
    size_t count, total, done; /* total: to be fetched */
    bool reading;
};

/* -- which is which -- */

static int by_key(const void *a, const void *b)
{
    const struct letter *const *x = a, *const *y = b;
    int order = memcmp(&(*x)->key, &(*y)->key, sizeof(*x)->key);
    return order ? order : (*x)->number < (*y)->number ? -1 : 1;
}

/* sorted - pointers to the letters, by key and then number; NULL without memory */
static struct letter **sorted(const struct pop3_job *job)
{
    struct letter **order = calloc(job->count + 1, sizeof *order);
    for (size_t i = 0; order && i < job->count; i++)
        order[i] = &job->letters[i];
    if (order)
        qsort(order, job->count, sizeof *order, by_key);
    return order;
}

/* find_vague - names that two messages bear, now or before, are names no more */
static bool find_vague(struct pop3_job *job, struct err *err)
{
    struct letter **order = sorted(job);
    bool ok = order || err_nomem(err);
    for (size_t i = 0; ok && i < job->count; i++) {
        struct letter *l = order[i];
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

struct header {
    struct sum_sha256 sum;
    uint64_t octets;
};

static bool add_header(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct header *h = arg;
    sum_sha256_add(&h->sum, bytes, n);
    h->octets += n;
    return h->octets <= HEADER_MAX || err_set(err, ERR_PROTOCOL, "A message's header has no end.");
}

/* read_header_key - the answer to TOP */
static bool read_header_key(struct pop3_job *job, struct letter *l, struct err *err)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    struct header header = {.octets = 0};
    bool ok;
    sum_sha256_begin(&header.sum);
    if (!pop3_read_text(job->pop3, add_header, &header, &ok, err))
        return false;
    if (!ok) {
        return err_hint(
            err, "It gives its messages no lasting names (UIDL) and does not show their headers (TOP) "
                 "either, so new ones cannot be told from old ones. Use protocol = imap if there is it.");
    }
    sum_sha256_end(&header.sum, sha256);
    l->key = seen_key_hash("header", sha256, sizeof sha256);
    return true;
}

/* key_by_header - for those without a name; twins in all of their header are told apart by their order */
static bool key_by_header(struct pop3_job *job, struct err *err)
{
    size_t sent = 0, read = 0, window = pop3_window(job->pop3);
    while (read < job->count) {
        for (; sent < job->count && sent - read < window; sent++)
            if (!job->letters[sent].named && !pop3_send_top(job->pop3, job->letters[sent].number, err))
                return false;
        if (!job->letters[read].named && !read_header_key(job, &job->letters[read], err))
            return false;
        read++;
    }
    struct letter **order = sorted(job);
    if (!order)
        return err_nomem(err);
    struct seen_key before = {{0}};
    for (size_t i = 0; i < job->count; i++) {
        struct seen_key own = order[i]->key;
        if (i > 0 && memcmp(&own, &before, sizeof own) == 0)
            order[i]->key = seen_key_hash("twin", &order[i - 1]->key, sizeof own);
        before = own;
    }
    free(order);
    return true;
}

static bool name_letters(struct pop3_job *job, const struct pop3_listing *listing, struct err *err)
{
    job->letters = calloc(listing->count + 1, sizeof *job->letters);
    if (!job->letters)
        return err_nomem(err);
    job->count = listing->count;
    for (size_t i = 0; i < job->count; i++) {
        const struct pop3_item *item = &listing->items[i];
        struct letter *l = &job->letters[i];
        *l = (struct letter){.number = item->number, .size = item->size, .named = item->uidl != NULL};
        l->key = item->uidl ? seen_key_hash("uidl", item->uidl, strlen(item->uidl))
                            : seen_key_hash("number", &item->number, sizeof item->number);
    }
    return find_vague(job, err) && key_by_header(job, err);
}

/* check_mailbox - host or login have changed: messages that we know must be there, and of the same size */
static bool check_mailbox(struct pop3_job *job, struct err *err)
{
    size_t same = 0, other = 0;
    if (!seen_moved(job->f.seen))
        return true;
    for (size_t i = 0; i < job->count; i++) {
        const struct seen_entry *e = seen_find(job->f.seen, &job->letters[i].key);
        if (e && e->state == SEEN_PLACED)
            *(e->wire == job->letters[i].size ? &same : &other) += 1;
    }
    if (!seen_is_empty(job->f.seen) && (same == 0 || other > 0))
        return pull_is_another(&job->f, job->pull, err);
    return job->pull->dry_run || seen_adopt(job->f.seen, err);
}

static void choose(struct pop3_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        struct letter *l = &job->letters[i];
        const struct seen_entry *e = seen_find(job->f.seen, &l->key);
        l->fate = e && e->state == SEEN_PLACED && (e->wire == l->size || !l->named) ? HAVE_IT : FETCH_IT;
        job->total += l->fate == FETCH_IT;
    }
}

/* -- fetching -- */

static void show_progress(const struct pop3_job *job)
{
    const struct batch *b = job->f.batch;
    job->pull->watch.progress(job->pull->watch.arg, job->f.name, job->done, job->total,
                              b->placed_octets + b->octets + b->open_octets);
}

static bool take(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct pop3_job *job = arg;
    if (!job->reading && !batch_begin(job->f.batch, NULL, 0, err))
        return false;
    job->reading = true;
    show_progress(job);
    return batch_write(job->f.batch, bytes, n, err);
}

/* read_letter - one answer to RETR. A refused or empty message is a trouble of its own, the rest goes on. */
static bool read_letter(struct pop3_job *job, struct letter *l, struct err *err)
{
    struct err why = {0};
    bool ok, same;
    if (!pop3_read_text(job->pop3, take, job, &ok, &why)) {
        *err = why;
        return false;
    }
    if (ok && !job->reading)
        ok = err_set(&why, ERR_PROTOCOL, "The server %s gave an empty message.", pop3_peer(job->pop3));
    if (!ok) {
        l->fate = FAILED;
        err_hint(&why, "It stays on the server and is asked for again at each run.");
        pull_trouble(job->pull, job->result, &why);
        return true;
    }
    job->reading = false;
    l->fate = HAVE_IT;
    job->done++;
    if (!batch_end(job->f.batch, &(struct seen_entry){.key = l->key, .wire = l->size}, &same, err))
        return false;
    show_progress(job);
    return !batch_is_full(job->f.batch) || batch_commit(job->f.batch, err);
}

static size_t next_to_fetch(const struct pop3_job *job, size_t at)
{
    while (at < job->count && job->letters[at].fate != FETCH_IT)
        at++;
    return at;
}

static bool fetch_all(struct pop3_job *job, struct err *err)
{
    size_t sent = next_to_fetch(job, 0), read = sent, flying = 0, window = pop3_window(job->pop3);
    show_progress(job);
    while (read < job->count) {
        for (; sent < job->count && flying < window; flying++, sent = next_to_fetch(job, sent + 1))
            if (!pop3_send_retr(job->pop3, job->letters[sent].number, err))
                return false;
        size_t next = next_to_fetch(job, read + 1);
        if (!read_letter(job, &job->letters[read], err))
            return false;
        read = next;
        flying--;
    }
    return batch_commit(job->f.batch, err);
}

/* rescue - the session ended in the middle of something: whole messages are kept all the same */
static void rescue(struct pop3_job *job, const struct err *why)
{
    struct err ignored;
    if (why->kind == ERR_LOCAL || why->kind == ERR_INTERNAL ||
        (job->reading && !batch_drop(job->f.batch, &ignored)))
        return;
    job->reading = false;
    if (!batch_commit(job->f.batch, &ignored) || !seen_sync(job->f.seen, &ignored))
        batch_abort(job->f.batch);
}

/* -- deleting -- */

static bool is_due(const struct pop3_job *job, const struct letter *l)
{
    const struct seen_entry *e = l->fate == HAVE_IT ? seen_find(job->f.seen, &l->key) : NULL;
    return e && pull_is_due(job->pull, e);
}

static bool read_dele(struct pop3_job *job, struct letter *l, struct err *err)
{
    struct err why = {0};
    bool ok;
    if (!pop3_read_dele(job->pop3, &ok, &why)) {
        *err = why;
        return false;
    }
    if (!ok) {
        l->fate = FAILED;
        pull_trouble(job->pull, job->result, &why);
    }
    return true;
}

static bool mark_deleted(struct pop3_job *job, struct err *err)
{
    size_t sent = 0, flying = 0, window = pop3_window(job->pop3);
    for (size_t read = 0; read < job->count; read++) {
        if (!is_due(job, &job->letters[read]))
            continue;
        for (sent = sent < read ? read : sent; sent < job->count && flying < window; sent++) {
            if (!is_due(job, &job->letters[sent]))
                continue;
            if (!pop3_send_dele(job->pop3, job->letters[sent].number, err))
                return false;
            flying++;
        }
        if (!read_dele(job, &job->letters[read], err))
            return false;
        flying--;
    }
    return true;
}

/* forget_deleted - their names may be used again for other messages */
static bool forget_deleted(struct pop3_job *job, struct err *err)
{
    for (size_t i = 0; i < job->count; i++) {
        if (!is_due(job, &job->letters[i]))
            continue;
        if (!seen_gone(job->f.seen, &job->letters[i].key, err))
            return false;
        job->result->deleted++;
    }
    return seen_sync(job->f.seen, err);
}

static bool is_listed(struct letter *const *order, size_t count, const struct seen_key *key)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (memcmp(&order[mid]->key, key, sizeof *key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < count && memcmp(&order[lo]->key, key, sizeof *key) == 0;
}

/* forget_unlisted - what was to be deleted and is not listed any more has been: in a session whose end we
 * did not live to see */
static bool forget_unlisted(struct pop3_job *job, struct err *err)
{
    struct letter **order = sorted(job);
    bool ok = order || err_nomem(err);
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); ok && e; e = seen_each(job->f.seen, e)) {
        struct seen_key key = e->key;
        if (pull_is_due(job->pull, e) && !is_listed(order, job->count, &key))
            ok = seen_gone(job->f.seen, &key, err);
    }
    free(order);
    return ok;
}

/* finish - durable first, then DELE, then QUIT; without its +OK all is as it was, and is tried again */
static bool finish(struct pop3_job *job, struct err *err)
{
    struct err why = {0};
    bool deletes = false;
    if (!forget_unlisted(job, err) || !seen_sync(job->f.seen, err))
        return false;
    for (size_t i = 0; i < job->count && !deletes; i++)
        deletes = is_due(job, &job->letters[i]);
    if (!mark_deleted(job, err))
        return false;
    bool said = pop3_quit(job->pop3, &why);
    if (said)
        return forget_deleted(job, err);
    if (deletes) {
        err_hint(&why,
                 "Nothing is lost: the messages are here, and their deletion is asked for again next time.");
        pull_trouble(job->pull, job->result, &why);
    }
    return true;
}

static bool report_dry(const struct pop3_job *job)
{
    uint64_t octets = 0;
    for (size_t i = 0; i < job->count; i++)
        octets += job->letters[i].fate == FETCH_IT ? job->letters[i].size : 0;
    job->pull->watch.found(job->pull->watch.arg, job->f.name, job->total, octets);
    return true;
}

static bool work(struct pop3_job *job, struct err *err)
{
    struct pop3_listing listing = {0};
    bool ok =
        pop3_list(job->pop3, &listing, err) && name_letters(job, &listing, err) && check_mailbox(job, err);
    pop3_listing_free(&listing);
    if (!ok)
        return false;
    choose(job);
    if (job->pull->dry_run)
        return report_dry(job);
    if (!fetch_all(job, err)) {
        rescue(job, err);
        return false;
    }
    return finish(job, err);
}

bool pull_pop3(const struct pull *pull, struct pull_result *result, struct err *err)
{
    struct pop3_job job = {.pull = pull, .result = result};
    enum session_phase phase;
    if (!pop3_open(&pull->session, &job.pop3, &phase, err))
        return false;
    const char *path = pull->account->fetch.layout == LAYOUT_NESTED ? "INBOX" : "";
    bool ok = pull_folder_open(pull, "INBOX", "INBOX", path, &job.f, err) && work(&job, err);
    pull_folder_close(&job.f, result);
    pop3_close(&job.pop3);
    free(job.letters);
    return ok;
}
