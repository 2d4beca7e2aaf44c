/* journal_write - appending to a journal, with the message's lock held; see journal.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "mail/escape.h"
#include "spool/journal_line.h"
#include "spool/store.h"
#include "spool/store_name.h"
#include "spool/verdict.h"

#define PENDING_MAX (64u << 20)
#define SYNCFS_LEAST 4     /* journals for which one sync of the file system costs less than one each */
#define RESERVE_BASE 16384 /* room for what an attempt has to say, whatever the server says */
#define RESERVE_PER_RECIPIENT 256 /* and for an outcome of the usual length for each recipient */

struct journal_writer {
    struct store *store;
    struct message *message;
    int fd; /* -1 until the first record goes out */
    struct str pending;
    struct journal due;  /* only held, finished and next_try: as they will be once `pending` is durable */
    bool begins_attempt; /* `pending` holds an attempt */
    bool announces;      /* or a doubt, or the end alone: what is about to be done, not what was done */
    bool folder_is_synced;
    bool failed;
};

static bool open_file(struct journal_writer *w, struct err *err)
{
    char name[STORE_JOURNAL_NAME];
    store_journal_name(w->message->id, name);
    if (!w->message->journal.exists) {
        w->fd = fs_create(w->store->msg, name, 0600, err);
        return w->fd >= 0;
    }
    w->fd = openat(w->store->msg, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (w->fd < 0 || fstat(w->fd, &st) != 0)
        return err_errno(err, ERR_LOCAL, "The journal of message %s could not be opened", w->message->id);
    if ((uint64_t)st.st_size != w->message->journal.good_length)
        return err_set(err, ERR_INTERNAL, "The journal of message %s changed under its lock.",
                       w->message->id);
    return true;
}

bool journal_open(struct store *store, struct message *m, struct journal_writer **w_r, struct err *err)
{
    if (!m->locked)
        return err_set(err, ERR_INTERNAL, "A journal was to be written without its message's lock.");
    struct journal_writer *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(err);
    *w = (struct journal_writer){.store = store, .message = m, .fd = -1, .pending = STR_INIT(PENDING_MAX)};
    w->due.held = m->journal.held;
    w->due.finished = m->journal.finished;
    w->due.next_try = m->journal.next_try;
    *w_r = w;
    return true;
}

void journal_close(struct journal_writer **w)
{
    if (!*w)
        return;
    if ((*w)->fd >= 0)
        close((*w)->fd);
    str_free(&(*w)->pending);
    free(*w);
    *w = NULL;
}

/* -- records -- */

static bool add_record(struct journal_writer *w, const char *record, struct err *err)
{
    return ((w->pending.len > 0 || w->message->journal.good_length > 0) ||
            journal_line_add(&w->pending, JOURNAL_FIRST, err)) &&
           journal_line_add(&w->pending, record, err);
}

static bool add_number(struct journal_writer *w, const char *word, uint64_t number, struct err *err)
{
    struct str record = STR_INIT(64);
    bool ok = str_addf(&record, err, "%s %" PRIu64, word, number) && add_record(w, record.buf, err);
    str_free(&record);
    return ok;
}

/* Times before 1970 come from a clock that was never set. */
static bool add_time(struct journal_writer *w, const char *word, int64_t t, struct err *err)
{
    return add_number(w, word, t < 0 ? 0 : (uint64_t)t, err);
}

static bool add_text(struct journal_writer *w, const char *word, const char *text, struct err *err)
{
    struct str record = STR_INIT(JOURNAL_LINE_MAX - JOURNAL_CRC_HEX - 1);
    bool ok = str_addf(&record, err, "%s ", word) && escape_add(&record, text, err) &&
              add_record(w, record.buf, err);
    str_free(&record);
    return ok;
}

/* A line of the verdict pipe, whose LF a record does without. */
static bool add_line(struct journal_writer *w, struct str *line, struct err *err)
{
    str_cut(line, line->len - 1);
    return add_record(w, line->buf, err);
}

bool journal_attempt(struct journal_writer *w, int64_t now, struct err *err)
{
    w->begins_attempt = w->announces = true;
    return add_time(w, "attempt", now, err);
}

bool journal_attempt_end(struct journal_writer *w, struct err *err)
{
    return add_record(w, "end", err);
}

bool journal_outcome(struct journal_writer *w, size_t recipient, const struct outcome *o, struct err *err)
{
    struct str line = STR_INIT(VERDICT_LINE_MAX);
    if (recipient >= w->message->envelope.count)
        return err_set(err, ERR_INTERNAL, "An outcome for a recipient that is none was to be written down.");
    bool ok = verdict_add_recipient(&line, recipient, o, err) && add_line(w, &line, err);
    str_free(&line);
    return ok;
}

bool journal_reported(struct journal_writer *w, size_t recipient, struct err *err)
{
    if (recipient >= w->message->envelope.count)
        return err_set(err, ERR_INTERNAL, "A report on a recipient that is none was to be written down.");
    return add_number(w, "reported", recipient, err);
}

bool journal_in_doubt(struct journal_writer *w, int64_t now, struct err *err)
{
    w->announces = true;
    return add_time(w, "doubt", now, err);
}

bool journal_no_doubt(struct journal_writer *w, struct err *err)
{
    return add_record(w, "answered", err);
}

bool journal_failure(struct journal_writer *w, const struct err *why, struct err *err)
{
    struct str line = STR_INIT(VERDICT_LINE_MAX);
    bool ok = verdict_add_failure(&line, why, err) && add_line(w, &line, err);
    str_free(&line);
    return ok;
}

bool journal_next(struct journal_writer *w, int64_t when, struct err *err)
{
    w->due.next_try = when < 0 ? 0 : when;
    return add_time(w, "next", when, err);
}

bool journal_hold(struct journal_writer *w, const char *why, struct err *err)
{
    w->due.held = why != NULL;
    return why ? add_text(w, "hold", why, err) : add_record(w, "release", err);
}

bool journal_warned(struct journal_writer *w, int64_t now, struct err *err)
{
    return add_time(w, "warned", now, err);
}

bool journal_again(struct journal_writer *w, int64_t now, struct err *err)
{
    w->due.next_try = 0;
    return add_time(w, "again", now, err);
}

bool journal_copy_due(struct journal_writer *w, int64_t now, struct err *err)
{
    w->due.next_try = now < 0 ? 0 : now;
    return add_time(w, "copy-due", now, err);
}

bool journal_copy_begun(struct journal_writer *w, uint32_t validity, uint32_t next, struct err *err)
{
    struct str record = STR_INIT(64);
    w->announces = true;
    bool ok = str_addf(&record, err, "copy-begun %" PRIu32 " %" PRIu32, validity, next) &&
              add_record(w, record.buf, err);
    str_free(&record);
    return ok;
}

bool journal_copy_failed(struct journal_writer *w, const struct err *why, struct err *err)
{
    struct str text = STR_INIT(VERDICT_LINE_MAX);
    bool ok =
        str_addf(&text, err, "%s\t%s", why->what, why->hint) && add_text(w, "copy-failed", text.buf, err);
    str_free(&text);
    return ok;
}

bool journal_copy_over(struct journal_writer *w, const char *how, struct err *err)
{
    return add_text(w, "copy-over", how, err);
}

/* Alone it announces the removal, and to whoever waits that there will be no report. */
bool journal_finished(struct journal_writer *w, const char *how, struct err *err)
{
    w->announces = w->announces || w->pending.len == 0;
    w->due.finished = true;
    return add_text(w, "finished", how, err);
}

/* -- making them durable -- */

/* A file that grows beyond `ulimit -f` cannot be written either, whatever room the disk has. */
static int beyond_limit(off_t size)
{
    struct rlimit most;
    bool beyond =
        getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY && (rlim_t)size > most.rlim_cur;
    return beyond ? EFBIG : 0;
}

/* Room on the disk for what an attempt will have to say. A file system that cannot reserve is trusted. */
static bool reserve_room(struct journal_writer *w, struct err *err)
{
    off_t from = (off_t)w->message->journal.good_length;
    off_t room =
        (off_t)w->pending.len + RESERVE_BASE + (off_t)w->message->envelope.count * RESERVE_PER_RECIPIENT;
    int refusal = fs_step("reserve");
    refusal = refusal != 0 ? refusal : beyond_limit(from + room);
    if (refusal == 0 &&
        (fallocate(w->fd, FALLOC_FL_KEEP_SIZE, from, room) == 0 || (errno != ENOSPC && errno != EDQUOT)))
        return true;
    if (refusal != 0)
        errno = refusal;
    err_errno(err, ERR_LOCAL, "There is no room to write down what becomes of message %s", w->message->id);
    return err->sys == EFBIG
               ? err_hint(err, "Allow larger files (ulimit -f). The message stays queued.")
               : err_hint(err, "Free some space in %s. The message stays queued.", w->store->path);
}

static bool write_pending(struct journal_writer *w, struct err *err)
{
    if ((w->fd < 0 && !open_file(w, err)) || (w->begins_attempt && !reserve_room(w, err)) ||
        !fs_write_all(w->fd, w->pending.buf, w->pending.len, w->store->path, err))
        return false;
    store_set_due(w->fd, journal_due(&w->due));
    return true;
}

static bool sync_pending(struct journal_writer *w, struct err *err)
{
    if (!fs_sync(w->fd, w->store->path, err))
        return false;
    /* Not only behind our own creation of it: who created it may have been killed before this. */
    if (!w->folder_is_synced && !fs_sync_dir(w->store->msg, w->store->path, err))
        return false;
    w->folder_is_synced = true;
    return true;
}

/* What was only announced will not be done, so it is taken back, as far as the disk lets us. What tells of a
 * thing done stays for the next reader, durable or not: better a verdict that a power cut may take than none.
 * A torn end is cut by whoever takes the lock next. */
static void take_back(struct journal_writer *w)
{
    struct err ignored;
    if (w->announces && w->fd >= 0 &&
        fs_truncate(w->fd, (off_t)w->message->journal.good_length, w->store->path, &ignored))
        store_set_due(w->fd, journal_due(&w->message->journal));
}

static bool apply_pending(struct journal_writer *w, struct err *err)
{
    struct journal *j = &w->message->journal;
    j->exists = true;
    for (size_t at = 0; at < w->pending.len;) {
        const char *line = w->pending.buf + at;
        size_t n = strcspn(line, "\n");
        if (!journal_line_apply(j, line, n, err))
            return false;
        at += n + 1;
    }
    str_clear(&w->pending);
    return true;
}

bool journal_sync(struct journal_writer *w, struct err *err)
{
    if (w->failed)
        return err_set(err, ERR_LOCAL, "The journal of message %s could not be written before.",
                       w->message->id);
    if (w->pending.len == 0)
        return true;
    w->failed = !write_pending(w, err) || !sync_pending(w, err);
    if (w->failed) {
        take_back(w);
        return false;
    }
    w->begins_attempt = w->announces = false;
    w->failed = !apply_pending(w, err);
    return !w->failed;
}

/* -- many at once -- */

static bool sync_each(struct journal_writer *const *w, size_t count, struct err *err)
{
    bool folder_is_synced = true;
    for (size_t i = 0; i < count; i++) {
        if (w[i]->pending.len > 0 && !fs_sync(w[i]->fd, w[i]->store->path, err))
            return false;
        folder_is_synced = folder_is_synced && (w[i]->folder_is_synced || w[i]->pending.len == 0);
    }
    return folder_is_synced || fs_sync_dir(w[0]->store->msg, w[0]->store->path, err);
}

/* The folder's fd is older than any write of this run. */
static bool sync_many(struct journal_writer *const *w, size_t count, struct err *err)
{
    const struct store *store = w[0]->store;
    return count >= SYNCFS_LEAST && fs_may_syncfs(store->msg) ? fs_syncfs(store->msg, store->path, err)
                                                              : sync_each(w, count, err);
}

static bool write_many(struct journal_writer *const *w, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (w[i]->failed || (w[i]->pending.len > 0 && !write_pending(w[i], err)))
            return w[i]->failed &&
                   err_set(err, ERR_LOCAL, "The journal of message %s could not be written before.",
                           w[i]->message->id);
    return true;
}

bool journal_sync_many(struct journal_writer *const *w, size_t count, struct err *err)
{
    bool durable = count == 0 || (write_many(w, count, err) && sync_many(w, count, err));
    bool ok = durable;
    for (size_t i = 0; i < count; i++) {
        w[i]->failed = !durable;
        if (!durable) {
            take_back(w[i]);
        } else if (w[i]->pending.len > 0) {
            w[i]->folder_is_synced = true;
            w[i]->begins_attempt = w[i]->announces = false;
            w[i]->failed = !apply_pending(w[i], err);
            ok = ok && !w[i]->failed;
        }
    }
    return ok;
}
