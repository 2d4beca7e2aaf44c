/* held - see held.h. Nothing here is made durable: what is not taken is fetched again. */
#include "box/held.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/fs.h"
#include "box/textfile.h"

struct held {
    struct sink sink;
    struct held_taker taker;
    int folder;
    int *fds; /* one for each message; -1: handed over */
    size_t count, cap;
    struct textfile text;
};

static const char shown[] = "The file that holds a message until it is delivered";

static struct held *of(struct sink *sink)
{
    return (struct held *)(void *)sink; /* its first member */
}

static bool begin(struct sink *sink, const struct sink_message *message, struct err *err)
{
    struct held *h = of(sink);
    int *fds = array_room(h->fds, &h->cap, h->count + 1, sizeof *fds, err);
    if (fds == NULL) {
        return false;
    }
    h->fds = fds;
    int fd = fs_create_unnamed(h->folder, err);
    if (fd < 0) {
        return false;
    }
    h->fds[h->count++] = fd;
    textfile_begin(&h->text, fd, message->crlf && h->taker.lines, shown);
    return true;
}

static bool write_some(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
    return textfile_write(&of(sink)->text, bytes, n, err);
}

static bool amend(struct sink *sink, const struct sink_message *message, struct err *err)
{
    (void)sink;
    (void)message;
    (void)err;
    return true; /* it has no name */
}

static bool end(struct sink *sink, uint64_t *size_r, unsigned char sha256_r[32], struct err *err)
{
    struct held *h = of(sink);
    *size_r = 0;
    if (!textfile_end(&h->text, sha256_r, err)) {
        return false;
    }
    *size_r = h->text.size;
    return true;
}

static void let_go(struct held *h, size_t i)
{
    if (h->fds[i] >= 0) {
        close(h->fds[i]);
    }
    h->fds[i] = -1;
}

static bool drop(struct sink *sink, struct err *err)
{
    struct held *h = of(sink);
    (void)err;
    if (h->count > 0) {
        let_go(h, --h->count);
    }
    return true;
}

static bool settle(struct sink *sink, struct err *err)
{
    (void)sink;
    (void)err;
    return true;
}

static void forget(struct sink *sink)
{
    struct held *h = of(sink);
    for (size_t i = 0; i < h->count; i++) {
        let_go(h, i);
    }
    h->count = 0;
}

static bool place(struct sink *sink, struct err *err)
{
    forget(sink); /* each has been handed over */
    (void)err;
    return true;
}

static enum sink_fate hand(struct sink *sink, size_t i, const struct sink_label *label, struct err *why)
{
    struct held *h = of(sink);
    if (lseek(h->fds[i], 0, SEEK_SET) < 0) {
        err_errno(why, ERR_LOCAL, "%s cannot be read", shown);
        return SINK_FAILED;
    }
    enum sink_fate fate = h->taker.take(h->taker.arg, h->fds[i], label, why);
    let_go(h, i);
    return fate;
}

static void close_sink(struct sink *sink)
{
    struct held *h = of(sink);
    forget(sink);
    h->taker.close(h->taker.arg);
    if (h->folder >= 0) {
        close(h->folder);
    }
    free(h->fds);
    free(h);
}

static const struct sink_ops held_ops = {
    .begin = begin,
    .write = write_some,
    .amend = amend,
    .end = end,
    .drop = drop,
    .settle = settle,
    .place = place,
    .hand = hand,
    .abort = forget,
    .close = close_sink,
};

bool held_open(const char *folder, const struct held_taker *taker, struct sink **sink_r, struct err *err)
{
    struct held *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        taker->close(taker->arg);
        return err_nomem(err);
    }
    h->sink.ops = &held_ops;
    h->taker = *taker;
    h->folder = fs_open_dir(folder, err);
    if (h->folder < 0) {
        close_sink(&h->sink);
        return false;
    }
    *sink_r = &h->sink;
    return true;
}
