/* seen - what was fetched from one folder: the memory that makes "never twice" and "delete nothing that is
 * not on disk" true. An append-only file of CRC'd text records, one a line, as doc/INTERNALS lists them:
 *
 *   CRC32C-in-hex SP record LF
 *
 *   tappal-seen 1                               first line
 *   folder PROTOCOL WHO FOLDER                  whose it is; blanks and controls escaped
 *   validity N                                  UIDVALIDITY of all keys that follow
 *   next N                                      every UID below it is settled
 *   modseq N                                    the flags here are those of the server at this HIGHESTMODSEQ
 *   open KEY WIRE SIZE HASH DATE WHEN FLAGS LETTER ID KIND NAME
 *                                               intent: durable in tmp/NAME, about to be renamed
 *   placed KEY                                  ... and has been
 *   dropped KEY                                 ... and is not to be: it will be fetched again
 *   kept KEY WIRE SIZE HASH DATE WHEN FLAGS LETTER ID KIND
 *                                               open and placed in one
 *   flags KEY FLAGS                             the server's, of a message that is placed; "-": none
 *   file KEY VALIDITY UID                       the numbers in its file's name, where they were others then
 *   away KEY                                    its file was not here when `deletions = both` began to count
 *   counts N                                    what deletions mean since: 0 nothing, 1 there, 2 there and here
 *   gone KEY                                    deleted on the server, by us
 *   done SET                                    UIDs that were fetched and are gone (after a rewrite)
 *   asked KEY                                   POP3: the server has said to have deleted it
 *   stays KEY                                   ... and lists it all the same: it is known
 *   known KEY                                   POP3: it came by another program (tappal adopt)
 *   vague KEY                                   a POP3 name that two messages bore: told apart by their headers
 *   bad KEY TRIES SINCE NEXT WHY                in quarantine (quarantine.h)
 *   fine KEY                                    ... and no more
 *   called NAME                                 what the folder is called for people; once something is in quarantine
 *   quiet VALIDITY NEXT                         what both are, and that nothing else asks to be done: no intent, nothing in
 *                                               quarantine, deletions mean nothing
 *
 * KEY is a UID, or 32 hex digits. A torn last line is cut; any other bad line is an error, never guessed.
 * The account's lock must be held. */
#ifndef TAPPAL_FETCH_SEEN_H
#define TAPPAL_FETCH_SEEN_H

#include <stdint.h>

#include "conf/account.h"
#include "mail/uidset.h"

#define SEEN_KEY_BYTES 16
#define SEEN_HASH_BYTES 16 /* the first half of a SHA-256 */
#define SEEN_MARK_BYTES 8  /* the first of a SHA-256: to find a message again under another UID */
#define SEEN_KEY_TEXT 33

/* What it means that a message is missing: nothing; that it was deleted, on the server; or here as well. */
#define SEEN_COUNTS_NOTHING 0u
#define SEEN_COUNTS_SERVER 1u
#define SEEN_COUNTS_BOTH 2u

/* A UID (the last four bytes, big-endian), or a hash that stands for a POP3 message. */
struct seen_key {
    unsigned char bytes[SEEN_KEY_BYTES];
};

enum seen_state { SEEN_NONE, SEEN_OPEN, SEEN_PLACED, SEEN_ASKED, SEEN_STAYS, SEEN_KNOWN, SEEN_VAGUE };

struct seen_entry {
    struct seen_key key;
    enum seen_state state;
    uint64_t wire;                       /* its size as the server says it: RFC822.SIZE, or LIST's */
    uint64_t size;                       /* of the file */
    unsigned char hash[SEEN_HASH_BYTES]; /* of the file */
    int64_t date;                        /* INTERNALDATE, or 0 */
    int64_t when;                        /* it was fetched */
    uint8_t flags; /* the server's when last looked at; what is here has them (mail/flags.h) */
    unsigned char letter[SEEN_MARK_BYTES]; /* of its header, by headsum_letter; all 0: not known */
    unsigned char id[SEEN_MARK_BYTES];     /* of the server's lasting name for it (EMAILID); all 0: none */
    bool stub;                             /* only its header is here, for it is larger than max_size */
    bool away;                             /* its file is not here, and that means nothing */
    uint32_t file_validity, file_uid;      /* in its file's name; 0: those that it has now */
    char *name;                            /* SEEN_OPEN: the file's base name */
};

struct seen_owner {
    enum protocol protocol;
    const char *who;    /* "ada@example.org@imap.example.org" */
    const char *folder; /* as the server writes it */
};

struct seen;

/* Reads the file where there is one. `owner` NULL: whoever it belongs to. `look_only`: nothing will be changed, a torn tail is left alone.
 * ERR_LOCAL: it cannot be read or is damaged. */
MUST_USE bool seen_open(const char *path, const struct seen_owner *owner, bool look_only,
                        struct seen **seen_r, struct err *err);
void seen_close(struct seen **seen); /* what was not synced is dropped */

/* What a run must know that has nothing to do, from the last line (`quiet`), without reading the rest. False: it does not end
 * in one, it is another's, or anything is wrong: seen_open will tell. */
struct seen_glance {
    uint32_t validity, next;
};
bool seen_glance(const char *path, const struct seen_owner *owner, struct seen_glance *glance_r);

/* Whose mailbox the memory was made for, where that is not the owner's `who`; else NULL. Until the caller has
 * seen that it is the same mailbox and says so, nothing in it may be relied on. */
const char *seen_moved(const struct seen *seen);
MUST_USE bool seen_adopt(struct seen *seen, struct err *err);
/* The server has numbered its messages anew. Message `from` is `to` now, and its INTERNALDATE `date`; what is not in `pairs` is forgotten, what
 * was `done` too, and nothing is settled. Whose it is (seen_moved) is settled with it. One step: the file is
 * replaced; a memory that is only looked at changes for its reader alone. */
struct seen_pair {
    uint32_t from, to;
    int64_t date;
};
MUST_USE bool seen_renumber(struct seen *seen, uint32_t validity, const struct seen_pair *pairs, size_t count,
                            struct err *err);

const char *seen_path(const struct seen *seen);
const struct seen_owner *seen_owner(const struct seen *seen);
/* What a person calls the folder: `name` from now on. It is recorded with the first message in quarantine, for whoever
 * has the memory alone; NULL: it never was. */
MUST_USE bool seen_call(struct seen *seen, const char *name, struct err *err);
const char *seen_called(const struct seen *seen);
uint32_t seen_validity(const struct seen *seen); /* 0: none yet */
uint32_t seen_next(const struct seen *seen);     /* 1: nothing is settled yet */
uint64_t seen_modseq(const struct seen *seen);   /* 0: the flags were never compared as a whole */
unsigned seen_counts(const struct seen *seen);   /* SEEN_COUNTS_... */
bool seen_is_empty(const struct seen *seen);     /* no message was ever recorded */
/* NULL where the key is not known; a UID that is done and gone is known as SEEN_PLACED with wire and when 0. */
const struct seen_entry *seen_find(const struct seen *seen, const struct seen_key *key);
/* Is it a message that was fetched and counts as known? (One whose deletion was confirmed must be looked at.) */
bool seen_is_here(const struct seen_entry *entry);
/* All entries, in no order: the one behind `at` (NULL: the first), or NULL. Not across changes. */
const struct seen_entry *seen_each(const struct seen *seen, const struct seen_entry *at);
const struct seen_entry *seen_an_open_one(const struct seen *seen); /* a crash left the intent; or NULL */
/* Entries have numbers below seen_size, which stay while the memory is open and its messages keep their UIDs. */
size_t seen_size(const struct seen *seen);
size_t seen_number(const struct seen *seen, const struct seen_entry *entry);
const struct seen_entry *seen_at(const struct seen *seen, size_t number); /* NULL: it is gone */
/* The same as seen_find, but NULL for what is done and gone. */
const struct seen_entry *seen_message(const struct seen *seen, const struct seen_key *key);

/* Each adds a record in memory. What is not synced has not happened. */
MUST_USE bool seen_set_validity(struct seen *seen, uint32_t validity, struct err *err);
MUST_USE bool seen_set_next(struct seen *seen, uint32_t next, struct err *err);
MUST_USE bool seen_set_modseq(struct seen *seen, uint64_t modseq, struct err *err);
MUST_USE bool seen_set_flags(struct seen *seen, const struct seen_key *key, uint8_t flags, struct err *err);
MUST_USE bool seen_set_counts(struct seen *seen, unsigned counts, struct err *err);
MUST_USE bool seen_away(struct seen *seen, const struct seen_key *key, struct err *err);
MUST_USE bool seen_intend(struct seen *seen, const struct seen_entry *entry, struct err *err);
MUST_USE bool seen_placed(struct seen *seen, const struct seen_key *key, struct err *err);
MUST_USE bool seen_dropped(struct seen *seen, const struct seen_key *key, struct err *err);
MUST_USE bool seen_keep(struct seen *seen, const struct seen_entry *entry, struct err *err);
MUST_USE bool seen_gone(struct seen *seen, const struct seen_key *key, struct err *err);
MUST_USE bool seen_asked(struct seen *seen, const struct seen_key *key, struct err *err);
MUST_USE bool seen_stays(struct seen *seen, const struct seen_key *key, struct err *err);
/* It came by another program: not fetched, and nothing else is known of it, so never deleted. */
MUST_USE bool seen_known(struct seen *seen, const struct seen_key *key, struct err *err);
MUST_USE bool seen_vague(struct seen *seen, const struct seen_key *key, struct err *err);
MUST_USE bool seen_sync(struct seen *seen, struct err *err);

struct seen_key seen_key_uid(uint32_t uid);
uint32_t seen_uid(const struct seen_key *key);
/* Of a POP3 message: a hash over what tells it apart. `kind` keeps names and headers from meeting. */
struct seen_key seen_key_hash(const char *kind, const void *bytes, size_t n);
void seen_key_text(enum protocol protocol, const struct seen_key *key, char out[SEEN_KEY_TEXT]);
/* A mark, of text: an EMAILID, say. */
void seen_mark_text(const char *kind, const char *text, size_t n, unsigned char mark_r[SEEN_MARK_BYTES]);
bool seen_mark_known(const unsigned char mark[SEEN_MARK_BYTES]);

#endif
