/* local - which of the messages that we know are in the folder's own maildir, and with which flags.
 *
 * A file is known by the numbers in its name (doc/INTERNALS 9), whatever flags its reader has put behind them. What
 * is in another folder, or under another name, was moved by the person and is not touched. */
#ifndef TAPPAL_FETCH_LOCAL_H
#define TAPPAL_FETCH_LOCAL_H

#include "box/maildir_files.h"
#include "fetch/pull.h"
#include "fetch/seen.h"

struct local_mark {
    bool here;
    bool missed; /* it was renamed while we looked */
    uint8_t flags;
};

struct local {
    const struct seen *seen;
    const char *mark;         /* within the names of our files */
    struct local_mark *marks; /* by seen_number */
    size_t count;
    struct local_alias {
        uint32_t validity, uid, number;
    } * aliases; /* of messages that had another number when their file was named; sorted */
    size_t alias_count;
};

/* Looks once. The memory's numbers must stay (seen_size) until local_close. */
MUST_USE bool local_open(const struct pull_folder *f, struct local *local_r, struct err *err);
void local_close(struct local *local);
/* TIME.MARK-VALIDITY-UID-RUN.tappal, as batch.c makes it; false: another name, or another mark. */
bool local_read_name(const char *name, const char *mark, uint32_t *validity_r, uint32_t *uid_r);
/* The message whose file has this name, or NULL. */
const struct seen_entry *local_entry(const struct local *local, const char *name);

#endif
