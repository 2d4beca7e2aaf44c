/* imap_namespace - whose a folder is, as its name says (RFC 2342, RFC 9051 6.3.10):
 *
 *   response  = "NAMESPACE" SP namespace SP namespace SP namespace      ; one's own, other users', shared by many
 *   namespace = "NIL" / "(" 1*("(" string SP (DQUOTE quoted-char DQUOTE / "NIL") *extension ")") ")"
 *
 * A person's folders may all stand below a prefix ("INBOX."), which says nothing to the person: the prefix of the
 * first own namespace is no part of a name as we show and match it. */
#ifndef TAPPAL_WIRE_IMAP_NAMESPACE_H
#define TAPPAL_WIRE_IMAP_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define IMAP_NAMESPACES_MAX 64 /* what is beyond that is not known */

struct imap_namespace {
    char *prefix; /* as the server writes it: "INBOX.", "user.", "" */
    char delimiter;
    bool own;
};
struct imap_namespaces {
    struct imap_namespace items[IMAP_NAMESPACES_MAX];
    size_t count;
};

/* Behind the name; ERR_PROTOCOL where it is broken. */
MUST_USE bool imap_namespaces_read(struct imap_namespaces *namespaces_r, const char *text, size_t n,
                                   struct err *err);
void imap_namespaces_free(struct imap_namespaces *namespaces);

/* What of a folder's name means something to its owner: it points into `wire`. INBOX stays INBOX, and no other folder
 * becomes it. */
const char *imap_namespace_plain(const struct imap_namespaces *namespaces, const char *wire);
/* The namespace of others, or shared, that it is in; NULL: it is one's own, or nothing is known of it. */
const struct imap_namespace *imap_namespace_foreign(const struct imap_namespaces *namespaces,
                                                    const char *wire);

#endif
