/* scan - the header of a message, field by field: a pull parser over bytes in memory.
 *
 *   field      = name *WSP ":" body line-end *( WSP body line-end )       (RFC 5322, 2.2 and 4.5)
 *   name       = 1*( %d33-57 / %d59-126 )
 *   line-end   = LF / CRLF, or the end of the bytes
 *
 * Bytes are only looked at, never changed. Nothing is copied. */
#ifndef TAPPAL_MAIL_SCAN_H
#define TAPPAL_MAIL_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* What one line can be, seen alone. */
enum scan_line {
    SCAN_FIELD, /* "Name: ..." */
    SCAN_FOLD,  /* begins with a blank: goes on with the field before it */
    SCAN_BLANK, /* nothing but a line end */
    SCAN_FROM,  /* "From ada Sun Nov 22 ..." or ">From ...": an mbox separator */
    SCAN_OTHER, /* text: the body has begun without a blank line */
};
/* The line may lack its end, or be only the beginning of one: then SCAN_OTHER says "no colon yet". */
enum scan_line scan_line_kind(const char *line, size_t n);

struct scan {
    const char *next;
    const char *end;
};

struct scan_field {
    const char *raw; /* the whole field, folded lines and last line end included */
    size_t raw_len;
    size_t name_len;  /* the name begins at raw */
    const char *body; /* behind the colon, up to the last line end */
    size_t body_len;
};

enum scan_event {
    SCAN_GOT_FIELD,
    SCAN_GOT_BODY, /* the header ended: scan->next is the first byte of the body, or the end */
};

void scan_begin(struct scan *scan, const char *bytes, size_t n); /* drops leading mbox separators */
/* A blank line that ends the header is passed over; a line of text that ends it is not. */
enum scan_event scan_next(struct scan *scan, struct scan_field *field_r);

bool scan_is(const struct scan_field *field, const char *name); /* ASCII case folded */
/* The body unfolded (line ends taken out), blanks around it dropped. */
MUST_USE bool scan_add_value(const struct scan_field *field, struct str *out, struct err *err);

#endif
