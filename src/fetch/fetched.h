/* fetched - when an account was last fetched without trouble, and when new mail last came, for `tappal status`. Kept in
 * STATE/fetch/NAME-HASH/fetched (doc/INTERNALS), written in place and never synced: a run that has nothing to do must not
 * wait for the disk. After a crash an older time stands there, or none. The account's lock need not be held. */
#ifndef TAPPAL_FETCH_FETCHED_H
#define TAPPAL_FETCH_FETCHED_H

#include <stdbool.h>
#include <stdint.h>

struct fetched {
    int64_t when;      /* a run that had no trouble; 0: none is known of */
    int64_t mail_when; /* a run that brought new mail; 0: likewise */
    uint64_t messages; /* of that run */
};

/* What cannot be read is nothing. */
void fetched_recall(const char *state_dir, struct fetched *fetched_r);
/* A run has ended; what cannot be written stays as it was. */
void fetched_note(const char *state_dir, int64_t now, bool well, uint64_t messages);

#endif
