/* verdict - outcomes and failures as lines of text: what tappal-deliver tells tappal-sendmail over the
 * verdict pipe, and, in the same words, what the journal keeps.
 *
 *   recipient N delivered|later|refused CODE ENHANCED|- TEXT    N counts the envelope's recipients from 0
 *   failure KIND CODE WHAT TAB HINT                             a host, account, secret or configuration
 * fault dialogue TEXT                                               one line of the dialogue, with --verbose
 *   end                                                         the deliverer let go of the message
 *
 * Each ends in LF. TEXT, WHAT and HINT are escaped (mail/escape), so what goes in comes out again. */
#ifndef TAPPAL_SPOOL_VERDICT_H
#define TAPPAL_SPOOL_VERDICT_H

#include "base/str.h"
#include "mail/envelope.h"

#define VERDICT_TEXT_MAX 2048 /* octets of a reply that are kept; what is longer ends in "..." */
#define VERDICT_LINE_MAX 16384

enum verdict_line_kind { VERDICT_RECIPIENT, VERDICT_FAILURE, VERDICT_DIALOGUE, VERDICT_END };
struct verdict_line {
    enum verdict_line_kind kind;
    size_t recipient; /* VERDICT_RECIPIENT */
    struct outcome outcome;
    struct err failure; /* VERDICT_FAILURE */
    char *text;         /* VERDICT_DIALOGUE */
};

MUST_USE bool verdict_add_recipient(struct str *out, size_t recipient, const struct outcome *o,
                                    struct err *err);
MUST_USE bool verdict_add_failure(struct str *out, const struct err *why, struct err *err);
MUST_USE bool verdict_add_dialogue(struct str *out, const char *text, struct err *err);
MUST_USE bool verdict_add_end(struct str *out, struct err *err);

/* One line without its LF. Strict: ERR_PROTOCOL for anything the above did not write. */
MUST_USE bool verdict_parse(const char *line, size_t n, struct verdict_line *line_r, struct err *err);
void verdict_line_free(struct verdict_line *line);

#endif
