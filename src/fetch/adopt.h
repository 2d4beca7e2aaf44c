/* adopt - taking over mail that another program has fetched into the maildir: what is here already, by that program's
 * own state or by the letter (mail/headsum.h), is recorded as fetched and is not fetched again. Nothing is changed on
 * the server, and no file. */
#ifndef TAPPAL_FETCH_ADOPT_H
#define TAPPAL_FETCH_ADOPT_H

#include "base/strv.h"
#include "fetch/pull.h"

struct adopt_folder {
    const char *name;
    uint64_t listed;
    uint64_t ours;                /* fetched by tappal, or adopted before */
    uint64_t by_state, by_letter; /* adopted, with the file that holds it */
    uint64_t elsewhere;           /* the state says that it was fetched, and no file is found */
    uint64_t fresh;               /* to be fetched */
};

struct adopt_watch {
    void *arg;
    bool (*folder)(void *arg, const struct adopt_folder *folder, struct err *err);
    void (*note)(void *arg, const char *text);
};

/* `states`: files of other programs (fetch/foreign.h). With pull->dry_run nothing is recorded. */
MUST_USE bool adopt_account(const struct pull *pull, const struct strv *states,
                            const struct adopt_watch *watch, struct err *err);

#endif
