/* store - opening the queue, listing it, and the runner's role. Messages go in by store_write.c, come out
 * by store_take.c; store_clean.c sweeps up behind killed programs. */
#include "spool/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "spool/store_name.h"

#define PATH_LEN_MAX 4096
#define HELD_FROM INT32_MAX /* the year 9999 on a file system that counts no further */

/* -- names -- */

bool store_is_id(const char *name)
{
    return strlen(name) == STORE_ID_LEN && strspn(name, "0123456789abcdefghijklmnopqrstuv") == STORE_ID_LEN;
}

void store_journal_name(const char *id, char name[STORE_JOURNAL_NAME])
{
    memcpy(name, id, STORE_ID_LEN);
    memcpy(name + STORE_ID_LEN, ".j", sizeof ".j");
}

void store_set_due(int fd, int64_t due)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)due}};
    if (futimens(fd, times) != 0)
        return; /* the journal itself still knows */
}

/* -- opening -- */

/* A folder of the queue; made where it is missing, durably. -1 on failure. */
static int open_folder(const char *queue, const char *name, struct err *err)
{
    struct str path = STR_INIT(PATH_LEN_MAX);
    int fd = -1;
    if (fs_join(&path, queue, name, err)) {
        fd = open(path.buf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
            err_errno(err, ERR_LOCAL, "The queue folder %s could not be opened", path.buf);
        else if (fd < 0 && fs_make_dirs(path.buf, err))
            fd = fs_open_dir(path.buf, err);
    }
    str_free(&path);
    return fd;
}

int store_open_folder(struct store *store, const char *name, struct err *err)
{
    return open_folder(store->path, name, err);
}

bool store_open(const char *path, struct store *store_r, struct err *err)
{
    struct store store = {.path = strdup(path), .dir = -1, .msg = -1, .tmp = -1};
    if (!store.path)
        return err_nomem(err);
    bool ok = (store.msg = open_folder(path, "msg", err)) >= 0 &&
              (store.tmp = open_folder(path, "tmp", err)) >= 0 && (store.dir = fs_open_dir(path, err)) >= 0;
    if (ok)
        *store_r = store;
    else
        store_close(&store);
    return ok;
}

void store_close(struct store *store)
{
    int fds[] = {store->dir, store->msg, store->tmp};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(store->path);
    *store = (struct store){.dir = -1, .msg = -1, .tmp = -1};
}

/* -- listing -- */

struct listing {
    char (*names)[STORE_JOURNAL_NAME];
    size_t count, room;
};

static bool add_name(struct listing *list, const char *name, struct err *err)
{
    void *names = array_room(list->names, &list->room, list->count + 1, sizeof *list->names, err);
    if (!names)
        return false;
    list->names = names;
    memcpy(list->names[list->count++], name, strlen(name) + 1);
    return true;
}

static bool is_ours(const char *name)
{
    char id[STORE_ID_LEN + 1] = "";
    size_t n = strnlen(name, STORE_ID_LEN);
    memcpy(id, name, n);
    return store_is_id(id) && (name[n] == '\0' || strcmp(name + n, ".j") == 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool store_names(int dirfd, char (**names_r)[STORE_JOURNAL_NAME], size_t *count_r, struct err *err)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct listing list = {0};
    struct dirent *entry = NULL;
    bool ok = dir != NULL;
    while (ok && (errno = 0, entry = readdir(dir)))
        ok = !is_ours(entry->d_name) || add_name(&list, entry->d_name, err);
    if (!dir || (!entry && errno != 0))
        ok = err_errno(err, ERR_LOCAL, "A folder of the queue could not be read");
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    if (!ok) {
        free(list.names);
        return false;
    }
    if (list.count > 0)
        qsort(list.names, list.count, sizeof *list.names, by_name);
    *names_r = list.names;
    *count_r = list.count;
    return true;
}

static bool stat_message(struct store *store, struct store_item *item)
{
    struct stat st;
    if (fstatat(store->msg, item->id, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    item->size = (uint64_t)st.st_size;
    return true;
}

/* No try is put off for that long: who wrote this had a clock that has been set back since. */
static int64_t believe(int64_t due)
{
    return due > clock_now() + STORE_AHEAD_MAX && due < HELD_FROM ? 0 : due;
}

bool store_is_held(const struct store_item *item)
{
    return item->due >= HELD_FROM && item->due > clock_now() + STORE_AHEAD_MAX;
}

static void stat_journal(struct store *store, struct store_item *item)
{
    char journal[STORE_JOURNAL_NAME];
    struct stat st;
    store_journal_name(item->id, journal);
    if (fstatat(store->msg, journal, &st, AT_SYMLINK_NOFOLLOW) == 0)
        item->due = believe(st.st_mtime);
}

/* Sorted, a message's journal stands right behind it. What is gone meanwhile is left out, where sizes tell. */
static bool list(struct store *store, bool sizes, struct store_item **items_r, size_t *count_r,
                 struct err *err)
{
    char(*names)[STORE_JOURNAL_NAME];
    size_t n, count = 0;
    if (!store_names(store->msg, &names, &n, err))
        return false;
    struct store_item *items = calloc(n + 1, sizeof *items);
    for (size_t i = 0; items && i < n; i++) {
        struct store_item *item = &items[count];
        if (!store_is_id(names[i]))
            continue;
        *item = (struct store_item){.due = 0};
        memcpy(item->id, names[i], STORE_ID_LEN + 1);
        if (sizes && !stat_message(store, item))
            continue;
        if (i + 1 < n && text_starts(names[i + 1], names[i]))
            stat_journal(store, item);
        count++;
    }
    free(names);
    if (!items)
        return err_nomem(err);
    *items_r = items;
    *count_r = count;
    return true;
}

bool store_list(struct store *store, struct store_item **items_r, size_t *count_r, struct err *err)
{
    return list(store, true, items_r, count_r, err);
}

bool store_list_due(struct store *store, struct store_item **items_r, size_t *count_r, struct err *err)
{
    return list(store, false, items_r, count_r, err);
}

bool store_count(struct store *store, const char *folder, size_t *count_r, struct err *err)
{
    char(*names)[STORE_JOURNAL_NAME] = NULL;
    size_t n = 0;
    int fd = openat(store->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return err_errno(err, ERR_LOCAL, "The folder %s/%s could not be opened", store->path, folder);
    bool ok = fd < 0 || store_names(fd, &names, &n, err);
    if (fd >= 0)
        close(fd);
    if (!ok)
        return false;
    *count_r = 0;
    for (size_t i = 0; i < n; i++)
        *count_r += store_is_id(names[i]);
    free(names);
    return true;
}

/* -- who runs the queue: OFD locks on `role`, since those can be asked for without being taken -- */

enum { ROLE_BYTE, STAY_BYTE };

static struct flock lock_on(off_t byte)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

static int open_role(struct store *store)
{
    return openat(store->dir, "role", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int take_byte(struct store *store, off_t byte, struct err *err)
{
    struct flock lock = lock_on(byte);
    int fd = open_role(store);
    if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    if (fd >= 0 && (errno == EAGAIN || errno == EACCES))
        err->kind = ERR_NONE;
    else
        err_errno(err, ERR_LOCAL, "The file %s/role could not be locked", store->path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool is_byte_free(struct store *store, off_t byte)
{
    struct flock lock = lock_on(byte);
    int fd = openat(store->dir, "role", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    bool is_free = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
    close(fd);
    return is_free;
}

int store_take_role(struct store *store, struct err *err)
{
    return take_byte(store, ROLE_BYTE, err);
}

bool store_role_is_free(struct store *store)
{
    return is_byte_free(store, ROLE_BYTE);
}

int store_take_stay(struct store *store, struct err *err)
{
    return take_byte(store, STAY_BYTE, err);
}

bool store_is_stayed_at(struct store *store)
{
    return !is_byte_free(store, STAY_BYTE);
}

void store_wake(struct store *store)
{
    struct stat st;
    int fd = openat(store->dir, "wake", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return; /* nobody sleeps there */
    if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && write(fd, "", 1) < 0 && errno != EAGAIN)
        errno = 0; /* a runner that is just leaving scans once more */
    close(fd);
}

int store_open_wake(struct store *store, struct err *err)
{
    if (mkfifoat(store->dir, "wake", 0600) != 0 && errno != EEXIST) {
        err_errno(err, ERR_LOCAL, "The FIFO %s/wake could not be made", store->path);
        return -1;
    }
    /* for writing too, so that it never reads as ended */
    int fd = openat(store->dir, "wake", O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        err_errno(err, ERR_LOCAL, "The FIFO %s/wake could not be opened", store->path);
    return fd;
}

bool store_is_watched(struct store *store)
{
    struct stat st;
    int fd = openat(store->dir, "wake", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool watched = fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
    close(fd);
    return watched;
}
