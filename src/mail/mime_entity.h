/* mime_entity - what the header of a message, or of a part of one, says about the body behind it.
 *
 *   content  = "Content-Type" ":" type "/" subtype *(";" attribute "=" value)    (RFC 2045, 5.1)
 *   encoding = "Content-Transfer-Encoding" ":" mechanism                         (RFC 2045, 6.1)
 *
 * Comments and folding are passed over. What two readers may read in two ways (two such fields, a header that
 * breaks off) counts as sealed: it is left as it is. */
#ifndef TAPPAL_MAIL_MIME_ENTITY_H
#define TAPPAL_MAIL_MIME_ENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define MIME_BOUNDARY_MAX 200 /* RFC 2046 has 70; some write more */

enum mime_kind {
    MIME_LEAF,
    MIME_MULTIPART,
    MIME_MESSAGE, /* message/rfc822: a message stands within */
    MIME_CLOSED,  /* other kinds of message/ and of multipart/: nothing within may be encoded */
};

struct mime_entity {
    enum mime_kind kind;
    bool sealed; /* signed or encrypted: not an octet of it may change */
    bool coded;  /* base64, quoted-printable, or a mechanism that we do not know */
    bool digest; /* its parts are messages where they say nothing */
    bool wide;   /* it says 8bit or binary */
    char boundary[MIME_BOUNDARY_MAX + 1];
};

/* The header, its blank line included or not. `message`: the kind where it does not say. */
void mime_entity_read(const char *header, size_t n, bool message, struct mime_entity *e_r);
/* The same header, with this encoding; `version`: and with MIME-Version, where it has none. */
MUST_USE bool mime_entity_recode(const char *header, size_t n, const char *encoding, bool version,
                                 struct str *out, struct err *err);

#endif
