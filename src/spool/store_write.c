/* store_write - putting a message into the queue. The order is the promise:
 *
 *   unnamed file in tmp/ (or one named like the id, where the file system knows no unnamed ones), locked
 *   -> envelope, text, trailer -> fsync -> link into msg/ -> fsync of msg/ = accepted
 *
 * The lock is taken before the file has a name in msg/ and held until the folder is durable, so a
 * runner that sees the name waits for the promise. Killed before the link: nothing (a named temporary
 * file is cleaned later); after it: a whole message, which no one has promised yet. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/text.h"
#include "spool/store_file.h"
#include "spool/store_name.h"

#define WRITE_CHUNK 65536
#define ID_TIME_BYTES 6
#define ID_BYTES 16

struct store_writer {
    struct store *store;
    char id[STORE_ID_LEN + 1];
    int fd;
    bool named; /* it has the name `id` in tmp/ */
    bool failed;
    struct trailer trailer;
    struct text_scan scan;
    struct sum_sha256 sha256;
    size_t held; /* octets in `chunk` */
    char chunk[WRITE_CHUNK];
};

/* 48 bits of milliseconds and 80 of chance: sorts by age, never twice, on whatever machine it is made. */
static bool make_id(char id[STORE_ID_LEN + 1], struct err *err)
{
    unsigned char bytes[ID_BYTES];
    uint64_t ms = (uint64_t)clock_now_ms();
    for (size_t i = 0; i < ID_TIME_BYTES; i++)
        bytes[i] = (unsigned char)(ms >> (8 * (ID_TIME_BYTES - 1 - i)));
    if (!proc_random(bytes + ID_TIME_BYTES, ID_BYTES - ID_TIME_BYTES, err))
        return false;
    text_base32(bytes, ID_BYTES, id);
    return true;
}

static bool open_unnamed(struct store_writer *w, struct err *err)
{
    int refusal = fs_step("tmpfile");
    if (refusal == 0 && faccessat(AT_FDCWD, "/proc/self/fd", X_OK, 0) == 0)
        w->fd = openat(w->store->tmp, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (refusal == 0)
        return true;
    errno = refusal;
    return err_errno(err, ERR_LOCAL, "%s could not be written", w->store->path);
}

/* An unnamed file cannot be litter; where there are none, or /proc is missing to give it a name, a named one.
 */
static bool open_file(struct store_writer *w, struct err *err)
{
    if (!open_unnamed(w, err))
        return false;
    if (w->fd < 0) {
        w->fd = fs_create(w->store->tmp, w->id, 0600, err);
        w->named = w->fd >= 0;
    }
    if (w->fd < 0)
        return err_prefix(err, "The queue %s: ", w->store->path);
    int got = fs_try_lock(w->fd, err);
    return got > 0 || (got == 0 && err_set(err, ERR_INTERNAL, "A new file in %s is locked.", w->store->path));
}

static bool flush(struct store_writer *w, struct err *err)
{
    size_t n = w->held;
    w->held = 0;
    return n == 0 || fs_write_all(w->fd, w->chunk, n, w->store->path, err);
}

static bool put(struct store_writer *w, const char *bytes, size_t n, struct err *err)
{
    while (n > 0) {
        size_t room = WRITE_CHUNK - w->held, part = n < room ? n : room;
        memcpy(w->chunk + w->held, bytes, part);
        w->held += part;
        bytes += part;
        n -= part;
        if (w->held == WRITE_CHUNK && !flush(w, err))
            return false;
    }
    return true;
}

static bool put_envelope(struct store_writer *w, const struct envelope *e, struct err *err)
{
    struct str text = STR_INIT(ENVELOPE_TEXT_MAX);
    bool ok = envelope_write(e, &text, err) && put(w, text.buf, text.len, err);
    w->trailer.envelope_size = (uint32_t)text.len;
    w->trailer.envelope_crc = sum_crc32c(0, text.buf, text.len);
    str_free(&text);
    return ok;
}

bool store_begin(struct store *store, const struct envelope *e, struct store_writer **w_r, struct err *err)
{
    struct store_writer *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(err);
    w->store = store;
    w->fd = -1;
    sum_sha256_begin(&w->sha256);
    bool ok = make_id(w->id, err) && open_file(w, err) && put_envelope(w, e, err);
    if (ok)
        *w_r = w;
    else
        store_writer_free(&w);
    return ok;
}

const char *store_writer_id(const struct store_writer *w)
{
    return w->id;
}

bool store_write(struct store_writer *w, const void *bytes, size_t n, struct err *err)
{
    text_scan_add(&w->scan, bytes, n);
    sum_sha256_add(&w->sha256, bytes, n);
    w->failed = w->failed || !put(w, bytes, n, err);
    return !w->failed;
}

static bool put_trailer(struct store_writer *w, struct err *err)
{
    struct str line = STR_INIT(TRAILER_SIZE);
    text_scan_end(&w->scan);
    w->trailer.facts = w->scan.facts;
    sum_sha256_end(&w->sha256, w->trailer.sha256);
    bool ok = trailer_write(&w->trailer, &line, err) && put(w, line.buf, line.len, err);
    str_free(&line);
    return ok;
}

/* The name could not be made durable, so nothing may be promised, and nothing kept. Unlinking is not
 * enough: a power cut may bring the name back. So the file is emptied first, durably if the disk
 * still lets us: who finds an empty message knows that it was withdrawn. */
static void withdraw(struct store_writer *w, struct err *err)
{
    struct err ignored;
    bool emptied =
        fs_truncate(w->fd, 0, w->store->path, &ignored) && fs_sync(w->fd, w->store->path, &ignored);
    bool unlinked = fs_unlink(w->store->msg, w->id, &ignored);
    if (unlinked && !fs_sync_dir(w->store->msg, w->store->path, &ignored))
        unlinked = emptied;
    if (emptied || unlinked)
        return;
    log_event(LOG_LEVEL_ERROR, "not withdrawn", "id", w->id, "queue", w->store->path, NULL);
    err_hint(err,
             "The disk refuses to take message %s back as well: it may still be sent. "
             "Look at the system's log for what is wrong with the disk, then at tappal queue list.",
             w->id);
}

static bool put_in_place(struct store_writer *w, struct err *err)
{
    if (!w->named)
        return fs_link_fd(w->fd, w->store->msg, w->id, err) ||
               err_prefix(err, "The queue %s: ", w->store->path);
    if (fs_rename_new(w->store->tmp, w->id, w->store->msg, w->id, err)) {
        w->named = false;
        return true;
    }
    if (err->sys != EEXIST)
        withdraw(w, err); /* where renaming takes two steps, the first may have been done */
    return err_prefix(err, "The queue %s: ", w->store->path);
}

bool store_commit(struct store_writer *w, struct err *err)
{
    if (w->failed)
        return err_set(err, ERR_LOCAL, "The message could not be written to %s.", w->store->path);
    w->failed = true;
    if (!put_trailer(w, err) || !flush(w, err) || !fs_sync(w->fd, w->store->path, err) ||
        !put_in_place(w, err))
        return false;
    if (!fs_sync_dir(w->store->msg, w->store->path, err)) {
        withdraw(w, err);
        return false;
    }
    w->failed = false;
    return true;
}

void store_writer_free(struct store_writer **w)
{
    struct err ignored;
    if (!*w)
        return;
    if ((*w)->named && !fs_unlink((*w)->store->tmp, (*w)->id, &ignored))
        log_event(LOG_LEVEL_WARNING, "left behind", "file", (*w)->id, "queue", (*w)->store->path, NULL);
    if ((*w)->fd >= 0)
        close((*w)->fd);
    free(*w);
    *w = NULL;
}
