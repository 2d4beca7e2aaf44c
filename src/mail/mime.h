/* mime - repairs a message for a server that would not take it as it is: parts with octets over 127, where those
 * are not taken, and parts with lines that are too long become quoted-printable (RFC 2045; RFC 6152, 3).
 *
 * Each part is decided for itself, to any depth up to a limit, and decodes to the octets that it had. What is
 * signed or encrypted is left alone, by whatever it shows: multipart/signed and /encrypted, S/MIME, DKIM, or a
 * clear-signed text of PGP. So are parts that are encoded already, those with a bare LF (the queue has none), and
 * headers. multipart and message are never encoded themselves (RFC 2046, 5.1 and 5.2.1), only what is in them.
 *
 * Streaming, twice over the same octets: mime_survey says what is to be done, then the same machine does it. The memory
 * is bounded: one header, and one line's beginning. */
#ifndef TAPPAL_MAIL_MIME_H
#define TAPPAL_MAIL_MIME_H

#include <stdint.h>

#include "mail/mime_entity.h"
#include "mail/mime_qp.h"

#define MIME_LINE_MAX 998             /* octets without CRLF (RFC 5322, 2.1.1) */
#define MIME_DEPTH_MAX 30             /* multiparts and messages within one another */
#define MIME_PARTS_MAX 1024           /* parts that can be encoded; those behind stay as they are */
#define MIME_HEADER_MAX (1024 * 1024) /* of one part */
#define MIME_HELD_MAX 256             /* of a line that may be a boundary */

struct mime_plan {
    bool ascii; /* in: nothing over 127 may be left behind the header */
    /* -- out, of mime_survey -- */
    bool repairs;      /* some part is to be encoded */
    bool eight_bit;    /* octets over 127 will be left */
    const char *stuck; /* `ascii` cannot be had: "it is signed"; NULL: it can */
    unsigned char encode[MIME_PARTS_MAX / 8];
};

struct mime_level {
    char boundary[MIME_BOUNDARY_MAX + 1];
    bool sealed, digest;
    size_t nested;
};

struct mime {
    struct mime_plan *plan;
    struct str *out; /* NULL: the survey */
    enum mime_place { MIME_IN_HEADER, MIME_IN_PART, MIME_BETWEEN } place;
    struct str header;
    size_t line_at; /* where its current line begins */
    struct mime_level levels[MIME_DEPTH_MAX];
    size_t depth;                                                           /* multiparts that we are in */
    size_t nested;                                                          /* messages within which we are */
    enum mime_role { MIME_OWN_HEADER, MIME_INNER_MESSAGE, MIME_PART } role; /* of the header */
    bool message; /* the kind of what follows, where it does not say */
    bool sealed;  /* so is what we are in */
    char held[MIME_HELD_MAX];
    size_t held_len;
    bool line_start; /* nothing of the current line has been passed on */
    struct {         /* the part that we are in */
        size_t number;
        bool closed, coded, eight_bit, too_long, clear_signed;
        char last;       /* octet */
        uint64_t column; /* octets of the line so far, its CR included */
    } part;
    size_t parts;
    struct mime_qp qp;
};

/* `plan` has `ascii`, the rest is overwritten. */
void mime_survey(struct mime *m, struct mime_plan *plan);
/* What is given is added to `out`, repaired as a survey of the same octets has planned; take it out by
 * str_clear: n octets become at most 4 n and the header of a part. */
void mime_repair(struct mime *m, struct mime_plan *plan, struct str *out);
void mime_free(struct mime *m);
MUST_USE bool mime_add(struct mime *m, const char *bytes, size_t n, struct err *err);
MUST_USE bool mime_end(struct mime *m, struct err *err);

#endif
