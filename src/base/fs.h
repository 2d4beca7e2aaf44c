/* fs - files that are durable or absent, nothing between.
 *
 * All fds are O_CLOEXEC. Every step that matters for durability goes through these functions, and
 * each of them first passes fs_step(), by which a test can make the n-th step fail, or be the last
 * thing the program does:
 *   TAPPAL_TEST_STEP=stop:N[:PROGRAM]          SIGKILL to oneself instead of step N (1 is the first)
 *   TAPPAL_TEST_STEP=fail:N:ERRNAME[:PROGRAM]  step N fails with EIO, ENOSPC, EDQUOT, EACCES or EROFS
 *   TAPPAL_TEST_STEP=short:N[:PROGRAM]         write N stores half its bytes, then SIGKILL
 *   TAPPAL_TEST_STEP_LOG=FILE                  appends "N name program" for each step
 * PROGRAM is the basename of the program meant. Not read when called as sendmail, mailq, newaliases. */
#ifndef TAPPAL_BASE_FS_H
#define TAPPAL_BASE_FS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

void fs_read_test_hook(const char *program); /* by main(), once */
/* Counts the step; 0 to go on, or the errno that the step must fail with. */
int fs_step(const char *name);

/* Creates `name` exclusively, O_NOFOLLOW, in the folder dirfd (AT_FDCWD for a path). -1 on failure. */
int fs_create(int dirfd, const char *name, mode_t mode, struct err *err);
/* A file that never has a name, or, where the file system knows no such thing, not for long; -1 on failure. */
int fs_create_unnamed(int dirfd, struct err *err);
MUST_USE bool fs_write_all(int fd, const void *bytes, size_t n, const char *shown, struct err *err);
MUST_USE bool fs_sync(int fd, const char *shown, struct err *err);     /* fsync */
MUST_USE bool fs_datasync(int fd, const char *shown, struct err *err); /* fdatasync */
MUST_USE bool fs_sync_dir(int dirfd, const char *shown, struct err *err);
/* syncfs, for many files at once, names and all. Only where the system reports by it what could not be written (Linux
 * 5.8, certain file systems), and on an fd that was open before the first write: a later one would not hear of it. */
bool fs_may_syncfs(int fd);
MUST_USE bool fs_syncfs(int fd, const char *shown, struct err *err);
/* An O_TMPFILE fd gets its name; fails with sys EEXIST if the name is taken. */
MUST_USE bool fs_link_fd(int fd, int dirfd, const char *name, struct err *err);
MUST_USE bool fs_link(int fromdir, const char *from, int todir, const char *to, struct err *err);
MUST_USE bool fs_rename(int fromdir, const char *from, int todir, const char *to, struct err *err);
MUST_USE bool fs_rename_new(int fromdir, const char *from, int todir, const char *to, struct err *err); /* never replaces */
MUST_USE bool fs_unlink(int dirfd, const char *name, struct err *err); /* a missing file is success */
MUST_USE bool fs_truncate(int fd, off_t size, const char *shown, struct err *err);

/* mkdir -p with mode 0700; each new folder's parent is fsynced, up to the first that existed. */
MUST_USE bool fs_make_dirs(const char *path, struct err *err);
int fs_open_dir(const char *path, struct err *err); /* O_DIRECTORY; -1 on failure */

/* Replaces the whole file: temporary name, write, fsync, rename, fsync of the folder. */
MUST_USE bool fs_replace(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err);
/* The same, but fails with sys EEXIST where the file is there already. */
MUST_USE bool fs_write_new(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err);

/* The whole of a file into `out`, whose maximum is the limit. */
MUST_USE bool fs_read_all(int fd, struct str *out, const char *shown, struct err *err);
/* The same by its name; a FIFO or a device, which might never end, is ERR_DATA. */
MUST_USE bool fs_read_file(const char *path, struct str *out, struct err *err);

/* flock. exclusive; held until the fd is closed. 1 got it, 0 another holds it, -1 error. */
int fs_try_lock(int fd, struct err *err);
MUST_USE bool fs_lock_wait(int fd, int64_t deadline_ms, struct err *err); /* clock_mono_ms */

/* err_errno for a file, "SHOWN could not be COULD_NOT", with the hint that errno deserves. False. */
bool fs_fail(struct err *err, const char *shown, const char *could_not);

/* "DIR/NAME" */
MUST_USE bool fs_join(struct str *out, const char *dir, const char *name, struct err *err);

#endif
