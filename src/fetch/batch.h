/* batch - messages on their way into one maildir, in the order that makes each step safe (doc/INTERNALS):
 * into tmp/; durable; intents recorded; renamed; folder durable; recorded. What the caller may delete on the
 * server are entries that `seen` calls placed, after a seen_sync.
 *
 * Where a command or an LMTP server takes the mail, the messages of a batch are held in files until all is there,
 * and then handed over one by one (handover.h). */
#ifndef TAPPAL_FETCH_BATCH_H
#define TAPPAL_FETCH_BATCH_H

#include "box/maildir.h"
#include "fetch/seen.h"
#include "mail/addr.h"

#define BATCH_MESSAGES_MAX 256
#define BATCH_OCTETS_MAX (32u << 20)
#define BATCH_MS 1000                   /* what comes slowly is not kept waiting for more */
#define BATCH_TAKEN_SECONDS (30 * 3600) /* how long a vanished message counts as taken by a reader */

#define BATCH_MARK_SIZE 20

struct pull;

struct batch_item {
    struct seen_entry entry;
    char name[MAILDIR_NAME_MAX + 1];
    char sender[ADDR_SPEC_SIZE]; /* only where it is handed over */
    uint64_t octets;             /* as it came */
    bool linked;                 /* it did not come: it was here already */
};

struct batch {
    const char *account, *folder; /* for the log */
    enum protocol protocol;
    struct sink *sink;   /* where messages are put */
    struct maildir *box; /* the maildir that it is; NULL: each is handed over */
    struct seen *seen;
    const struct pull *pull;    /* whose run it is: its watch hears of trouble, its news of what has come */
    const char *received;       /* the beginning of a Received line, up to the date; NULL: none is added */
    struct err first_trouble;   /* of that kind */
    unsigned vain;              /* messages in a row that were not taken */
    char mark[BATCH_MARK_SIZE]; /* hash of the memory's path, within every name we give */
    uint32_t run;               /* random */
    uint64_t made;              /* names given while the key was unknown */
    struct batch_item items[BATCH_MESSAGES_MAX];
    size_t most;     /* of them, as this process may have files open */
    size_t count;    /* messages that ended */
    uint64_t octets; /* of them, as they came */
    int64_t began;   /* clock_mono_ms when the first of them was */
    bool open;
    uint64_t open_octets; /* of the message that is being written, as it came */
    char open_name[MAILDIR_NAME_MAX + 1];
    struct str header; /* of the open message, as far as it has come */
    bool header_ended;
    uint64_t placed, placed_octets; /* committed so far, for the summary, which counts as --dry-run does */
    uint64_t linked;                /* likewise, of those that did not come */
};

/* What every name has in it that we give to a message of this memory. */
void batch_mark(const struct seen *seen, char out[BATCH_MARK_SIZE]);
/* What every name that we give to the message of this key has in it, between the time and the run: MARK-KEY, or
 * MARK-VALIDITY-UID. */
#define BATCH_TOKEN_SIZE 64
void batch_token(const struct seen *seen, enum protocol protocol, const struct seen_key *key,
                 char out[BATCH_TOKEN_SIZE]);

/* `sink` and `box` as above; what else the caller knows he sets himself. */
MUST_USE bool batch_init(struct batch *b, const char *account, const char *folder, enum protocol protocol,
                         struct sink *sink, struct maildir *box, struct seen *seen, struct err *err);
/* What a crash left: intents are finished or dropped, files of ours in tmp/ without one removed. */
MUST_USE bool batch_recover(struct batch *b, struct err *err);

/* Is it worth a sync? Each costs as much for many messages as for one. */
bool batch_is_full(const struct batch *b);
MUST_USE bool batch_begin(struct batch *b, const struct seen_key *key, int64_t date,
                          struct err *err); /* key may be NULL */
MUST_USE bool batch_write(struct batch *b, const void *bytes, size_t n, struct err *err);
/* The message is whole. The caller's in `about` are key, wire, date, flags, id and stub. *same_r: it is, byte for byte, one that is placed under this key already; it was
 * dropped, and its new size on the wire recorded. */
MUST_USE bool batch_end(struct batch *b, const struct seen_entry *about, bool *same_r, struct err *err);
MUST_USE bool batch_drop(struct batch *b, struct err *err); /* the open message */
/* Instead of all that: the message is in a file already, of the size and hash that `about` says; letter and id are the
 * caller's as well. *done_r false: it is not. */
MUST_USE bool batch_link(struct batch *b, const struct seen_entry *about, const char *path, bool *done_r,
                         struct err *err);
/* Instead of a message that is too large: a stub of its header. */
MUST_USE bool batch_put_stub(struct batch *b, const struct seen_entry *about, const char *header, size_t n,
                             struct err *err);
/* The message is here now: its stub, if it is as we put it down, goes. */
MUST_USE bool batch_remove_stub(struct batch *b, const struct seen_entry *stub, struct err *err);
MUST_USE bool batch_commit(struct batch *b, struct err *err);
/* What is not committed, or not known to be, is left to batch_recover. */
void batch_abort(struct batch *b);
void batch_free(struct batch *b);
/* What a person has to type, to get this message at once and as a whole. */
MUST_USE bool batch_add_command(const struct batch *b, const struct seen_key *key, struct str *out,
                                struct err *err);
/* In the log, and in the news. */
MUST_USE bool batch_tell(struct batch *b, const struct batch_item *item, struct err *err);

#endif
