/* deflate - see deflate.h.
 *
 * Reading: zlib is always asked first for what it has, for poll cannot see that; only then is the layer below read.
 * Writing: each group of bytes is packed and ended by an empty block (Z_SYNC_FLUSH), so that the peer can read all of
 * it. A group that could not be sent at once stays packed, and the stream comes back with the same bytes. */
#include "net/deflate.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#define CHUNK 16384
#define EARLY_MAX (1 << 20) /* of what came right behind the peer's consent */
#define RAW_BITS (-15)      /* no header, no checksum; the peer may look back as far as it likes */
#define OUR_BITS (-13)      /* what we say is short: less to look back at costs 48 kB instead of 256 */
#define OUR_MEMORY 5
#define EMPTY_MAX 65536 /* octets that bring nothing: a peer that has only these to send is not waited for */

struct deflate_layer {
    struct stream_layer layer;
    const char *peer; /* the stream's */
    z_stream unpack, pack;
    struct str early; /* came before the layer was there; read first */
    bool ended;
    size_t empty; /* octets read since something came of them */
    char in[CHUNK];
    char out[CHUNK + CHUNK / 4]; /* packed: at worst slightly longer than it was */
    size_t out_at, out_end;
    size_t group; /* octets of the caller's that are in `out`; 0: none */
};

/* -- reading -- */

static long damaged(const struct deflate_layer *l, struct err *err)
{
    err_set(err, ERR_PROTOCOL, "The server %s sent compressed data that is damaged.", l->peer);
    err_hint(err, "Nothing is lost; the next run does without compression.");
    return STREAM_FAILED;
}

/* unpack - octets gained from what is here already; 0: more must come */
static long unpack(struct deflate_layer *l, void *buf, size_t n, struct err *err)
{
    if (l->ended)
        return STREAM_EOF;
    l->unpack.next_out = buf;
    l->unpack.avail_out = (uInt)n;
    int status = inflate(&l->unpack, Z_SYNC_FLUSH);
    l->ended = status == Z_STREAM_END;
    if (status == Z_MEM_ERROR) {
        err_nomem(err);
        return STREAM_FAILED;
    }
    if ((status != Z_OK && status != Z_BUF_ERROR && !l->ended) || (l->ended && l->unpack.avail_in > 0))
        return damaged(l, err); /* nothing can stand behind the end either */
    size_t got = n - l->unpack.avail_out;
    return got == 0 && l->ended ? STREAM_EOF : (long)got;
}

static long deflate_read(struct stream_layer *layer, void *buf, size_t n, struct err *err)
{
    struct deflate_layer *l = (struct deflate_layer *)layer;
    n = n < CHUNK ? n : CHUNK;
    for (;;) {
        long got = unpack(l, buf, n, err);
        if (got != 0) {
            l->empty = 0;
            return got;
        }
        if (l->empty > EMPTY_MAX)
            return damaged(l, err);
        got = layer->below->ops->read(layer->below, l->in, sizeof l->in, err);
        if (got < 0)
            return got;
        l->unpack.next_in = (const Bytef *)l->in;
        l->unpack.avail_in = (uInt)got;
        l->empty += (size_t)got;
    }
}

/* Where there was no more room, there may be more. */
static size_t deflate_pending(struct stream_layer *layer)
{
    struct deflate_layer *l = (struct deflate_layer *)layer;
    size_t unseen = !l->ended && l->unpack.avail_out == 0;
    return l->unpack.avail_in + unseen + layer->below->ops->pending(layer->below);
}

/* -- writing -- */

/* send_group - 0: all of it is sent; else why not */
static long send_group(struct deflate_layer *l, struct err *err)
{
    struct stream_layer *below = l->layer.below;
    while (l->out_at < l->out_end) {
        long put = below->ops->write(below, l->out + l->out_at, l->out_end - l->out_at, err);
        if (put < 0)
            return put;
        l->out_at += (size_t)put;
    }
    return 0;
}

static long deflate_write(struct stream_layer *layer, const void *buf, size_t n, struct err *err)
{
    struct deflate_layer *l = (struct deflate_layer *)layer;
    if (n == 0)
        return 0;
    if (l->group == 0) {
        l->group = n < CHUNK ? n : CHUNK;
        l->pack.next_in = buf;
        l->pack.avail_in = (uInt)l->group;
        l->pack.next_out = (Bytef *)l->out;
        l->pack.avail_out = sizeof l->out;
        if (deflate(&l->pack, Z_SYNC_FLUSH) != Z_OK || l->pack.avail_in > 0 || l->pack.avail_out == 0) {
            err_set(err, ERR_INTERNAL, "What was to be said to %s could not be compressed.", l->peer);
            return STREAM_FAILED;
        }
        l->out_at = 0;
        l->out_end = sizeof l->out - l->pack.avail_out;
    }
    long why_not = send_group(l, err);
    if (why_not != 0)
        return why_not;
    long put = (long)l->group;
    l->group = 0;
    return put;
}

/* -- life -- */

static void deflate_close(struct stream_layer *layer)
{
    struct deflate_layer *l = (struct deflate_layer *)layer;
    (void)inflateEnd(&l->unpack);
    (void)deflateEnd(&l->pack);
    str_free(&l->early);
    free(l);
}

static const struct stream_layer_ops deflate_ops = {
    .read = deflate_read, .write = deflate_write, .pending = deflate_pending, .close = deflate_close};

/* take_early - what is buffered in the stream, and in what lies below it: it is compressed */
static bool take_early(struct stream *s, struct str *early, struct err *err)
{
    const char *bytes;
    size_t n;
    while (stream_buffered(s) > 0) {
        if (!stream_peek(s, &bytes, &n, err))
            return false;
        if (n == 0)
            return true; /* the end, which the layer will see again */
        if (!str_add(early, bytes, n, err))
            return false;
        stream_consume(s, n);
    }
    return true;
}

bool deflate_start(struct stream *s, struct err *err)
{
    struct deflate_layer *l = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err);
    l->layer.ops = &deflate_ops;
    l->peer = stream_peer(s);
    str_init(&l->early, EARLY_MAX);
    bool ok = (inflateInit2(&l->unpack, RAW_BITS) == Z_OK &&
               deflateInit2(&l->pack, Z_DEFAULT_COMPRESSION, Z_DEFLATED, OUR_BITS, OUR_MEMORY,
                            Z_DEFAULT_STRATEGY) == Z_OK) ||
              err_nomem(err);
    ok = ok && stream_flush(s, err) && take_early(s, &l->early, err) && stream_push(s, &l->layer, err);
    if (!ok) {
        deflate_close(&l->layer);
        return false;
    }
    l->unpack.next_in = (const Bytef *)l->early.buf;
    l->unpack.avail_in = (uInt)l->early.len;
    return true;
}
