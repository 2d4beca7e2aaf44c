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
    FETCH_DONE =
        'S', /* MESSAGES SP OCTETS SP FOLDERS SP LINKED SP MOVED SP DELETED SP REMOVED SP ASIDE: a look at the server has
                ended */
    FETCH_FOUND = 'F',    /* MESSAGES SP OCTETS SP LINKED SP MOVED SP DELETED SP FOLDER: would be */
    FETCH_NOTICE = 'N',   /* for stderr */
    FETCH_ERROR = 'E',    /* KIND TAB WHAT TAB HINT */
    FETCH_STATE = 'W',    /* what --watch is waiting for; also said to show that the child lives */
    FETCH_DIALOGUE = 'V', /* a line of the conversation */
};

struct fetch_options {
    const char *config;
    bool dry_run, check, delete_many, watch, json, verbose, quiet;
    const char *uid; /* FOLDER/UID: this message only, whole; NULL: whatever is new */
    bool may_prompt; /* a person sits there, and a single account is fetched */
    bool terminal;   /* stderr is one */
    bool progress;   /* and it can move its cursor, and nobody wants quiet */
    bool bold;       /* and NO_COLOR is not set */
};

struct fetch_job {
    struct fetch_options options;
    const struct place *place;
    const struct config *config;
    const struct account **accounts;
    size_t count;
};

/* One child for each account, all of them limited; with --watch, until a signal says to stop. The exit status. */
int fetch_run(const struct fetch_job *job);

/* In the child: fetches, and returns its exit status. */
int fetch_child(const struct fetch_job *job, size_t index, int pipe);

/* In the parent: shows what children say. */
struct fetch_show;
MUST_USE bool fetch_show_open(const struct fetch_job *job, struct fetch_show **show_r, struct err *err);
void fetch_show_close(struct fetch_show **show);
/* Reads what is in the pipe; false: nobody can write into it any more. */
bool fetch_show_take(struct fetch_show *show, int pipe);
int64_t fetch_show_heard(const struct fetch_show *show,
                         size_t index);                           /* clock_mono_ms of the child's last line */
void fetch_show_restarted(struct fetch_show *show, size_t index); /* counts as having said something */
uint64_t fetch_show_found(const struct fetch_show *show);         /* new messages, of all accounts */
int fetch_show_error(struct fetch_show *show, size_t index, const struct err *err); /* of the parent's own */

#endif
