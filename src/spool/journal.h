/* journal - what happened to one message: an append-only file of CRC'd text records, one a line:
 *   CRC32C-in-hex SP record LF
 * The first line is the version. Its mtime is the next try. A torn last line is cut by whoever holds
 * the message's lock before appending; a bad record before the last one means the message is set aside. */
#ifndef TAPPAL_SPOOL_JOURNAL_H
#define TAPPAL_SPOOL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "mail/envelope.h"

/* The sum of a journal's records. */
struct journal {
    bool exists;
    uint64_t good_length;      /* bytes of whole records; less than the file: the tail is torn */
    unsigned attempts;         /* `attempt` records */
    unsigned unfinished;       /* attempts in a row, at the end, without an end record: crashes */
    int64_t last_attempt;
    int64_t next_try;          /* from the last `next` record; 0: now */
    bool held;                 /* by the person, or in doubt twice */
    char *held_why;
    unsigned in_doubt;         /* times the connection was lost behind the last octet of data */
    bool in_doubt_open;        /* the last one has no verdict yet */
    bool finished;             /* every recipient is delivered, or reported on, or the person removed it */
    char *finished_how;        /* "delivered", "returned", "removed", "refused" */
    int64_t warned;            /* when the delay notice was made; 0: never */
    struct outcome *outcomes;  /* one per recipient of the envelope, in its order */
    size_t count;
    char *last_error;          /* sentence of the last host or account failure, and its hint */
    char *last_hint;
};

void journal_free(struct journal *j);

/* Pure: from bytes to the sum, for an envelope of `recipients`. False: a bad record before the tail. */
MUST_USE bool journal_parse(const char *bytes, size_t n, size_t recipients, struct journal *j_r, struct err *err);

/* Writing, with the message's lock held. journal_append keeps records in memory; journal_sync writes and
 * fsyncs them (the first time the folder too), then sets mtime to `next_try` when that changed.
 * A record that is not synced has not happened. */
struct store;
struct message;
struct journal_writer;
MUST_USE bool journal_open(struct store *store, struct message *m, struct journal_writer **w_r, struct err *err);
MUST_USE bool journal_attempt(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_attempt_end(struct journal_writer *w, struct err *err);
MUST_USE bool journal_outcome(struct journal_writer *w, size_t recipient, const struct outcome *o, struct err *err);
MUST_USE bool journal_in_doubt(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_no_doubt(struct journal_writer *w, struct err *err); /* the server answered after all */
MUST_USE bool journal_failure(struct journal_writer *w, const struct err *why, struct err *err);
MUST_USE bool journal_next(struct journal_writer *w, int64_t when, struct err *err);
MUST_USE bool journal_hold(struct journal_writer *w, const char *why, struct err *err); /* NULL: release */
MUST_USE bool journal_warned(struct journal_writer *w, int64_t now, struct err *err);
MUST_USE bool journal_finished(struct journal_writer *w, const char *how, struct err *err);
MUST_USE bool journal_sync(struct journal_writer *w, struct err *err);
void journal_close(struct journal_writer **w); /* what was not synced is dropped */

#endif
