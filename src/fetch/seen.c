/* seen - the memory of a folder: its table in memory, and writing. Reading is in seen_read.c. */
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
#include "mail/escape.h"
#include "mail/flags.h"

#define PENDING_MAX (256u << 20) /* a whole file, rewritten: some 80 bytes for each message of a folder */
#define DEAD_LINES_MAX 1000      /* and half as many as living ones: then the file is rewritten */
#define ROWS_MAX 10000000u       /* messages of one folder */
#define MARK_TEXT (2 * SEEN_MARK_BYTES + 1)

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

/* -- records -- */

bool seen_add_line(struct str *out, const char *record, size_t n, struct err *err)
{
    return str_addf(out, err, "%08x ", sum_crc32c(0, record, n)) && str_add(out, record, n, err) &&
           str_addc(out, '\n', err);
}

/* One field: blanks are escaped besides what escape_add escapes. */
bool seen_add_word(struct str *out, const char *word, struct err *err)
{
    struct str escaped = STR_INIT(SEEN_LINE_MAX);
    bool ok = escape_add(&escaped, word, err);
    for (size_t i = 0; ok && i < escaped.len; i++)
        ok = escaped.buf[i] == ' ' ? str_add(out, "\\x20", 4, err) : str_addc(out, escaped.buf[i], err);
    str_free(&escaped);
    return ok;
}

bool seen_add_first_lines(const struct seen *s, struct str *out, struct err *err)
{
    struct str record = STR_INIT(SEEN_LINE_MAX);
    bool ok = seen_add_line(out, SEEN_FIRST, strlen(SEEN_FIRST), err) &&
              str_addf(&record, err, "folder %s ", s->owner.protocol == PROTO_POP3 ? "pop3" : "imap") &&
              seen_add_word(&record, s->who, err) && str_addc(&record, ' ', err) &&
              seen_add_word(&record, s->folder, err) && seen_add_line(out, record.buf, record.len, err);
    str_free(&record);
    return ok;
}

static void show_mark(const unsigned char mark[SEEN_MARK_BYTES], char out[MARK_TEXT])
{
    if (seen_mark_known(mark))
        text_hex(mark, SEEN_MARK_BYTES, out);
    else
        snprintf(out, MARK_TEXT, "-");
}

static bool add_message(const struct seen *s, struct str *record, const char *word,
                        const struct seen_entry *e, struct err *err)
{
    char key[SEEN_KEY_TEXT], hash[2 * SEEN_HASH_BYTES + 1], flags[FLAGS_TEXT], letter[MARK_TEXT],
        id[MARK_TEXT];
    seen_key_text(s->owner.protocol, &e->key, key);
    text_hex(e->hash, SEEN_HASH_BYTES, hash);
    flags_letters(e->flags, flags);
    show_mark(e->letter, letter);
    show_mark(e->id, id);
    return str_addf(record, err, "%s %s %llu %llu %s %lld %lld %s %s %s %s%s%s", word, key,
                    (unsigned long long)e->wire, (unsigned long long)e->size, hash, (long long)e->date,
                    (long long)e->when, *flags ? flags : "-", letter, id, e->stub ? "stub" : "whole",
                    e->name ? " " : "", e->name ? e->name : "");
}

/* apply_copy - reading cuts the line to pieces */
static bool apply_copy(struct seen *s, const char *text, struct err *err)
{
    char line[SEEN_LINE_MAX];
    size_t n = strlen(text) + 1;
    if (n > sizeof line)
        return err_set(err, ERR_INTERNAL, "A record of %s is too long.", s->path);
    memcpy(line, text, n);
    return seen_apply(s, line, err);
}

bool seen_record(struct seen *s, const char *text, struct err *err)
{
    if (s->broken || s->look_only)
        return err_set(err, ERR_INTERNAL, "%s is not to be written any more.", s->path);
    return seen_add_line(&s->pending, text, strlen(text), err) && apply_copy(s, text, err);
}

static bool add_called(struct str *out, const char *name, struct err *err)
{
    return str_addz(out, "called ", err) && seen_add_word(out, name, err);
}

bool seen_record_name(struct seen *s, struct err *err)
{
    struct str record = STR_INIT(SEEN_LINE_MAX - 64);
    bool known = !s->name || (s->called && strcmp(s->name, s->called) == 0);
    bool ok = known || (add_called(&record, s->name, err) && seen_record(s, record.buf, err));
    str_free(&record);
    return ok;
}

/* add_quarantine - with the name that it is shown under, which was recorded once */
static bool add_quarantine(const struct seen *s, struct str *out, struct err *err)
{
    struct str record = STR_INIT(SEEN_LINE_MAX - 64);
    bool ok = !s->called ||
              (add_called(&record, s->called, err) && seen_add_line(out, record.buf, record.len, err));
    str_free(&record);
    return ok && quarantine_add_lines(s, out, err);
}

static bool record_key(struct seen *s, const char *word, const struct seen_key *key, struct err *err)
{
    char text[64], key_text[SEEN_KEY_TEXT];
    seen_key_text(s->owner.protocol, key, key_text);
    snprintf(text, sizeof text, "%s %s", word, key_text);
    return seen_record(s, text, err);
}

static bool record_message(struct seen *s, const char *word, const struct seen_entry *e, struct err *err)
{
    struct str text = STR_INIT(SEEN_LINE_MAX - 64);
    bool ok = add_message(s, &text, word, e, err) && seen_record(s, text.buf, err);
    str_free(&text);
    return ok;
}

bool seen_set_validity(struct seen *s, uint32_t validity, struct err *err)
{
    char text[64];
    snprintf(text, sizeof text, "validity %u", validity);
    return validity == s->validity || seen_record(s, text, err);
}

bool seen_set_next(struct seen *s, uint32_t next, struct err *err)
{
    char text[64];
    snprintf(text, sizeof text, "next %u", next);
    return next == s->next || seen_record(s, text, err);
}

bool seen_set_modseq(struct seen *s, uint64_t modseq, struct err *err)
{
    char text[64];
    snprintf(text, sizeof text, "modseq %llu", (unsigned long long)modseq);
    return modseq == s->modseq || seen_record(s, text, err);
}

bool seen_set_counts(struct seen *s, unsigned counts, struct err *err)
{
    char text[32];
    snprintf(text, sizeof text, "counts %u", counts);
    return counts == s->counts || seen_record(s, text, err);
}

bool seen_set_flags(struct seen *s, const struct seen_key *key, uint8_t flags, struct err *err)
{
    const struct seen_entry *e = seen_slot(s, key);
    char text[96], key_text[SEEN_KEY_TEXT], letters[FLAGS_TEXT];
    seen_key_text(s->owner.protocol, key, key_text);
    flags_letters(flags, letters);
    snprintf(text, sizeof text, "flags %s %s", key_text, *letters ? letters : "-");
    return (e && e->flags == flags) || seen_record(s, text, err);
}

bool seen_intend(struct seen *s, const struct seen_entry *entry, struct err *err)
{
    return record_message(s, "open", entry, err);
}

bool seen_keep(struct seen *s, const struct seen_entry *entry, struct err *err)
{
    struct seen_entry e = *entry;
    e.name = NULL;
    return record_message(s, "kept", &e, err);
}

bool seen_away(struct seen *s, const struct seen_key *key, struct err *err)
{
    return record_key(s, "away", key, err);
}

bool seen_placed(struct seen *s, const struct seen_key *key, struct err *err)
{
    return record_key(s, "placed", key, err);
}

bool seen_dropped(struct seen *s, const struct seen_key *key, struct err *err)
{
    return record_key(s, "dropped", key, err);
}

bool seen_gone(struct seen *s, const struct seen_key *key, struct err *err)
{
    return record_key(s, "gone", key, err);
}

bool seen_asked(struct seen *s, const struct seen_key *key, struct err *err)
{
    return record_key(s, "asked", key, err);
}

bool seen_stays(struct seen *s, const struct seen_key *key, struct err *err)
{
    return record_key(s, "stays", key, err);
}

bool seen_known(struct seen *s, const struct seen_key *key, struct err *err)
{
    char text[64];
    if (s->owner.protocol == PROTO_POP3)
        return record_key(s, "known", key, err);
    snprintf(text, sizeof text, "done %u", seen_uid(key));
    return seen_record(s, text, err);
}

bool seen_vague(struct seen *s, const struct seen_key *key, struct err *err)
{
    const struct seen_entry *e = seen_find(s, key);
    return (e && e->state == SEEN_VAGUE) || record_key(s, "vague", key, err);
}

/* -- the file -- */

/* add_done - the settled UIDs, in as many records as their length asks for */
static bool add_done(const struct seen *s, struct str *out, struct err *err)
{
    struct str line = STR_INIT(SEEN_LINE_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < s->done.count; i++) {
        const struct uid_range *r = &s->done.ranges[i];
        ok = str_addf(&line, err, "%s%u:%u", line.len ? "," : "done ", r->lo, r->hi);
        if (ok && (line.len > SEEN_LINE_MAX / 2 || i + 1 == s->done.count)) {
            ok = seen_add_line(out, line.buf, line.len, err);
            str_clear(&line);
        }
    }
    str_free(&line);
    return ok;
}

/* add_change - a record of a word and the key; without the word nothing */
static bool add_change(const struct seen *s, const char *word, const struct seen_key *key, struct str *out,
                       struct err *err)
{
    char text[64], key_text[SEEN_KEY_TEXT];
    if (!word)
        return true;
    seen_key_text(s->owner.protocol, key, key_text);
    snprintf(text, sizeof text, "%s %s", word, key_text);
    return seen_add_line(out, text, strlen(text), err);
}

/* add_file - the numbers in its file's name */
static bool add_file(const struct seen *s, const struct seen_entry *e, struct str *out, struct err *err)
{
    char key[SEEN_KEY_TEXT], text[96];
    seen_key_text(s->owner.protocol, &e->key, key);
    snprintf(text, sizeof text, "file %s %u %u", key, e->file_validity, e->file_uid);
    return e->file_validity == 0 || seen_add_line(out, text, strlen(text), err);
}

static bool add_entry(const struct seen *s, const struct seen_entry *e, struct str *out, struct err *err)
{
    static const char *const after[] = {
        [SEEN_ASKED] = "asked", [SEEN_STAYS] = "stays", [SEEN_KNOWN] = "known", [SEEN_VAGUE] = "vague"};
    struct str line = STR_INIT(SEEN_LINE_MAX);
    bool ok =
        e->state >= SEEN_KNOWN || (add_message(s, &line, e->state == SEEN_OPEN ? "open" : "kept", e, err) &&
                                   seen_add_line(out, line.buf, line.len, err));
    str_free(&line);
    return ok && add_change(s, after[e->state], &e->key, out, err) && add_file(s, e, out, err) &&
           (!e->away || add_change(s, "away", &e->key, out, err));
}

static bool add_number(struct str *out, const char *word, uint64_t number, struct err *err)
{
    char text[64];
    snprintf(text, sizeof text, "%s %llu", word, (unsigned long long)number);
    return seen_add_line(out, text, strlen(text), err);
}

static bool add_quiet(const struct seen *s, struct str *out, struct err *err)
{
    char text[64];
    snprintf(text, sizeof text, "quiet %u %u", s->validity, s->next);
    return !seen_is_quiet(s) || seen_add_line(out, text, strlen(text), err);
}

static bool open_file(struct seen *s)
{
    int how = s->look_only ? O_RDONLY : O_RDWR | O_APPEND;
    s->fd =
        open(s->path, how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO is no memory, nor waited for */
    return s->fd >= 0;
}

/* The whole memory as a new file, pending records with it, for they are in memory already. */
bool seen_rewrite(struct seen *s, struct err *err)
{
    struct str text = STR_INIT(PENDING_MAX);
    bool ok = seen_add_first_lines(s, &text, err) && add_number(&text, "validity", s->validity, err) &&
              add_number(&text, "next", s->next, err) && add_number(&text, "modseq", s->modseq, err) &&
              add_number(&text, "counts", s->counts, err) && add_done(s, &text, err);
    for (const struct seen_entry *e = seen_each(s, NULL); ok && e; e = seen_each(s, e))
        ok = add_entry(s, e, &text, err);
    ok = ok && add_quarantine(s, &text, err) && /* behind them, for `kept` takes a message out of it */
         add_quiet(s, &text, err) && fs_replace(s->path, text.buf, text.len, 0600, err);
    str_free(&text);
    if (!ok)
        return false;
    if (s->fd >= 0)
        close(s->fd);
    if (!open_file(s))
        return fs_fail(err, s->path, "opened");
    s->lines = s->live + s->bad_count + 6;
    str_clear(&s->pending);
    return true;
}

bool seen_adopt(struct seen *s, struct err *err)
{
    free(s->who);
    s->owner.who = s->who = s->moved_to;
    s->moved_to = NULL;
    return seen_rewrite(s, err);
}

bool seen_sync(struct seen *s, struct err *err)
{
    if (s->pending.len == 0)
        return true;
    size_t lines = 0;
    for (size_t i = 0; i < s->pending.len; i++)
        lines += s->pending.buf[i] == '\n';
    bool ok = s->fd < 0 || s->lines > s->live + s->live / 2 + DEAD_LINES_MAX
                  ? seen_rewrite(s, err)
                  : add_quiet(s, &s->pending, err) &&
                        fs_write_all(s->fd, s->pending.buf, s->pending.len, s->path, err) &&
                        fs_datasync(s->fd, s->path, err);
    s->broken = s->broken || !ok;
    s->lines += lines;
    str_clear(&s->pending);
    return ok;
}

bool seen_open(const char *path, const struct seen_owner *owner, bool look_only, struct seen **seen_r,
               struct err *err)
{
    struct seen *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    str_init(&s->pending, PENDING_MAX);
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
    if (ok && !open_file(s) && errno != ENOENT)
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
