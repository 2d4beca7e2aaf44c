/* journal - what happened to one message: an append-only file of CRC'd text records, one a line:
 *   CRC32C-in-hex SP record LF
 * The first line is the version. Its mtime is the next try. A torn last line is cut by whoever holds
 * the message's lock before appending; a bad record before that means the message is set aside. */
#ifndef TAPPAL_SPOOL_JOURNAL_H
#define TAPPAL_SPOOL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "mail/envelope.h"

#define JOURNAL_MAX (128u << 20) /* octets of one journal */
#define JOURNAL_NEVER                                                                                        \
    INT64_C(253402300799) /* due time of a held message: the last second of the year 9999  \
                                             */

/* The copy of what was sent (`sent` in [send]), which is made once somebody has got it. */
struct journal_copy {
    enum copy_stage {
        COPY_NONE,
        COPY_DUE,   /* is to be made */
        COPY_BEGUN, /* may have been given to an IMAP server: looked for there before it is given again */
        COPY_OVER,  /* made, or there will be none */
    } stage;
    int64_t since;           /* when it became due */
    uint32_t validity, next; /* COPY_BEGUN: UIDVALIDITY and UIDNEXT of the folder before; 0: not known */
    unsigned tries;          /* in vain */
    char *said;              /* why it is not made yet; COPY_OVER: what became of it */
    char *hint;              /* to that; NULL: none */
};

/* The sum of a journal's records. */
struct journal {
    bool exists;
    uint64_t good_length; /* bytes of whole records; less than the file: the tail is torn */
    unsigned attempts;    /* `attempt` records */
    unsigned unfinished;  /* attempts in a row, at the end, without an end record: under way, or crashed */
    int64_t last_attempt;
    int64_t next_try; /* from the last `next` record; 0: now */
    int64_t tried_since,
        tried_last; /* the stretch of tries, by the times in `attempt` and `next`, that no pause
                                      * (RETRY_PAUSE) has broken; 0: none */
    bool held;      /* by the person, or in doubt twice */
    char *held_why;
    unsigned in_doubt;     /* times the end of data went out and no answer to it came */
    bool in_doubt_open;    /* nothing has settled the last one: it may or may not be delivered */
    bool doubt_in_attempt; /* that one is of the last attempt, so an outcome answers it */
    bool finished;         /* every recipient is delivered, or reported on, or the person removed it */
    char *finished_how;    /* "delivered", "returned", "removed", "refused" */
    int64_t warned;        /* when the delay notice was made; 0: never */
    int64_t again; /* when a person brought it back from failed/: its time runs from there; 0: never */
    struct outcome *outcomes; /* one per recipient of the envelope, in its order; a delivered one stays so */
    bool *reported;           /* likewise: its refusal is reported to the sender */
    size_t count;
    char *last_error; /* sentence of the last host or account failure, and its hint; NULL: none since */
    char *last_hint;  /* the last outcome */
    enum err_kind last_kind;
    struct journal_copy copy;
};

/* Nothing happened yet, for a message of so many recipients. */
MUST_USE bool journal_init(struct journal *j, size_t recipients, struct err *err);
void journal_free(struct journal *j);
/* How many recipients fared so; how many have neither got it nor been refused. */
size_t journal_count(const struct journal *j, enum verdict verdict);
size_t journal_count_open(const struct journal *j);
/* When the message is due: 0 (now) or a time; JOURNAL_NEVER while it is held. The file's mtime says the same.
 */
int64_t journal_due(const struct journal *j);
/* Is a copy to be made still? And nothing else? */
bool journal_owes_copy(const struct journal *j);
bool journal_owes_only_copy(const struct journal *j);

/* Pure: from bytes to the sum, for an envelope of `recipients`. False: a bad record before the tail. */
MUST_USE bool journal_parse(const char *bytes, size_t n, size_t recipients, struct journal *j_r,
                            struct err *err);

/* Writing, with the message's lock held. The calls below keep records in memory; journal_sync writes and
 * fsyncs them (the first time the folder too), sets mtime to the time when the message is due, and then adds
 * them to the message's `journal`. A record that is not synced has not happened. Before an attempt the room
 * for its outcomes is reserved, so that a disk that fills up meanwhile cannot keep the verdict from being
 * written down. If it cannot be written all the same (an I/O error), the message is in doubt: the durable
 * `doubt` record has no outcome behind it. After a failed journal_sync the writer is of no further use: close
 * it and release the message. */
struct store;
struct message;
struct journal_writer;
MUST_USE bool journal_open(struct store *store, struct message *m, struct journal_writer **w_r,
                           struct err *err);
MUST_USE bool journal_attempt(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_attempt_end(struct journal_writer *w, struct err *err);
MUST_USE bool journal_outcome(struct journal_writer *w, size_t recipient, const struct outcome *o,
                              struct err *err);
MUST_USE bool journal_reported(struct journal_writer *w, size_t recipient, struct err *err);
MUST_USE bool journal_in_doubt(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_no_doubt(struct journal_writer *w, struct err *err); /* the server answered after all */
MUST_USE bool journal_failure(struct journal_writer *w, const struct err *why, struct err *err);
MUST_USE bool journal_next(struct journal_writer *w, int64_t when, struct err *err);
MUST_USE bool journal_hold(struct journal_writer *w, const char *why, struct err *err); /* NULL: release */
MUST_USE bool journal_warned(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_again(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_copy_due(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_copy_begun(struct journal_writer *w, uint32_t validity, uint32_t next, struct err *err);
MUST_USE bool journal_copy_failed(struct journal_writer *w, const struct err *why, struct err *err);
/* `how`: where it is, or why there will be none. */
MUST_USE bool journal_copy_over(struct journal_writer *w, const char *how, struct err *err);
MUST_USE bool journal_finished(struct journal_writer *w, const char *how, struct err *err);
MUST_USE bool journal_sync(struct journal_writer *w, struct err *err);
/* The same for several journals of one store, with one sync for all. False: none of them counts as written. */
MUST_USE bool journal_sync_many(struct journal_writer *const *w, size_t count, struct err *err);
void journal_close(struct journal_writer **w); /* what was not synced is dropped */

#endif
