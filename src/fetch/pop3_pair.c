/* pop3_pair - a server that names its messages anew (its operator has changed the form of its unique-ids, or moved
 * the mailbox to another machine). A message whose name is new is taken for a known one where that is listed no more,
 * has the same size, and the same letter (headsum_letter). So that no letter that merely resembles one is passed over
 * on an ordinary day, this is done only where most of what is listed would be new and could be old. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/pop3_box.h"
#include "mail/headsum.h"

/* A known message that is not listed. */
struct pop3_lost {
    uint64_t wire;
    unsigned char letter[SEEN_MARK_BYTES];
    struct seen_key key;
    bool found;
};

static int by_size(const void *a, const void *b)
{
    const struct pop3_lost *x = a, *y = b;
    if (x->wire != y->wire)
        return x->wire < y->wire ? -1 : 1;
    return memcmp(x->letter, y->letter, sizeof x->letter);
}

static bool collect_lost(struct pop3_job *job, struct err *err)
{
    size_t most = 0;
    const struct seen_entry *e;
    for (e = seen_each(job->f.seen, NULL); e; e = seen_each(job->f.seen, e))
        most++;
    job->lost = calloc(most + 1, sizeof *job->lost);
    struct pop3_letter **order = pop3_box_sorted(job);
    bool ok = (job->lost && order) || err_nomem(err);
    for (e = seen_each(job->f.seen, NULL); ok && e; e = seen_each(job->f.seen, e)) {
        if ((!seen_is_here(e) && e->state != SEEN_ASKED) || !seen_mark_known(e->letter) ||
            pop3_box_is_listed(job, order, &e->key))
            continue;
        struct pop3_lost *lost = &job->lost[job->lost_count++];
        *lost = (struct pop3_lost){.wire = e->wire, .key = e->key};
        memcpy(lost->letter, e->letter, sizeof lost->letter);
    }
    free(order);
    if (ok && job->lost_count > 0)
        qsort(job->lost, job->lost_count, sizeof *job->lost, by_size);
    return ok;
}

/* first_from - the first lost one that is not smaller by size and letter */
static size_t first_from(const struct pop3_job *job, const struct pop3_lost *wanted)
{
    size_t lo = 0, hi = job->lost_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (by_size(&job->lost[mid], wanted) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool has_size(const struct pop3_job *job, uint64_t size)
{
    size_t at = first_from(job, &(struct pop3_lost){.wire = size});
    return at < job->lost_count && job->lost[at].wire == size;
}

/* mark_candidates - false: too few for the names to have changed */
static bool mark_candidates(struct pop3_job *job)
{
    size_t known = 0, candidates = 0;
    for (size_t i = 0; i < job->count; i++) {
        struct pop3_letter *l = &job->letters[i];
        bool is_new = l->fate == POP3_FETCH && !seen_find(job->f.seen, &l->key);
        l->ask = is_new && l->size > 0 && has_size(job, l->size);
        candidates += l->ask;
        known += !is_new;
    }
    return candidates > known;
}

/* rename_entry - the same message under its new key */
static bool rename_entry(struct pop3_job *job, const struct seen_key *from, const struct seen_key *to,
                         struct err *err)
{
    struct seen_entry e = *seen_find(job->f.seen, from);
    bool asked = e.state == SEEN_ASKED, stays = e.state == SEEN_STAYS;
    e.key = *to;
    e.state = SEEN_PLACED;
    return seen_keep(job->f.seen, &e, err) && (!asked || seen_asked(job->f.seen, to, err)) &&
           (!stays || seen_stays(job->f.seen, to, err)) && seen_gone(job->f.seen, from, err);
}

static bool pair_letter(struct pop3_job *job, struct pop3_letter *l, const struct str *header,
                        const struct err *refusal, struct err *err)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    struct pop3_lost wanted = {.wire = l->size};
    (void)refusal;
    if (!header || !headsum_letter(header->buf, header->len, sha256))
        return true;
    memcpy(wanted.letter, sha256, sizeof wanted.letter);
    size_t at = first_from(job, &wanted);
    while (at < job->lost_count && job->lost[at].found && by_size(&job->lost[at], &wanted) == 0)
        at++;
    if (at == job->lost_count || by_size(&job->lost[at], &wanted) != 0)
        return true;
    job->lost[at].found = true;
    job->paired++;
    l->fate = POP3_HAVE;
    return job->pull->dry_run || rename_entry(job, &job->lost[at].key, &l->key, err);
}

static void tell(const struct pop3_job *job)
{
    char text[300];
    if (job->paired == 0)
        return;
    snprintf(text, sizeof text,
             "The server %.100s names its messages in another way than before; %zu of them were recognized "
             "and are "
             "not fetched again.",
             pop3_peer(job->pop3), job->paired);
    job->pull->watch.notice(job->pull->watch.arg, text);
}

bool pop3_box_pair(struct pop3_job *job, struct err *err)
{
    bool ok = seen_is_empty(job->f.seen) || collect_lost(job, err);
    if (ok && job->lost_count > 0 && mark_candidates(job))
        ok = pop3_box_headers(job, pair_letter, err);
    free(job->lost);
    job->lost = NULL;
    job->lost_count = 0;
    if (ok)
        tell(job);
    return ok;
}
