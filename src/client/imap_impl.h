/* imap_impl - what the parts of the IMAP client share: imap.c talks, imap_read.c listens, imap_sign_in.c signs in. */
#ifndef TAPPAL_CLIENT_IMAP_IMPL_H
#define TAPPAL_CLIENT_IMAP_IMPL_H

#include "client/imap.h"
#include "client/imap_known.h"
#include "wire/imap_namespace.h"

#define IMAP_RESPONSE_MAX 262144 /* a response without its message: lines, and literals such as names */
#define IMAP_RENEW_EVERY 65536   /* octets of a message that must come within one time limit */
#define IMAP_LITERALS_MAX 64     /* in one response */
#define IMAP_PATIENCE 10         /* time limits in which lines may come that bring nothing we asked for */
#define IMAP_GREETING_MAX 8192
#define IMAP_NEWS_MAX 5000000 /* listed messages of one command for which more time is given */

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
    unsigned tags;       /* given out so far */
    unsigned news;       /* listed messages of the command that is waited for */
    unsigned select_tag; /* of the command that opens the folder */
    bool box_is_open;    /* ... and it was answered */
    bool counted;        /* how many messages the open folder holds is known */
    bool stirred;        /* the server spoke of something new without being asked */
    bool overflowed;     /* ... and will not any more, of other folders than the open one (RFC 5465 5.8) */
    struct imap_pending pending[IMAP_OUTSTANDING_MAX];
    struct imap_box box;
    struct uidset modified; /* [MODIFIED uids] */
    struct imap_namespaces namespaces;
    bool has_namespaces; /* they have been asked for */
    bool utf8;           /* the server has said ENABLED UTF8=ACCEPT */
    unsigned utf8_tag;   /* it has been asked to, and has not answered; else 0 */
    struct strv enabled;
    bool asked_to_compress, compressed;
    struct strv alerts;
    char bye[400];                  /* the server's goodbye, cleaned */
    struct str line;                /* one line */
    struct str text;                /* one response */
    const struct imap_ahead *ahead; /* while the session is opened; NULL: nothing is sent ahead */
    struct imap_known known;
    struct str greeting; /* what stays the same in it */
    bool leapt;          /* commands went out behind the sign-in, before its answer */
    unsigned auth_tag;   /* of the sign-in */
    unsigned ask_tag;    /* of a CAPABILITY sent ahead; 0: none */
};

/* imap.c: a command of which ring and watch see `shown`. */
MUST_USE bool imap_send_shown(struct imap *imap, const char *command, size_t n, const char *shown,
                              unsigned *tag_r, struct err *err);
MUST_USE bool imap_introduce(struct imap *imap, struct err *err);
/* One response; an answer ends its command. There must be nothing that the server could ask for. */
MUST_USE bool imap_hear(struct imap *imap, const struct imap_events *events, struct err *err);
/* imap_name.c: a name as the server wrote it becomes one of ours. */
MUST_USE bool imap_take_name(const struct imap *imap, struct str *name, struct err *err);
/* "The server HOST WHAT: TEXT"; always false. */
bool imap_blame(const struct imap *imap, enum err_kind kind, const char *what, const struct imap_part *text,
                struct err *err);

/* imap_sign_in.c: may commands be sent behind the sign-in? And signing in, with them. */
bool imap_may_leap(const struct imap *imap);
MUST_USE bool imap_sign_in(struct imap *imap, struct err *err);

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
