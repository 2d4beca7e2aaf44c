/* smtp_command - what an SMTP client says, and what EHLO's answer lets it say.
 *
 *   mail = "MAIL FROM:" Reverse-path [SP Mail-parameters]     rcpt = "RCPT TO:" Forward-path [...]
 *   ehlo = "EHLO" SP ( Domain / address-literal )              (RFC 5321, 4.1.1)
 *
 * Lines are built without their CRLF. No address, whatever it holds, can end its path or its line. */
#ifndef TAPPAL_WIRE_SMTP_COMMAND_H
#define TAPPAL_WIRE_SMTP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"
#include "mail/envelope.h"
#include "wire/smtp_reply.h"

#define SMTP_ADDRESS_MAX                                                                                     \
    998 /* RFC 5321 says 254; senders of lists make longer ones, and servers take them                       \
         */
#define SMTP_AUTH_LINE_MAX 512 /* RFC 4954, 4: with an initial response, CRLF included */
#define SMTP_AUTH_MECHANISMS_MAX 64

/* What the server offers. */
struct smtp_caps {
    bool starttls, pipelining, size, eight_bit, smtputf8, chunking, dsn, require_tls;
    uint64_t size_max;                            /* SIZE of RFC 1870; 0: no bound known */
    uint64_t mail_max, rcpt_max, rcpt_domain_max; /* LIMITS (RFC 9422); 0: none known */
    struct strv auth;                             /* mechanisms as written, each once */
};

MUST_USE bool smtp_caps_parse(const struct smtp_reply *ehlo, struct smtp_caps *caps_r, struct err *err);
void smtp_caps_free(struct smtp_caps *caps);

/* Parameters of MAIL; a false one is not sent. */
struct smtp_mail {
    const char *sender; /* bare; "" is the null sender */
    bool say_size;      /* SIZE= (RFC 1870) */
    uint64_t size;
    bool eight_bit;    /* BODY=8BITMIME (RFC 6152) */
    bool smtputf8;     /* SMTPUTF8 (RFC 6531) */
    bool require_tls;  /* REQUIRETLS (RFC 8689) */
    enum dsn_ret ret;  /* RET= (RFC 3461) */
    const char *envid; /* ENVID=, not yet as xtext; NULL: none */
};

/* ERR_DATA where the address cannot stand between < and >. */
MUST_USE bool smtp_address_check(const char *address, struct err *err);
MUST_USE bool smtp_command_ehlo(struct str *out, const char *verb, const char *name, struct err *err);
MUST_USE bool smtp_command_mail(struct str *out, const struct smtp_mail *mail, struct err *err);
/* notify: enum dsn_notify, or-ed; orcpt: "rfc822;ada@example.org", not yet as xtext, or NULL (RFC 3461). */
MUST_USE bool smtp_command_rcpt(struct str *out, const char *address, unsigned notify, const char *orcpt,
                                struct err *err);
/* "BDAT 123 LAST" (RFC 3030) */
MUST_USE bool smtp_command_bdat(struct str *out, uint64_t octets, struct err *err);

#endif
