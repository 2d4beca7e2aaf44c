/* fs_file - whole files and folders, durable or absent; the second half of fs.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/fs_step.h"
#include "base/proc.h"
#include "base/text.h"

#define PATH_BYTES_MAX 8192
#define READ_CHUNK 65536

bool fs_join(struct str *out, const char *dir, const char *name, struct err *err)
{
    str_clear(out);
    const char *slash = text_ends(dir, "/") ? "" : "/";
    return str_addz(out, dir, err) && str_addz(out, slash, err) && str_addz(out, name, err);
}

/* parent_of - the folder that holds `path`, in malloc'd memory: "." for a bare name */
static char *parent_of(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    size_t n = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    char *parent = slash ? strndup(path, n) : strdup(".");
    if (!parent)
        err_nomem(err);
    return parent;
}

static bool sync_parent(const char *path, struct err *err)
{
    char *parent = parent_of(path, err);
    int fd = parent ? fs_open_dir(parent, err) : -1;
    bool ok = fd >= 0 && fs_sync_dir(fd, parent, err);
    if (fd >= 0)
        close(fd);
    free(parent);
    return ok;
}

static bool make_one(const char *path, struct err *err)
{
    int wanted = fs_step("mkdir");
    errno = wanted;
    if (wanted != 0 || mkdir(path, 0700) != 0) {
        struct stat st;
        if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            return true;
        if (errno == EEXIST)
            errno = ENOTDIR; /* what is in the way */
        return fs_fail(err, path, "created");
    }
    return sync_parent(path, err);
}

bool fs_make_dirs(const char *path, struct err *err)
{
    struct stat st;
    char *copy = strdup(path);
    if (!copy)
        return err_nomem(err);
    bool ok = true;
    for (char *end = copy + 1; ok && *copy; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        bool last = *end == '\0';
        *end = '\0';
        if (stat(copy, &st) != 0 || !S_ISDIR(st.st_mode))
            ok = make_one(copy, err);
        if (last)
            break;
        *end = '/';
    }
    free(copy);
    return ok;
}

/* temporary_name - ".NAME.XXXXXXXX" in the folder of `path` */
static bool temporary_name(const char *path, struct str *out, struct err *err)
{
    unsigned char random[8];
    char hex[2 * sizeof random + 1];
    const char *slash = strrchr(path, '/');
    size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
    if (!proc_random(random, sizeof random, err))
        return false;
    text_hex(random, sizeof random, hex);
    return str_add(out, path, dir, err) && str_addf(out, err, ".%.200s.%s", path + dir, hex);
}

/* put - the way of fs_replace and fs_write_new, which differ in the last rename alone */
static bool put(const char *path, const void *bytes, size_t n, mode_t mode, bool replace, struct err *err)
{
    bool ok = false;
    bool made = false;
    int fd = -1;
    struct err ignored;
    struct str tmp = STR_INIT(PATH_BYTES_MAX);
    if (!temporary_name(path, &tmp, err))
        goto out;
    fd = fs_create(AT_FDCWD, tmp.buf, mode, err);
    if (fd < 0)
        goto out;
    made = true;
    if (!fs_write_all(fd, bytes, n, path, err) || !fs_sync(fd, path, err))
        goto out;
    if (replace ? !fs_rename(AT_FDCWD, tmp.buf, AT_FDCWD, path, err)
                : !fs_rename_new(AT_FDCWD, tmp.buf, AT_FDCWD, path, err))
        goto out;
    made = false;
    ok = sync_parent(path, err);
out:
    if (made && !fs_unlink(AT_FDCWD, tmp.buf, &ignored))
        made = false; /* the first error is the one to report */
    if (fd >= 0)
        close(fd);
    str_free(&tmp);
    return ok;
}

bool fs_replace(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err)
{
    return put(path, bytes, n, mode, true, err);
}

bool fs_write_new(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err)
{
    return put(path, bytes, n, mode, false, err);
}

/* The bytes may be a secret: they are read straight into `out`, no copy stays on the stack. */
bool fs_read_all(int fd, struct str *out, const char *shown, struct err *err)
{
    for (;;) {
        size_t left = out->max - out->len;
        size_t want = left < READ_CHUNK ? left : READ_CHUNK;
        char beyond;
        if (!str_reserve(out, want, err))
            return false;
        ssize_t n = read(fd, want ? out->buf + out->len : &beyond, want ? want : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fs_fail(err, shown, "read");
        if (n == 0)
            return true;
        if (want == 0)
            return err_set(err, ERR_DATA, "%s is longer than the %zu bytes that are allowed for it.", shown,
                           out->max);
        str_cut(out, out->len + (size_t)n);
    }
}

bool fs_read_file(const char *path, struct str *out, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fs_fail(err, path, "opened");
    bool ok = (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) || err_set(err, ERR_DATA, "%s is no file.", path);
    ok = ok && fs_read_all(fd, out, path, err);
    close(fd);
    return ok;
}
