/* pop3_reply - what a POP3 server says (RFC 1939, 2449, 5034, 6856).
 *
 *   single-line = ("+OK" / "-ERR") [SP ["[" resp-code "]" SP] text] CRLF
 *   challenge   = "+" SP [base64] CRLF
 *   capability  = name *(SP argument) CRLF
 *   listing     = number SP (size / unique-id) CRLF
 *   multi-line  = *(line CRLF) "." CRLF          ; a line that begins with "." bears one more
 */
#ifndef TAPPAL_WIRE_POP3_REPLY_H
#define TAPPAL_WIRE_POP3_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum pop3_status { POP3_OK, POP3_ERR, POP3_CHALLENGE, POP3_GARBAGE };

struct pop3_reply {
    enum pop3_status status;
    char code[32];    /* RFC 2449 response code in upper case ("IN-USE", "SYS/TEMP"), or "" */
    const char *text; /* behind status and code, within the line */
    size_t n;
};
/* A line without its CRLF. */
struct pop3_reply pop3_reply_read(const char *line, size_t n);
/* Does the code say "later" (IN-USE, LOGIN-DELAY, SYS/TEMP)? */
bool pop3_reply_is_temporary(const struct pop3_reply *reply);

#define POP3_SASL_MAX 64

#define POP3_EXPIRE_NEVER UINT32_MAX

struct pop3_caps {
    bool stls, user, uidl, top, pipelining, resp_codes, utf8;
    bool expires, per_user; /* EXPIRE was said; EXPIRE or LOGIN-DELAY differs by user: ask again, signed in */
    uint32_t expire;        /* days that a message is kept, or POP3_EXPIRE_NEVER */
    uint32_t login_delay;   /* seconds between two sign-ins; 0: any */
    struct strv sasl;
};
void pop3_caps_free(struct pop3_caps *caps);
MUST_USE bool pop3_caps_add(struct pop3_caps *caps, const char *line, size_t n, struct err *err);

/* A line of LIST or UIDL: the number, and what follows it without blanks around it (it may be empty, or
 * longer and odder than a unique-id may be). False: no number. */
bool pop3_listing_read(const char *line, size_t n, uint32_t *number_r, const char **rest_r, size_t *rest_n_r);
/* The size in a LIST line's rest; octets may be followed by more words. False where there is none ("-1"). */
bool pop3_size_read(const char *rest, size_t n, uint64_t *size_r);

/* A multi-line text as it streams by. */
enum pop3_at { POP3_AT_LINE, POP3_AT_DOT, POP3_AT_DOT_CR, POP3_AT_TEXT, POP3_AT_CR };
struct pop3_text {
    enum pop3_at at;
    bool done; /* the final "." has passed */
};
#define POP3_TEXT_INIT                                                                                       \
    {                                                                                                        \
        0                                                                                                    \
    }
/* Takes bytes from `in` and gives the run of text that they hold, dots unstuffed, in *run_r (inside `in`, or
 * a constant). Returns how many bytes were taken; it takes some or gives some, until `done`. Only CRLF ends a
 * line: were a bare LF to count, a message could end itself and put words into the server's mouth. */
size_t pop3_text_take(struct pop3_text *t, const char *in, size_t n, const char **run_r, size_t *run_n_r);

#endif
