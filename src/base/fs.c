/* fs - see fs.h. Here are the single steps; whole files are in fs_file.c, the test hook in
 * fs_step.c. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs_step.h"
#include "base/proc.h"
#include "base/text.h"

/* fs_fail - the sentence for errno, and what can be done about it */
bool fs_fail(struct err *err, const char *shown, const char *could_not)
{
    err_errno(err, ERR_LOCAL, "%s could not be %s", shown, could_not);
    switch (err->sys) {
    case ENOSPC:
        return err_hint(err, "The disk is full: free some space there, then try again.");
    case EDQUOT:
        return err_hint(err, "Your quota on that file system is used up: remove something, then try again.");
    case EROFS:
        return err_hint(err, "That file system is mounted read-only.");
    case EACCES:
    case EPERM:
        return err_hint(err, "Look at the owner and the mode of it and of the folders above it (ls -ld).");
    default:
        return false;
    }
}

/* passes - counts the step; false with errno set where a test wants it to fail */
static bool passes(const char *step)
{
    int wanted = fs_step(step);
    errno = wanted;
    return wanted == 0;
}

int fs_create(int dirfd, const char *name, mode_t mode, struct err *err)
{
    int fd =
        passes("create") ? openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode) : -1;
    if (fd < 0)
        fs_fail(err, name, "created");
    return fd;
}

static int create_and_unlink(int dirfd, struct err *err)
{
    unsigned char random[8];
    char name[32] = ".unnamed.";
    if (!proc_random(random, sizeof random, err))
        return -1;
    text_hex(random, sizeof random, name + strlen(name));
    int fd = fs_create(dirfd, name, 0600, err);
    if (fd >= 0 && !fs_unlink(dirfd, name, err)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int fs_create_unnamed(int dirfd, struct err *err)
{
#ifdef O_TMPFILE
    int fd = passes("create") ? openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        return create_and_unlink(dirfd, err);
    if (fd < 0)
        fs_fail(err, "A file without a name", "created");
    return fd;
#else
    return create_and_unlink(dirfd, err);
#endif
}

bool fs_write_all(int fd, const void *bytes, size_t n, const char *shown, struct err *err)
{
    const char *at = bytes;
    size_t keep = fs_step_short(n);
    if (keep == n && !passes("write"))
        return fs_fail(err, shown, "written");
    for (size_t left = keep; left > 0;) {
        ssize_t done = write(fd, at, left);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fs_fail(err, shown, "written");
        at += done;
        left -= (size_t)done;
    }
    if (keep != n)
        raise(SIGKILL);
    return true;
}

bool fs_sync(int fd, const char *shown, struct err *err)
{
    return (passes("fsync") && fsync(fd) == 0) || fs_fail(err, shown, "written to disk");
}

bool fs_datasync(int fd, const char *shown, struct err *err)
{
    return (passes("fdatasync") && fdatasync(fd) == 0) || fs_fail(err, shown, "written to disk");
}

bool fs_sync_dir(int dirfd, const char *shown, struct err *err)
{
    /* some file systems have no fsync for folders: EINVAL; their rename is as durable as it gets */
    return (passes("syncdir") && (fsync(dirfd) == 0 || errno == EINVAL)) ||
           fs_fail(err, shown, "written to disk");
}

bool fs_link_fd(int fd, int dirfd, const char *name, struct err *err)
{
    char from[40];
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    if (!passes("link"))
        return fs_fail(err, name, "created");
    if (linkat(AT_FDCWD, from, dirfd, name, AT_SYMLINK_FOLLOW) == 0)
        return true;
    /* no /proc: this way needs a capability, or Linux 6.10 */
    if (errno == ENOENT && linkat(fd, "", dirfd, name, AT_EMPTY_PATH) == 0)
        return true;
    return fs_fail(err, name, "created");
}

bool fs_link(int fromdir, const char *from, int todir, const char *to, struct err *err)
{
    return (passes("link") && linkat(fromdir, from, todir, to, 0) == 0) || fs_fail(err, to, "created");
}

bool fs_rename(int fromdir, const char *from, int todir, const char *to, struct err *err)
{
    return (passes("rename") && renameat(fromdir, from, todir, to) == 0) || fs_fail(err, to, "put in place");
}

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

bool fs_rename_new(int fromdir, const char *from, int todir, const char *to, struct err *err)
{
    if (!passes("rename"))
        return fs_fail(err, to, "put in place");
    if (syscall(SYS_renameat2, fromdir, from, todir, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return fs_fail(err, to, "put in place");
    /* a file system without it: two steps, and a stop between them leaves both names */
    if (linkat(fromdir, from, todir, to, 0) != 0)
        return fs_fail(err, to, "put in place");
    return unlinkat(fromdir, from, 0) == 0 || fs_fail(err, from, "removed");
}

bool fs_unlink(int dirfd, const char *name, struct err *err)
{
    return (passes("unlink") && (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)) ||
           fs_fail(err, name, "removed");
}

bool fs_truncate(int fd, off_t size, const char *shown, struct err *err)
{
    return (passes("truncate") && ftruncate(fd, size) == 0) || fs_fail(err, shown, "cut to its sound length");
}

int fs_open_dir(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fs_fail(err, path, "opened");
    return fd;
}

int fs_try_lock(int fd, struct err *err)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return 0;
        if (errno != EINTR) {
            err_errno(err, ERR_LOCAL, "A file could not be locked");
            return -1;
        }
    }
    return 1;
}

#define LOCK_NAP_MS 20 /* flock has no time limit of its own */

bool fs_lock_wait(int fd, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        int got = fs_try_lock(fd, err);
        if (got != 0)
            return got > 0;
        if (clock_mono_ms() >= deadline_ms) {
            err_set(err, ERR_LOCAL, "Another program holds a file that is needed here.");
            err->sys = EWOULDBLOCK;
            return err_hint(err, "Wait until it is done, then try again.");
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_NAP_MS * 1000000L}, NULL);
    }
}
