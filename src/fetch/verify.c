/* verify - see verify.h. */
#include "fetch/verify.h"

#include "fetch/here.h"
#include "fetch/survey.h"

struct verify {
    const struct pull *pull;
    const struct verify_watch *watch;
    struct here here;
};

static enum protocol protocol_of(const struct verify *v)
{
    return v->pull->account->fetch.server.protocol;
}

static bool tell(struct verify *v, const struct survey_folder *f, struct verify_folder *sum,
                 enum verify_finding what, const struct seen_key *key, uint64_t size,
                 const struct here_file *file, struct err *err)
{
    char uid[SEEN_KEY_TEXT];
    seen_key_text(protocol_of(v), key, uid);
    sum->found[what]++;
    return v->watch->finding(v->watch->arg, f->name, what, uid, size, file ? file->path : NULL, err);
}

/* find_altered - a file that is not what was fetched, but the same letter: a reader has put it elsewhere, with notes of
 * its own in the header. All files have to be read for that, the first time. */
static bool find_altered(struct verify *v, const struct seen_entry *e, struct here_file **file_r,
                         struct err *err)
{
    if (*file_r || !seen_mark_known(e->letter))
        return true;
    if (!v->here.by_letter && !here_read_all(&v->here, err))
        return false;
    struct here_file **found = here_by_letter(&v->here, e->letter);
    *file_r = found ? *found : NULL;
    return true;
}

/* is_blind - where not all could be read nothing can be called missing */
static bool is_blind(const struct verify *v, const struct survey_folder *f, const struct seen_key *key,
                     struct err *err)
{
    char uid[SEEN_KEY_TEXT];
    if (v->here.unread.kind == ERR_NONE)
        return false;
    seen_key_text(protocol_of(v), key, uid);
    *err = v->here.unread;
    err_prefix(err, "Whether message %s of %.200s is here cannot be told: ", uid, f->name);
    return true;
}

/* look_at - one message that the server lists */
static bool look_at(struct verify *v, const struct survey_folder *f, const struct survey_message *m,
                    struct verify_folder *sum, struct err *err)
{
    const struct seen_entry *e = seen_find(f->seen, &m->key);
    struct here_file *file = NULL;
    bool same = false, settled = e && e->state == SEEN_PLACED && e->when == 0;
    sum->listed++;
    if (e && (e->state == SEEN_KNOWN || settled)) {
        sum->elsewhere++;
        return true;
    }
    if (!e || (!seen_is_here(e) && e->state != SEEN_ASKED))
        return tell(v, f, sum, VERIFY_NEW, &m->key, m->wire, NULL, err);
    if (!here_find(&v->here, f->seen, protocol_of(v), e, &file, &same, err))
        return false;
    if (!same && !find_altered(v, e, &file, err))
        return false;
    if (!file && is_blind(v, f, &m->key, err))
        return false;
    if (!same)
        return tell(v, f, sum, file ? VERIFY_CHANGED : VERIFY_MISSING, &m->key, m->wire, file, err);
    sum->here++;
    return true;
}

static bool visit(void *arg, struct survey_folder *f, struct err *err)
{
    struct verify *v = arg;
    struct verify_folder sum = {.name = f->name};
    for (size_t i = 0; i < f->count; i++)
        if (!look_at(v, f, &f->messages[i], &sum, err))
            return false;
    for (const struct seen_entry *e = seen_each(f->seen, NULL); e; e = seen_each(f->seen, e)) {
        struct here_file *file = NULL;
        bool same = false;
        if ((!seen_is_here(e) && e->state != SEEN_ASKED) || survey_find(f, &e->key))
            continue;
        if (!here_find(&v->here, f->seen, protocol_of(v), e, &file, &same, err) ||
            (file && !tell(v, f, &sum, VERIFY_EXTRA, &e->key, e->wire, file, err)))
            return false;
    }
    return v->watch->folder(v->watch->arg, &sum, err);
}

bool verify_account(const struct pull *pull, const struct verify_watch *watch, struct err *err)
{
    struct verify v = {.pull = pull, .watch = watch};
    bool ok = pull_has_maildir(pull, err) && here_scan(pull->account->fetch.maildir, &v.here, err) &&
              survey_account(pull, visit, &v, err);
    here_free(&v.here);
    return ok;
}
