/* addr - addresses as people and programs write them (RFC 5322, 3.4), made bare for the envelope.
 *
 * Read leniently: groups, comments, quoted strings, folding, routes, empty list members, blanks
 * around dots, UTF-8 (RFC 6532). Written strictly: what comes out is one addr-spec that is safe
 * between "<" and ">", its local part quoted again only where that is needed. No CR, LF, NUL or
 * other control character ever comes out. */
#ifndef TAPPAL_MAIL_ADDR_H
#define TAPPAL_MAIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* RFC 5321, 4.5.3.1, in octets; a path counts its angle brackets. Its 64 for a local part are no limit here:
 * rewritten (SRS) and variable (VERP) senders are longer, and their servers take them. */
#define ADDR_PATH_MAX 256
#define ADDR_LOCAL_MAX (ADDR_PATH_MAX - 2)
#define ADDR_DOMAIN_MAX 255
#define ADDR_NAME_MAX 256
#define ADDR_SPEC_SIZE (ADDR_PATH_MAX - 2 + 1)

struct addr {
    char spec[ADDR_SPEC_SIZE]; /* "ada@example.org"; "root" where no domain is given; "" for <> */
    size_t start, end;         /* where the addr-spec stands in the text, the brackets not included; of a bad
                                  member, where that stands */
};

struct addr_parser {
    const char *text;
    size_t len;
    size_t pos;
    bool in_group;
};

enum addr_event {
    ADDR_GOT,
    ADDR_END,
    ADDR_BAD, /* err says why (ERR_DATA); the next call goes on behind the next comma */
};

/* The text is a header field's body, or a command line argument; it must outlive the parser. */
void addr_begin(struct addr_parser *p, const char *text, size_t n);
enum addr_event addr_next(struct addr_parser *p, struct addr *addr_r, struct err *err);

/* Exactly one address; "" and "<>" are the null sender "". */
MUST_USE bool addr_one(const char *text, char spec_r[ADDR_SPEC_SIZE], struct err *err);

const char *addr_domain(const char *spec); /* behind the "@", or NULL where there is none */
/* Gives an address without a domain this one. */
MUST_USE bool addr_qualify(char spec[ADDR_SPEC_SIZE], const char *domain, struct err *err);

/* "Ada Lovelace <ada@example.org>": the name quoted, or encoded (RFC 2047) and then folded, as it
 * needs. A name that is too long, not UTF-8
 * or has control characters in it is left out, as a missing one is. */
MUST_USE bool addr_add_mailbox(struct str *out, const char *name, const char *spec, struct err *err);

#endif
