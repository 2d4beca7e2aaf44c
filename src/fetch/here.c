/* here - see here.h. */
#include "fetch/here.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/fs.h"
#include "fetch/batch.h"
#include "fetch/folders.h"
#include "mail/headsum.h"

#define BLOCK 65536
#define SUFFIX ".tappal"

/* -- names -- */

/* find_token - of TIME.MARK-KEY-RUN.tappal, with or without ":2," and flags behind it */
static void find_token(struct here_file *file)
{
    const char *base = strrchr(file->path, '/') + 1, *dot = strchr(base, '.');
    size_t n = strcspn(base, ":");
    if (!dot || n < sizeof SUFFIX || memcmp(base + n - (sizeof SUFFIX - 1), SUFFIX, sizeof SUFFIX - 1) != 0)
        return;
    const char *end = base + n - (sizeof SUFFIX - 1);
    while (end > dot && *end != '-')
        end--;
    if (end <= dot)
        return;
    file->token = dot + 1;
    file->token_n = (size_t)(end - file->token);
}

static bool add_file(struct here *here, const char *path, uint64_t size, struct err *err)
{
    if (here->count == HERE_FILES_MAX)
        return err_set(err, ERR_LOCAL, "%s holds too many files.", here->root);
    struct here_file *files = array_room(here->files, &here->cap, here->count + 1, sizeof *files, err);
    if (!files)
        return false;
    here->files = files;
    struct here_file *file = &here->files[here->count];
    *file = (struct here_file){.path = strdup(path), .size = size};
    if (!file->path)
        return err_nomem(err);
    here->count++;
    find_token(file);
    return true;
}

static bool add_state(struct here *here, const char *path, struct err *err)
{
    struct str full = STR_INIT(16384);
    bool ok = fs_join(&full, here->root, path, err) && strv_add(&here->states, full.buf, err);
    str_free(&full);
    return ok;
}

/* note_unread - what is gone by now, or a link by now, is another thing than what may not be read. `path` below the root */
static void note_unread(struct here *here, const char *path)
{
    char full[4096];
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || here->unread.kind != ERR_NONE)
        return;
    int saved = errno;
    snprintf(full, sizeof full, "%s/%s", here->root, path);
    errno = saved;
    fs_fail(&here->unread, full, "read");
}

static bool scan_folder(struct here *here, int at, struct str *path, int depth, struct err *err);

/* look_into - a folder */
static bool look_into(struct here *here, int dir, const char *name, struct str *path, int depth,
                      struct err *err)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        note_unread(here, path->buf);
    return fd < 0 || scan_folder(here, fd, path, depth + 1, err);
}

/* take_entry - a message in cur/ or new/, or a folder to look into; symbolic links are not followed */
static bool take_entry(struct here *here, int dir, const char *name, bool holds_mail, struct str *path,
                       int depth, struct err *err)
{
    struct stat st = {0};
    size_t before = path->len;
    bool ok = (before == 0 || str_addc(path, '/', err)) && str_addz(path, name, err);
    if (ok && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        note_unread(here, path->buf);
    else if (ok && S_ISREG(st.st_mode) && holds_mail)
        ok = add_file(here, path->buf, (uint64_t)st.st_size, err);
    else if (ok && S_ISREG(st.st_mode) && strcmp(name, ".mbsyncstate") == 0)
        ok = add_state(here, path->buf, err);
    else if (ok && S_ISDIR(st.st_mode) && !holds_mail && depth < FOLDER_DEPTH_MAX && strcmp(name, "tmp") != 0)
        ok = look_into(here, dir, name, path, depth, err);
    str_cut(path, before);
    return ok;
}

/* scan_folder - takes over `at` */
static bool scan_folder(struct here *here, int at, struct str *path, int depth, struct err *err)
{
    const char *slash = strrchr(path->buf, '/'), *own = slash ? slash + 1 : path->buf;
    bool holds_mail = strcmp(own, "cur") == 0 || strcmp(own, "new") == 0, ok = true;
    DIR *d = fdopendir(at);
    struct dirent *entry;
    if (!d) {
        close(at);
        return err_nomem(err);
    }
    while (ok && (entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = take_entry(here, dirfd(d), entry->d_name, holds_mail, path, depth, err);
    closedir(d);
    return ok;
}

/* -- order -- */

static int by_token(const void *a, const void *b)
{
    const struct here_file *const *x = a, *const *y = b;
    size_t n = (*x)->token_n < (*y)->token_n ? (*x)->token_n : (*y)->token_n;
    int order = memcmp((*x)->token, (*y)->token, n);
    return order ? order : (*x)->token_n < (*y)->token_n ? -1 : (*x)->token_n > (*y)->token_n;
}

static int by_size(const void *a, const void *b)
{
    const struct here_file *const *x = a, *const *y = b;
    return (*x)->size < (*y)->size ? -1 : (*x)->size > (*y)->size;
}

static int by_letter(const void *a, const void *b)
{
    const struct here_file *const *x = a, *const *y = b;
    return memcmp((*x)->letter, (*y)->letter, SEEN_MARK_BYTES);
}

typedef int here_order(const void *a, const void *b);

static struct here_file **sorted(const struct here *here, bool (*fits)(const struct here_file *),
                                 here_order *order, size_t *count_r)
{
    struct here_file **list = calloc(here->count + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; list && i < here->count; i++)
        if (fits(&here->files[i]))
            list[n++] = &here->files[i];
    if (n > 0)
        qsort(list, n, sizeof *list, order);
    *count_r = n;
    return list;
}

static struct here_file **first(struct here_file **list, size_t count, const struct here_file *wanted,
                                here_order *order)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (order(&list[mid], &wanted) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < count && order(&list[lo], &wanted) == 0 ? &list[lo] : NULL;
}

static bool any(const struct here_file *file)
{
    return file->path != NULL;
}

static bool has_token(const struct here_file *file)
{
    return file->token != NULL;
}

static bool has_letter(const struct here_file *file)
{
    return file->read && !file->gone && seen_mark_known(file->letter);
}

bool here_scan(const char *root, struct here *here_r, struct err *err)
{
    char *real = realpath(root, NULL);
    struct here here = {.root = real ? real : strdup(root)};
    struct str path = STR_INIT(8192);
    size_t all;
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = here.root || err_nomem(err);
    if (ok && fd < 0 && errno != ENOENT)
        ok = err_errno(err, ERR_LOCAL, "%s cannot be read", root);
    else if (ok && fd >= 0)
        ok = scan_folder(&here, fd, &path, 0, err);
    else if (fd >= 0)
        close(fd);
    str_free(&path);
    if (ok) {
        here.by_token = sorted(&here, has_token, by_token, &here.tokens);
        here.by_size = sorted(&here, any, by_size, &all);
        ok = (here.by_token && here.by_size) || err_nomem(err);
    }
    if (ok)
        *here_r = here;
    else
        here_free(&here);
    return ok;
}

void here_free(struct here *here)
{
    for (size_t i = 0; i < here->count; i++)
        free(here->files[i].path);
    free(here->files);
    strv_free(&here->states);
    free(here->by_token);
    free(here->by_size);
    free(here->by_letter);
    free(here->root);
    *here = (struct here){0};
}

/* -- what is in a file -- */

struct content {
    struct sum_sha256 sum;
    struct str header;   /* its beginning, up to HEADSUM_MAX */
    uint64_t size, bare; /* octets; LFs without CR */
    bool cr;
};

static bool add_block(struct content *c, const char *bytes, size_t n, struct err *err)
{
    size_t room = c->header.max - c->header.len;
    sum_sha256_add(&c->sum, bytes, n);
    for (const char *at = bytes, *end = bytes + n, *lf;
         at < end && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1)
        c->bare += !(lf > bytes ? lf[-1] == '\r' : c->cr);
    c->cr = bytes[n - 1] == '\r';
    c->size += n;
    return str_add(&c->header, bytes, n < room ? n : room, err);
}

static void keep_content(struct here_file *file, struct content *c)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    sum_sha256_end(&c->sum, sha256);
    memcpy(file->hash, sha256, sizeof file->hash);
    if (headsum_letter(c->header.buf, c->header.len, sha256))
        memcpy(file->letter, sha256, sizeof file->letter);
    file->gone = c->size != file->size; /* somebody is at it */
    file->wire = c->size + c->bare;
    file->read = true;
}

static bool read_content(int fd, struct here_file *file, struct err *err)
{
    static char block[BLOCK];
    struct content c = {.header = STR_INIT(HEADSUM_MAX)};
    ssize_t n;
    bool ok = true;
    sum_sha256_begin(&c.sum);
    while (ok && (n = read(fd, block, sizeof block)) > 0)
        ok = add_block(&c, block, (size_t)n, err);
    if (ok && n < 0)
        ok = err_errno(err, ERR_LOCAL, "%s cannot be read", file->path);
    if (ok)
        keep_content(file, &c);
    str_free(&c.header);
    return ok;
}

bool here_read(struct here *here, struct here_file *file, struct err *err)
{
    struct str path = STR_INIT(16384);
    if (file->read || file->gone)
        return true;
    bool ok = fs_join(&path, here->root, file->path, err);
    int fd = ok ? open(path.buf, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    file->gone = ok && fd < 0;
    if (file->gone)
        note_unread(here, file->path);
    str_free(&path);
    if (fd < 0)
        return ok;
    ok = read_content(fd, file, err);
    close(fd);
    return ok;
}

bool here_read_all(struct here *here, struct err *err)
{
    for (size_t i = 0; i < here->count; i++)
        if (!here_read(here, &here->files[i], err))
            return false;
    here->by_letter = sorted(here, has_letter, by_letter, &here->letters);
    return here->by_letter || err_nomem(err);
}

struct here_file *here_by_token(const struct here *here, const char *token)
{
    struct here_file wanted = {.token = token, .token_n = strlen(token)};
    struct here_file **found = first(here->by_token, here->tokens, &wanted, by_token);
    return found ? *found : NULL;
}

struct here_file **here_by_size(const struct here *here, uint64_t size)
{
    return first(here->by_size, here->count, &(struct here_file){.size = size}, by_size);
}

struct here_file **here_by_letter(const struct here *here, const unsigned char letter[SEEN_MARK_BYTES])
{
    struct here_file wanted = {.read = true};
    memcpy(wanted.letter, letter, sizeof wanted.letter);
    return first(here->by_letter, here->letters, &wanted, by_letter);
}

static bool is_same(const struct here_file *file, const struct seen_entry *e)
{
    return !file->gone && file->size == e->size && memcmp(file->hash, e->hash, sizeof e->hash) == 0;
}

bool here_find_bytes(struct here *here, const struct seen_entry *e, struct here_file **file_r,
                     struct err *err)
{
    struct here_file **at = here_by_size(here, e->size), **end = here->by_size + here->count;
    *file_r = NULL;
    for (; at && at < end && (*at)->size == e->size && !*file_r; at++) {
        if (!here_read(here, *at, err))
            return false;
        if (!(*at)->claimed && is_same(*at, e))
            *file_r = *at;
    }
    return true;
}

bool here_find(struct here *here, const struct seen *seen, enum protocol protocol, const struct seen_entry *e,
               struct here_file **file_r, bool *same_r, struct err *err)
{
    char token[BATCH_TOKEN_SIZE];
    struct here_file *copy = NULL;
    batch_token(seen, protocol, &e->key, token);
    struct here_file *named = here_by_token(here, token);
    if (named && !here_read(here, named, err))
        return false;
    *file_r = named && !named->gone ? named : NULL;
    *same_r = *file_r && is_same(named, e);
    if (!*same_r && !here_find_bytes(here, e, &copy, err))
        return false;
    if (copy) {
        *file_r = copy;
        *same_r = true;
    }
    return true;
}
