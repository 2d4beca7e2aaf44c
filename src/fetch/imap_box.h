/* imap_box - one folder of an IMAP account: what is new, fetching it, deleting what may be deleted. */
#ifndef TAPPAL_FETCH_IMAP_BOX_H
#define TAPPAL_FETCH_IMAP_BOX_H

#include "client/imap.h"
#include "fetch/folders.h"
#include "fetch/pull.h"

#define IMAP_BOX_WANTED_MAX 5000000 /* new messages of one folder */
#define IMAP_BOX_WINDOW 2           /* FETCH commands under way, each for a set of messages */
#define IMAP_BOX_SET_MESSAGES 64
#define IMAP_BOX_SET_OCTETS (8u << 20)
#define IMAP_BOX_STRAYS_MAX 1000    /* messages without a name, or that nobody asked for */
#define IMAP_BOX_SEARCH_MAX 5000    /* UIDs that a SEARCH answer of one line can be asked for */

/* A message that is to be fetched. */
struct wanted {
    uint32_t uid;
    bool got;
    uint64_t size; /* as listed; 0: not known */
};

struct imap_job {
    const struct pull *pull;
    struct pull_result *result;
    struct imap *imap;
    struct pull_folder f;
    uint32_t first;        /* what is below it is settled */
    const char *target;    /* a folder that messages are moved to instead of deleted; NULL: none */
    struct uidset *only;   /* NULL: whatever is new */
    struct wanted *wanted; /* by UID */
    size_t count, cap, done, strays;
    struct uidset fresh; /* placed in this session, under this UIDVALIDITY */
    bool lost;           /* commands are under way that nobody waits for: the session must end */
    bool reading;        /* a message is being taken */
    char refusal[400];   /* why the server did not hand a message out, in its words */
};

/* False with imap_usable(): only this folder failed. */
MUST_USE bool imap_box_pull(const struct pull *pull, struct pull_result *result, struct imap *imap,
                            const struct folder *folder, const char *target, bool *lost_r, struct err *err);

/* Does the configuration leave some messages out? */
bool imap_box_is_filtered(const struct fetch_conf *conf);

/* -- the steps (imap_list.c, imap_fetch.c, imap_delete.c) -- */
MUST_USE bool imap_box_list(struct imap_job *job, struct err *err);
/* *missing_r: the lowest UID that is there, but was not handed out; 0: none. */
MUST_USE bool imap_box_fetch(struct imap_job *job, uint32_t *missing_r, struct err *err);
/* Host or login have changed: do messages that we know have the same size and date there? */
MUST_USE bool imap_box_is_same(struct imap_job *job, bool *same_r, struct err *err);
bool imap_box_has_due(const struct imap_job *job);
MUST_USE bool imap_box_delete(struct imap_job *job, struct err *err);
MUST_USE bool imap_box_mark_seen(struct imap_job *job, struct err *err); /* what came in this session */
/* Which of these UIDs are there? */
MUST_USE bool imap_box_search(struct imap_job *job, const struct uidset *set, struct uidset *found,
                              struct err *err);

#endif
