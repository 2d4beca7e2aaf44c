/* maildir - see maildir.h and sink.h. Every step that matters for durability goes through base/fs, so that
 * a test can stop or fail it. */
#include "box/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/sum.h"
#include "base/text.h"
#include "box/textfile.h"

#define SYNCFS_LEAST 8 /* messages; below that, one fdatasync each disturbs other writers less */
#define FLAGS_MAX 26
#define BLOCK 8192

/* One message of the batch, in tmp/. */
struct item {
    char name[MAILDIR_NAME_MAX + 1];
    char flags[FLAGS_MAX + 1];
    int64_t mtime;
    int fd; /* -1 once it is settled */
};

struct maildir {
    struct sink sink;
    char *path;
    int tmp, new, cur;
    struct item *items;
    size_t count, cap;
    bool open;    /* items[count - 1] is being written */
    bool settled; /* all items are durable in tmp/ */
    struct textfile text;
};

static struct maildir *of(struct sink *sink)
{
    return (struct maildir *)(void *)sink; /* its first member */
}

static bool set_item(struct maildir *m, struct item *item, const struct sink_message *message,
                     struct err *err)
{
    size_t n = strlen(message->name), flags = strlen(message->flags);
    if (n == 0 || n > MAILDIR_NAME_MAX || message->name[0] == '.' || strpbrk(message->name, "/:") ||
        flags > FLAGS_MAX ||
        strspn(message->flags, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != flags)
        return err_set(err, ERR_INTERNAL, "A message cannot be called \"%s\" in %s.", message->name, m->path);
    memcpy(item->name, message->name, n + 1);
    memcpy(item->flags, message->flags, flags + 1);
    item->mtime = message->mtime;
    return true;
}

/* new_item - a place behind the last one; it counts once the caller has a file for it */
static struct item *new_item(struct maildir *m, const struct sink_message *message, struct err *err)
{
    if (m->open || m->settled) {
        err_set(err, ERR_INTERNAL, "A message was begun in %s before the last one was done.", m->path);
        return NULL;
    }
    struct item *items = array_room(m->items, &m->cap, m->count + 1, sizeof *items, err);
    if (!items)
        return NULL;
    m->items = items;
    struct item *item = &items[m->count];
    return set_item(m, item, message, err) ? item : NULL;
}

static bool begin(struct sink *sink, const struct sink_message *message, struct err *err)
{
    struct maildir *m = of(sink);
    struct item *item = new_item(m, message, err);
    if (!item)
        return false;
    item->fd = fs_create(m->tmp, item->name, 0600, err);
    if (item->fd < 0)
        return err_prefix(err, "%s/tmp: ", m->path);
    m->count++;
    m->open = true;
    textfile_begin(&m->text, item->fd, message->crlf, m->path);
    return true;
}

static bool write_some(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
    return textfile_write(&of(sink)->text, bytes, n, err);
}

static bool amend(struct sink *sink, const struct sink_message *message, struct err *err)
{
    struct maildir *m = of(sink);
    struct item *item = &m->items[m->count - 1], old = *item;
    if (!set_item(m, item, message, err))
        return false;
    if (strcmp(old.name, item->name) == 0 || fs_rename_new(m->tmp, old.name, m->tmp, item->name, err))
        return true;
    memcpy(item->name, old.name, sizeof item->name); /* so that abort finds it */
    return false;
}

static bool set_time(const struct maildir *m, const struct item *item, struct err *err)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = item->mtime}};
    return item->mtime == 0 || futimens(item->fd, times) == 0 ||
           err_errno(err, ERR_LOCAL, "The time of a message in %s cannot be set", m->path);
}

static bool end(struct sink *sink, uint64_t *size_r, unsigned char sha256_r[32], struct err *err)
{
    struct maildir *m = of(sink);
    struct item *item = &m->items[m->count - 1];
    if (!textfile_end(&m->text, sha256_r, err))
        return false;
    if (!set_time(m, item, err))
        return false;
    *size_r = m->text.size;
    m->open = false;
    return true;
}

static bool drop(struct sink *sink, struct err *err)
{
    struct maildir *m = of(sink);
    if (m->count == 0 || m->settled)
        return true;
    struct item *item = &m->items[--m->count];
    m->open = false;
    close(item->fd);
    return fs_unlink(m->tmp, item->name, err);
}

static bool sync_all(struct maildir *m, struct err *err)
{
    if (m->count < SYNCFS_LEAST || !fs_may_syncfs(m->tmp)) {
        for (size_t i = 0; i < m->count; i++)
            if (!fs_datasync(m->items[i].fd, m->path, err))
                return false;
        /* The names too: a message that is recorded but has no name would count as taken by somebody. */
        return fs_sync_dir(m->tmp, m->path, err);
    }
    /* m->tmp was opened before the batch's first write: an fd opened after an error would not hear of it. */
    return fs_syncfs(m->tmp, m->path, err);
}

static bool settle(struct sink *sink, struct err *err)
{
    struct maildir *m = of(sink);
    if (m->count > 0 && !sync_all(m, err))
        return false;
    for (size_t i = 0; i < m->count; i++) {
        close(m->items[i].fd);
        m->items[i].fd = -1;
    }
    m->settled = true;
    return true;
}

#define PLACED_NAME_SIZE (MAILDIR_NAME_MAX + FLAGS_MAX + 8)

/* place_of - the folder and name under which tmp/NAME is to stand: in new/, or with flags in cur/ */
static int place_of(const struct maildir *m, const char *name, const char *flags, char to[PLACED_NAME_SIZE])
{
    snprintf(to, PLACED_NAME_SIZE, "%s%s%s", name, *flags ? ":2," : "", flags);
    return *flags ? m->cur : m->new;
}

static bool place(struct sink *sink, struct err *err)
{
    struct maildir *m = of(sink);
    bool in_new = false, in_cur = false;
    for (size_t i = 0; i < m->count; i++) {
        char to[PLACED_NAME_SIZE];
        int dir = place_of(m, m->items[i].name, m->items[i].flags, to);
        if (!fs_rename_new(m->tmp, m->items[i].name, dir, to, err))
            return err_prefix(err, "%s: ", m->path);
        in_new = in_new || dir == m->new;
        in_cur = in_cur || dir == m->cur;
    }
    if ((in_new && !fs_sync_dir(m->new, m->path, err)) || (in_cur && !fs_sync_dir(m->cur, m->path, err)))
        return false;
    m->count = 0;
    m->settled = false;
    return true;
}

/* forget - lets go of the batch; files that are not settled go with it */
static void forget(struct sink *sink)
{
    struct maildir *m = of(sink);
    struct err ignored;
    for (size_t i = 0; i < m->count; i++) {
        if (m->items[i].fd < 0)
            continue;
        close(m->items[i].fd);
        if (!fs_unlink(m->tmp, m->items[i].name, &ignored))
            continue; /* left for maildir_clean_tmp */
    }
    m->count = 0;
    m->open = m->settled = false;
}

static void close_sink(struct sink *sink)
{
    struct maildir *m = of(sink);
    maildir_close(&m);
}

static const struct sink_ops maildir_ops = {
    .begin = begin,
    .write = write_some,
    .amend = amend,
    .end = end,
    .drop = drop,
    .settle = settle,
    .place = place,
    .abort = forget,
    .close = close_sink,
};

static int open_part(const char *path, const char *part, struct err *err)
{
    struct str full = STR_INIT(4096);
    int fd = -1;
    if (fs_join(&full, path, part, err) && fs_make_dirs(full.buf, err))
        fd = fs_open_dir(full.buf, err);
    str_free(&full);
    return fd;
}

bool maildir_open(const char *path, struct maildir **m_r, struct err *err)
{
    struct maildir *m = calloc(1, sizeof *m);
    if (!m)
        return err_nomem(err);
    m->sink.ops = &maildir_ops;
    m->tmp = m->new = m->cur = -1;
    m->path = strdup(path);
    if (!m->path) {
        maildir_close(&m);
        return err_nomem(err);
    }
    if ((m->tmp = open_part(path, "tmp", err)) < 0 || (m->new = open_part(path, "new", err)) < 0 ||
        (m->cur = open_part(path, "cur", err)) < 0) {
        maildir_close(&m);
        return false;
    }
    *m_r = m;
    return true;
}

struct sink *maildir_sink(struct maildir *m)
{
    return &m->sink;
}

const char *maildir_path(const struct maildir *m)
{
    return m->path;
}

int maildir_new(const struct maildir *m)
{
    return m->new;
}

int maildir_cur(const struct maildir *m)
{
    return m->cur;
}

void maildir_close(struct maildir **m_p)
{
    struct maildir *m = *m_p;
    *m_p = NULL;
    if (!m)
        return;
    forget(&m->sink);
    for (int i = 0, fds[] = {m->tmp, m->new, m->cur}; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(m->items);
    free(m->path);
    free(m);
}

/* scan - calls `each` for every name in the folder until it returns false */
static bool scan(struct maildir *m, int dir, bool (*each)(struct maildir *, const char *, void *), void *arg,
                 struct err *err)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a reading position of its own */
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        err_errno(err, ERR_LOCAL, "The folder %s cannot be read", m->path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(d)) && each(m, entry->d_name, arg))
        errno = 0;
    bool ok = entry || errno == 0;
    if (!ok)
        err_errno(err, ERR_LOCAL, "The folder %s cannot be read", m->path);
    closedir(d);
    return ok;
}

struct search {
    const char *name;
    bool found;
};

static bool is_it(struct maildir *m, const char *entry, void *arg)
{
    (void)m;
    struct search *s = arg;
    size_t n = strlen(s->name);
    s->found = strncmp(entry, s->name, n) == 0 && (entry[n] == '\0' || entry[n] == ':');
    return !s->found;
}

enum maildir_found maildir_look(struct maildir *m, const char *name, struct err *err)
{
    struct search s = {.name = name};
    if (faccessat(m->tmp, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return MAILDIR_IN_TMP;
    /* new/ first: readers move messages from there to cur/, never back */
    if (faccessat(m->new, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return MAILDIR_PLACED;
    if (!scan(m, m->cur, is_it, &s, err) || (!s.found && !scan(m, m->new, is_it, &s, err)))
        return MAILDIR_ERROR;
    return s.found ? MAILDIR_PLACED : MAILDIR_NOWHERE;
}

/* is_twin - where a file system cannot rename without replacing, a stop may leave one file with both names */
static bool is_twin(int dir, const char *to, int tmp, const char *name)
{
    struct stat a, b;
    return fstatat(dir, to, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(tmp, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool maildir_finish(struct maildir *m, const char *name, const char *flags, struct err *err)
{
    char to[PLACED_NAME_SIZE];
    int dir = place_of(m, name, flags, to);
    bool placed = is_twin(dir, to, m->tmp, name) ? fs_unlink(m->tmp, name, err)
                                                 : fs_rename_new(m->tmp, name, dir, to, err);
    return (placed && fs_sync_dir(dir, m->path, err)) || err_prefix(err, "%s: ", m->path);
}

bool maildir_where(const struct maildir *m, const char *name, const char *flags, struct str *path,
                   struct err *err)
{
    char to[PLACED_NAME_SIZE];
    int dir = place_of(m, name, flags, to);
    return str_addf(path, err, "%s/%s/%s", m->path, dir == m->cur ? "cur" : "new", to);
}

bool maildir_remove_tmp(struct maildir *m, const char *name, struct err *err)
{
    return fs_unlink(m->tmp, name, err);
}

struct cleaning {
    const char *mark;
    struct err *err;
    bool failed;
};

static bool clean_one(struct maildir *m, const char *entry, void *arg)
{
    struct cleaning *c = arg;
    if (strstr(entry, c->mark) && !fs_unlink(m->tmp, entry, c->err))
        c->failed = true;
    return !c->failed;
}

bool maildir_clean_tmp(struct maildir *m, const char *mark, struct err *err)
{
    struct cleaning c = {.mark = mark, .err = err};
    return scan(m, m->tmp, clean_one, &c, err) && !c.failed;
}

/* has_bytes - from where the file is read now to its end */
static bool has_bytes(int fd, const struct maildir_bytes *bytes)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    struct sum_sha256 sum;
    char block[BLOCK];
    uint64_t size = 0;
    ssize_t n;
    sum_sha256_begin(&sum);
    while ((n = read(fd, block, sizeof block)) > 0 && (size += (uint64_t)n) <= bytes->size)
        sum_sha256_add(&sum, block, (size_t)n);
    sum_sha256_end(&sum, sha256);
    return n == 0 && size == bytes->size && memcmp(sha256, bytes->hash, bytes->hash_bytes) == 0;
}

struct copies {
    const char *part;
    const struct maildir_bytes *bytes;
    int dir;
    bool removed;
    struct err *err;
};

/* is_copy - by its bytes; what cannot be read is none */
static bool is_copy(const struct copies *c, const char *entry)
{
    int fd = openat(c->dir, entry, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    bool is = fd >= 0 && has_bytes(fd, c->bytes);
    if (fd >= 0)
        close(fd);
    return is;
}

static bool remove_copy(struct maildir *m, const char *entry, void *arg)
{
    struct copies *c = arg;
    (void)m;
    if (!strstr(entry, c->part) || !is_copy(c, entry))
        return true;
    c->removed = fs_unlink(c->dir, entry, c->err);
    return c->removed;
}

bool maildir_remove_copies(struct maildir *m, const char *part, const struct maildir_bytes *bytes,
                           struct err *err)
{
    for (int i = 0, dirs[] = {m->new, m->cur}; i < 2; i++) {
        struct err why = {0};
        struct copies c = {.part = part, .bytes = bytes, .dir = dirs[i], .err = &why};
        if (!scan(m, dirs[i], remove_copy, &c, err))
            return false;
        if (why.kind != ERR_NONE) {
            *err = why;
            return false;
        }
        if (c.removed && !fs_sync_dir(dirs[i], m->path, err))
            return false;
    }
    return true;
}

/* -- a message that is here already -- */

/* cannot_link - is it the file system's way, rather than a fault? */
static bool cannot_link(int sys)
{
    return sys == EXDEV || sys == EPERM || sys == EMLINK || sys == EOPNOTSUPP || sys == ENOSYS;
}

static bool copy_text(struct maildir *m, int from, const struct item *item, struct err *err)
{
    char block[BLOCK];
    ssize_t n;
    while ((n = read(from, block, sizeof block)) > 0)
        if (!fs_write_all(item->fd, block, (size_t)n, m->path, err))
            return false;
    return (n == 0 || err_errno(err, ERR_LOCAL, "A message for %s cannot be read", m->path)) &&
           set_time(m, item, err);
}

/* copy_file - into tmp/, under its new name; without a source nothing is made */
static bool copy_file(struct maildir *m, const char *path, struct item *item, struct err *err)
{
    int from = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (from < 0)
        return true;
    item->fd = fs_create(m->tmp, item->name, 0600, err);
    bool ok = item->fd >= 0 && copy_text(m, from, item, err);
    close(from);
    return ok && (lseek(item->fd, 0, SEEK_SET) == 0 ||
                  err_errno(err, ERR_LOCAL, "A message in %s cannot be read", m->path));
}

static bool link_or_copy(struct maildir *m, const char *path, struct item *item, struct err *err)
{
    struct err why = {0};
    if (fs_link(AT_FDCWD, path, m->tmp, item->name, &why)) {
        item->fd = openat(m->tmp, item->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        return true;
    }
    if (cannot_link(why.sys))
        return copy_file(m, path, item, err);
    if (why.sys != ENOENT && why.sys != ENOTDIR)
        *err = why;
    return why.sys == ENOENT || why.sys == ENOTDIR;
}

bool maildir_link(struct maildir *m, const char *path, const struct sink_message *message,
                  const struct maildir_bytes *bytes, bool *done_r, struct err *err)
{
    struct item *item = new_item(m, message, err);
    *done_r = false;
    if (!item)
        return false;
    item->fd = -1;
    bool ok = link_or_copy(m, path, item, err);
    *done_r = ok && item->fd >= 0 && has_bytes(item->fd, bytes);
    m->count += *done_r;
    if (*done_r)
        return true;
    struct err ignored = {0}, *why = ok ? err : &ignored;
    if (item->fd >= 0)
        close(item->fd);
    return (fs_unlink(m->tmp, item->name, why) && ok) || err_prefix(err, "%s: ", m->path);
}

bool maildir_deliver(const char *path, const void *bytes, size_t n, struct err *err)
{
    unsigned char random[8], sha256[32];
    char hex[2 * sizeof random + 1], name[64];
    struct maildir *m = NULL;
    uint64_t size;
    if (!proc_random(random, sizeof random, err) || !maildir_open(path, &m, err))
        return false;
    text_hex(random, sizeof random, hex);
    snprintf(name, sizeof name, "%lld.R%s.tappal", (long long)clock_now(), hex);
    struct sink_message message = {.name = name, .flags = "", .crlf = true};
    bool ok = sink_begin(&m->sink, &message, err) && sink_write(&m->sink, bytes, n, err) &&
              sink_end(&m->sink, &size, sha256, err) && sink_settle(&m->sink, err) &&
              sink_place(&m->sink, err);
    maildir_close(&m);
    return ok;
}
