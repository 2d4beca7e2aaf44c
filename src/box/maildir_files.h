/* maildir_files - the messages that are in a maildir, whose names readers change as they like: a flag set is a
 * renaming (https://cr.yp.to/proto/maildir.html). Whatever is done here, a file that is not found under its name
 * any more has been renamed meanwhile: that is no error, and is told by *there_r. */
#ifndef TAPPAL_BOX_MAILDIR_FILES_H
#define TAPPAL_BOX_MAILDIR_FILES_H

#include "box/maildir.h"
#include "mail/flags.h"

#define MAILDIR_FILE_MAX 255

struct maildir_file {
    char name[MAILDIR_FILE_MAX + 1];
    bool fresh;    /* in new/: no reader has seen it */
    size_t base;   /* length of the name before ":2," */
    uint8_t flags; /* the letters behind it */
};

/* Every file of new/ and cur/, in no order; a false return of `each` ends it with `err`. */
typedef bool maildir_each(void *arg, const struct maildir_file *file, struct err *err);
MUST_USE bool maildir_files(struct maildir *m, maildir_each *each, void *arg, struct err *err);
/* The same name with these flags, and the letters that are no flags of ours as they were; from new/ to cur/. */
MUST_USE bool maildir_set_flags(struct maildir *m, const struct maildir_file *file, uint8_t flags,
                                bool *there_r, struct err *err);
MUST_USE bool maildir_remove(struct maildir *m, const struct maildir_file *file, bool *there_r,
                             struct err *err);
/* What was renamed and removed stays so. */
MUST_USE bool maildir_sync(struct maildir *m, struct err *err);

/* A file beside cur/, new/ and tmp/ by which a folder is known again: is it there; make it; remove it. */
MUST_USE bool maildir_has_badge(struct maildir *m, const char *name, bool *has_r, struct err *err);
MUST_USE bool maildir_put_badge(struct maildir *m, const char *name, struct err *err);
MUST_USE bool maildir_take_badge(struct maildir *m, const char *name, struct err *err);

#endif
