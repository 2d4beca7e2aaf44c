/* survey - what the server holds of an account, folder by folder, and what the memory says of it. Nothing is changed
 * on the server: folders are opened by EXAMINE, POP3 sessions end without QUIT. */
#ifndef TAPPAL_FETCH_SURVEY_H
#define TAPPAL_FETCH_SURVEY_H

#include "fetch/pull.h"
#include "fetch/seen.h"

struct survey_message {
    struct seen_key key;
    uint64_t wire;                         /* its size as the server says it; 0: not known */
    int64_t date;                          /* INTERNALDATE, or 0 */
    bool ask;                              /* set by the visitor: its letter is wanted */
    unsigned char letter[SEEN_MARK_BYTES]; /* by survey_letters; all 0: not known */
};

struct survey_folder {
    const struct pull *pull;
    const char *name, *path; /* as shown; below the maildir */
    uint32_t validity;       /* 0: POP3 */
    struct seen *seen;
    struct survey_message *messages; /* by key */
    size_t count, cap;
    bool (*letters)(struct survey_folder *f, struct err *err);
    void *session;
};

/* Called for each folder; false ends the survey. */
typedef bool survey_visit(void *arg, struct survey_folder *folder, struct err *err);

/* With pull->dry_run the memories are only looked at. A folder that fails goes to pull->watch.trouble. */
MUST_USE bool survey_account(const struct pull *pull, survey_visit *visit, void *arg, struct err *err);
/* Of all messages with `ask`; what the server does not give stays unknown. */
MUST_USE bool survey_letters(struct survey_folder *folder, struct err *err);
/* NULL: it is not listed. */
struct survey_message *survey_find(const struct survey_folder *folder, const struct seen_key *key);

/* -- for survey_imap.c and survey_pop3.c -- */
MUST_USE bool survey_imap(const struct pull *pull, survey_visit *visit, void *arg, struct err *err);
MUST_USE bool survey_pop3(const struct pull *pull, survey_visit *visit, void *arg, struct err *err);
MUST_USE bool survey_add(struct survey_folder *folder, const struct survey_message *message, struct err *err);
/* Sorts, and calls the visitor. */
MUST_USE bool survey_show(struct survey_folder *folder, survey_visit *visit, void *arg, struct err *err);
void survey_take_letter(struct survey_folder *folder, const struct seen_key *key, const char *header,
                        size_t n);

#endif
