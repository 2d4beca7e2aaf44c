/* dotcrlf - text with CRLF line ends made transparent for DATA (RFC 5321, 4.5.2).
 * A streaming machine: text may be split anywhere. Not for BDAT, which needs none of it. */
#ifndef TAPPAL_MAIL_DOTCRLF_H
#define TAPPAL_MAIL_DOTCRLF_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct dotcrlf {
    bool mid_line; /* the last octet given was not a line end */
};
#define DOTCRLF_INIT                                                                                         \
    {                                                                                                        \
        .mid_line = false                                                                                    \
    }

/* Appends the n octets to `out`, each dot at the start of a line doubled: at most 2 n octets. */
MUST_USE bool dotcrlf_add(struct dotcrlf *d, const char *bytes, size_t n, struct str *out, struct err *err);
/* The end of the data: CRLF where the last line has none, then "." CRLF. */
MUST_USE bool dotcrlf_end(struct dotcrlf *d, struct str *out, struct err *err);

#endif
