/* stream_end - the lowest layers of a stream: file descriptors, and memory for tests.
 *
 * Sockets are written with MSG_NOSIGNAL; a pipe (tunnel) relies on SIGPIPE being ignored (proc_begin). */
#include "net/stream_end.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct end_fds {
    struct stream_layer layer;
    int rfd, wfd;
    bool socket;
    char *peer;
};

struct end_memory {
    struct stream_layer layer;
    const char *input;
    size_t left;
    struct str *output;
};

static long broken(const struct end_fds *end, struct err *err)
{
    err_errno(err, ERR_NETWORK, "The connection to %s broke", end->peer);
    err_hint(err, "Try again; if it happens each time, ask the server's operator.");
    return STREAM_FAILED;
}

static long fds_read(struct stream_layer *layer, void *buf, size_t n, struct err *err)
{
    struct end_fds *end = (struct end_fds *)layer;
    for (;;) {
        ssize_t got = read(end->rfd, buf, n);
        if (got > 0)
            return (long)got;
        if (got == 0)
            return STREAM_EOF;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return STREAM_WANT_READ;
        if (errno != EINTR)
            return broken(end, err);
    }
}

static long fds_write(struct stream_layer *layer, const void *buf, size_t n, struct err *err)
{
    struct end_fds *end = (struct end_fds *)layer;
    for (;;) {
        ssize_t put = end->socket ? send(end->wfd, buf, n, MSG_NOSIGNAL) : write(end->wfd, buf, n);
        if (put >= 0)
            return (long)put;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return STREAM_WANT_WRITE;
        if (errno != EINTR)
            return broken(end, err);
    }
}

static size_t nothing_pending(struct stream_layer *layer)
{
    (void)layer;
    return 0;
}

static void close_both(int rfd, int wfd)
{
    if (rfd >= 0)
        close(rfd);
    if (wfd >= 0 && wfd != rfd)
        close(wfd);
}

static void fds_close(struct stream_layer *layer)
{
    struct end_fds *end = (struct end_fds *)layer;
    close_both(end->rfd, end->wfd);
    free(end->peer);
    free(end);
}

static const struct stream_layer_ops fds_ops = {
    .read = fds_read, .write = fds_write, .pending = nothing_pending, .close = fds_close};

static bool set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

bool stream_end_is_tcp(int fd)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
           (name.ss_family == AF_INET || name.ss_family == AF_INET6);
}

static bool is_socket(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

struct stream_layer *stream_end_fds(int rfd, int wfd, const char *peer, struct err *err)
{
    struct end_fds *end = calloc(1, sizeof *end);
    char *copy = strdup(peer);
    if (!end || !copy) {
        err_nomem(err);
        goto fail;
    }
    if (!set_nonblocking(rfd) || !set_nonblocking(wfd)) {
        err_errno(err, ERR_INTERNAL, "The connection to %s cannot be made non-blocking", peer);
        goto fail;
    }
    *end = (struct end_fds){
        .layer.ops = &fds_ops, .rfd = rfd, .wfd = wfd, .socket = is_socket(wfd), .peer = copy};
    return &end->layer;
fail:
    close_both(rfd, wfd);
    free(copy);
    free(end);
    return NULL;
}

static long memory_read(struct stream_layer *layer, void *buf, size_t n, struct err *err)
{
    struct end_memory *end = (struct end_memory *)layer;
    (void)err;
    if (end->left == 0)
        return STREAM_EOF;
    if (n > end->left)
        n = end->left;
    memcpy(buf, end->input, n);
    end->input += n;
    end->left -= n;
    return (long)n;
}

static long memory_write(struct stream_layer *layer, const void *buf, size_t n, struct err *err)
{
    struct end_memory *end = (struct end_memory *)layer;
    if (end->output && !str_add(end->output, buf, n, err))
        return STREAM_FAILED;
    return (long)n;
}

static void memory_close(struct stream_layer *layer)
{
    free(layer);
}

static const struct stream_layer_ops memory_ops = {
    .read = memory_read, .write = memory_write, .pending = nothing_pending, .close = memory_close};

struct stream_layer *stream_end_memory(const void *input, size_t n, struct str *output, struct err *err)
{
    struct end_memory *end = calloc(1, sizeof *end);
    if (!end) {
        err_nomem(err);
        return NULL;
    }
    *end = (struct end_memory){.layer.ops = &memory_ops, .input = input, .left = n, .output = output};
    return &end->layer;
}
