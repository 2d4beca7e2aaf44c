/* survey_pop3 - the mailbox of a POP3 account: LIST and UIDL, and TOP where a letter is wanted. */
#include <stdlib.h>

#include "fetch/pop3_box.h"
#include "fetch/survey.h"

struct pop3_survey {
    struct pop3_job job;
    struct survey_folder *folder;
};

static struct pop3_survey *of(struct pop3_job *job)
{
    return (struct pop3_survey *)(void *)job; /* its first member */
}

static bool take(struct pop3_job *job, struct pop3_letter *l, const struct str *header,
                 const struct err *refusal, struct err *err)
{
    (void)refusal;
    (void)err;
    if (header)
        survey_take_letter(of(job)->folder, &l->key, header->buf, header->len);
    return true;
}

static bool letters(struct survey_folder *f, struct err *err)
{
    struct pop3_survey *s = f->session;
    for (size_t i = 0; i < s->job.count; i++) {
        const struct survey_message *m = survey_find(f, &s->job.letters[i].key);
        s->job.letters[i].ask = m && m->ask;
    }
    return pop3_box_headers(&s->job, take, err);
}

static bool add_letters(struct pop3_survey *s, struct err *err)
{
    for (size_t i = 0; i < s->job.count; i++) {
        const struct pop3_letter *l = &s->job.letters[i];
        struct survey_message m = {.key = l->key, .wire = l->size};
        if (l->fate != POP3_FAILED && !survey_add(s->folder, &m, err))
            return false;
    }
    return true;
}

static bool look(struct pop3_survey *s, survey_visit *visit, void *arg, struct err *err)
{
    struct pop3_listing listing = {0};
    if (seen_moved(s->job.f.seen))
        return pull_is_another(&s->job.f, s->job.pull, err);
    bool ok = pop3_list(s->job.pop3, &listing, err) && pop3_box_name(&s->job, &listing, err) &&
              add_letters(s, err) && survey_show(s->folder, visit, arg, err);
    pop3_listing_free(&listing);
    return ok;
}

bool survey_pop3(const struct pull *pull, survey_visit *visit, void *arg, struct err *err)
{
    struct pull_result result = {0};
    struct survey_folder folder = {.pull = pull, .name = "INBOX", .letters = letters};
    struct pop3_survey s = {.job = {.pull = pull, .result = &result}, .folder = &folder};
    enum session_phase phase;
    folder.session = &s;
    folder.path = pull->account->fetch.layout == LAYOUT_NESTED ? "INBOX" : "";
    if (!pop3_open(&pull->session, &s.job.pop3, &phase, err))
        return false;
    bool ok = pull_folder_open(pull, "INBOX", "INBOX", folder.path, &s.job.f, err);
    folder.seen = s.job.f.seen;
    ok = ok && look(&s, visit, arg, err);
    pull_folder_close(&s.job.f, NULL);
    pop3_close(&s.job.pop3);
    free(s.job.letters);
    free(folder.messages);
    return ok;
}
