/* smtp_server - the server's side of an SMTP conversation: commands read, their order kept, and the text of
 * a message taken out of DATA. For local programs that speak SMTP on a pipe (sendmail -bs).
 *
 *   mail = "MAIL FROM:" Reverse-path *( SP parameter )       rcpt = "RCPT TO:" Forward-path *( SP parameter )
 *   bdat = "BDAT" SP 1*DIGIT [ SP "LAST" ]                    (RFC 5321, 4.1.1; RFC 3030, 2)
 *   parameters: SIZE= BODY=7BIT|8BITMIME SMTPUTF8 RET=FULL|HDRS ENVID=xtext; NOTIFY= ORCPT=type;xtext
 *   xtext = *( "!" to "~" but "+" and "=" / "+" 2HEXDIG )     (RFC 3461, 4)
 *
 * Lenient about blanks behind the colon and missing brackets; a recipient may lack its domain. Whatever is
 * bad is an err whose code, enhanced status and sentence are the reply. Nothing of it is kept. */
#ifndef TAPPAL_WIRE_SMTP_SERVER_H
#define TAPPAL_WIRE_SMTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "mail/addr.h"
#include "mail/envelope.h"

#define SMTP_SERVER_LINE_MAX 4096  /* octets of a command, its line end not counted */
#define SMTP_SERVER_FAULTS_MAX 100 /* commands in a row that nobody can understand */
#define SMTP_ENVID_MAX 100         /* RFC 3461, 4.4 */
#define SMTP_ORCPT_MAX 500         /* RFC 3461, 4.2 */

enum smtp_verb {
    SMTP_VERB_HELO,
    SMTP_VERB_EHLO,
    SMTP_VERB_MAIL,
    SMTP_VERB_RCPT,
    SMTP_VERB_DATA,
    SMTP_VERB_BDAT,
    SMTP_VERB_RSET,
    SMTP_VERB_NOOP,
    SMTP_VERB_VRFY,
    SMTP_VERB_HELP,
    SMTP_VERB_QUIT,
};

struct smtp_request {
    enum smtp_verb verb;
    char path[ADDR_SPEC_SIZE];      /* MAIL ("": the null sender), RCPT */
    enum dsn_ret ret;               /* MAIL */
    char envid[SMTP_ENVID_MAX + 1]; /* MAIL, no longer xtext; "": none */
    unsigned notify;                /* RCPT: enum dsn_notify, or-ed */
    char orcpt[SMTP_ORCPT_MAX + 1]; /* RCPT: "rfc822;ada@example.org", no longer xtext; "": none */
    uint64_t size; /* BDAT: octets of the chunk, which follow even where the command is refused;
                                       MAIL: what SIZE= says, or 0 */
    bool last;     /* BDAT */
};

/* How far the transaction is. */
struct smtp_server {
    bool mail;   /* MAIL was accepted */
    bool rcpt;   /* and a RCPT */
    bool chunks; /* and a BDAT that was not the last */
    unsigned faults;
};

/* Reads one line (without its line end) and checks that it may stand here. False: err is the reply, with code 421
 * where it is time to end the conversation. `size` is set for a BDAT of which a size could be read. */
MUST_USE bool smtp_server_read(struct smtp_server *s, const char *line, size_t n, struct smtp_request *r_r,
                               struct err *err);
/* The request was carried out: what may follow. */
void smtp_server_did(struct smtp_server *s, const struct smtp_request *r);
/* The transaction is over: RSET, HELO, EHLO, the end of the data, or a failure within it. */
void smtp_server_reset(struct smtp_server *s);

/* The text behind DATA. The end has the line ends of the command line that began it: a program that speaks
 * CRLF cannot be made to end its message, and to give commands, by a dot between two LFs in a text that it
 * passes on. */
struct smtp_text {
    bool lf; /* the line "DATA" ended in LF alone: so may this text's lines */
    enum { SMTP_TEXT_START, SMTP_TEXT_DOT, SMTP_TEXT_DOT_CR, SMTP_TEXT_IN_LINE, SMTP_TEXT_CR } at;
    bool ended;
};
/* Appends what is text among the n octets to `out` (at most n + 2 octets), leading dots taken off; the number of
 * octets taken, all unless the end is among them. */
MUST_USE bool smtp_text_add(struct smtp_text *t, const char *bytes, size_t n, struct str *out,
                            size_t *taken_r, struct err *err);

#endif
