/* waiter - writing to the verdict pipe. */
#include "queue/waiter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "spool/verdict.h"

#define READ_MS 5000 /* how long a waiter may take to read */

static void leave(struct waiter *w)
{
    if (w->fd >= 0) {
        close(w->fd);
    }
    w->fd = -1;
}

/* Room in the pipe within READ_MS? */
static bool has_room(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, READ_MS) > 0 && (p.revents & POLLERR) == 0;
}

static void put(struct waiter *w, const struct str *line, bool made)
{
    size_t at = 0;
    if (w->fd < 0 || !made) {
        return;
    }
    fcntl(w->fd, F_SETFL, O_NONBLOCK);
    while (at < line->len) {
        ssize_t n = write(w->fd, line->buf + at, line->len - at);
        if (n >= 0) {
            at += (size_t)n;
        } else if (errno != EINTR && (errno != EAGAIN || !has_room(w->fd))) {
            leave(w);
            return;
        }
    }
}

bool waiter_is_there(struct waiter *w)
{
    struct pollfd p = {.fd = w->fd};
    if (w->fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLNVAL)) != 0) {
        leave(w);
    }
    return w->fd >= 0;
}

void waiter_recipient(struct waiter *w, size_t recipient, const struct outcome *o)
{
    struct str line = STR_INIT(VERDICT_LINE_MAX);
    struct err ignored;
    put(w, &line, verdict_add_recipient(&line, recipient, o, &ignored));
    str_free(&line);
}

void waiter_failure(struct waiter *w, const struct err *why)
{
    struct str line = STR_INIT(VERDICT_LINE_MAX);
    struct err ignored;
    put(w, &line, verdict_add_failure(&line, why, &ignored));
    str_free(&line);
}

void waiter_dialogue(struct waiter *w, char direction, const char *said)
{
    struct str text = STR_INIT(VERDICT_LINE_MAX), line = STR_INIT(VERDICT_LINE_MAX);
    struct err ignored;
    if (w->wants_dialogue && w->fd >= 0) {
        put(w, &line,
            str_addf(&text, &ignored, "%c %s", direction, said) &&
                verdict_add_dialogue(&line, text.buf, &ignored));
    }
    str_free(&text);
    str_free(&line);
}

void waiter_end(struct waiter *w)
{
    struct str line = STR_INIT(VERDICT_LINE_MAX);
    struct err ignored;
    put(w, &line, verdict_add_end(&line, &ignored));
    str_free(&line);
    leave(w);
}
