/* imap_token - the words of an IMAP response (RFC 9051 section 9), one after another, without copying:
 *
 *   atom    = 1*ATOM-CHAR ["[" section "]"]     ; flags with their "\" too, "BODY[HEADER.FIELDS (DATE)]"
 *   quoted  = DQUOTE *(TEXT-CHAR / "\" (DQUOTE / "\")) DQUOTE
 *   literal = ["~"] "{" number64 ["+"] "}" CRLF *OCTET
 *   list    = "(" *(SP value) ")"
 *
 * Lenient where servers are known to be odd (control characters and 8-bit bytes in atoms, runs of blanks),
 * strict where it decides about framing: the length of a literal. */
#ifndef TAPPAL_WIRE_IMAP_TOKEN_H
#define TAPPAL_WIRE_IMAP_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define IMAP_DEPTH_MAX 32 /* lists within lists */

enum imap_kind {
    IMAP_END, /* of the text */
    IMAP_ATOM,
    IMAP_QUOTED,      /* bytes are those between the quotes, escapes still there */
    IMAP_LITERAL,     /* bytes are its octets */
    IMAP_LITERAL_DUE, /* the text ends behind "{n}": `size` octets must be read from the server */
    IMAP_OPEN,
    IMAP_CLOSE,
    IMAP_BAD,
};

struct imap_token {
    enum imap_kind kind;
    const char *bytes;
    size_t n;
    uint64_t size; /* of a literal */
};

/* What is left of the text. */
struct imap_text {
    const char *at, *end;
};

struct imap_token imap_next(struct imap_text *text);
/* Skips the rest of a value whose first token is given: a list to its end. False: broken or too deep;
 * *due_r where the text ends at a literal's announcement. */
bool imap_skip(struct imap_text *text, struct imap_token first, struct imap_token *due_r);

bool imap_token_is(const struct imap_token *t, const char *atom);             /* ASCII case folded */
bool imap_token_is_string(const struct imap_token *t);                        /* atom, quoted or literal */
bool imap_token_u64(const struct imap_token *t, uint64_t max, uint64_t *out); /* an atom of digits */
MUST_USE bool imap_token_text(const struct imap_token *t, struct str *out, struct err *err); /* unescaped */

/* Does a line of data end with a literal's announcement? 1 yes, 0 no, -1 with a length no literal can have.
 */
int imap_literal_at_end(const char *line, size_t n, uint64_t *size_r);

/* A string as we send it: quoted where that is possible. False where it holds NUL, CR or LF. */
MUST_USE bool imap_add_quoted(struct str *out, const char *bytes, size_t n, struct err *err);

#endif
