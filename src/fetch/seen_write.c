/* seen_write - from memory to the file: records, and the file as a whole. What a record changes in memory it changes
 * by the way that reading takes (seen_read.c). */
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

#define DEAD_LINES_MAX 1000 /* and half as many as living ones: then the file is rewritten */
#define MARK_TEXT (2 * SEEN_MARK_BYTES + 1)

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

/* The whole memory as a new file, pending records with it, for they are in memory already. */
bool seen_rewrite(struct seen *s, struct err *err)
{
    struct str text = STR_INIT(SEEN_FILE_MAX);
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
    if (!seen_open_file(s))
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
