/* queue_desk - what the commands of `tappal queue` share: the queue, failed/ beside it, and the accounts that messages
 * are of. */
#ifndef TAPPAL_CMD_QUEUE_DESK_H
#define TAPPAL_CMD_QUEUE_DESK_H

#include "cmd/queue_list.h"
#include "queue/line.h"

struct queue_desk {
    struct place place;
    struct store store, failed;
    struct lines lines; /* nothing is sent over them: for accounts and breakers */
    struct queue_reason reason;
    const char *account; /* --account, or NULL */
    bool json, watch;
};

MUST_USE bool queue_desk_open(const char *config, struct queue_desk *desk, struct err *err);
void queue_desk_close(struct queue_desk *desk);
/* Something is due now: wakes the standing runner, or starts one. */
MUST_USE bool queue_desk_wake(struct queue_desk *desk, struct err *err);
/* There is something to do about this very message, whether its account fails or not: starts one for it, beside others. */
MUST_USE bool queue_desk_serve(struct queue_desk *desk, const char *id, struct err *err);

/* A message is in one of two places. */
struct queue_found {
    char id[STORE_ID_LEN + 1];
    struct store *store;
    bool failed;
};
typedef bool queue_act(struct queue_desk *desk, const struct queue_found *f, struct err *err);
queue_act queue_act_hold, queue_act_release, queue_act_retry, queue_act_remove, queue_act_bounce;
queue_act queue_explain;

/* All of it as one JSON array, one line. */
MUST_USE bool queue_json(struct queue_desk *desk, struct err *err);

/* The sentence for a message that left while it was looked at. */
bool queue_no_longer(const char *id, struct err *err);

#endif
