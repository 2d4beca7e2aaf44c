/* imap_reply - what an IMAP server says (RFC 9051 section 9, RFC 3501, 4731):
 *
 *   continue = "+" [SP (resp-text / base64)]
 *   tagged   = tag SP ("OK" / "NO" / "BAD") SP resp-text
 *   untagged = "*" SP (("OK" / "NO" / "BAD" / "BYE" / "PREAUTH") SP resp-text / [number SP] name SP data)
 *   resp-text = ["[" code [SP arguments] "]" SP] text
 *
 *   vanished = "VANISHED" [SP "(EARLIER)"] SP known-uids                       ; RFC 7162 3.2.10
 *
 * A response is its text: lines, and between them literals with the CRLF before each ("...{3}\r\nabc)"). */
#ifndef TAPPAL_WIRE_IMAP_REPLY_H
#define TAPPAL_WIRE_IMAP_REPLY_H

#include "base/strv.h"
#include "mail/uidset.h"
#include "wire/imap_token.h"

enum imap_form { IMAP_CONTINUE, IMAP_TAGGED, IMAP_UNTAGGED, IMAP_GARBAGE };
enum imap_status { IMAP_DATA, IMAP_OK, IMAP_NO, IMAP_NOT_UNDERSTOOD /* BAD */, IMAP_BYE, IMAP_PREAUTH };

struct imap_part {
    const char *at;
    size_t n;
};
struct imap_reply {
    enum imap_form form;
    enum imap_status status;
    struct imap_part tag;       /* of a tagged response */
    uint64_t number;            /* of "* 12 EXISTS"; 0: none */
    struct imap_part name;      /* of data: "EXISTS", "FETCH", "LIST" */
    struct imap_part code;      /* of resp-text: "UIDVALIDITY"; n 0: none */
    struct imap_part arguments; /* of the code */
    struct imap_part text;      /* resp-text without its code; or what follows the name, or "+" */
};
/* The first line of a response, without its CRLF. */
struct imap_reply imap_reply_read(const char *line, size_t n);
bool imap_part_is(const struct imap_part *part, const char *word); /* ASCII case folded */
/* Does the code, or a known server's wording, say "later" rather than "never"? */
bool imap_reply_is_temporary(const struct imap_reply *reply);
bool imap_part_number(const struct imap_part *part, uint64_t max, uint64_t *out);

/* CAPABILITY: each word is added. */
MUST_USE bool imap_capabilities_add(struct strv *out, const char *text, size_t n, struct err *err);

/* SEARCH and ESEARCH, behind the name; ERR_PROTOCOL where they are broken. */
MUST_USE bool imap_search_read(struct uidset *set, const char *text, size_t n, struct err *err);
MUST_USE bool imap_esearch_read(struct uidset *set, const char *text, size_t n, struct err *err);

/* VANISHED: UIDs that are gone, whenever that was. */
MUST_USE bool imap_vanished_read(struct uidset *set, const char *text, size_t n, struct err *err);
/* A list of flags, "(\Seen $Forwarded)" or "(\Seen \*)"; *any_r: "\*", others may be made. */
bool imap_flags_read(const char *text, size_t n, uint8_t *flags_r, bool *any_r);

/* LIST: attributes, delimiter, name as it came. */
struct imap_list {
    struct strv attributes;
    char delimiter; /* '\0': the folders have no levels */
    struct str name;
};
void imap_list_free(struct imap_list *list);
MUST_USE bool imap_list_read(struct imap_list *list_r, const char *text, size_t n, struct err *err);

/* STATUS: the folder's name as it came, and what is said of it; 0: nothing. */
struct imap_state {
    struct str name;
    uint32_t validity, next; /* UIDVALIDITY, UIDNEXT */
    uint64_t modseq;         /* HIGHESTMODSEQ */
};
void imap_state_free(struct imap_state *state);
MUST_USE bool imap_state_read(struct imap_state *state_r, const char *text, size_t n, struct err *err);

/* FETCH, as far as it has come. */
enum imap_body {
    IMAP_BODY_NONE,
    IMAP_BODY_NIL,
    IMAP_BODY_TEXT, /* in the response itself */
};
struct imap_fetch {
    uint32_t uid; /* 0: not named (yet) */
    bool has_size;
    uint64_t size;             /* RFC822.SIZE: what the server says, no more */
    int64_t date;              /* INTERNALDATE; 0: not named, or not a date */
    struct imap_part email_id; /* EMAILID (RFC 8474); n 0: not named */
    struct imap_part gm_msgid; /* X-GM-MSGID, likewise */
    struct imap_token header;  /* of BODY[HEADER...]; IMAP_END: not named */
    bool has_flags;
    uint8_t flags; /* FLAGS that have a letter (mail/flags.h) */
    enum imap_body body;
    struct imap_token body_text;
};
enum imap_fetch_end {
    IMAP_FETCH_WHOLE,
    IMAP_FETCH_BODY_DUE,    /* the text ends where the message's literal is announced: *size_r octets */
    IMAP_FETCH_LITERAL_DUE, /* ... where some other literal is */
    IMAP_FETCH_BROKEN,
};
/* Behind "FETCH ". A message that has been read elsewhere is stood for by an empty literal in the text. */
enum imap_fetch_end imap_fetch_read(struct imap_fetch *fetch_r, const char *text, size_t n, uint64_t *size_r);

/* date-time: "17-Jul-1996 02:44:25 -0700"; seconds since 1970, false where it is none. */
bool imap_date_read(const char *text, size_t n, int64_t *out);

#endif
