/* drip - a stream layer for tests that hands on at most `step` bytes a call and makes each second call wait. */
#ifndef TAPPAL_TESTS_DRIP_H
#define TAPPAL_TESTS_DRIP_H

#include <check.h>
#include <stdlib.h>

#include "net/stream.h"

struct drip {
    struct stream_layer layer;
    size_t step;
    bool read_ready, write_ready;
};

static long drip_read(struct stream_layer *layer, void *buf, size_t n, struct err *err)
{
    struct drip *d = (struct drip *)layer;
    d->read_ready = !d->read_ready;
    if (!d->read_ready)
        return STREAM_WANT_READ;
    return d->layer.below->ops->read(d->layer.below, buf, n < d->step ? n : d->step, err);
}

static long drip_write(struct stream_layer *layer, const void *buf, size_t n, struct err *err)
{
    struct drip *d = (struct drip *)layer;
    d->write_ready = !d->write_ready;
    if (!d->write_ready)
        return STREAM_WANT_WRITE;
    return d->layer.below->ops->write(d->layer.below, buf, n < d->step ? n : d->step, err);
}

static size_t drip_pending(struct stream_layer *layer)
{
    (void)layer;
    return 0;
}

static void drip_close(struct stream_layer *layer)
{
    free(layer);
}

static const struct stream_layer_ops drip_ops = {
    .read = drip_read, .write = drip_write, .pending = drip_pending, .close = drip_close};

static inline void drip_push(struct stream *s, size_t step)
{
    struct err err;
    struct drip *d = calloc(1, sizeof *d);
    *d = (struct drip){.layer.ops = &drip_ops, .step = step};
    ck_assert(stream_push(s, &d->layer, &err));
}

#endif
