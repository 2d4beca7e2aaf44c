/* status_fetch - what `tappal status` tells of an account's fetching. */
#ifndef TAPPAL_CMD_STATUS_FETCH_H
#define TAPPAL_CMD_STATUS_FETCH_H

#include "base/json_out.h"
#include "conf/place.h"
#include "fetch/fetched.h"
#include "fetch/trouble.h"

/* A message in quarantine, all of it fit to be shown. */
struct aside {
    char *folder, *uid, *why;
    uint32_t tries;
    int64_t since, next;
};
struct fetch_status {
    bool on;      /* the account fetches */
    bool running; /* a run is at work on it */
    struct aside *items;
    size_t count;
    struct trouble trouble; /* of the last run */
    struct fetched fetched;
    int64_t
        offline; /* since when there has been no network, where that is not told as trouble yet; 0: there is */
};

MUST_USE bool fetch_status_load(const struct place *place, const struct account *account,
                                struct fetch_status *status_r, struct err *err);
void fetch_status_free(struct fetch_status *status);
void fetch_status_say(const char *account, const struct fetch_status *status);
MUST_USE bool fetch_status_json(struct json_out *j, const struct fetch_status *status, struct err *err);

#endif
