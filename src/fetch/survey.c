/* survey - see survey.h: what IMAP and POP3 have in common. */
#include "fetch/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "mail/headsum.h"

static int by_key(const void *a, const void *b)
{
    const struct survey_message *x = a, *y = b;
    return memcmp(&x->key, &y->key, sizeof x->key);
}

bool survey_add(struct survey_folder *f, const struct survey_message *message, struct err *err)
{
    struct survey_message *messages = array_room(f->messages, &f->cap, f->count + 1, sizeof *messages, err);
    if (!messages)
        return false;
    f->messages = messages;
    f->messages[f->count++] = *message;
    return true;
}

bool survey_show(struct survey_folder *f, survey_visit *visit, void *arg, struct err *err)
{
    size_t kept = 0;
    if (f->count > 0)
        qsort(f->messages, f->count, sizeof *f->messages, by_key);
    for (size_t i = 0; i < f->count; i++) /* a server may say the same twice */
        if (kept == 0 || by_key(&f->messages[kept - 1], &f->messages[i]) != 0)
            f->messages[kept++] = f->messages[i];
    f->count = kept;
    return visit(arg, f, err);
}

struct survey_message *survey_find(const struct survey_folder *f, const struct seen_key *key)
{
    struct survey_message wanted = {.key = *key};
    return f->count ? bsearch(&wanted, f->messages, f->count, sizeof *f->messages, by_key) : NULL;
}

void survey_take_letter(struct survey_folder *f, const struct seen_key *key, const char *header, size_t n)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    struct survey_message *m = survey_find(f, key);
    if (m && headsum_letter(header, n, sha256))
        memcpy(m->letter, sha256, sizeof m->letter);
}

bool survey_letters(struct survey_folder *f, struct err *err)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->messages[i].ask)
            return f->letters(f, err);
    return true;
}

bool survey_account(const struct pull *pull, survey_visit *visit, void *arg, struct err *err)
{
    return pull->account->fetch.server.protocol == PROTO_POP3 ? survey_pop3(pull, visit, arg, err)
                                                              : survey_imap(pull, visit, arg, err);
}
