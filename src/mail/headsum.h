/* headsum - what tells messages apart that bear no lasting name: hashes over a message's header.
 *
 * The bytes are a whole message or its header, with CRLF or LF; what stands behind the first blank line does not
 * count, nor does the kind of line end. Pure; nothing is kept. */
#ifndef TAPPAL_MAIL_HEADSUM_H
#define TAPPAL_MAIL_HEADSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/sum.h"

#define HEADSUM_MAX (1u << 20) /* octets that callers need to collect of one header, at most */

/* The header as one server hands it out again and again: all of it but the fields in which servers and readers
 * keep their own notes (Status, X-UIDL and their like). */
void headsum_whole(const char *bytes, size_t n, unsigned char out[SUM_SHA256_BYTES]);

/* The letter wherever it lies: only Message-ID, Date, From and Subject, the first of each, without blanks, since
 * fetchers and servers add fields and fold others. False: neither Message-ID nor Date, so nothing to go by. */
bool headsum_letter(const char *bytes, size_t n, unsigned char out[SUM_SHA256_BYTES]);

#endif
