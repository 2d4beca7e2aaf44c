/* mutf7 - folder names on the wire: modified UTF-7 (RFC 3501 5.1.3) to UTF-8 and back.
 *
 *   name    = *(direct / "&-" / "&" base64 "-")   ; direct: 0x20 to 0x7e but "&"
 *   base64  = UTF-16BE in RFC 4648 base64, "," for "/", no padding, spare bits zero
 *
 * Decoding is strict (no printable ASCII in base64, no two shifts in a row, no NUL, no lone surrogate), so
 * that each name has one form: what decodes encodes to the same bytes again. */
#ifndef TAPPAL_MAIL_MUTF7_H
#define TAPPAL_MAIL_MUTF7_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Both append to `out`; ERR_DATA where the input is malformed, and then `out` is as it was. */
MUST_USE bool mutf7_decode(struct str *out, const char *name, size_t n, struct err *err);
MUST_USE bool mutf7_encode(struct str *out, const char *utf8, size_t n, struct err *err);

/* A folder's name as we show and match it: UTF-8, its levels parted by "/", INBOX in capitals; what is no modified
 * UTF-7 stands for itself, cleaned for a terminal. Anything can be shown. */
MUST_USE bool mutf7_show(const char *wire, char delimiter, struct str *name, struct err *err);

#endif
