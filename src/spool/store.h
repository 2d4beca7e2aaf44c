/* store - the durable queue: one immutable file per message, a journal beside it (journal.h).
 *
 * doc/INTERNALS "Queue" lists every on-disk state and the one step between two. In short:
 * QUEUE/tmp/..., QUEUE/msg/ID (message), QUEUE/msg/ID.j (journal), QUEUE/failed/ID..., QUEUE/aside/ID...,
 * QUEUE/wake (FIFO), QUEUE/role (the runner's lock).
 * A message is accepted when store_commit has returned true, and not a moment before. */
#ifndef TAPPAL_SPOOL_STORE_H
#define TAPPAL_SPOOL_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"
#include "base/sum.h"
#include "mail/envelope.h"
#include "spool/journal.h"

#define STORE_AHEAD_MAX 18000 /* seconds: what is put off for longer was so by a clock that has been set back since */
#define STORE_ID_LEN 26 /* base32hex of 48 bits of ms time and 80 random bits: sorts by age */

struct store {
    char *path; /* of the queue folder */
    int dir;    /* O_DIRECTORY fds */
    int msg, tmp;
};

/* Opens, and makes where it is missing. */
MUST_USE bool store_open(const char *path, struct store *store_r, struct err *err);
void store_close(struct store *store);

/* -- putting a message in -- */
struct store_writer;
MUST_USE bool store_begin(struct store *store, const struct envelope *e, struct store_writer **w_r,
                          struct err *err);
/* The message as it will go out: CRLF line ends, not dot-stuffed. Any size, any split. Facts are gathered
 * here. */
MUST_USE bool store_write(struct store_writer *w, const void *bytes, size_t n, struct err *err);
/* Trailer, fsync, link, fsync of the folder. The message's lock is held on until store_writer_free,
 * so that the caller may hand it over or remove it. Frees nothing.
 * False: nothing was kept. If the folder could not be made durable, the message is emptied and unlinked
 * again; only where the disk refuses even that does the sentence say that it may still be sent. */
MUST_USE bool store_commit(struct store_writer *w, struct err *err);
const char *store_writer_id(const struct store_writer *w);
/* Before store_commit: nothing is left behind. After it: the lock is let go. */
void store_writer_free(struct store_writer **w);

/* -- taking messages out -- */
struct store_item {
    char id[STORE_ID_LEN + 1];
    int64_t due;   /* next try: the journal's mtime; 0 where there is no journal yet; held: JOURNAL_NEVER,
                      or what the file system makes of it */
    uint64_t size; /* of the file */
};
bool store_is_held(const struct store_item *item);
/* Every message, oldest first: a stat of each file, nothing is opened. Caller frees items. */
MUST_USE bool store_list(struct store *store, struct store_item **items_r, size_t *count_r, struct err *err);
/* The same without sizes: at most one stat for a message. */
MUST_USE bool store_list_due(struct store *store, struct store_item **items_r, size_t *count_r, struct err *err);
/* How many messages are in "failed" or "aside". */
MUST_USE bool store_count(struct store *store, const char *folder, size_t *count_r, struct err *err);

struct message {
    char id[STORE_ID_LEN + 1];
    int fd; /* the message file; holds the lock if `locked` */
    bool locked;
    struct envelope envelope;
    struct message_facts facts;
    uint64_t text_offset;                   /* where the message begins in the file; facts.size octets */
    unsigned char sha256[SUM_SHA256_BYTES]; /* from the trailer */
    struct journal journal;                 /* as read after locking */
};
enum store_take { TAKE_GOT, TAKE_BUSY, TAKE_GONE, TAKE_BROKEN, TAKE_ERROR };
/* Locks, checks st_nlink and name/inode, reads envelope, trailer and journal (a torn tail is cut).
 * TAKE_BROKEN: file or journal is corrupt; it was moved to aside/ and err says what was wrong.
 * TAKE_BUSY: another holds the lock: it is being delivered, or its writer has not finished accepting it.
 * store_peek reads without a lock and changes nothing. */
enum store_take store_take(struct store *store, const char *id, struct message *m_r, struct err *err);
enum store_take store_peek(struct store *store, const char *id, struct message *m_r, struct err *err);
/* Reads the whole text and compares it with the trailer's SHA-256. */
MUST_USE bool store_verify(const struct message *m, struct err *err);
void store_release(struct message *m); /* lets go of lock and memory */

/* Only with the lock, and only after a `finished` record is durable:
 * unlink message, fsync folder, unlink journal. The message is released. */
MUST_USE bool store_remove(struct store *store, struct message *m, struct err *err);
/* The same for many, with one fsync of the folder. */
MUST_USE bool store_remove_many(struct store *store, struct message *const *m, size_t count, struct err *err);
/* Moves message and journal to "failed" or "aside". The message is released. */
MUST_USE bool store_set_aside(struct store *store, struct message *m, const char *folder, struct err *err);

/* "failed" or "aside" as if it were a queue: what takes a message, or writes its journal, works there too. To be closed
 * like a store. */
MUST_USE bool store_view(struct store *store, const char *folder, struct store *view_r, struct err *err);
/* Moves a message that was taken in the view, and its journal, into the queue. The message is released. */
MUST_USE bool store_bring_back(struct store *store, struct store *view, struct message *m, struct err *err);

/* What killed programs left behind: temporary files nobody writes any more, journals whose message is gone
 * or moved. For the runner, when it starts. */
MUST_USE bool store_clean_tmp(struct store *store, struct err *err);

/* -- who runs the queue -- */
/* The runner's role: one per queue. -1 with err->kind ERR_NONE: another has it. */
int store_take_role(struct store *store, struct err *err);
bool store_role_is_free(struct store *store);              /* asks without taking it for a moment */
/* Likewise, of one who has run the queue and stays until it is empty; it has no role while it sleeps. */
int store_take_stay(struct store *store, struct err *err);
bool store_is_stayed_at(struct store *store);
void store_wake(struct store *store);                      /* writes to the FIFO, never waits */
int store_open_wake(struct store *store, struct err *err); /* the runner's end, non-blocking */
bool store_is_watched(struct store *store);                /* a standing runner listens there */

#endif
