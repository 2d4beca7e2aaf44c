/* report - the message that tells a sender what was not delivered, or not yet, or, where asked for, that it was
 * handed on (RFC 3464, 6522, 6533).
 * Pure and deterministic: the same facts give the same octets, and the same Message-ID, so that a report made
 * twice (a crash between making it and noting so) can be told for what it is. */
#ifndef TAPPAL_MAIL_REPORT_H
#define TAPPAL_MAIL_REPORT_H

#include <stdint.h>

#include "mail/envelope.h"

#define REPORT_TEXT_MAX (1024 * 1024) /* a longer message is returned as its header alone */
#define REPORT_MAX (4 * REPORT_TEXT_MAX)

enum report_kind {
    REPORT_REFUSED,  /* by the server */
    REPORT_EXPIRED,  /* tried long enough */
    REPORT_DELAYED,  /* not delivered yet */
    REPORT_DOUBTFUL, /* delivered or not, nobody knows; held */
    REPORT_RELAYED, /* handed on to a server that confirms nothing: only for those who asked (NOTIFY=SUCCESS) */
};

struct report {
    enum report_kind kind;
    const char *waited;          /* "5 d": of EXPIRED and DELAYED */
    const char *until;           /* of DELAYED, when it is given up, RFC 5322; NULL: never */
    const char *id;              /* of the message in the queue */
    const char *host;            /* this machine's mail name */
    const char *from;            /* the address the report is from */
    const char *date;            /* of the report, RFC 5322 */
    const char *arrived, *tried; /* when the message was accepted and last tried, RFC 5322 */
    const char *remote;          /* the server that refused, without port; NULL: none was asked */
    const struct envelope *envelope;
    const struct outcome *outcomes; /* one per recipient */
    const bool *about;              /* which of them */
    const char *text;               /* the message, or its header, with CRLF line ends */
    size_t text_len;
    bool header_only;
    bool eight_bit;   /* octets over 127 in `text` */
    bool utf8_header; /* in its header: message/global */
    const char *kept; /* where the whole message is kept, where it is not in the report; NULL: nowhere */
};

/* Is this recipient to be reported on so? Its NOTIFY says (RFC 3461, 4.1). */
bool report_is_wanted(const struct recipient *r, enum report_kind kind);
/* The whole report, CRLF line ends; `out` with a maximum of REPORT_MAX. */
MUST_USE bool report_write(const struct report *r, struct str *out, struct err *err);

#endif
