/* imap_impl - what the two halves of the IMAP client share: imap.c talks, imap_read.c listens. */
#ifndef TAPPAL_CLIENT_IMAP_IMPL_H
#define TAPPAL_CLIENT_IMAP_IMPL_H

#include "client/imap.h"

#define IMAP_RESPONSE_MAX 262144 /* a response without its message: lines, and literals such as names */
#define IMAP_RENEW_EVERY 65536   /* octets of a message that must come within one time limit */
#define IMAP_LITERALS_MAX 64     /* in one response */
#define IMAP_PATIENCE 10         /* time limits in which lines may come that bring nothing we asked for */
#define IMAP_NEWS_MAX 5000000    /* listed messages of one command for which more time is given */

struct imap_pending {
    unsigned tag; /* 0: free */
    bool done, ignored;
    struct imap_answer answer;
};

struct imap {
    struct session session;
    struct strv capabilities;
    bool told; /* the capabilities are known, and of the present state */
    bool lost;
    unsigned tags; /* given out so far */
    unsigned news; /* listed messages of the command that is waited for */
    struct imap_pending pending[IMAP_OUTSTANDING_MAX];
    struct imap_box box;
    struct strv alerts;
    char bye[400];   /* the server's goodbye, cleaned */
    struct str line; /* one line */
    struct str text; /* one response */
};

/* Reads one response, message and all, and does what untagged data asks for. The parts of *reply_r live until
 * the next call. */
MUST_USE bool imap_read(struct imap *imap, const struct imap_events *events, struct imap_reply *reply_r,
                        struct err *err);
/* What is waited for must come, or go on coming, within IMAP_PATIENCE time limits from now. */
void imap_be_patient(struct imap *imap);
/* Remembers the answer of the command that a tagged response completes. */
MUST_USE bool imap_complete(struct imap *imap, const struct imap_reply *reply, struct err *err);
void imap_answer_from(const struct imap_reply *reply, struct imap_answer *answer_r);

#endif
