/* mime_qp - text as quoted-printable (RFC 2045, 6.7). A streaming machine: text may be split anywhere.
 *
 * CRLF is a line end and stays one; all other octets come back as they were, a bare CR or LF too. No line is
 * longer than 76 octets, and none begins with "-": cut where it may be, no line becomes a boundary. */
#ifndef TAPPAL_MAIL_MIME_QP_H
#define TAPPAL_MAIL_MIME_QP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define MIME_QP_GROWTH 4 /* n octets become at most n times so many, and a few */

struct mime_qp {
    unsigned column;
    char blank; /* held back: at the end of a line it must not stand as it is; 0: none */
    bool cr;    /* held back behind it: half a line end, or not */
};

/* All zero is the beginning. */
MUST_USE bool mime_qp_add(struct mime_qp *qp, const char *bytes, size_t n, struct str *out, struct err *err);
/* What was held back; the machine is at its beginning again. */
MUST_USE bool mime_qp_end(struct mime_qp *qp, struct str *out, struct err *err);

#endif
