/* rewrite - makes a message as programs hand it over fit to be sent (RFC 5322, RFC 6409).
 *
 * Line ends: LF and CRLF, line by line, become CRLF; of several CR before LF one is the line end.
 * Any other CR, and NUL, becomes a blank. The last line gets an end. A leading mbox separator goes.
 * Header: Bcc and Resent-Bcc go; Date, From and Message-ID are added where missing (in a message
 * that is resent: their Resent- forms); a missing blank line behind it is added. All else in the
 * user's header keeps its octets, because signatures (DKIM) may cover them: no refolding.
 * A body with octets over 127 and no MIME header is declared.
 *
 * Streaming: the header is collected whole, up to a limit; the body flows through. Only the MIME
 * declaration depends on the body, yet stands before it. So the body of a message without MIME header is held
 * back, up to REWRITE_AHEAD_MAX octets; a longer one is declared 8bit whatever comes behind, which
 * is true of every text. (The other way, the whole body in a second file first, costs each big
 * message twice the writing, to be exact about a few.) */
#ifndef TAPPAL_MAIL_REWRITE_H
#define TAPPAL_MAIL_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "mail/addr.h"
#include "mail/envelope.h"

#define REWRITE_HEADER_MAX (1024u * 1024)
#define REWRITE_AHEAD_MAX (256u * 1024)
#define REWRITE_CHUNK_MAX (64u * 1024) /* the most octets one rewrite_add may be given */

enum rewrite_line {
    LINE_START,
    LINE_DOT,    /* a dot stands at its start: held back, as it may be the end */
    LINE_DOT_CR, /* and a CR behind it */
    LINE_TEXT,
    LINE_CR, /* a CR is held back: half a line end, or a blank */
};

struct rewrite {
    bool dot_ends; /* a line with nothing but a dot is the end of the message */
    bool ended;    /* that line was seen, or rewrite_end called */
    bool in_body;  /* the header is whole */
    bool mime;     /* it has MIME fields */
    enum rewrite_line line;
    size_t line_at;    /* where the header's current line begins */
    struct str header; /* CRLF line ends, without the blank line */
    struct str body;   /* what is ready to go out; the caller takes it out with str_clear */
};

void rewrite_begin(struct rewrite *r, bool dot_ends);
void rewrite_free(struct rewrite *r);
/* ERR_DATA: the header is larger than the limit. What comes behind the ending dot is ignored. */
MUST_USE bool rewrite_add(struct rewrite *r, const char *bytes, size_t n, struct err *err);
MUST_USE bool rewrite_end(struct rewrite *r, struct err *err);
/* Enough was seen to write the header. */
bool rewrite_ready(const struct rewrite *r);

/* What the header says. The fields that count are the Resent- ones where there is any of these. */
struct rewrite_found {
    bool resent;
    bool has_date, has_from, has_message_id;
    char from[ADDR_SPEC_SIZE]; /* first address of From, "" where it has none that can be read */
};
void rewrite_look(const struct rewrite *r, struct rewrite_found *found_r);

/* Appends the addresses of To, Cc and Bcc, or of the newest block of Resent-To, Resent-Cc and
 * Resent-Bcc (a block ends where one of its fields comes again, or at a trace field: RFC 5322, 3.6.6).
 * What cannot be read is added as unusable. */
MUST_USE bool rewrite_recipients(const struct rewrite *r, struct envelope *out, struct err *err);

/* What to put in; NULL: nothing. */
struct rewrite_fixes {
    const char *date;       /* if missing: "Sun, 22 Nov 2026 03:04:05 +0100" */
    const char *from;       /* if missing: "Ada <ada@example.org>" */
    const char *message_id; /* if missing: "<left@right>" */
    const char *set_from;   /* replaces the address in From, the name is kept */
    const char *domain;     /* for an address in From that has none */
};
/* The header as it will go out, the blank line included. */
MUST_USE bool rewrite_header(const struct rewrite *r, const struct rewrite_fixes *fixes, struct str *out,
                             struct err *err);

#endif
