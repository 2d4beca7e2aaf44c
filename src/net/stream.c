/* stream - buffers, deadlines and waiting over a stack of layers.
 *
 * Reading: one buffer of 16 kB, handed out in place. Writing: one buffer of 16 kB, so that a group of
 * commands leaves in one TLS record. A write that would block also reads what the peer has to say, up to
 * READ_AHEAD_MAX: a peer that answers before it reads on would otherwise wait for us as we wait for it.
 * TCP_QUICKACK does not stick, so it is set before each wait: what has come is acknowledged at once, and
 * a server that holds its next segment back for that (Nagle) does not cost 40 ms. */
#include "net/stream.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/stream_end.h"

#define CHUNK 16384              /* the largest TLS record */
#define READ_AHEAD_MAX (1 << 20) /* what a peer may say while it does not listen */

struct stream {
    struct stream_layer *top;
    int rfd, wfd; /* -1: memory */
    bool tcp;
    char *peer;
    int64_t deadline;
    char *in;
    size_t in_at, in_end, in_size;
    char *out;
    size_t out_end;
    bool ended, failed;
    struct err why; /* of the failure */
    void (*at_close)(void *);
    void *at_close_arg;
};

/* -- life -- */

static struct stream *stream_new(struct stream_layer *bottom, int rfd, int wfd, const char *peer,
                                 struct err *err)
{
    if (!bottom)
        return NULL;
    struct stream *s = calloc(1, sizeof *s);
    char *in = malloc(CHUNK), *out = malloc(CHUNK), *copy = strdup(peer);
    if (!s || !in || !out || !copy) {
        free(s);
        free(in);
        free(out);
        free(copy);
        bottom->ops->close(bottom);
        err_nomem(err);
        return NULL;
    }
    *s = (struct stream){
        .top = bottom, .rfd = rfd, .wfd = wfd, .peer = copy, .in = in, .in_size = CHUNK, .out = out};
    s->tcp = rfd >= 0 && stream_end_is_tcp(rfd);
    return s;
}

struct stream *stream_from_fds(int rfd, int wfd, const char *peer, struct err *err)
{
    return stream_new(stream_end_fds(rfd, wfd, peer, err), rfd, wfd, peer, err);
}

struct stream *stream_from_memory(const void *input, size_t n, struct str *output, struct err *err)
{
    return stream_new(stream_end_memory(input, n, output, err), -1, -1, "the peer", err);
}

bool stream_push(struct stream *s, struct stream_layer *layer, struct err *err)
{
    if (stream_buffered(s) > 0)
        return err_set(err, ERR_PROTOCOL, "The server %s went on talking where it had to wait.", s->peer);
    if (!stream_flush(s, err))
        return false;
    layer->below = s->top;
    s->top = layer;
    return true;
}

void stream_close(struct stream **sp)
{
    struct stream *s = *sp;
    if (!s)
        return;
    *sp = NULL;
    struct err ignored;
    if (!s->failed && s->out_end > 0)
        (void)s->top->ops->write(s->top, s->out, s->out_end, &ignored);
    for (struct stream_layer *layer = s->top, *below; layer; layer = below) {
        below = layer->below;
        layer->ops->close(layer);
    }
    if (s->at_close)
        s->at_close(s->at_close_arg);
    explicit_bzero(s->in, s->in_size);
    explicit_bzero(s->out, CHUNK);
    free(s->in);
    free(s->out);
    free(s->peer);
    free(s);
}

/* -- facts -- */

struct stream_layer *stream_top(struct stream *s)
{
    return s->top;
}

void stream_set_deadline(struct stream *s, int64_t mono_ms)
{
    s->deadline = mono_ms;
}

void stream_at_close(struct stream *s, void (*call)(void *), void *arg)
{
    s->at_close = call;
    s->at_close_arg = arg;
}

int stream_read_fd(const struct stream *s)
{
    return s->rfd;
}

const char *stream_peer(const struct stream *s)
{
    return s->peer;
}

size_t stream_buffered(const struct stream *s)
{
    return s->in_end - s->in_at + s->top->ops->pending(s->top);
}

bool stream_is_cut(const struct stream *s)
{
    return s->ended || s->failed;
}

/* -- failing -- */

/* Once failed, a stream stays failed. */
static bool fail(struct stream *s, const struct err *err)
{
    if (!s->failed)
        s->why = *err;
    s->failed = true;
    return false;
}

static bool failed_before(const struct stream *s, struct err *err)
{
    *err = s->why;
    return false;
}

bool stream_timed_out(const struct stream *s, struct err *err)
{
    err_set(err, ERR_NETWORK, "The server %s did not answer in time.", s->peer);
    err->sys = ETIMEDOUT;
    return err_hint(err, "Try again later; the server or the network is slow.");
}

static bool closed_by_peer(struct stream *s, bool inside, struct err *err)
{
    err_set(err, ERR_NETWORK, "The server %s closed the connection%s.", s->peer,
            inside ? " in the middle of a line" : "");
    err_hint(err, "Try again later; if it happens each time, ask the server's operator.");
    return fail(s, err);
}

/* -- waiting -- */

static int time_left(int64_t until)
{
    if (until == 0)
        return -1;
    int64_t left = until - clock_mono_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* One poll: 1 something moved, 0 the time is over, -1 a signal came or poll failed (errno). */
static int wait_once(struct stream *s, bool to_read, bool to_write, int64_t until)
{
    if (s->rfd < 0)
        return 1; /* memory never waits */
    struct pollfd fds[2] = {
        {.fd = to_read ? s->rfd : -1, .events = POLLIN},
        {.fd = to_write ? s->wfd : -1, .events = POLLOUT},
    };
    if (s->tcp)
        (void)setsockopt(s->rfd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
    int ready = poll(fds, 2, time_left(until));
    return ready > 0 ? 1 : ready;
}

static bool wait_ready(struct stream *s, bool to_read, bool to_write, struct err *err)
{
    for (;;) {
        int ready = wait_once(s, to_read, to_write, s->deadline);
        if (ready > 0)
            return true;
        if (ready == 0 && s->deadline != 0 && time_left(s->deadline) == 0) {
            stream_timed_out(s, err);
            return fail(s, err);
        }
        if (ready < 0 && errno != EINTR) {
            err_errno(err, ERR_INTERNAL, "Waiting for %s failed", s->peer);
            return fail(s, err);
        }
    }
}

bool stream_wait_fd(struct stream *s, bool to_write, struct err *err)
{
    return wait_ready(s, !to_write, to_write, err);
}

/* -- reading -- */

/* Room for at least one more byte behind what is buffered; false where READ_AHEAD_MAX is reached. */
static bool make_room(struct stream *s)
{
    if (s->in_at == s->in_end)
        s->in_at = s->in_end = 0;
    if (s->in_end < s->in_size)
        return true;
    if (s->in_at > 0) {
        memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
        s->in_end -= s->in_at;
        s->in_at = 0;
        return true;
    }
    if (s->in_size >= READ_AHEAD_MAX)
        return false;
    char *grown = realloc(s->in, s->in_size * 2);
    if (!grown)
        return false;
    s->in = grown;
    s->in_size *= 2;
    return true;
}

/* One non-blocking read: bytes gained, or a STREAM_ code. Without room it gains nothing: WANT_READ. */
static long read_some(struct stream *s, struct err *err)
{
    if (!make_room(s))
        return STREAM_WANT_READ;
    long n = s->top->ops->read(s->top, s->in + s->in_end, s->in_size - s->in_end, err);
    if (n > 0)
        s->in_end += (size_t)n;
    if (n == STREAM_EOF)
        s->ended = true;
    return n;
}

/* Blocks until there is one byte more in the buffer: 1, or 0 at a clean end, or -1. */
static int fill(struct stream *s, struct err *err)
{
    size_t before = s->in_end - s->in_at;
    if (s->failed)
        return failed_before(s, err) ? 1 : -1;
    if (!stream_flush(s, err))
        return s->in_end - s->in_at > before ? 1 : -1;
    for (bool waited = false;; waited = true) {
        if (s->in_end - s->in_at > before)
            return 1; /* came while we wrote */
        if (s->ended)
            return 0;
        long n = read_some(s, err);
        if (n == STREAM_FAILED)
            return fail(s, err) ? 1 : -1;
        if (n != STREAM_WANT_READ && n != STREAM_WANT_WRITE)
            continue;
        /* What comes without end may be nothing for us, such as TLS's own messages. */
        if (waited && s->deadline != 0 && time_left(s->deadline) == 0)
            return stream_timed_out(s, err) || fail(s, err) ? 1 : -1;
        if (!wait_ready(s, n == STREAM_WANT_READ, n == STREAM_WANT_WRITE, err))
            return -1;
    }
}

bool stream_peek(struct stream *s, const char **bytes_r, size_t *n_r, struct err *err)
{
    if (s->in_at == s->in_end && fill(s, err) < 0)
        return false;
    *bytes_r = s->in + s->in_at;
    *n_r = s->in_end - s->in_at;
    return true;
}

void stream_consume(struct stream *s, size_t n)
{
    size_t there = s->in_end - s->in_at;
    s->in_at += n < there ? n : there;
}

bool stream_read(struct stream *s, void *buf, size_t n, size_t *got_r, struct err *err)
{
    const char *bytes;
    size_t there;
    if (!stream_peek(s, &bytes, &there, err))
        return false;
    if (n > there)
        n = there;
    memcpy(buf, bytes, n);
    stream_consume(s, n);
    *got_r = n;
    return true;
}

/* Moves buffered bytes of the line into `line`: 1 it is complete, 0 more must come, -1 too long.
 * A CR at the end of what has come stays in the buffer until the byte behind it is known. */
static int take_line(struct stream *s, struct str *line, struct err *err)
{
    const char *at = s->in + s->in_at;
    size_t there = s->in_end - s->in_at;
    const char *lf = there > 0 ? memchr(at, '\n', there) : NULL;
    size_t keep = lf ? (size_t)(lf - at) : there;
    if (keep > 0 && at[keep - 1] == '\r')
        keep--;
    if (keep > line->max - line->len) {
        err_set(err, ERR_PROTOCOL, "The server %s sent a line of more than %zu bytes.", s->peer, line->max);
        stream_consume(s, there); /* its rest is no line */
        return fail(s, err) ? 1 : -1;
    }
    if (!str_add(line, at, keep, err))
        return -1;
    stream_consume(s, lf ? (size_t)(lf - at) + 1 : keep);
    return lf != NULL;
}

bool stream_read_line(struct stream *s, struct str *line, struct err *err)
{
    str_clear(line);
    for (;;) {
        int taken = take_line(s, line, err);
        if (taken != 0)
            return taken > 0;
        int got = fill(s, err);
        if (got < 0)
            return false;
        if (got == 0)
            return closed_by_peer(s, line->len > 0, err);
    }
}

int stream_wait(struct stream *s, int64_t until_mono_ms, struct err *err)
{
    if (s->in_at == s->in_end && s->failed)
        return failed_before(s, err) ? 1 : -1;
    if (s->in_at == s->in_end && !stream_flush(s, err))
        return -1;
    while (s->in_at == s->in_end) {
        long n = s->ended ? STREAM_EOF : read_some(s, err);
        if (n == STREAM_FAILED)
            return fail(s, err) ? 1 : -1;
        if (n == STREAM_EOF)
            return closed_by_peer(s, false, err) ? 1 : -1;
        if (n > 0)
            break;
        int ready = wait_once(s, n == STREAM_WANT_READ, n == STREAM_WANT_WRITE, until_mono_ms);
        if (ready == 0 || (ready < 0 && errno == EINTR))
            return 0;
        if (ready < 0) {
            err_errno(err, ERR_INTERNAL, "Waiting for %s failed", s->peer);
            return fail(s, err) ? 1 : -1;
        }
    }
    return 1;
}

/* -- writing -- */

/* The peer's last words are kept before a failed write ends the stream; where they are a TLS alert, that is why. */
static bool write_failed(struct stream *s, struct err *err)
{
    struct err words;
    long n = 1;
    while (!s->ended && n > 0)
        n = read_some(s, &words);
    if (n == STREAM_FAILED && words.kind == ERR_TLS)
        *err = words;
    return fail(s, err);
}

/* A write would block: waits until it can go on, and meanwhile takes what the peer says. */
static bool wait_to_write(struct stream *s, long want, struct err *err)
{
    bool listen = want == STREAM_WANT_READ || (!s->ended && make_room(s));
    if (!wait_ready(s, listen, want == STREAM_WANT_WRITE, err))
        return false;
    if (listen && read_some(s, err) == STREAM_FAILED)
        return fail(s, err);
    return true;
}

static bool write_all(struct stream *s, const char *bytes, size_t n, struct err *err)
{
    while (n > 0) {
        long put = s->top->ops->write(s->top, bytes, n, err);
        if (put == STREAM_FAILED)
            return write_failed(s, err);
        if (put >= 0) {
            bytes += put;
            n -= (size_t)put;
        } else if (!wait_to_write(s, put, err)) {
            return false;
        }
    }
    return true;
}

bool stream_flush(struct stream *s, struct err *err)
{
    if (s->failed)
        return failed_before(s, err);
    size_t n = s->out_end;
    s->out_end = 0;
    bool ok = write_all(s, s->out, n, err);
    explicit_bzero(s->out, n); /* it may have been a password */
    return ok;
}

bool stream_write(struct stream *s, const void *bytes, size_t n, struct err *err)
{
    const char *at = bytes;
    if (s->failed)
        return failed_before(s, err);
    while (n > 0) {
        if (s->out_end == 0 && n >= CHUNK) {
            size_t whole = n - n % CHUNK;
            return write_all(s, at, whole, err) && stream_write(s, at + whole, n - whole, err);
        }
        size_t part = CHUNK - s->out_end;
        part = part < n ? part : n;
        memcpy(s->out + s->out_end, at, part);
        s->out_end += part;
        at += part;
        n -= part;
        if (s->out_end == CHUNK && !stream_flush(s, err))
            return false;
    }
    return true;
}
