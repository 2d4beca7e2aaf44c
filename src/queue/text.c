/* text - reading and summing: see text.h. */
#include "queue/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void text_begin(struct text *t, const struct message *m)
{
    t->message = m;
    t->at = 0;
    sum_sha256_begin(&t->sum);
}

bool text_read(struct text *t, char *buf, size_t size, size_t *n_r, struct err *err)
{
    const struct message *m = t->message;
    uint64_t left = m->facts.size - t->at;
    size_t n = left < size ? (size_t)left : size;
    ssize_t got = 0;

    if (n > 0) {
        do {
            got = pread(m->fd, buf, n, (off_t)(m->text_offset + t->at));
        } while (got < 0 && errno == EINTR);
        if (got <= 0) {
            return err_errno(err, ERR_LOCAL, "The message %s could not be read", m->id);
        }
    }
    sum_sha256_add(&t->sum, buf, (size_t)got);
    t->at += (uint64_t)got;
    *n_r = (size_t)got;
    return true;
}

bool text_is_whole(struct text *t, struct err *err)
{
    unsigned char found[SUM_SHA256_BYTES];
    sum_sha256_end(&t->sum, found);
    return memcmp(found, t->message->sha256, sizeof(found)) == 0 ||
           err_set(err, ERR_DATA, "The message file %s is damaged; it was not sent.", t->message->id);
}
