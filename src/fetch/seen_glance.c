/* seen_glance - from both ends of the file: whose it is, and that nothing is left to do. The memory of a large folder
 * takes long to read, and most runs need no more of it than this. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "fetch/seen_impl.h"

#define HEAD_MAX 4096 /* the first two lines, but for the strangest of names */
#define LAST_MAX 128  /* more than a `quiet` line has */

/* next_line - the record of the line at *at, before `end` */
static bool next_line(char **at, const char *end, char **record_r)
{
    char *begin = *at, *lf = memchr(begin, '\n', (size_t)(end - begin));
    if (!lf)
        return false;
    *at = lf + 1;
    return seen_line_is_sound(begin, (size_t)(*at - begin), record_r);
}

static bool is_owner(const char *record, const struct seen_owner *owner)
{
    struct str who = STR_INIT(SEEN_LINE_MAX), folder = STR_INIT(SEEN_LINE_MAX);
    enum protocol protocol;
    struct err ignored;
    bool same = seen_read_owner(record, &protocol, &who, &folder, &ignored) && protocol == owner->protocol &&
                strcmp(who.buf, owner->who) == 0 && strcmp(folder.buf, owner->folder) == 0;
    str_free(&who);
    str_free(&folder);
    return same;
}

static bool is_ours(int fd, const struct seen_owner *owner)
{
    char head[HEAD_MAX], *at = head, *record;
    ssize_t n = pread(fd, head, sizeof head, 0);
    const char *end = head + (n > 0 ? n : 0);
    return next_line(&at, end, &record) && strcmp(record, SEEN_FIRST) == 0 && next_line(&at, end, &record) &&
           is_owner(record, owner);
}

static bool read_quiet(const char *record, struct seen_glance *out)
{
    uint64_t validity, next;
    const char *at = record + strlen("quiet ");
    if (!text_starts(record, "quiet ") || !text_take_u64(&at, UINT32_MAX, &validity) || *at++ != ' ' ||
        !text_u64(at, UINT32_MAX, &next))
        return false;
    *out = (struct seen_glance){(uint32_t)validity, (uint32_t)next};
    return true;
}

static bool read_last(int fd, struct seen_glance *out)
{
    char last[LAST_MAX], *record;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < LAST_MAX || pread(fd, last, sizeof last, size - LAST_MAX) != LAST_MAX)
        return false;
    char *before = memrchr(last, '\n', LAST_MAX - 1), *begin = before ? before + 1 : NULL;
    return begin && seen_line_is_sound(begin, (size_t)(last + LAST_MAX - begin), &record) &&
           read_quiet(record, out);
}

bool seen_glance(const char *path, const struct seen_owner *owner, struct seen_glance *glance_r)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ok = fd >= 0 && is_ours(fd, owner) && read_last(fd, glance_r);
    if (fd >= 0)
        close(fd);
    return ok;
}
