/* imap_team - the first pull of an account over several sessions (`connections`).
 *
 * Each further session is a process of its own. All of them take whole folders from one list, the INBOX first, then by
 * the number of messages they have had: so each folder's memory has one writer, as ever, and no order of steps changes. The
 * account's lock is inherited, hence free only when the last of them has ended. What a process leaves undone, because
 * it died or its session ended, the first session does. */
#ifndef TAPPAL_FETCH_IMAP_TEAM_H
#define TAPPAL_FETCH_IMAP_TEAM_H

#include "client/imap.h"
#include "fetch/folders.h"
#include "fetch/pull.h"

struct imap_team {
    const struct pull *pull;
    struct pull_result *result;
    /* Fetches one folder; false: the session is of no more use, or this machine. */
    bool (*take)(void *arg, const struct folder *folder, struct imap *imap, struct err *err);
    void *arg;
    const struct folder **list; /* those that were never fetched */
    size_t count;
    struct imap_team_board *board; /* what the processes share */
    size_t self;                   /* 0: the first session */
};

/* Which folders, of these? False: there is no need for more than one session, or none may be. */
bool imap_team_gather(struct imap_team *team, const struct folders *folders, const struct imap *imap);
/* Fetches them, and forgets which. A server that lets in fewer sessions than the account wants is told of. */
MUST_USE bool imap_team_work(struct imap_team *team, struct imap *imap, struct err *err);
/* Of all sessions, where this one has come so far. */
uint64_t imap_team_octets(const struct imap_team *team, uint64_t mine);

#endif
