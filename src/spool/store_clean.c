/* store_clean - sweeping up behind killed programs. Nothing is touched that somebody may still be at:
 * it must be unlocked and old. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "spool/store_name.h"

/* A writer's lock is gone with the writer, but a network file system may not show it to us, and a
 * message may take hours to come in. */
#define TMP_OLD_SECONDS (36 * 3600)
/* A journal without its message is so for a moment in every removal and every move. */
#define JOURNAL_OLD_SECONDS 60

static bool older_than(int64_t then, int64_t seconds)
{
    return then + seconds < clock_now();
}

/* A file in tmp/: its writer was killed before it had a name in msg/. */
static bool clean_file(struct store *store, const char *name, struct err *err)
{
    struct stat st;
    int fd = openat(store->tmp, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return true;
    bool ok = true;
    if (fstat(fd, &st) == 0 && older_than(st.st_mtime, TMP_OLD_SECONDS)) {
        int got = fs_try_lock(fd, err);
        ok = got == 0 || (got > 0 && fs_unlink(store->tmp, name, err));
    }
    close(fd);
    return ok;
}

static bool exists(int dirfd, const char *name)
{
    return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The message was moved to `folder` and its mover killed before the journal followed. Locked: he is still at
 * it. */
static bool follow_message(struct store *store, const char *folder, const char *id, const char *journal,
                           bool *followed_r, struct err *err)
{
    int dir = openat(store->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = dir >= 0 ? openat(dir, id, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    bool ok = true;
    *followed_r = fd >= 0;
    if (fd >= 0) {
        int got = fs_try_lock(fd, err);
        ok = got >= 0;
        if (got > 0 && store_is_same(fd, dir, id) && exists(store->msg, journal))
            ok = fs_rename(store->msg, journal, dir, journal, err) && fs_sync_dir(dir, store->path, err);
        close(fd);
    }
    if (dir >= 0)
        close(dir);
    return ok;
}

/* A journal in msg/ without its message: the last step of a removal or of a move is missing. */
static bool clean_journal(struct store *store, const char *journal, struct err *err)
{
    static const char *const folders[] = {"failed", "aside"};
    char id[STORE_ID_LEN + 1] = "";
    struct stat st;
    memcpy(id, journal, STORE_ID_LEN);
    if (exists(store->msg, id) || fstatat(store->msg, journal, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !older_than(st.st_ctime, JOURNAL_OLD_SECONDS))
        return true;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        bool followed;
        if (!follow_message(store, folders[i], id, journal, &followed, err))
            return false;
        if (followed)
            return true;
    }
    return exists(store->msg, id) || fs_unlink(store->msg, journal, err);
}

static bool clean_folder(struct store *store, int dirfd,
                         bool (*clean)(struct store *, const char *, struct err *), bool journals,
                         struct err *err)
{
    char(*names)[STORE_JOURNAL_NAME];
    size_t count;
    if (!store_names(dirfd, &names, &count, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        if (store_is_id(names[i]) != journals)
            ok = clean(store, names[i], err);
    free(names);
    return ok;
}

bool store_clean_tmp(struct store *store, struct err *err)
{
    return clean_folder(store, store->tmp, clean_file, false, err) &&
           clean_folder(store, store->msg, clean_journal, true, err);
}
