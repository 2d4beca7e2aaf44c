/* quarantine - messages that could not be fetched or delivered, so that one of them never stops a folder.
 *
 * A record in the folder's memory (seen.h) with how often it was tried, when it is due again, and why: first after
 * ten minutes, at last once a day. The list of what is new leaves it out until then; what comes of a later try takes it out
 * again (a message that is placed needs no other word). Nothing in quarantine is deleted, moved or marked on the
 * server. `tappal status` lists it.
 *
 * Changes need the account's lock, and count once seen_sync has returned. */
#ifndef TAPPAL_FETCH_QUARANTINE_H
#define TAPPAL_FETCH_QUARANTINE_H

#include "base/str.h"
#include "fetch/seen.h"

#define QUARANTINE_MAX 100000  /* messages of one folder */
#define QUARANTINE_WHY_MAX 400 /* octets of a reason that are kept */

struct quarantined {
    struct seen_key key;
    uint32_t tries;
    int64_t since, next; /* next 0: under suspicion only */
    char *why;           /* a sentence, as an error's `what` */
};

/* A try has failed: in with it, or back for longer. ERR_LOCAL beyond QUARANTINE_MAX. */
MUST_USE bool quarantine_add(struct seen *seen, const struct seen_key *key, const char *why, struct err *err);
/* The session ended over it, perhaps: it is asked for again alone and last, and is in quarantine in earnest (`next` is
 * not 0) when that has happened three times. */
MUST_USE bool quarantine_suspect(struct seen *seen, const struct seen_key *key, const char *why,
                                 struct err *err);
/* It is not there any more, or a person wants it tried now. */
MUST_USE bool quarantine_end(struct seen *seen, const struct seen_key *key, struct err *err);

/* NULL: it is not in quarantine. */
const struct quarantined *quarantine_find(const struct seen *seen, const struct seen_key *key);
/* Is it in quarantine, and not to be tried yet? */
bool quarantine_holds(const struct seen *seen, const struct seen_key *key);
/* All of them by key: the one behind `at` (NULL: the first), or NULL. Not across changes. */
const struct quarantined *quarantine_each(const struct seen *seen, const struct quarantined *at);
size_t quarantine_count(const struct seen *seen); /* but for those under suspicion */
bool quarantine_has_due(const struct seen *seen);

/* Without the lock: all that an account has in quarantine, from the memories in its state folder. A memory that is damaged
 * or just being replaced is passed over; the fetching will tell. `called` is the folder's name for people, NULL in
 * memories that do not have it. */
typedef bool quarantine_seer(void *arg, const struct seen_owner *owner, const char *called,
                             const struct quarantined *q, struct err *err);
MUST_USE bool quarantine_look(const char *state_dir, quarantine_seer *each, void *arg, struct err *err);

#endif
