/* seen_impl - what the memory of a folder (seen.c), its reading (seen_read.c) and writing (seen_write.c) share. */
#ifndef TAPPAL_FETCH_SEEN_IMPL_H
#define TAPPAL_FETCH_SEEN_IMPL_H

#include "base/str.h"
#include "fetch/quarantine.h"
#include "fetch/seen.h"

#define SEEN_FIRST "tappal-seen 1"
#define SEEN_LINE_MAX 16384        /* a record; `done` is split into several */
#define SEEN_FILE_MAX (256u << 20) /* a whole file, rewritten: some 80 bytes for each message of a folder */

struct seen {
    char *path;
    struct seen_owner owner; /* its strings are ours */
    char *who, *folder;      /* as the file has them */
    char *moved_to;          /* who it is now, where that differs */
    char *name;              /* what it is called now; NULL: nobody said */
    char *called;            /* as the file has it; NULL: it does not say */
    bool look_only;
    int fd;      /* -1: no file yet */
    bool broken; /* a sync failed: what is on disk is not known any more */
    uint32_t validity, next;
    uint64_t modseq;
    unsigned counts;
    struct uidset done;
    struct seen_entry *entries;     /* state SEEN_NONE: removed */
    size_t count, cap, live, opens; /* opens: of the living, those in state SEEN_OPEN */
    uint32_t *index;                /* hash table: number of the entry + 1, 0 free */
    size_t index_size;              /* a power of two, or 0 */
    size_t lines;                   /* records in the file */
    struct str pending;             /* records that are not synced */
    struct quarantined *bad;        /* by key */
    size_t bad_count, bad_cap;
};

/* In memory only. */
void seen_set_state(struct seen *s, struct seen_entry *e, enum seen_state state);
struct seen_entry *seen_slot(const struct seen *s, const struct seen_key *key);
MUST_USE bool seen_put(struct seen *s, const struct seen_entry *entry, struct err *err); /* copies the name */
MUST_USE bool seen_apply(struct seen *s, char *record, struct err *err); /* the record is cut up */

bool seen_open_file(struct seen *s); /* errno tells why not */
/* Into memory and, later, to disk, by the same path that reading takes. */
MUST_USE bool seen_record(struct seen *s, const char *text, struct err *err);
MUST_USE bool seen_rewrite(struct seen *s, struct err *err);
MUST_USE bool seen_add_word(struct str *out, const char *word, struct err *err);
MUST_USE bool seen_record_name(struct seen *s, struct err *err); /* `called`, where that is new */

/* -- quarantine.c -- */
MUST_USE bool quarantine_put(struct seen *s, const struct seen_key *key, uint32_t tries, int64_t since,
                             int64_t next, const char *why, struct err *err);
void quarantine_remove(struct seen *s, const struct seen_key *key);
MUST_USE bool quarantine_add_lines(const struct seen *s, struct str *out, struct err *err);
void quarantine_free(struct seen *s);

/* Has a run nothing to do here unless something new comes? Then `quiet` may be written, as the last line. */
bool seen_is_quiet(const struct seen *s);
/* Is the line whole? Then its sum and LF are cut off, and *record_r points into it. */
bool seen_line_is_sound(char *line, size_t n, char **record_r);
/* "folder PROTOCOL WHO FOLDER" */
MUST_USE bool seen_read_owner(const char *record, enum protocol *protocol, struct str *who,
                              struct str *folder, struct err *err);

/* Reads the open file; *good_r is the length of its sound lines. */
MUST_USE bool seen_read_file(struct seen *s, uint64_t *good_r, struct err *err);
MUST_USE bool seen_add_first_lines(const struct seen *s, struct str *out, struct err *err);
MUST_USE bool seen_add_line(struct str *out, const char *record, size_t n, struct err *err);

#endif
