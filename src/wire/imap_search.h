/* imap_search - a person's SEARCH program (RFC 9051 6.4.4) as it goes out. Words with letters beyond ASCII cannot stand in
 * quotes, but in non-synchronizing literals (RFC 7888), where the server knows these. */
#ifndef TAPPAL_WIRE_IMAP_SEARCH_H
#define TAPPAL_WIRE_IMAP_SEARCH_H

#include "base/str.h"

/* Does it hold anything beyond ASCII, so that it needs CHARSET UTF-8? */
bool imap_search_is_wide(const char *program);
/* Literals or not, what is ASCII stays as it was written. Without them the rest does too: many servers take it. */
MUST_USE bool imap_search_add(struct str *out, const char *program, bool literals, struct err *err);

#endif
