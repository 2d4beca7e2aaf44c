/* sink - where a message can be put down: a maildir; a command (pipe) or an LMTP server (lmtp), which are handed each
 * message whole and may refuse it.
 *
 * Commit order (doc/INTERNALS "Fetching"): messages stream into tmp/, a batch is made durable, the caller
 * writes its intent records, then the batch is renamed into place and the folder fsynced. Hence three steps:
 *   sink_begin, sink_write..., sink_end    for each message of the batch: in tmp/, not yet durable
 *   sink_settle                            data durable, or the whole batch has failed
 *   sink_place                             renamed into new/ or cur/, folder durable
 * sink_abort removes what is not settled. What is settled may stand in an intent record, so it is left in
 * tmp/ whatever fails afterwards: the next run finishes its rename, or cleans it away where no record is.
 *
 * Where each message has an end of its own (sink_hands) sink_hand stands before sink_place, for one message after
 * another, each between an intent record and a record of what came of it. */
#ifndef TAPPAL_BOX_SINK_H
#define TAPPAL_BOX_SINK_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"

struct sink;

struct sink_message {
    const char *name;  /* base name in the maildir, chosen by the caller; no '/', no ":2," */
    const char *flags; /* "" -> new/; "S", "FS" (sorted letters) -> cur/ with ":2,FS" */
    int64_t mtime;     /* INTERNALDATE; 0: now */
    bool crlf;         /* the text comes with CRLF line ends: turned to LF where the whole message is CRLF */
};
/* What a message says of itself to whom it is handed. */
struct sink_label {
    const char *sender; /* a bare address; "": none is known */
    const char *folder; /* as shown */
    const char *uid;
};
enum sink_fate {
    SINK_TAKEN,
    SINK_LATER,    /* not now */
    SINK_REFUSED,  /* not this one */
    SINK_DOUBTFUL, /* it may have been taken: nobody said */
    SINK_FAILED,   /* it was not even offered: there is nobody to take it */
};
struct sink_ops {
    bool (*begin)(struct sink *sink, const struct sink_message *message, struct err *err);
    bool (*write)(struct sink *sink, const void *bytes, size_t n, struct err *err);
    bool (*amend)(struct sink *sink, const struct sink_message *message, struct err *err);
    bool (*end)(struct sink *sink, uint64_t *size_r, unsigned char sha256_r[32], struct err *err);
    bool (*drop)(struct sink *sink, struct err *err);
    bool (*settle)(struct sink *sink, struct err *err);
    bool (*place)(struct sink *sink, struct err *err);
    /* NULL: place puts all of them down together */
    enum sink_fate (*hand)(struct sink *sink, size_t i, const struct sink_label *label, struct err *why);
    void (*abort)(struct sink *sink); /* the open message and all that are not settled */
    void (*close)(struct sink *sink);
};
struct sink {
    const struct sink_ops *ops;
};

static inline MUST_USE bool sink_begin(struct sink *s, const struct sink_message *m, struct err *err)
{
    return s->ops->begin(s, m, err);
}
static inline MUST_USE bool sink_write(struct sink *s, const void *b, size_t n, struct err *err)
{
    return s->ops->write(s, b, n, err);
}
/* What was not known at sink_begin (an IMAP server may name the UID behind the text); before sink_end. */
static inline MUST_USE bool sink_amend(struct sink *s, const struct sink_message *m, struct err *err)
{
    return s->ops->amend(s, m, err);
}
static inline MUST_USE bool sink_end(struct sink *s, uint64_t *size_r, unsigned char sha256_r[32],
                                     struct err *err)
{
    return s->ops->end(s, size_r, sha256_r, err);
}
/* Takes back the open message, else the one that ended last. */
static inline MUST_USE bool sink_drop(struct sink *s, struct err *err)
{
    return s->ops->drop(s, err);
}
static inline MUST_USE bool sink_settle(struct sink *s, struct err *err)
{
    return s->ops->settle(s, err);
}
static inline MUST_USE bool sink_place(struct sink *s, struct err *err)
{
    return s->ops->place(s, err);
}
static inline bool sink_hands(const struct sink *s)
{
    return s->ops->hand != NULL;
}
/* Message i of the batch, counted from 0; `why` tells of every fate but SINK_TAKEN. */
static inline enum sink_fate sink_hand(struct sink *s, size_t i, const struct sink_label *label, struct err *why)
{
    return s->ops->hand(s, i, label, why);
}
static inline void sink_abort(struct sink *s)
{
    s->ops->abort(s);
}
static inline void sink_close(struct sink **s)
{
    if (*s)
        (*s)->ops->close(*s);
    *s = NULL;
}

#endif
