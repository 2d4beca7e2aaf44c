/* pull - bringing one account's new messages home. Says nothing itself: what a person should know goes to
 * the callbacks. */
#ifndef TAPPAL_FETCH_PULL_H
#define TAPPAL_FETCH_PULL_H

#include <stdint.h>

#include "client/session.h"
#include "fetch/folders.h"

/* What a dry run has found in a folder. */
struct pull_found {
    const char *folder;
    uint64_t messages, octets; /* would be fetched */
    uint64_t linked;           /* would be links of what another folder has */
    uint64_t moved, deleted;   /* would be, on the server: of these and of those that are here */
};

/* All are called with `arg`; none but `stopped` may be NULL. */
struct pull_watch {
    void *arg;
    /* Messages of this folder, of those that are to come, and octets since the beginning of the run. */
    void (*progress)(void *arg, const char *folder, uint64_t done, uint64_t total, uint64_t octets);
    void (*found)(void *arg, const struct pull_found *found);
    /* Something went wrong with one message or folder; the rest goes on. */
    void (*trouble)(void *arg, const struct err *err);
    void (*notice)(void *arg, const char *text);
    /* Is this run to end before its time? Then what has come is made durable, and the pull fails. */
    bool (*stopped)(void *arg);
};

struct pull {
    const struct account *account;
    struct session_options session;
    const char *state_dir; /* exists, is ours, and its lock is held */
    bool dry_run;
    bool delete_many; /* however many deletions come at once, they are believed */
    /* One message of one folder (as shown), whole, whether or not it is here: 0, NULL: whatever is new. POP3 knows
     * it by its key. */
    const char *only_folder, *only_key;
    uint32_t only_uid;
    struct pull_watch watch;
    struct news *news;      /* pull's own: of `on_new`, or NULL */
    struct imap_team *team; /* pull's own: further sessions at work, or NULL */
    struct links *links;    /* pull's own: what other folders of the account have; NULL: nothing is linked */
};

/* What came of it; also after a failure. */
struct pull_result {
    uint64_t messages, octets, folders; /* fetched, and how many folders they came from */
    uint64_t linked;                    /* put into a folder as a link of what another one had */
    uint64_t deleted, moved;            /* on the server */
    bool held;                          /* the server has asked for patience before; it was not asked now */
    bool calm;                          /* it has limited us of late: little is asked for at a time */
    uint64_t aside;                     /* in quarantine, in the folders that were looked at */
    uint64_t removed;                   /* here, because they are gone there */
    struct err trouble;                 /* the first of them; ERR_NONE: none */
};

/* A session that outlives a pull: `--watch` waits on it for more. By POP3 there is none. */
struct pull_line {
    struct imap *imap;      /* NULL: none is open */
    struct folders folders; /* that the last pull looked at */
};
void pull_line_close(struct pull_line *line);

/* False: the account could not be served (to its end). */
MUST_USE bool pull_account(const struct pull *pull, struct pull_result *result_r, struct err *err);
/* The same, over the line's session where it has one; else a new one, which stays open unless the pull fails. */
MUST_USE bool pull_account_over(const struct pull *pull, struct pull_line *line, struct pull_result *result_r,
                                struct err *err);
/* False, with `err` set, where the run is to end before its time. */
MUST_USE bool pull_goes_on(const struct pull *pull, struct err *err);

/* The account's lock, *got_r false: another run has it. It is ours while *fd_r is open. Where only is looked no file is
 * made: *fd_r is -1 where there is none, for then nobody else is at work. */
MUST_USE bool pull_lock(const char *state_dir, bool look_only, int *fd_r, bool *got_r, struct err *err);

/* Is another run at work on the account? Its lock is tried for that, and let go at once. */
bool pull_is_running(const char *state_dir);

/* -- for pull_imap.c and pull_pop3.c -- */
struct batch;
struct maildir;
struct seen;
struct seen_entry;

MUST_USE bool pull_imap(const struct pull *pull, struct pull_line *line, struct pull_result *result,
                        struct err *err);
MUST_USE bool pull_pop3(const struct pull *pull, struct pull_result *result, struct err *err);
void pull_trouble(const struct pull *pull, struct pull_result *result, const struct err *why);

/* False, with a sentence, where the account's mail is handed over instead (`deliver`). */
MUST_USE bool pull_has_maildir(const struct pull *pull, struct err *err);

/* The memory of a folder, by its name on the server. */
MUST_USE bool pull_memory(const struct pull *pull, const char *wire, bool look_only, struct seen **seen_r,
                          struct err *err);

/* What its last line says, where that is enough (seen_glance) and `path`, where its mail goes, is in order. */
struct seen_glance;
bool pull_glance(const struct pull *pull, const char *wire, const char *path, struct seen_glance *glance_r);

/* Is there no memory of this folder yet? */
bool pull_is_first(const struct pull *pull, const char *wire);

/* What is held while one folder is worked on. */
struct pull_folder {
    const char *name; /* as shown */
    struct seen *seen;
    struct maildir *box; /* NULL in a dry run, and where mail is handed over */
    struct sink *sink;   /* likewise where it is not */
    char *received;      /* the line that is added, or NULL */
    struct batch *batch; /* likewise */
};
/* Opens memory and maildir, and tidies up after a crash. */
MUST_USE bool pull_folder_open(const struct pull *pull, const char *wire, const char *name, const char *path,
                               struct pull_folder *f_r, struct err *err);
/* Adds what was fetched to the result. */
void pull_folder_close(struct pull_folder *f, struct pull_result *result);
/* Where host or login have changed and what the server holds does not match the memory. Always false. */
bool pull_is_another(const struct pull_folder *f, const struct pull *pull, struct err *err);
/* May this placed message be deleted or moved on the server now, by `keep` and `move_to`? */
bool pull_is_due(const struct pull *pull, const struct seen_entry *entry);

#endif
