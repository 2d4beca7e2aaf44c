/* seen_read - from the file to memory. Strict: what seen_write.c did not write is damage. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sum.h"
#include "base/text.h"
#include "fetch/seen_impl.h"
#include "mail/escape.h"
#include "mail/flags.h"

#define CRC_HEX 8
#define FIELDS_MAX 6
#define READ_AT_ONCE 65536

/* A record cut at its blanks; the last field takes what is left. */
struct fields {
    char *at[FIELDS_MAX];
    size_t count;
};

static struct fields split(char *record)
{
    struct fields f = {.at = {record}, .count = 1};
    for (char *p = record; f.count < FIELDS_MAX && (p = strchr(p, ' ')); f.at[f.count++] = ++p)
        *p = '\0';
    return f;
}

static bool read_key(const struct seen *s, const char *text, struct seen_key *key)
{
    uint64_t uid;
    if (s->owner.protocol == PROTO_POP3)
        return strlen(text) == 2 * SEEN_KEY_BYTES && text_unhex(text, 2 * SEEN_KEY_BYTES, key->bytes);
    if (!text_u64(text, UINT32_MAX, &uid) || uid == 0)
        return false;
    *key = seen_key_uid((uint32_t)uid);
    return true;
}

static bool read_time(const char *text, int64_t *out)
{
    uint64_t value;
    bool minus = *text == '-';
    if (!text_u64(text + minus, INT64_MAX, &value))
        return false;
    *out = minus ? -(int64_t)value : (int64_t)value;
    return true;
}

/* read_word - what seen_add_word has written */
static bool read_word(struct str *out, const char *text, size_t n, struct err *err)
{
    static const char blank[] = "\\x20";
    struct str spaced = STR_INIT(SEEN_LINE_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < n;) {
        bool escaped = n - i >= 4 && memcmp(text + i, blank, 4) == 0;
        ok = str_addc(&spaced, escaped ? ' ' : text[i], err);
        i += escaped ? 4 : 1;
    }
    ok = ok && escape_undo(out, spaced.buf, spaced.len, err);
    str_free(&spaced);
    return ok;
}

/* read_flags - n letters as they are written, "-" for none */
static bool read_flags(const char *text, size_t n, uint8_t *flags)
{
    char again[FLAGS_TEXT];
    *flags = flags_of_letters(text, n);
    flags_letters(*flags, again);
    const char *written = *again ? again : "-";
    return strlen(written) == n && memcmp(written, text, n) == 0;
}

/* -- the fields of a message: each is taken from *at together with the blank behind it. Nearly all records are such. -- */

static bool take_blank(const char **at)
{
    return *(*at)++ == ' ';
}

static bool take_number(const char **at, uint64_t max, uint64_t *out)
{
    return text_take_u64(at, max, out) && take_blank(at);
}

static bool take_time(const char **at, int64_t *out)
{
    uint64_t value;
    bool minus = **at == '-';
    *at += minus;
    if (!take_number(at, INT64_MAX, &value))
        return false;
    *out = minus ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool take_hex(const char **at, size_t bytes, unsigned char *out)
{
    const char *text = *at, *blank = strchr(text, ' ');
    if (!blank || (size_t)(blank - text) != 2 * bytes)
        return false;
    *at = blank + 1;
    return text_unhex(text, 2 * bytes, out);
}

static bool take_mark(const char **at, unsigned char mark[SEEN_MARK_BYTES])
{
    if (**at != '-')
        return take_hex(at, SEEN_MARK_BYTES, mark);
    ++*at;
    return take_blank(at);
}

static bool take_flags(const char **at, uint8_t *flags)
{
    const char *text = *at, *blank = strchr(text, ' ');
    if (!blank)
        return false;
    *at = blank + 1;
    return read_flags(text, (size_t)(blank - text), flags);
}

static bool take_key(const struct seen *s, const char **at, struct seen_key *key)
{
    uint64_t uid;
    if (s->owner.protocol == PROTO_POP3)
        return take_hex(at, SEEN_KEY_BYTES, key->bytes);
    if (!take_number(at, UINT32_MAX, &uid) || uid == 0)
        return false;
    *key = seen_key_uid((uint32_t)uid);
    return true;
}

/* take_kind - the last field, or the last but the name */
static bool take_kind(const char **at, bool *stub)
{
    *stub = text_starts(*at, "stub");
    if (!*stub && !text_starts(*at, "whole"))
        return false;
    *at += *stub ? strlen("stub") : strlen("whole");
    return true;
}

/* apply_message - what follows "open" and "kept" */
static bool apply_message(struct seen *s, char *fields, bool open, struct err *err)
{
    struct seen_entry e = {.state = open ? SEEN_OPEN : SEEN_PLACED};
    const char *at = fields;
    if (!take_key(s, &at, &e.key) || !take_number(&at, UINT64_MAX, &e.wire) ||
        !take_number(&at, UINT64_MAX, &e.size) || !take_hex(&at, SEEN_HASH_BYTES, e.hash) ||
        !take_time(&at, &e.date) || !take_time(&at, &e.when) || !take_flags(&at, &e.flags) ||
        !take_mark(&at, e.letter) || !take_mark(&at, e.id) || !take_kind(&at, &e.stub) ||
        (open ? !take_blank(&at) : *at != '\0'))
        return err_set(err, ERR_DATA, "bad message");
    e.name = open ? fields + (at - fields) : NULL;
    if (!open) /* an intent may come to nothing */
        quarantine_remove(s, &e.key);
    return seen_put(s, &e, err);
}

static bool apply_flags(struct seen *s, const struct fields *f, struct err *err)
{
    struct seen_key key;
    struct seen_entry *e = f->count == 3 && read_key(s, f->at[1], &key) ? seen_slot(s, &key) : NULL;
    return (e && read_flags(f->at[2], strlen(f->at[2]), &e->flags)) || err_set(err, ERR_DATA, "bad flags");
}

/* apply_bad - "bad" */
static bool apply_bad(struct seen *s, const struct fields *f, struct err *err)
{
    struct str why = STR_INIT(SEEN_LINE_MAX);
    struct seen_key key;
    uint64_t tries;
    int64_t since = 0, next = 0;
    bool ok = (f->count == 6 && read_key(s, f->at[1], &key) && text_u64(f->at[2], UINT32_MAX, &tries) &&
               read_time(f->at[3], &since) && read_time(f->at[4], &next)) ||
              err_set(err, ERR_DATA, "bad record");
    ok = ok && read_word(&why, f->at[5], strlen(f->at[5]), err) &&
         quarantine_put(s, &key, (uint32_t)tries, since, next, why.buf, err);
    str_free(&why);
    return ok;
}

static bool apply_called(struct seen *s, const char *name, struct err *err)
{
    struct str text = STR_INIT(SEEN_LINE_MAX);
    bool ok = read_word(&text, name, strlen(name), err);
    free(s->called);
    s->called = ok ? str_steal(&text) : NULL;
    str_free(&text);
    return ok && (s->called || err_nomem(err));
}

static bool apply_file(struct seen *s, const struct fields *f, struct err *err)
{
    struct seen_key key;
    uint64_t validity, uid;
    struct seen_entry *e = f->count == 4 && read_key(s, f->at[1], &key) ? seen_slot(s, &key) : NULL;
    if (!e || !text_u64(f->at[2], UINT32_MAX, &validity) || validity == 0 ||
        !text_u64(f->at[3], UINT32_MAX, &uid))
        return err_set(err, ERR_DATA, "bad file");
    e->file_validity = (uint32_t)validity;
    e->file_uid = (uint32_t)uid;
    return true;
}

/* apply_quiet - it says again what is so */
static bool apply_quiet(const struct seen *s, const struct fields *f, struct err *err)
{
    uint64_t validity, next;
    return (f->count == 3 && text_u64(f->at[1], UINT32_MAX, &validity) && validity == s->validity &&
            text_u64(f->at[2], UINT32_MAX, &next) && next == s->next && seen_is_quiet(s)) ||
           err_set(err, ERR_DATA, "not quiet");
}

/* apply_change - a record of a word and a key */
static bool apply_change(struct seen *s, const char *word, const struct seen_key *key, struct err *err)
{
    struct seen_entry *e = seen_slot(s, key);
    if (strcmp(word, "fine") == 0) {
        quarantine_remove(s, key);
        return true;
    }
    bool known = strcmp(word, "known") == 0;
    if (known || strcmp(word, "vague") == 0)
        return seen_put(s, &(struct seen_entry){.key = *key, .state = known ? SEEN_KNOWN : SEEN_VAGUE}, err);
    if (!e)
        return err_set(err, ERR_DATA, "unknown key");
    if (strcmp(word, "away") == 0) {
        e->away = true;
        return true;
    }
    free(e->name);
    e->name = NULL;
    static const char *const words[] = {
        [SEEN_PLACED] = "placed", [SEEN_ASKED] = "asked", [SEEN_STAYS] = "stays"};
    for (enum seen_state state = SEEN_PLACED; state <= SEEN_STAYS; state++)
        if (strcmp(word, words[state]) == 0) {
            quarantine_remove(s, key);
            seen_set_state(s, e, state);
            return true;
        }
    bool gone = strcmp(word, "gone") == 0;
    if (!gone && strcmp(word, "dropped") != 0)
        return err_set(err, ERR_DATA, "unknown record");
    seen_set_state(s, e, SEEN_NONE);
    uint32_t uid = seen_uid(key);
    return !gone || s->owner.protocol == PROTO_POP3 || uidset_add(&s->done, uid, uid, err);
}

bool seen_apply(struct seen *s, char *record, struct err *err)
{
    struct seen_key key;
    uint64_t number;
    if (text_starts(record, "kept ")) /* most are */
        return apply_message(s, record + 5, false, err);
    if (text_starts(record, "open "))
        return apply_message(s, record + 5, true, err);
    struct fields f = split(record);
    if (strcmp(f.at[0], "flags") == 0)
        return apply_flags(s, &f, err);
    if (strcmp(f.at[0], "file") == 0)
        return apply_file(s, &f, err);
    if (strcmp(f.at[0], "bad") == 0)
        return apply_bad(s, &f, err);
    if (strcmp(f.at[0], "quiet") == 0)
        return apply_quiet(s, &f, err);
    if (f.count != 2)
        return err_set(err, ERR_DATA, "bad record");
    if (strcmp(f.at[0], "called") == 0)
        return apply_called(s, f.at[1], err);
    if (strcmp(f.at[0], "done") == 0)
        return uidset_read(&s->done, f.at[1], strlen(f.at[1]), err);
    if (strcmp(f.at[0], "validity") == 0 && text_u64(f.at[1], UINT32_MAX, &number)) {
        if (s->validity != (uint32_t)number) {
            s->modseq = 0;
            quarantine_free(s);
        }
        s->validity = (uint32_t)number;
        return true;
    }
    if (strcmp(f.at[0], "counts") == 0 && text_u64(f.at[1], SEEN_COUNTS_BOTH, &number)) {
        s->counts = (unsigned)number;
        return true;
    }
    if (strcmp(f.at[0], "modseq") == 0)
        return text_u64(f.at[1], INT64_MAX, &s->modseq) || err_set(err, ERR_DATA, "bad record");
    if (strcmp(f.at[0], "next") == 0 && text_u64(f.at[1], UINT32_MAX, &number)) {
        s->next = (uint32_t)number;
        return true;
    }
    return read_key(s, f.at[1], &key) ? apply_change(s, f.at[0], &key, err)
                                      : err_set(err, ERR_DATA, "bad record");
}

bool seen_line_is_sound(char *line, size_t n, char **record_r)
{
    unsigned char crc[CRC_HEX / 2];
    if (n < CRC_HEX + 2 || line[n - 1] != '\n' || line[CRC_HEX] != ' ' || memchr(line, '\0', n))
        return false;
    char *record = line + CRC_HEX + 1;
    uint32_t sum = sum_crc32c(0, record, n - CRC_HEX - 2);
    if (!text_unhex(line, CRC_HEX, crc) ||
        sum != ((uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 | (uint32_t)crc[2] << 8 | crc[3]))
        return false;
    line[n - 1] = '\0';
    *record_r = record;
    return true;
}

static bool damaged(const struct seen *s, size_t line, struct err *err)
{
    err_set(err, ERR_LOCAL, "%s:%zu: The memory of what was fetched is damaged here.", s->path, line);
    return err_hint(err,
                    "Look at the disk, and put the file back from a backup. If there is none, move it away: "
                    "every message that is still on the server will then be fetched again.");
}

bool seen_read_owner(const char *record, enum protocol *protocol, struct str *who, struct str *folder,
                     struct err *err)
{
    bool owned = text_starts(record, "folder imap ") || text_starts(record, "folder pop3 ");
    const char *begin = record + 12, *blank = owned ? strchr(begin, ' ') : NULL;
    if (!blank)
        return err_set(err, ERR_DATA, "bad owner");
    *protocol = record[7] == 'p' ? PROTO_POP3 : PROTO_IMAP;
    return read_word(who, begin, (size_t)(blank - begin), err) &&
           read_word(folder, blank + 1, strlen(blank + 1), err);
}

/* take_owner - the file's name is a hash of protocol and folder, so only `who` may differ, where an owner is expected
 */
static bool take_owner(struct seen *s, const char *record, struct err *err)
{
    struct str who = STR_INIT(SEEN_LINE_MAX), folder = STR_INIT(SEEN_LINE_MAX);
    enum protocol protocol = PROTO_IMAP;
    bool ok = seen_read_owner(record, &protocol, &who, &folder, err);
    if (ok && s->folder &&
        (strcmp(s->folder, folder.buf) != 0 || (s->owner.protocol == PROTO_POP3) != (protocol == PROTO_POP3)))
        ok = err_set(err, ERR_DATA, "another folder");
    if (ok && !s->folder) {
        s->owner.protocol = protocol;
        s->owner.folder = s->folder = str_steal(&folder);
        ok = s->folder || err_nomem(err);
    }
    if (ok && (!s->who || strcmp(who.buf, s->who) != 0)) {
        s->moved_to = s->who;
        s->owner.who = s->who = str_steal(&who);
        ok = s->who || err_nomem(err);
    }
    str_free(&who);
    str_free(&folder);
    return ok;
}

static bool take_line(struct seen *s, size_t number, char *record, struct err *err)
{
    struct err why;
    why.kind = ERR_NONE; /* clearing all of it would cost as much as the rest, line by line */
    if (number == 1)
        return strcmp(record, SEEN_FIRST) == 0 || damaged(s, number, err);
    if (number == 2 ? take_owner(s, record, &why) : seen_apply(s, record, &why))
        return true;
    if (why.kind == ERR_DATA || why.kind == ERR_PROTOCOL)
        return damaged(s, number, err);
    *err = why;
    return false;
}

/* is_torn - of a line that is not sound: was the end of the file cut off in it? A torn record is a beginning of
 * one. What has its LF, or would be whole had its last byte not become something else, was durable, perhaps: that
 * is damage. */
static bool is_torn(char *line, size_t n)
{
    char *record;
    if (line[n - 1] == '\n')
        return false;
    line[n - 1] = '\n';
    return !seen_line_is_sound(line, n, &record);
}

bool seen_read_file(struct seen *s, uint64_t *good_r, struct err *err)
{
    int fd = dup(s->fd);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n = -1;
    bool ok = true;
    *good_r = 0;
    if (!file) {
        err_errno(err, ERR_LOCAL, "%s could not be read", s->path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    setvbuf(file, NULL, _IOFBF, READ_AT_ONCE);
    while (ok && (n = getline(&line, &room, file)) > 0) {
        char *record;
        if (!seen_line_is_sound(line, (size_t)n, &record))
            ok = is_torn(line, (size_t)n) || damaged(s, s->lines + 1, err);
        else if ((ok = take_line(s, s->lines + 1, record, err))) {
            s->lines++;
            *good_r += (uint64_t)n;
        }
    }
    if (ok && ferror(file))
        ok = err_errno(err, ERR_LOCAL, "%s could not be read", s->path);
    if (ok && s->lines < 2)
        ok = damaged(s, s->lines + 1, err); /* the file is made whole, with its first lines */
    free(line);
    fclose(file);
    return ok;
}
