/* maildir - one maildir folder: tmp/, new/, cur/, made 0700 where missing, held by folder fds.
 * Maildir++ and nested names are the caller's business (fetch/folders); here a path is a path. */
#ifndef TAPPAL_BOX_MAILDIR_H
#define TAPPAL_BOX_MAILDIR_H

#include "base/str.h"
#include "box/sink.h"

#define MAILDIR_NAME_MAX 200 /* of a base name: ":2," and flags must still fit behind it */

struct maildir;

/* Opens, and makes durably where missing. Errors call it by its path. */
MUST_USE bool maildir_open(const char *path, struct maildir **m_r, struct err *err);
struct sink *maildir_sink(struct maildir *m); /* owned by the maildir */
void maildir_close(struct maildir **m);

/* For box/maildir_files: the folder's path, and its parts as open folders. */
const char *maildir_path(const struct maildir *m);
int maildir_new(const struct maildir *m);
int maildir_cur(const struct maildir *m);

/* What is there under this base name (the part before ":2,")? Looks in tmp/, new/ and cur/. */
enum maildir_found { MAILDIR_NOWHERE, MAILDIR_IN_TMP, MAILDIR_PLACED, MAILDIR_ERROR };
enum maildir_found maildir_look(struct maildir *m, const char *name, struct err *err);
/* Moves tmp/NAME to its place (after a crash between intent and rename) and fsyncs the folder. */
MUST_USE bool maildir_finish(struct maildir *m, const char *name, const char *flags, struct err *err);
/* The path under which tmp/NAME will stand, or stands. */
MUST_USE bool maildir_where(const struct maildir *m, const char *name, const char *flags, struct str *path,
                            struct err *err);
MUST_USE bool maildir_remove_tmp(struct maildir *m, const char *name, struct err *err);
/* Removes our own left-over files in tmp/ (names that contain `mark`). Under the account's lock only. */
MUST_USE bool maildir_clean_tmp(struct maildir *m, const char *mark, struct err *err);

/* What is in a file: so many octets, with such a beginning of their SHA-256. */
struct maildir_bytes {
    uint64_t size;
    const unsigned char *hash;
    size_t hash_bytes;
};
/* Removes files in new/ and cur/ whose name contains `part`, and that have these bytes. */
MUST_USE bool maildir_remove_copies(struct maildir *m, const char *part, const struct maildir_bytes *bytes,
                                    struct err *err);

/* Instead of sink_begin to sink_end, where the message is in a file already: in tmp/ as a hard link of it, or as a copy
 * where the file system has no links. *done_r false: there is no such file, or it has other bytes. */
MUST_USE bool maildir_link(struct maildir *m, const char *path, const struct sink_message *message,
                           const struct maildir_bytes *bytes, bool *done_r, struct err *err);

/* A whole small message at once (a report of ours): unique name, durable, in new/. CRLF becomes LF. */
MUST_USE bool maildir_deliver(const char *path, const void *bytes, size_t n, struct err *err);

#endif
