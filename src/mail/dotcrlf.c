/* dotcrlf - dot-stuffing for the wire.
 * The text of the queue has CRLF line ends only (mail/rewrite), so a line begins behind each LF. */
#include "mail/dotcrlf.h"

#include <string.h>

bool dotcrlf_add(struct dotcrlf *d, const char *bytes, size_t n, struct str *out, struct err *err)
{
    while (n > 0) {
        if (!d->mid_line && bytes[0] == '.' && !str_addc(out, '.', err))
            return false;
        const char *end = memchr(bytes, '\n', n);
        size_t line = end != NULL ? (size_t)(end - bytes) + 1 : n;
        if (!str_add(out, bytes, line, err))
            return false;
        d->mid_line = end == NULL;
        bytes += line;
        n -= line;
    }
    return true;
}

bool dotcrlf_end(struct dotcrlf *d, struct str *out, struct err *err)
{
    return (!d->mid_line || str_addz(out, "\r\n", err)) && str_addz(out, ".\r\n", err);
}
