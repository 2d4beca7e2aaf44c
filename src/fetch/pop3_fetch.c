/* pop3_fetch - the messages themselves: asked for ahead of their answers where the server bears it, and made durable
 * batch by batch. */
#include "fetch/batch.h"
#include "fetch/pop3_box.h"
#include "fetch/quarantine.h"

static void show_progress(const struct pop3_job *job)
{
    const struct batch *b = job->f.batch;
    job->pull->watch.progress(job->pull->watch.arg, job->f.name, job->done, job->total,
                              b->placed_octets + b->octets + b->open_octets);
}

static bool take(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct pop3_job *job = arg;
    if (!pull_goes_on(job->pull, err) || (!job->reading && !batch_begin(job->f.batch, NULL, 0, err)))
        return false;
    job->reading = true;
    show_progress(job);
    return batch_write(job->f.batch, bytes, n, err);
}

/* keep_letter - it is whole. What the server has said to have deleted, and lists again, is known from then on. */
static bool keep_letter(struct pop3_job *job, struct pop3_letter *l, struct err *err)
{
    const struct seen_entry *e = seen_find(job->f.seen, &l->key);
    bool asked = e && e->state == SEEN_ASKED, same = false;
    job->reading = false;
    l->fate = POP3_HAVE;
    job->done++;
    if (!batch_end(job->f.batch, &(struct seen_entry){.key = l->key, .wire = l->size}, &same, err))
        return false;
    show_progress(job);
    if (asked && same && !seen_stays(job->f.seen, &l->key, err))
        return false;
    return !batch_is_full(job->f.batch) || batch_commit(job->f.batch, err);
}

/* read_letter - one answer to RETR. A refused or empty message is a trouble of its own, the rest goes on. */
static bool read_letter(struct pop3_job *job, struct pop3_letter *l, struct err *err)
{
    struct err why = {0};
    bool ok;
    if (!pop3_read_text(job->pop3, take, job, &ok, &why)) {
        *err = why;
        return false;
    }
    if (ok && job->reading)
        return keep_letter(job, l, err);
    if (ok)
        err_set(&why, ERR_PROTOCOL, "The server %s gave an empty message.", pop3_peer(job->pop3));
    l->fate = POP3_FAILED;
    err_hint(&why,
             "It stays on the server and is asked for again from time to time; the others are fetched.");
    pull_trouble(job->pull, job->result, &why);
    return quarantine_add(job->f.seen, &l->key, why.what, err);
}

static size_t next_to_fetch(const struct pop3_job *job, size_t at)
{
    while (at < job->count && job->letters[at].fate != POP3_FETCH)
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

/* -- large ones -- */

static bool take_stub(struct pop3_job *job, struct pop3_letter *l, const struct str *header,
                      const struct err *refusal, struct err *err)
{
    struct seen_entry about = {.key = l->key, .wire = l->size};
    l->fate = header ? POP3_HAVE : POP3_FAILED;
    if (!header)
        return quarantine_add(job->f.seen, &l->key, refusal->what, err);
    job->done++;
    return batch_put_stub(job->f.batch, &about, header->buf, header->len, err) &&
           (!batch_is_full(job->f.batch) || batch_commit(job->f.batch, err));
}

/* fetch_stubs - the headers of those that are too large */
static bool fetch_stubs(struct pop3_job *job, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < job->count; i++) {
        struct pop3_letter *l = &job->letters[i];
        l->ask = l->fate == POP3_FETCH && l->stub;
        any = any || l->ask;
    }
    return !any || (pop3_box_headers(job, take_stub, err) && batch_commit(job->f.batch, err));
}

bool pop3_box_fetch(struct pop3_job *job, struct err *err)
{
    if (fetch_stubs(job, err) && fetch_all(job, err))
        return !job->replaced.stub || job->done == 0 ||
               (seen_sync(job->f.seen, err) && batch_remove_stub(job->f.batch, &job->replaced, err));
    rescue(job, err);
    return false;
}
