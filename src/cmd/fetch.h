/* fetch - what main() of tappal-fetch, its children and its display agree upon.
 *
 * One child serves one account. All that it has to say goes to the parent as lines over one pipe, each shorter
 * than PIPE_BUF and so never torn, and the parent alone speaks to the person:
 *   INDEX SP KIND SP text LF */
#ifndef TAPPAL_CMD_FETCH_H
#define TAPPAL_CMD_FETCH_H

#include "conf/place.h"

#define FETCH_LINE_MAX 4000 /* with room below PIPE_BUF */

/* Kinds of lines. */
enum {
    FETCH_PROGRESS = 'P', /* DONE SP TOTAL SP OCTETS SP FOLDER */
    FETCH_SUMMARY = 'S',  /* for stdout */
    FETCH_NOTICE = 'N',   /* for stderr */
    FETCH_ERROR = 'E',    /* WHAT TAB HINT */
    FETCH_DIALOGUE = 'V', /* a line of the conversation */
};

struct fetch_options {
    const char *config;
    bool dry_run, delete_many, verbose, quiet;
    bool may_prompt; /* a person sits there, and a single account is fetched */
    bool progress;   /* stderr is a terminal */
};

/* In the child: fetches, and returns its exit status. */
int fetch_child(const struct fetch_options *o, const struct place *place, const struct account *account,
                int pipe, size_t index);

/* In the parent: shows what children say until the last one is gone. `heard` (one per account) is the time of
 * each one's last line; `check` is called about once a second, to end those that have hung. */
struct fetch_display {
    const struct fetch_options *options;
    const struct account *const *accounts;
    size_t count;
    int64_t *heard;
    void (*check)(void *arg);
    void *arg;
};
void fetch_show(const struct fetch_display *d, int pipe);

#endif
