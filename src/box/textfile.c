/* textfile - see textfile.h. */
#include "box/textfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define EXPAND_BLOCK 8192

void textfile_begin(struct textfile *t, int fd, bool crlf, const char *shown)
{
    t->fd = fd;
    t->shown = shown;
    t->crlf = crlf;
    t->cr = false;
    t->lines = 0;
    t->size = 0;
    t->fill = 0;
    sum_sha256_begin(&t->sum);
}

static bool flush(struct textfile *t, struct err *err)
{
    if (t->fill > 0 && !fs_write_all(t->fd, t->buffer, t->fill, t->shown, err))
        return false;
    t->fill = 0;
    return true;
}

/* put - the bytes as they are to stand in the file */
static bool put(struct textfile *t, const char *bytes, size_t n, struct err *err)
{
    sum_sha256_add(&t->sum, bytes, n);
    t->size += n;
    if (n > sizeof t->buffer - t->fill && !flush(t, err))
        return false;
    if (n > sizeof t->buffer)
        return fs_write_all(t->fd, bytes, n, t->shown, err);
    memcpy(t->buffer + t->fill, bytes, n);
    t->fill += n;
    return true;
}

static bool read_at(struct textfile *t, char *out, size_t n, off_t at, struct err *err)
{
    while (n > 0) {
        ssize_t got = pread(t->fd, out, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO; /* shorter than what we wrote */
        if (got <= 0)
            return err_errno(err, ERR_LOCAL, "%s cannot be read back", t->shown);
        out += got;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool write_at(struct textfile *t, const char *bytes, size_t n, off_t at, struct err *err)
{
    int failed = fs_step("rewrite");
    while (n > 0) {
        ssize_t put_n = failed ? -1 : pwrite(t->fd, bytes, n, at);
        if (put_n < 0 && !failed && errno == EINTR)
            continue;
        if (failed)
            errno = failed;
        if (put_n < 0)
            return err_errno(err, ERR_LOCAL, "%s cannot be written", t->shown);
        bytes += put_n;
        at += put_n;
        n -= (size_t)put_n;
    }
    return true;
}

/* expand - puts the CRs back, last block first: what is written always lies behind what is still to be read
 */
static bool expand(struct textfile *t, struct err *err)
{
    char in[EXPAND_BLOCK], out[2 * EXPAND_BLOCK];
    uint64_t from = t->size, to = t->size + t->lines;
    while (from < to) {
        size_t n = from < sizeof in ? (size_t)from : sizeof in, fill = sizeof out;
        from -= n;
        if (!read_at(t, in, n, (off_t)from, err))
            return false;
        while (n > 0) {
            out[--fill] = in[--n];
            if (out[fill] == '\n')
                out[--fill] = '\r';
        }
        to -= sizeof out - fill;
        if (!write_at(t, out + fill, sizeof out - fill, (off_t)to, err))
            return false;
    }
    return true;
}

/* verbatim - from here on, and from the beginning on, the bytes stay as they came */
static bool verbatim(struct textfile *t, struct err *err)
{
    char block[EXPAND_BLOCK];
    t->crlf = false;
    if (!flush(t, err) || !expand(t, err))
        return false;
    t->size += t->lines;
    sum_sha256_begin(&t->sum);
    for (uint64_t at = 0; at < t->size;) {
        size_t n = t->size - at < sizeof block ? (size_t)(t->size - at) : sizeof block;
        if (!read_at(t, block, n, (off_t)at, err))
            return false;
        sum_sha256_add(&t->sum, block, n);
        at += n;
    }
    if (lseek(t->fd, (off_t)t->size, SEEK_SET) < 0)
        return err_errno(err, ERR_LOCAL, "%s cannot be written", t->shown);
    return true;
}

bool textfile_write(struct textfile *t, const void *bytes, size_t n, struct err *err)
{
    const char *at = bytes, *end = at + n;
    while (at < end && t->crlf) {
        if (t->cr) {
            t->cr = false;
            if (*at != '\n') {
                if (!verbatim(t, err) || !put(t, "\r", 1, err))
                    return false;
                break;
            }
            t->lines++;
            if (!put(t, at++, 1, err))
                return false;
            continue;
        }
        const char *cr = memchr(at, '\r', (size_t)(end - at));
        size_t run = (size_t)((cr ? cr : end) - at);
        if (memchr(at, '\n', run)) {
            if (!verbatim(t, err))
                return false;
            break;
        }
        if (!put(t, at, run, err))
            return false;
        t->cr = cr != NULL;
        at += run + (cr ? 1 : 0);
    }
    return at == end || put(t, at, (size_t)(end - at), err);
}

bool textfile_end(struct textfile *t, unsigned char sha256_r[SUM_SHA256_BYTES], struct err *err)
{
    if (t->cr) {
        t->cr = false;
        if (!verbatim(t, err) || !put(t, "\r", 1, err))
            return false;
    }
    if (!flush(t, err))
        return false;
    sum_sha256_end(&t->sum, sha256_r);
    return true;
}
