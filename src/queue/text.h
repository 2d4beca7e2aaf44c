/* text - a message's text on its way out, summed as it is read: only what was stored may go out whole. */
#ifndef TAPPAL_QUEUE_TEXT_H
#define TAPPAL_QUEUE_TEXT_H

#include "base/sum.h"
#include "spool/store.h"

struct text {
    const struct message *message;
    uint64_t at; /* octets read so far, and their sum */
    struct sum_sha256 sum;
};

void text_begin(struct text *t, const struct message *m);
/* The next octets, at most `size`; *n_r 0 at the end. */
MUST_USE bool text_read(struct text *t, char *buf, size_t size, size_t *n_r, struct err *err);
/* All was read. ERR_DATA: it is not what was stored. */
MUST_USE bool text_is_whole(struct text *t, struct err *err);

#endif
