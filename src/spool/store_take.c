/* store_take - taking messages out of the queue: lock, check, read; remove or set aside.
 *
 * The lock is on the message's inode. Between opening the name and getting the lock the message may
 * have been removed or moved, so link count and name are looked at again behind the lock, and the
 * journal is read only then. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "spool/store_file.h"
#include "spool/store_name.h"

#define VERIFY_CHUNK 65536

bool store_is_same(int fd, int dirfd, const char *name)
{
    struct stat open, named;
    return fstat(fd, &open) == 0 && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           open.st_nlink > 0 && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

void store_release(struct message *m)
{
    if (m->fd >= 0)
        close(m->fd);
    envelope_free(&m->envelope);
    journal_free(&m->journal);
    *m = (struct message){.fd = -1};
}

/* -- reading the message file -- */

static bool damaged(const struct message *m, struct err *err)
{
    return err_set(err, ERR_DATA, "The message file %s is damaged.", m->id);
}

static bool read_at(const struct message *m, void *bytes, size_t n, uint64_t from, struct err *err)
{
    char *at = bytes;
    while (n > 0) {
        ssize_t got = pread(m->fd, at, n, (off_t)from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, ERR_LOCAL, "The message %s could not be read", m->id);
        if (got == 0)
            return damaged(m, err);
        at += got;
        from += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

static bool read_envelope(struct message *m, const struct trailer *t, struct err *err)
{
    struct str text = STR_INIT(ENVELOPE_TEXT_MAX);
    bool ok = str_reserve(&text, t->envelope_size, err) && read_at(m, text.buf, t->envelope_size, 0, err) &&
              (sum_crc32c(0, text.buf, t->envelope_size) == t->envelope_crc || damaged(m, err)) &&
              envelope_read(text.buf, t->envelope_size, &m->envelope, err);
    str_free(&text);
    return ok;
}

static bool read_file(struct message *m, uint64_t size, struct err *err)
{
    char end[TRAILER_SIZE];
    struct trailer t;
    if (size < TRAILER_SIZE)
        return damaged(m, err);
    if (!read_at(m, end, TRAILER_SIZE, size - TRAILER_SIZE, err) || !trailer_read(end, &t, err))
        return false;
    uint64_t before = size - TRAILER_SIZE;
    if (t.envelope_size > before || t.envelope_size > ENVELOPE_TEXT_MAX ||
        t.facts.size != before - t.envelope_size)
        return damaged(m, err);
    m->facts = t.facts;
    m->text_offset = t.envelope_size;
    memcpy(m->sha256, t.sha256, sizeof m->sha256);
    return read_envelope(m, &t, err);
}

bool store_verify(const struct message *m, struct err *err)
{
    char chunk[VERIFY_CHUNK];
    unsigned char found[SUM_SHA256_BYTES];
    struct sum_sha256 sum;
    sum_sha256_begin(&sum);
    for (uint64_t at = 0; at < m->facts.size;) {
        uint64_t left = m->facts.size - at;
        size_t part = left < sizeof chunk ? (size_t)left : sizeof chunk;
        if (!read_at(m, chunk, part, m->text_offset + at, err))
            return false;
        sum_sha256_add(&sum, chunk, part);
        at += part;
    }
    sum_sha256_end(&sum, found);
    return memcmp(found, m->sha256, sizeof found) == 0 || damaged(m, err);
}

/* -- reading its journal -- */

/* Under the lock a torn tail is cut, and an mtime that a crash left wrong is set right. */
static bool mend_journal(struct store *store, struct message *m, int fd, size_t length, struct err *err)
{
    struct stat st;
    if (m->journal.good_length < length && !fs_truncate(fd, (off_t)m->journal.good_length, store->path, err))
        return false;
    if (fstat(fd, &st) == 0 && st.st_mtime != (time_t)journal_due(&m->journal))
        store_set_due(fd, journal_due(&m->journal));
    return true;
}

/* A right that is missing, or something that is no file: it is about this one name. */
static bool cannot_open(const struct store *store, const char *what, const char *id, const char *name,
                        struct err *err)
{
    err_errno(err, ERR_LOCAL, "%s %s could not be opened", what, id);
    return err_hint(err, "It should be a file of yours: ls -l %s/msg/%s", store->path, name);
}

static bool read_journal(struct store *store, struct message *m, struct err *err)
{
    char name[STORE_JOURNAL_NAME];
    struct str bytes = STR_INIT(JOURNAL_MAX);
    store_journal_name(m->id, name);
    int fd = openat(store->msg, name, (m->locked ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return journal_init(&m->journal, m->envelope.count, err);
    if (fd < 0)
        return cannot_open(store, "The journal of message", m->id, name, err);
    struct stat st;
    bool ok = (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) ||
              err_set(err, ERR_DATA, "The journal of message %s is no file.", m->id);
    ok = ok && fs_read_all(fd, &bytes, name, err) &&
         journal_parse(bytes.buf, bytes.len, m->envelope.count, &m->journal, err) &&
         (!m->locked || mend_journal(store, m, fd, bytes.len, err));
    str_free(&bytes);
    close(fd);
    return ok;
}

/* -- taking -- */

/* An empty file was withdrawn by its writer (store_write.c), who could not unlink it. */
static enum store_take sweep_withdrawn(struct store *store, struct message *m, struct err *err)
{
    bool ok = !m->locked || fs_unlink(store->msg, m->id, err);
    if (ok && m->locked)
        log_event(LOG_LEVEL_WARNING, "withdrawn", "id", m->id, "queue", store->path, NULL);
    return ok ? TAKE_GONE : TAKE_ERROR;
}

static enum store_take set_aside_broken(struct store *store, struct message *m, struct err *err)
{
    struct err moving;
    err_prefix(err, "Message %s was set aside to %s/aside: ", m->id, store->path);
    err_hint(err, "Look at it there; it is not sent. Its text is readable.");
    if (!m->locked || store_set_aside(store, m, "aside", &moving))
        return TAKE_BROKEN;
    *err = moving;
    return TAKE_ERROR;
}

/* Only damage condemns a message: not a shortage of memory, nor a disk that cannot be read now. */
static enum store_take read_message(struct store *store, struct message *m, struct err *err)
{
    struct stat st;
    if (fstat(m->fd, &st) != 0) {
        err_errno(err, ERR_LOCAL, "The message %s could not be read", m->id);
        return TAKE_ERROR;
    }
    if (st.st_size == 0)
        return sweep_withdrawn(store, m, err);
    if (read_file(m, (uint64_t)st.st_size, err) && read_journal(store, m, err))
        return TAKE_GOT;
    return err->kind == ERR_DATA || err->kind == ERR_PROTOCOL ? set_aside_broken(store, m, err) : TAKE_ERROR;
}

/* Opens the message; for writing, since some network file systems lock nothing else exclusively. */
static enum store_take open_message(struct store *store, const char *id, int mode, struct message *m,
                                    struct err *err)
{
    *m = (struct message){.fd = -1};
    if (!store_is_id(id))
        return TAKE_GONE;
    memcpy(m->id, id, STORE_ID_LEN + 1);
    m->fd = openat(store->msg, id, mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (m->fd >= 0)
        return TAKE_GOT;
    if (errno == ENOENT)
        return TAKE_GONE;
    cannot_open(store, "The message", id, id, err);
    return TAKE_ERROR;
}

static enum store_take lock_message(struct store *store, struct message *m, struct err *err)
{
    int got = fs_try_lock(m->fd, err);
    if (got <= 0)
        return got == 0 ? TAKE_BUSY : TAKE_ERROR;
    m->locked = true;
    return store_is_same(m->fd, store->msg, m->id) ? TAKE_GOT : TAKE_GONE;
}

enum store_take store_take(struct store *store, const char *id, struct message *m_r, struct err *err)
{
    enum store_take took = open_message(store, id, O_RDWR, m_r, err);
    if (took == TAKE_GOT)
        took = lock_message(store, m_r, err);
    if (took == TAKE_GOT)
        took = read_message(store, m_r, err);
    if (took != TAKE_GOT)
        store_release(m_r);
    return took;
}

enum store_take store_peek(struct store *store, const char *id, struct message *m_r, struct err *err)
{
    enum store_take took = open_message(store, id, O_RDONLY, m_r, err);
    if (took == TAKE_GOT)
        took = read_message(store, m_r, err);
    if (took != TAKE_GOT)
        store_release(m_r);
    return took;
}

/* -- letting go for good -- */

static bool unlink_message(struct store *store, const struct message *m, struct err *err)
{
    if (!m->locked || !m->journal.finished)
        return err_set(err, ERR_INTERNAL, "Message %s was to be removed before it was finished.", m->id);
    return fs_unlink(store->msg, m->id, err);
}

static bool unlink_journal(struct store *store, const struct message *m, struct err *err)
{
    char journal[STORE_JOURNAL_NAME];
    store_journal_name(m->id, journal);
    return fs_unlink(store->msg, journal, err);
}

bool store_remove_many(struct store *store, struct message *const *m, size_t count, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        ok = ok && unlink_message(store, m[i], err);
    ok = ok && (count == 0 || fs_sync_dir(store->msg, store->path, err));
    for (size_t i = 0; i < count; i++) {
        ok = ok && unlink_journal(store, m[i], err);
        store_release(m[i]);
    }
    return ok;
}

bool store_remove(struct store *store, struct message *m, struct err *err)
{
    return store_remove_many(store, &m, 1, err);
}

/* The message goes first: a journal alone is moved after it by store_clean_tmp, while a message alone would
 * be taken for a new one and sent again. */
bool store_set_aside(struct store *store, struct message *m, const char *folder, struct err *err)
{
    char journal[STORE_JOURNAL_NAME];
    store_journal_name(m->id, journal);
    int to = -1;
    bool ok = m->locked || err_set(err, ERR_INTERNAL, "Message %s was to be moved without its lock.", m->id);
    ok = ok && (to = store_open_folder(store, folder, err)) >= 0 &&
         fs_rename_new(store->msg, m->id, to, m->id, err) && fs_sync_dir(to, store->path, err) &&
         fs_sync_dir(store->msg, store->path, err);
    if (ok && faccessat(store->msg, journal, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        ok = fs_rename(store->msg, journal, to, journal, err) && fs_sync_dir(to, store->path, err);
    if (to >= 0)
        close(to);
    store_release(m);
    return ok;
}
