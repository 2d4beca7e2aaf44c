/* dismissed - what the person has deleted here, with `deletions = both`.
 *
 * A file that is gone may have been moved, put away by a program, or be on a disk that is not mounted. So it counts
 * as deleted only where all of this holds: it was here since deletions began to count; the folder wears the badge
 * that it was given then; no folder of the account's maildir has a file with the name that we gave it, or, under
 * another name, with the same bytes, unless that is the file of a message in another folder; and it is not one of
 * very many. A file that its reader marked with T (trashed)
 * is deleted by that word. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sum.h"
#include "base/text.h"
#include "fetch/batch.h"
#include "fetch/imap_sync.h"
#include "fetch/links.h"

#define DEPTH_MAX 40

static void badge_name(const struct imap_job *job, char out[40])
{
    snprintf(out, 40, "tappal-%s", job->f.batch->mark);
}

/* -- is it somewhere else? -- */

struct hunt {
    struct imap_job *job;
    struct uidset *missing; /* what is found is taken out */
    struct seen **others; /* memories of the account's folders, as far as they were needed; NULL: none was */
};

/* other_memory - of the i-th folder that is fetched; NULL: it cannot be read */
static struct seen *other_memory(struct hunt *h, const struct folders *folders, size_t i)
{
    struct err ignored;
    if (!h->others && !(h->others = calloc(folders->count, sizeof(struct seen *))))
        return NULL;
    if (!h->others[i] && !pull_memory(h->job->pull, folders->items[i].wire, true, &h->others[i], &ignored))
        return NULL;
    return h->others[i];
}

/* stands_for_another - is it the file of a message in another folder, which is a link of ours or was fetched there? */
static bool stands_for_another(struct hunt *h, const char *name)
{
    const struct links *links = h->job->pull->links;
    for (size_t i = 0; links && i < links->folders->count; i++) {
        const struct seen *seen = other_memory(h, links->folders, i);
        char mark[BATCH_MARK_SIZE];
        uint32_t validity, uid;
        if (!seen)
            continue;
        batch_mark(seen, mark);
        if (!local_read_name(name, mark, &validity, &uid) || validity != seen_validity(seen))
            continue;
        struct seen_key key = seen_key_uid(uid);
        const struct seen_entry *e = seen_message(seen, &key);
        return e && seen_is_here(e);
    }
    return false;
}

static void end_hunt(struct hunt *h)
{
    for (size_t i = 0; h->others && i < h->job->pull->links->folders->count; i++)
        seen_close(&h->others[i]);
    free(h->others);
}

/* is_copy - the same bytes under another name: some readers move mail so */
static bool is_copy(int dir, const char *name, const struct seen_entry *e)
{
    unsigned char hash[SUM_SHA256_BYTES];
    char block[65536];
    struct sum_sha256 sum;
    ssize_t n;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    sum_sha256_begin(&sum);
    while ((n = read(fd, block, sizeof block)) > 0)
        sum_sha256_add(&sum, block, (size_t)n);
    sum_sha256_end(&sum, hash);
    close(fd);
    return n == 0 && memcmp(hash, e->hash, sizeof e->hash) == 0;
}

static bool strike_copies(struct hunt *h, int dir, const char *name, uint64_t size, struct err *err)
{
    for (uint32_t uid = uidset_next(h->missing, 0); uid; uid = uidset_next(h->missing, uid)) {
        struct seen_key key = seen_key_uid(uid);
        const struct seen_entry *e = seen_message(h->job->f.seen, &key);
        if (e && e->size == size && is_copy(dir, name, e))
            return stands_for_another(h, name) || uidset_remove(h->missing, uid, uid, err);
    }
    return true;
}

static bool hunt_folder(struct hunt *h, int parent, const char *name, int depth, struct err *err);

/* hunt_one - one name in a folder: a file, or a folder below */
static bool hunt_one(struct hunt *h, int dir, const char *name, int depth, struct err *err)
{
    const struct seen_entry *e = local_entry(&h->job->sync->local, name);
    struct stat st;
    if (e)
        return uidset_remove(h->missing, seen_uid(&e->key), seen_uid(&e->key), err);
    if (strstr(name, ".tappal") && strstr(name, h->job->f.batch->mark))
        return true; /* ours, of a message that is settled */
    if (fstatat(dir, name, &st, 0) != 0)
        return errno == ENOENT || err_errno(err, ERR_LOCAL, "%s cannot be looked at", name);
    if (S_ISDIR(st.st_mode))
        return hunt_folder(h, dir, name, depth + 1, err);
    return !S_ISREG(st.st_mode) || strike_copies(h, dir, name, (uint64_t)st.st_size, err);
}

static bool hunt_folder(struct hunt *h, int parent, const char *name, int depth, struct err *err)
{
    int fd = depth < DEPTH_MAX ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    bool ok = true;
    if (!d && fd >= 0)
        close(fd);
    if (!d)
        return err_errno(err, ERR_LOCAL, "The folder %s cannot be read", name);
    while (errno = 0, ok && h->missing->count > 0 && (entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = hunt_one(h, dirfd(d), entry->d_name, depth, err);
    if (ok && h->missing->count > 0 && errno != 0)
        ok = err_errno(err, ERR_LOCAL, "The folder %s cannot be read", name);
    closedir(d);
    return ok;
}

/* -- what is believed -- */

/* has_badge - without it this is not the folder that the mail was put into */
static bool has_badge(struct imap_job *job, bool *has_r, struct err *err)
{
    char badge[40];
    struct err why = {0};
    badge_name(job, badge);
    if (!maildir_has_badge(job->f.box, badge, has_r, err))
        return false;
    if (*has_r)
        return true;
    err_set(&why, ERR_DATA,
            "The file %s is missing from the maildir of %s: is it another folder, or not mounted? "
            "Nothing is deleted on the server.",
            badge, job->f.name);
    err_hint(&why,
             "If the folder is the right one, run tappal-fetch once with deletions = pull, then with both "
             "again: what is deleted from then on counts.");
    pull_trouble(job->pull, job->result, &why);
    return true;
}

static bool find_missing(struct imap_job *job, struct uidset *missing, struct uidset *trashed,
                         struct err *err)
{
    for (const struct seen_entry *e = seen_each(job->f.seen, NULL); e; e = seen_each(job->f.seen, e)) {
        const struct local_mark *mark = &job->sync->local.marks[seen_number(job->f.seen, e)];
        bool gone = !mark->here && !e->away, trash = mark->here && (mark->flags & FLAG_TRASHED);
        uint32_t uid = seen_uid(&e->key);
        if (seen_is_here(e) && !e->stub && (gone || trash) &&
            !uidset_add(trash ? trashed : missing, uid, uid, err))
            return false;
    }
    return true;
}

bool imap_sync_find_dismissed(struct imap_job *job, struct err *err)
{
    const struct fetch_conf *conf = &job->pull->account->fetch;
    struct uidset missing = UIDSET_INIT, *dismissed = &job->sync->dismissed;
    struct hunt h = {.job = job, .missing = &missing};
    bool has = false;
    if (conf->deletions != SYNC_BOTH || seen_counts(job->f.seen) != SEEN_COUNTS_BOTH)
        return true;
    bool ok = has_badge(job, &has, err) && (!has || find_missing(job, &missing, dismissed, err));
    ok = ok && (missing.count == 0 || hunt_folder(&h, AT_FDCWD, conf->maildir, 0, err));
    end_hunt(&h);
    for (size_t i = 0; ok && i < missing.count; i++)
        ok = uidset_add(dismissed, missing.ranges[i].lo, missing.ranges[i].hi, err);
    uidset_free(&missing);
    if (ok && imap_sync_blows(job, uidset_count(dismissed), "here", "on the server"))
        uidset_free(dismissed);
    return ok;
}

/* -- from when on -- */

/* mark_away - what is not here now was moved or deleted before that counted */
static bool mark_away(struct imap_job *job, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < job->sync->local.count; i++) {
        const struct seen_entry *e = seen_at(job->f.seen, i);
        if (e && seen_is_here(e) && !job->sync->local.marks[i].here && !e->away)
            ok = seen_away(job->f.seen, &e->key, err);
    }
    return ok;
}

bool imap_sync_start_counting(struct imap_job *job, struct err *err)
{
    enum sync_mode mode = job->pull->account->fetch.deletions;
    struct seen *seen = job->f.seen;
    unsigned was = seen_counts(seen);
    unsigned now = mode == SYNC_BOTH   ? SEEN_COUNTS_BOTH
                   : mode == SYNC_PULL ? SEEN_COUNTS_SERVER
                                       : SEEN_COUNTS_NOTHING;
    char badge[40];
    badge_name(job, badge);
    if (now == was)
        return true;
    if (now == SEEN_COUNTS_BOTH &&
        (!mark_away(job, err) || !seen_sync(seen, err) || !maildir_put_badge(job->f.box, badge, err)))
        return false;
    return seen_set_counts(seen, now, err) && seen_sync(seen, err) &&
           (was != SEEN_COUNTS_BOTH || !job->f.box || maildir_take_badge(job->f.box, badge, err));
}
