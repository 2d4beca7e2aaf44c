/* envelope - who a message is from and for, and what became of each recipient.
 * Pure: the text form (doc/INTERNALS "Message file") is versioned `key: value` lines; values are
 * escaped (\xHH for control characters and backslash), so that no address can forge a line. */
#ifndef TAPPAL_MAIL_ENVELOPE_H
#define TAPPAL_MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define ENVELOPE_RECIPIENTS_MAX 100000
#define ENVELOPE_TEXT_MAX (64u << 20) /* octets of the text form */
#define ENVELOPE_UNUSABLE_MAX 200     /* octets kept of what is no address */

enum dsn_notify {
    NOTIFY_UNSET = 0,
    NOTIFY_NEVER = 1,
    NOTIFY_SUCCESS = 2,
    NOTIFY_FAILURE = 4,
    NOTIFY_DELAY = 8
};
enum dsn_ret { RET_UNSET, RET_FULL, RET_HDRS };

/* "never", or a comma list of success, failure and delay, in any case. False: it is something else. */
bool envelope_notify_parse(const char *words, unsigned *notify_r);

struct recipient {
    char *address;   /* bare addr-spec, no <> */
    unsigned notify; /* enum dsn_notify, or-ed */
    char *orcpt;     /* "rfc822;..." as asked for by -bs, or NULL */
    char *unusable;  /* why nothing can be sent there (`address` is what was given then); or NULL */
};

struct envelope {
    int64_t accepted;  /* seconds since 1970 */
    uint32_t uid;      /* who handed it in */
    char *config_dir;  /* absolute; NULL: no configuration was found */
    char *account;     /* NULL: to be chosen when it is sent (the configuration was broken) */
    char *header_from; /* bare address of From, for that choice; or NULL */
    char *sender;      /* bare reverse-path; "" is the null sender */
    struct recipient *recipients;
    size_t count;
    enum dsn_ret ret;
    char *envid;    /* NULL: none */
    bool is_report; /* a report or notice of ours: never reported on */
    bool require_tls;
    uint32_t *index; /* envelope_add's own: a hash table over the addresses */
    size_t index_size;
};

void envelope_init(struct envelope *e);
void envelope_free(struct envelope *e);
/* Adds a recipient (address is copied). A second one of the same address (its domain in any case) is not
 * added. More than ENVELOPE_RECIPIENTS_MAX: ERR_DATA. */
MUST_USE bool envelope_add(struct envelope *e, const char *address, struct err *err);
/* What was given for a recipient and is none, cleaned; it is refused when the others are sent to. */
MUST_USE bool envelope_add_unusable(struct envelope *e, const char *given, size_t n, const char *why,
                                    struct err *err);
/* Adds each member of a list of addresses (mail/addr); those that cannot be read, and <>, as unusable. */
MUST_USE bool envelope_add_list(struct envelope *e, const char *text, size_t n, struct err *err);
MUST_USE bool envelope_write(const struct envelope *e, struct str *out, struct err *err);
/* Strict: what envelope_write did not write is an error. */
MUST_USE bool envelope_read(const char *text, size_t n, struct envelope *e_r, struct err *err);

/* What is known of the message text, found while it was stored. */
struct message_facts {
    uint64_t size;         /* octets as stored: CRLF line ends, not dot-stuffed = SIZE of RFC 1870 */
    uint64_t header_size;  /* octets up to and with the blank line */
    uint32_t longest_line; /* octets without CRLF */
    bool eight_bit_body;   /* any octet over 127 behind the header */
    bool eight_bit_header; /* any in it: SMTPUTF8 needed (RFC 6531) */
};

enum verdict {
    VERDICT_NONE, /* not tried yet, or a try without an answer for it */
    VERDICT_DELIVERED,
    VERDICT_LATER,   /* 4xx for this recipient or message */
    VERDICT_REFUSED, /* 5xx */
};
bool verdict_is_open(enum verdict verdict); /* neither delivered nor refused */

/* What the server said for one recipient. */
struct outcome {
    enum verdict verdict;
    int code;          /* 250, 452, 550; 0: none */
    char enhanced[12]; /* "5.1.1" or "" */
    char *text;        /* the full reply, cleaned, lines joined by " / "; NULL: none */
};

MUST_USE bool outcome_copy(struct outcome *to, const struct outcome *from,
                           struct err *err); /* frees what `to` held */
void outcome_free(struct outcome *o);        /* back to VERDICT_NONE */

#endif
