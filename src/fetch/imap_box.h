/* imap_box - one folder of an IMAP account: what is new, fetching it, deleting what may be deleted. */
#ifndef TAPPAL_FETCH_IMAP_BOX_H
#define TAPPAL_FETCH_IMAP_BOX_H

#include "client/imap.h"
#include "fetch/folders.h"
#include "fetch/imap_pace.h"
#include "fetch/pull.h"
#include "fetch/seen.h"

#define IMAP_BOX_WANTED_MAX 5000000 /* new messages of one folder */
#define IMAP_BOX_SET_MESSAGES 64
#define IMAP_BOX_SET_OCTETS (8u << 20)
#define IMAP_BOX_CALM_MESSAGES 8 /* in one command, one at a time, where the server has limited us of late */
#define IMAP_BOX_STRAYS_MAX 1000 /* messages without a name, or that nobody asked for */
#define IMAP_BOX_SEARCH_MAX 5000 /* UIDs that a SEARCH answer of one line can be asked for */

/* A message that is to be fetched. */
struct wanted {
    uint32_t uid;
    bool got;
    bool alone;    /* not in one command with others: it has been trouble before */
    bool stub;     /* too large: only its header */
    uint64_t size; /* as listed; 0: not known */
};

/* Commands that were sent before it was known whether they are of use; 0: not sent, or answered. */
struct imap_lead {
    unsigned select, list, search, bodies;
};

/* A new message that another folder has already. */
struct known {
    uint32_t uid;
    bool fresh; /* none has it: only noted in a dry run, for the folders that come behind */
    uint8_t flags;
    uint64_t size; /* as listed */
    int64_t date;
    unsigned char id[SEEN_MARK_BYTES];
};

struct imap_sync;

struct imap_job {
    const struct pull *pull;
    struct pull_result *result;
    struct imap *imap;
    const struct folder *folder;
    struct pull_folder f;
    struct seen_glance was; /* the memory, as the job began */
    bool glanced;           /* nothing more is read of it as yet, and no maildir open: f.seen is NULL */
    struct imap_lead lead;
    struct imap_sync *sync;    /* flags and deletions; NULL: not wanted */
    bool leading;              /* messages that were asked for ahead may come while the list is read */
    bool due, deletes, writes; /* something is to be deleted that came earlier; or at all; or changed */
    bool empty;                /* nothing is there, under numbers that are not those of the memory */
    uint32_t first;            /* what is below it is settled */
    const char *target;        /* a folder that messages are moved to instead of deleted; NULL: none */
    struct uidset *only;       /* NULL: whatever is new */
    struct wanted *wanted;     /* by UID */
    size_t count, cap, done, strays;
    struct known *known; /* of those that are wanted */
    size_t known_count, known_cap;
    struct imap_pace pace;
    struct uidset fresh; /* placed in this session, under this UIDVALIDITY */
    bool lost;           /* commands are under way that nobody waits for: the session must end */
    bool reading;        /* a message is being taken */
    uint32_t at;         /* ... and its UID, where that came first; else 0 */
    char refusal[400];   /* why the server did not hand a message out, in its words */
};

/* Memory and maildir, or a glance at the memory, before anything is asked. `folder` and `target` must outlive the job. */
MUST_USE bool imap_box_open(const struct pull *pull, struct pull_result *result, const struct folder *folder,
                            const char *target, struct imap_job *job_r, struct err *err);
void imap_box_close(struct imap_job *job);
/* False with imap_usable() and not job->lost: only this folder failed. */
MUST_USE bool imap_box_work(struct imap_job *job, struct imap *imap, struct err *err);

/* Opens the folder on the server, asks what is new, and for the first new messages, in one flight (imap_lead.c):
 * before the answer to anything, even to the sign-in. */
bool imap_box_may_lead(const struct imap_job *job, const struct imap *imap);
MUST_USE bool imap_box_lead(struct imap_job *job, struct imap *imap, struct err *err);
bool imap_box_is_lead(const struct imap_job *job, uint32_t uid); /* was it asked for ahead? */
/* The answers are read over: the folder is not what was believed. */
MUST_USE bool imap_box_drop_lead(struct imap_job *job, struct err *err);

/* The folders that the account wants, as the server has them; what cannot be had is a trouble. */
MUST_USE bool pull_imap_folders(const struct pull *pull, struct pull_result *result, struct imap *imap,
                                struct folders *folders, struct err *err);

/* Are messages linked that other folders have? Only a server with lasting names can say which. */
bool imap_box_links(const struct imap_job *job);
/* What a list of new messages is to say of each: "UID RFC822.SIZE INTERNALDATE", and what linking needs. */
#define IMAP_BOX_ITEMS_SIZE 80
void imap_box_list_items(const struct imap_job *job, char out[IMAP_BOX_ITEMS_SIZE]);
/* A line of such a list, of a message that is wanted; and putting down the links. */
MUST_USE bool imap_box_note_known(struct imap_job *job, const struct imap_fetch *fetch, struct err *err);
MUST_USE bool imap_box_put_links(struct imap_job *job, struct err *err);
/* Of a dry run: what would be done. */
MUST_USE bool imap_box_report(struct imap_job *job, struct err *err);

/* Does the configuration leave some messages out? */
bool imap_box_is_filtered(const struct fetch_conf *conf);

/* -- the steps (imap_list.c, imap_fetch.c, imap_delete.c) -- */
MUST_USE bool imap_box_list(struct imap_job *job, struct err *err);
MUST_USE bool imap_box_send_list(struct imap_job *job, uint32_t last,
                                 struct err *err); /* SEARCH up to `last` */
/* The server's lasting name for a message: how to ask for it, with a blank before it, or ""; and its hash, if it came.
 */
const char *imap_box_mark_item(const struct imap *imap);
void imap_box_mark(const struct imap_fetch *fetch, unsigned char mark_r[SEEN_MARK_BYTES]);
/* "UID FETCH", for messages with all that is remembered of them. */
MUST_USE bool imap_box_send_bodies(struct imap_job *job, const struct uidset *set, unsigned *tag_r,
                                   struct err *err);
/* The same for their headers; and what comes of one of them. */
MUST_USE bool imap_box_send_headers(struct imap_job *job, const struct uidset *set, unsigned *tag_r,
                                    struct err *err);
MUST_USE bool imap_box_put_stub(struct imap_job *job, const struct imap_fetch *fetch, struct wanted *w,
                                struct err *err);
/* pull->only_uid, whole, into the open folder; its stub goes, if nobody has changed it. */
MUST_USE bool imap_box_pull_one(struct imap_job *job, struct err *err);
MUST_USE bool imap_box_add_wanted(struct imap_job *job, uint32_t uid, uint64_t size, struct err *err);
/* The numbers mean other messages now; `how` the server said so. The memory is given the new ones. */
MUST_USE bool imap_box_pair(struct imap_job *job, const char *how, struct err *err);
/* The entry of a message that was asked for ahead, made where the list has not named it yet; NULL: it is not to be
 * taken, or there is no memory. */
struct wanted *imap_box_want(struct imap_job *job, uint32_t uid, struct err *err);
/* The entry of a message that is still to come, once the list is whole; or NULL. And how far it is, to the watch. */
struct wanted *imap_box_wanted(const struct imap_job *job, uint32_t uid);
void imap_box_show_progress(const struct imap_job *job);
/* Events that take messages; imap_box_begin and its like have `job` as argument. */
MUST_USE bool imap_box_begin(void *arg, const struct imap_fetch *so_far, uint64_t size, bool *take_r,
                             struct err *err);
MUST_USE bool imap_box_data(void *arg, const char *bytes, size_t n, struct err *err);
MUST_USE bool imap_box_fetched(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err);
/* What is there and was not handed out is in quarantine afterwards. */
MUST_USE bool imap_box_fetch(struct imap_job *job, struct err *err);
/* The session ended while messages were coming: what is whole is kept, and what it ended over is under suspicion. */
void imap_box_rescue(struct imap_job *job, const struct err *why);
/* Host or login have changed: do messages that we know have the same size and date there? */
MUST_USE bool imap_box_is_same(struct imap_job *job, bool *same_r, struct err *err);
bool imap_box_has_due(const struct imap_job *job);
MUST_USE bool imap_box_delete(struct imap_job *job, struct err *err);
MUST_USE bool imap_box_mark_seen(struct imap_job *job, struct err *err); /* what came in this session */
/* Which of these UIDs are there? */
MUST_USE bool imap_box_search(struct imap_job *job, const struct uidset *set, struct uidset *found,
                              struct err *err);

#endif
