/* visit - what `tappal verify` and `tappal adopt` begin and end with: the account, its lock, a session's options. */
#ifndef TAPPAL_CMD_VISIT_H
#define TAPPAL_CMD_VISIT_H

#include "conf/place.h"
#include "fetch/pull.h"

struct visit {
    struct place place;
    struct config config;
    const struct account *account;
    struct str state;
    struct pull pull;      /* its callbacks tell the person */
    enum err_kind trouble; /* the first that was told; ERR_NONE: none */
    int lock;
    bool placed, configured;
};

/* name NULL: the only account that fetches. look_only: nothing is made or written. Another tappal-fetch at work on the
 * account is an error. To be ended also after a failure. */
MUST_USE bool visit_begin(const char *config, const char *name, bool look_only, struct visit *v_r,
                          struct err *err);
void visit_end(struct visit *v);

#endif
