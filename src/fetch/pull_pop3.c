/* pull_pop3 - a POP3 account: one mailbox, whose messages have names (UIDL) at best.
 *
 * A known message of another size is looked at again: some servers count differently from day to day, and some use a
 * name again. The same goes for one that the server has said to have deleted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fetch/pop3_box.h"
#include "fetch/quarantine.h"

/* check_mailbox - host or login have changed: messages that we know must be there, and of the same size */
static bool check_mailbox(struct pop3_job *job, struct err *err)
{
    size_t same = job->paired, other = 0;
    if (!seen_moved(job->f.seen))
        return true;
    for (size_t i = 0; i < job->count; i++) {
        const struct seen_entry *e = seen_find(job->f.seen, &job->letters[i].key);
        if (e && seen_is_here(e))
            *(e->wire == job->letters[i].size ? &same : &other) += 1;
    }
    if (!seen_is_empty(job->f.seen) && (same == 0 || other > 0))
        return pull_is_another(&job->f, job->pull, err);
    return job->pull->dry_run || seen_adopt(job->f.seen, err);
}

static void choose(struct pop3_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        struct pop3_letter *l = &job->letters[i];
        const struct seen_entry *e = seen_find(job->f.seen, &l->key);
        if (l->fate == POP3_FAILED)
            continue;
        if (e && (e->state == SEEN_KNOWN || (seen_is_here(e) && (e->wire == l->size || !l->named))))
            l->fate = POP3_HAVE;
        else if (quarantine_holds(job->f.seen, &l->key))
            l->fate = POP3_FAILED;
    }
}

/* choose_one - the message that a person asks for by its key, whole, and nothing else */
static bool choose_one(struct pop3_job *job, struct err *err)
{
    const char *wanted = job->pull->only_key;
    bool found = !wanted;
    for (size_t i = 0; wanted && i < job->count; i++) {
        struct pop3_letter *l = &job->letters[i];
        char key[SEEN_KEY_TEXT];
        const struct seen_entry *e = seen_find(job->f.seen, &l->key);
        seen_key_text(PROTO_POP3, &l->key, key);
        l->fate = strcmp(key, wanted) == 0 ? POP3_FETCH : POP3_FAILED;
        if (l->fate == POP3_FETCH && e && e->stub)
            job->replaced = *e;
        found = found || l->fate == POP3_FETCH;
    }
    return found || err_set(err, ERR_DATA, "There is no message %s on the server.", wanted) ||
           err_hint(err, "It was deleted there, or the server gives it another name now.");
}

static void count_wanted(struct pop3_job *job)
{
    uint64_t most = job->pull->account->fetch.max_size;
    for (size_t i = 0; i < job->count; i++) {
        struct pop3_letter *l = &job->letters[i];
        l->stub = most > 0 && l->size > most;
        job->total += l->fate == POP3_FETCH;
    }
}

static bool report_dry(const struct pop3_job *job)
{
    struct pull_found found = {.folder = job->f.name};
    for (size_t i = 0; i < job->count; i++) {
        const struct pop3_letter *l = &job->letters[i];
        struct seen_entry coming = {.state = SEEN_PLACED, .stub = l->stub, .when = clock_now()};
        bool comes = l->fate == POP3_FETCH;
        const struct seen_entry *e = comes                  ? &coming
                                     : l->fate == POP3_HAVE ? seen_find(job->f.seen, &l->key)
                                                            : NULL;
        found.messages += comes;
        found.octets += comes ? l->size : 0;
        found.deleted += e && pull_is_due(job->pull, e);
    }
    job->pull->watch.found(job->pull->watch.arg, &found);
    return true;
}

/* warn_expiry - said once, when the mailbox is first fetched from: who keeps mail on a server that does not should know */
static void warn_expiry(const struct pop3_job *job)
{
    const struct pop3_caps *caps = pop3_caps(job->pop3);
    const struct fetch_conf *conf = &job->pull->account->fetch;
    char text[400], days[48] = "with the session in which it was fetched";
    bool keeps = conf->keep == KEEP_YES || (conf->keep == KEEP_DAYS && conf->keep_days > caps->expire);
    if (!caps->expires || caps->expire == POP3_EXPIRE_NEVER || !keeps || !seen_is_empty(job->f.seen))
        return;
    if (caps->expire > 0)
        snprintf(days, sizeof days, "after %u day%s", caps->expire, caps->expire == 1 ? "" : "s");
    snprintf(
        text, sizeof text,
        "The server %.100s may delete mail %s, whatever the option `keep` says (it announces EXPIRE %u).",
        pop3_peer(job->pop3), days, caps->expire);
    job->pull->watch.notice(job->pull->watch.arg, text);
}

static bool work(struct pop3_job *job, struct err *err)
{
    struct pop3_listing listing = {0};
    warn_expiry(job);
    bool ok = pop3_list(job->pop3, &listing, err) && pop3_box_name(job, &listing, err);
    pop3_listing_free(&listing);
    if (!ok)
        return false;
    choose(job);
    if (!pop3_box_pair(job, err) || !check_mailbox(job, err) || !pop3_box_look_again(job, err) ||
        !choose_one(job, err))
        return false;
    count_wanted(job);
    if (job->pull->dry_run)
        return report_dry(job);
    return pop3_box_fetch(job, err) && pop3_box_finish(job, err);
}

bool pull_pop3(const struct pull *pull, struct pull_result *result, struct err *err)
{
    struct pop3_job job = {.pull = pull, .result = result};
    enum session_phase phase;
    if (!pop3_open(&pull->session, &job.pop3, &phase, err))
        return false;
    const char *path = pull->account->fetch.layout == LAYOUT_NESTED ? "INBOX" : "";
    bool ok = pull_folder_open(pull, "INBOX", "INBOX", path, &job.f, err) && work(&job, err);
    if (job.f.seen)
        result->aside += quarantine_count(job.f.seen);
    pull_folder_close(&job.f, result);
    pop3_close(&job.pop3);
    free(job.letters);
    return ok;
}
