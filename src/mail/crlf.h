/* crlf - text of any line ends as a server takes it: each line ends with CRLF, and no CR or LF stands anywhere else.
 * A streaming machine: text may be split anywhere.
 *
 * LF and CRLF are line ends, and so are several CRs before LF; any other CR becomes a blank (a server may take it for a
 * line end: smuggling). All other octets stay. */
#ifndef TAPPAL_MAIL_CRLF_H
#define TAPPAL_MAIL_CRLF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct crlf {
    size_t held;   /* CRs held back: part of a line end, or blanks */
    bool mid_line; /* something stands behind the last line end */
};

/* All zero is the beginning. n octets become at most 2 n and what was held back. */
MUST_USE bool crlf_add(struct crlf *c, const char *bytes, size_t n, struct str *out, struct err *err);
/* The last line gets an end where it has none. */
MUST_USE bool crlf_end(struct crlf *c, struct str *out, struct err *err);

#endif
