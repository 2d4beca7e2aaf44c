/* group - the messages of one account, as a standing runner knows them: each is opened once to see whose it is, and not
 * again each time it looks at the queue. A message that came in without an account is of the group that has none. */
#ifndef TAPPAL_QUEUE_GROUP_H
#define TAPPAL_QUEUE_GROUP_H

#include <sys/types.h>

#include "spool/store.h"

struct group {
    char *config_dir, *account; /* as the envelope has them; NULL: none */
    pid_t child;                /* that sends its messages; 0: none */
    int64_t began;              /* when the last child did */
    int64_t looked;             /* when a child was last to open all of them */
    bool due;                   /* there is something to do */
    bool woken;                 /* and there may be a network again */
};

struct known {
    char id[STORE_ID_LEN + 1];
    struct group *group;
    int64_t due; /* at the last look */
    bool given;  /* to a child: it was there when that began */
};

struct groups {
    struct group **items;
    size_t count;
    struct known *known; /* by id */
    size_t known_count;
};

void groups_free(struct groups *g);
/* Knows those that are there now, and forgets the others. items: as store_list gives them. A message that cannot be read
 * is of the group without account, whose child says so. */
MUST_USE bool groups_learn(struct groups *g, struct store *store, const struct store_item *items,
                           size_t count, struct err *err);
/* What is known, or what a look says; NULL: no message, or one of a group that is not known yet. */
const struct group *groups_find(const struct groups *g, struct store *store, const char *id);

#endif
