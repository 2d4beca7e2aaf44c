/* smtp_reply - one reply of an SMTP or LMTP server, fed line by line.
 *
 *   Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF   (RFC 5321, 4.2)
 *   status-code = class "." subject "." detail                                               (RFC 2034, 4)
 *
 * Lenient where nothing is lost: any code from 200 to 599, a bare code as the last line, any octets as
 * text. Strict where a verdict hangs on it: three digits, one code in all lines, "-" or SP behind it,
 * bounded lines. An enhanced status counts only if its class is that of the code. */
#ifndef TAPPAL_WIRE_SMTP_REPLY_H
#define TAPPAL_WIRE_SMTP_REPLY_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define SMTP_REPLY_LINE_MAX 4096
#define SMTP_REPLY_LINES_MAX 128
#define SMTP_REPLY_SHOWN_MAX 1000 /* octets of a reply that are shown and kept */

struct smtp_reply {
    int code;          /* 200 to 599 */
    char enhanced[12]; /* "5.1.1" or "" */
    unsigned lines;
    struct str text; /* of all lines, without codes and status, an LF behind each; as it came */
};

void smtp_reply_init(struct smtp_reply *r);
void smtp_reply_clear(struct smtp_reply *r);
void smtp_reply_free(struct smtp_reply *r);

enum smtp_reply_step { SMTP_REPLY_MORE, SMTP_REPLY_END, SMTP_REPLY_BROKEN };
/* The next line, without its line end. BROKEN: err is set (ERR_PROTOCOL), the connection has lost its
 * footing. */
enum smtp_reply_step smtp_reply_add(struct smtp_reply *r, const char *line, size_t n, struct err *err);

/* The text for people and logs: cleaned, lines joined by " / ", at most SMTP_REPLY_SHOWN_MAX octets taken. */
MUST_USE bool smtp_reply_show(const struct smtp_reply *r, struct str *out, struct err *err);

#endif
