/* fetched - see fetched.h. One line: tappal-fetched 1 WHEN MAIL-WHEN MESSAGES */
#include "fetch/fetched.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

#define NAME "fetched"
#define FIRST "tappal-fetched 1 "
#define LINE_MAX_BYTES 100
#define PATH_BYTES_MAX 4096

static int open_it(const char *state_dir, int flags)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct err ignored;
    int fd = fs_join(&path, state_dir, NAME, &ignored)
                 ? open(path.buf, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)
                 : -1;
    str_free(&path);
    return fd;
}

static void read_it(int fd, struct fetched *f)
{
    char line[LINE_MAX_BYTES + 1];
    char end;
    ssize_t n = pread(fd, line, LINE_MAX_BYTES, 0);
    line[n > 0 ? n : 0] = '\0';
    if (sscanf(line, FIRST "%" SCNd64 " %" SCNd64 " %" SCNu64 "%c", &f->when, &f->mail_when, &f->messages,
               &end) != 4 ||
        end != '\n' || f->when < 0 || f->mail_when < 0)
        *f = (struct fetched){0};
}

void fetched_recall(const char *state_dir, struct fetched *fetched_r)
{
    int fd = open_it(state_dir, O_RDONLY);
    *fetched_r = (struct fetched){0};
    if (fd < 0)
        return;
    read_it(fd, fetched_r);
    close(fd);
}

void fetched_note(const char *state_dir, int64_t now, bool well, uint64_t messages)
{
    struct fetched f = {0};
    char line[LINE_MAX_BYTES];
    if (!well && messages == 0)
        return;
    int fd = open_it(state_dir, O_RDWR | O_CREAT);
    if (fd < 0)
        return;
    read_it(fd, &f);
    if (well)
        f.when = now;
    if (messages > 0) {
        f.mail_when = now;
        f.messages = messages;
    }
    int n = snprintf(line, sizeof line, FIRST "%" PRId64 " %" PRId64 " %" PRIu64 "\n", f.when, f.mail_when,
                     f.messages);
    if (pwrite(fd, line, (size_t)n, 0) == n)
        (void)!ftruncate(fd, n); /* a number has become shorter */
    close(fd);
}
