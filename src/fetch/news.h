/* news - the command of `on_new`: told once a run of the files that have come.
 *
 * The list is one path a line, on its standard input (a file); with deliver = there are no files, and it is empty.
 * TAPPAL_ACCOUNT and TAPPAL_NEW (how many messages) are in its environment. A run that is killed tells nobody: the
 * mail is there all the same. Of what it was putting in place just then the next one tells (batch_recover). */
#ifndef TAPPAL_FETCH_NEWS_H
#define TAPPAL_FETCH_NEWS_H

#include <stdint.h>

#include "base/err.h"

#define NEWS_LIMIT_MS (10 * 60 * 1000)

struct news {
    int fd; /* the list */
    uint64_t count;
};

/* `folder` is where the list is kept, in a file without a name. */
MUST_USE bool news_begin(struct news *n, const char *folder, struct err *err);
/* path NULL: it has none */
MUST_USE bool news_add(struct news *n, const char *path, struct err *err);
/* Runs the command, where anything has come. False: it could not be run, or ended badly. */
MUST_USE bool news_tell(struct news *n, char *const argv[], const char *account, struct err *err);
void news_end(struct news *n);

#endif
