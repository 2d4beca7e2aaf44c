/* seen - the memory of a folder: its table in memory. Reading is in seen_read.c, writing in seen_write.c. */
#include "fetch/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sum.h"
#include "base/text.h"
#include "fetch/seen_impl.h"

#define ROWS_MAX 10000000u /* messages of one folder */

/* -- keys -- */

struct seen_key seen_key_uid(uint32_t uid)
{
    struct seen_key key = {{0}};
    for (int i = 0; i < 4; i++)
        key.bytes[SEEN_KEY_BYTES - 1 - i] = (unsigned char)(uid >> 8 * i);
    return key;
}

uint32_t seen_uid(const struct seen_key *key)
{
    const unsigned char *b = key->bytes + SEEN_KEY_BYTES - 4;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

struct seen_key seen_key_hash(const char *kind, const void *bytes, size_t n)
{
    unsigned char whole[SUM_SHA256_BYTES];
    struct sum_sha256 sum;
    struct seen_key key;
    sum_sha256_begin(&sum);
    sum_sha256_add(&sum, kind, strlen(kind) + 1);
    sum_sha256_add(&sum, bytes, n);
    sum_sha256_end(&sum, whole);
    memcpy(key.bytes, whole, sizeof key.bytes);
    return key;
}

void seen_key_text(enum protocol protocol, const struct seen_key *key, char out[SEEN_KEY_TEXT])
{
    if (protocol == PROTO_POP3)
        text_hex(key->bytes, SEEN_KEY_BYTES, out);
    else
        snprintf(out, SEEN_KEY_TEXT, "%u", seen_uid(key));
}

void seen_mark_text(const char *kind, const char *text, size_t n, unsigned char mark_r[SEEN_MARK_BYTES])
{
    struct seen_key key = seen_key_hash(kind, text, n);
    memcpy(mark_r, key.bytes, SEEN_MARK_BYTES);
}

bool seen_mark_known(const unsigned char mark[SEEN_MARK_BYTES])
{
    static const unsigned char none[SEEN_MARK_BYTES];
    return memcmp(mark, none, sizeof none) != 0;
}

/* -- the table -- */

/* first_place - UIDs come in a row, and so do their places, eight at a time: the processor has them at hand. Hashes
 * are random already. */
static size_t first_place(const struct seen *s, const struct seen_key *key)
{
    enum { ROW = 8 };
    struct seen_key row = *key;
    size_t at = row.bytes[SEEN_KEY_BYTES - 1] % ROW;
    row.bytes[SEEN_KEY_BYTES - 1] -= (unsigned char)at;
    uint64_t half[2];
    memcpy(half, row.bytes, sizeof half);
    uint64_t h = half[0] ^ half[1];
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
    return ((size_t)(h ^ h >> 32) * ROW + at) & (s->index_size - 1);
}

static uint32_t *place_of(const struct seen *s, const struct seen_key *key)
{
    size_t at = first_place(s, key);
    while (s->index[at] && memcmp(&s->entries[s->index[at] - 1].key, key, sizeof *key) != 0)
        at = (at + 1) & (s->index_size - 1);
    return &s->index[at];
}

struct seen_entry *seen_slot(const struct seen *s, const struct seen_key *key)
{
    uint32_t number = s->index_size ? *place_of(s, key) : 0;
    return number && s->entries[number - 1].state != SEEN_NONE ? &s->entries[number - 1] : NULL;
}

static bool grow(struct seen *s, struct err *err)
{
    if (s->count < s->cap)
        return true;
    if (s->count >= ROWS_MAX)
        return err_set(err, ERR_LOCAL, "%s holds too many messages.", s->path);
    size_t cap = s->cap ? 2 * s->cap : 64;
    struct seen_entry *entries = realloc(s->entries, cap * sizeof *entries);
    if (!entries)
        return err_nomem(err);
    s->entries = entries;
    uint32_t *index = calloc(2 * cap, sizeof *index);
    if (!index)
        return err_nomem(err);
    free(s->index);
    s->index = index;
    s->index_size = 2 * cap;
    s->cap = cap;
    for (size_t i = 0; i < s->count; i++)
        *place_of(s, &s->entries[i].key) = (uint32_t)i + 1;
    return true;
}

void seen_set_state(struct seen *s, struct seen_entry *e, enum seen_state state)
{
    s->live = s->live - (e->state != SEEN_NONE) + (state != SEEN_NONE);
    s->opens = s->opens - (e->state == SEEN_OPEN) + (state == SEEN_OPEN);
    e->state = state;
}

bool seen_put(struct seen *s, const struct seen_entry *entry, struct err *err)
{
    char *name = entry->name ? strdup(entry->name) : NULL;
    if (entry->name && !name)
        return err_nomem(err);
    if (!grow(s, err)) {
        free(name);
        return false;
    }
    uint32_t *place = place_of(s, &entry->key);
    if (!*place) {
        s->entries[s->count] = (struct seen_entry){.state = SEEN_NONE};
        *place = (uint32_t)++s->count;
    }
    struct seen_entry *e = &s->entries[*place - 1];
    seen_set_state(s, e, entry->state);
    free(e->name);
    *e = *entry;
    e->name = name;
    return true;
}

const struct seen_entry *seen_find(const struct seen *s, const struct seen_key *key)
{
    static const struct seen_entry settled = {.state = SEEN_PLACED};
    const struct seen_entry *e = seen_slot(s, key);
    if (!e && s->owner.protocol != PROTO_POP3 && uidset_has(&s->done, seen_uid(key)))
        return &settled;
    return e;
}

const struct seen_entry *seen_message(const struct seen *s, const struct seen_key *key)
{
    return seen_slot(s, key);
}

const struct seen_entry *seen_at(const struct seen *s, size_t number)
{
    return number < s->count && s->entries[number].state != SEEN_NONE ? &s->entries[number] : NULL;
}

bool seen_is_here(const struct seen_entry *e)
{
    return e->state == SEEN_PLACED || e->state == SEEN_STAYS;
}

const struct seen_entry *seen_each(const struct seen *s, const struct seen_entry *at)
{
    for (size_t i = at ? (size_t)(at - s->entries) + 1 : 0; i < s->count; i++)
        if (s->entries[i].state != SEEN_NONE)
            return &s->entries[i];
    return NULL;
}

const struct seen_entry *seen_an_open_one(const struct seen *s)
{
    const struct seen_entry *e = s->opens > 0 ? seen_each(s, NULL) : NULL;
    while (e && e->state != SEEN_OPEN)
        e = seen_each(s, e);
    return e;
}

const char *seen_moved(const struct seen *s)
{
    return s->moved_to ? s->who : NULL;
}

const struct seen_owner *seen_owner(const struct seen *s)
{
    return &s->owner;
}

const char *seen_path(const struct seen *s)
{
    return s->path;
}

bool seen_call(struct seen *s, const char *name, struct err *err)
{
    char *copy = strdup(name);
    if (!copy)
        return err_nomem(err);
    free(s->name);
    s->name = copy;
    return true;
}

const char *seen_called(const struct seen *s)
{
    return s->called;
}

uint32_t seen_validity(const struct seen *s)
{
    return s->validity;
}

uint32_t seen_next(const struct seen *s)
{
    return s->next;
}

uint64_t seen_modseq(const struct seen *s)
{
    return s->modseq;
}

unsigned seen_counts(const struct seen *s)
{
    return s->counts;
}

size_t seen_size(const struct seen *s)
{
    return s->count;
}

size_t seen_number(const struct seen *s, const struct seen_entry *entry)
{
    return (size_t)(entry - s->entries);
}

bool seen_is_empty(const struct seen *s)
{
    return s->live == 0 && s->done.count == 0;
}

bool seen_is_quiet(const struct seen *s)
{
    return s->owner.protocol == PROTO_IMAP && s->validity != 0 && s->opens == 0 && s->bad_count == 0 &&
           s->counts == SEEN_COUNTS_NOTHING;
}

/* -- the file -- */

bool seen_open_file(struct seen *s)
{
    int how = s->look_only ? O_RDONLY : O_RDWR | O_APPEND;
    s->fd =
        open(s->path, how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO is no memory, nor waited for */
    return s->fd >= 0;
}

bool seen_open(const char *path, const struct seen_owner *owner, bool look_only, struct seen **seen_r,
               struct err *err)
{
    struct seen *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    str_init(&s->pending, SEEN_FILE_MAX);
    if (owner)
        s->owner = *owner;
    s->look_only = look_only;
    s->next = 1;
    s->fd = -1;
    s->path = strdup(path);
    s->owner.who = s->who = owner ? strdup(owner->who) : NULL;
    s->owner.folder = s->folder = owner ? strdup(owner->folder) : NULL;
    uint64_t good = 0;
    bool ok = (s->path && (!owner || (s->who && s->folder))) || err_nomem(err);
    if (ok && !seen_open_file(s) && errno != ENOENT)
        ok = fs_fail(err, path, "opened");
    if (ok && s->fd >= 0) {
        off_t size = lseek(s->fd, 0, SEEK_END);
        ok = size >= 0 && lseek(s->fd, 0, SEEK_SET) == 0
                 ? seen_read_file(s, &good, err)
                 : err_errno(err, ERR_LOCAL, "%s could not be read", path);
        if (ok && !look_only && good < (uint64_t)size)
            ok = fs_truncate(s->fd, (off_t)good, s->path, err);
    }
    if (s->look_only && s->fd >= 0) { /* many may be looked at at once */
        close(s->fd);
        s->fd = -1;
    }
    if (ok)
        *seen_r = s;
    else
        seen_close(&s);
    return ok;
}

void seen_close(struct seen **seen)
{
    struct seen *s = *seen;
    *seen = NULL;
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->entries[i].name);
    if (s->fd >= 0)
        close(s->fd);
    quarantine_free(s);
    uidset_free(&s->done);
    str_free(&s->pending);
    free(s->entries);
    free(s->index);
    free(s->path);
    free(s->who);
    free(s->folder);
    free(s->moved_to);
    free(s->name);
    free(s->called);
    free(s);
}
