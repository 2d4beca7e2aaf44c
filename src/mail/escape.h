/* escape - one C string as part of one line of text, and back, without loss.
 * Control characters and the backslash become \xHH (lower case), all else stays as it is, so that no
 * address and no server's reply can forge a line. Only what escape_add writes is read. */
#ifndef TAPPAL_MAIL_ESCAPE_H
#define TAPPAL_MAIL_ESCAPE_H

#include "base/str.h"

MUST_USE bool escape_add(struct str *out, const char *z, struct err *err);
/* ERR_DATA for a raw control character, and for an escape that escape_add would not have written. */
MUST_USE bool escape_undo(struct str *out, const char *text, size_t n, struct err *err);

#endif
