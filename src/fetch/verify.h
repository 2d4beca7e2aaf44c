/* verify - the server's list against the disk: is all that the server holds here, as it was fetched? Reads only. */
#ifndef TAPPAL_FETCH_VERIFY_H
#define TAPPAL_FETCH_VERIFY_H

#include "fetch/pull.h"

enum verify_finding {
    VERIFY_NEW,     /* on the server, never fetched */
    VERIFY_MISSING, /* on the server and fetched, but nowhere below the maildir */
    VERIFY_CHANGED, /* here, but no longer what was fetched */
    VERIFY_EXTRA,   /* here, but not on the server any more */
};
#define VERIFY_FINDINGS 4

struct verify_folder {
    const char *name;
    uint64_t listed, here,
        elsewhere; /* on the server; of these here and unchanged; known to another program only */
    uint64_t found[VERIFY_FINDINGS];
};

struct verify_watch {
    void *arg;
    /* uid: or a hash of the UIDL. path: below the maildir, where there is a file; size as the server says it. */
    bool (*finding)(void *arg, const char *folder, enum verify_finding what, const char *uid, uint64_t size,
                    const char *path, struct err *err);
    bool (*folder)(void *arg, const struct verify_folder *folder, struct err *err); /* behind its findings */
};

/* pull->dry_run must be set. */
MUST_USE bool verify_account(const struct pull *pull, const struct verify_watch *watch, struct err *err);

#endif
