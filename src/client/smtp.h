/* smtp - one SMTP submission session: opened once, used for message after message. Where the server's protocol is
 * LMTP (RFC 2033), it speaks that: LHLO, and an answer for each recipient behind the text.
 *
 * smtp_open goes as far as signing in; smtp_send is one mail transaction. A verdict is only ever what the
 * server answered to the command it belongs to: nothing that merely happened (a cut, a time-out, a 5xx to a
 * command sent ahead) decides about a recipient. */
#ifndef TAPPAL_CLIENT_SMTP_H
#define TAPPAL_CLIENT_SMTP_H

#include "client/peer.h"
#include "client/session.h"
#include "mail/envelope.h"
#include "mail/mime.h"

struct smtp;

#define SMTP_WHOLE_MAX 65536 /* octets of text that may go out before any answer has come */
#define SMTP_FLIGHT 100      /* recipients sent ahead of their answers: bounded on both sides */

/* Connects, says EHLO, starts TLS, signs in (or not: auth = none). `ehlo` NULL: an address literal that tells
 * nothing about this machine. phase_r says how far it came, whether it failed or not. */
MUST_USE bool smtp_open(const struct session_options *options, const char *ehlo, struct smtp **smtp_r,
                        enum session_phase *phase_r, struct err *err);
/* QUIT, where the session still stands; its answer is not waited for. */
void smtp_close(struct smtp **smtp);
/* False: the connection is gone or has lost its footing, open another one. */
bool smtp_usable(const struct smtp *s);
const char *smtp_peer(const struct smtp *s); /* "smtp.example.org:465" */

/* Whom a failure of smtp_send is to be blamed on: never on the message. */
enum smtp_blame {
    SMTP_BLAME_HOST,    /* cut, time-out, 421, no SMTP */
    SMTP_BLAME_ACCOUNT, /* "authentication required", over quota for the day */
    SMTP_BLAME_LOCAL,   /* the text could not be read, the journal not written */
};

/* smtp's own: where a transaction stands. */
struct smtp_progress {
    bool flight;   /* commands go out ahead of answers */
    bool bdat;     /* the text goes by BDAT */
    bool smtputf8; /* asked for with MAIL */
    bool rset;     /* RSET went before MAIL */
    size_t end;    /* the recipients from here on want another transaction (LIMITS) */
    size_t to_ask; /* recipients that are worth a RCPT */
    bool mail_ok;
    size_t accepted;
    bool go_ahead; /* the text may go, and there is somebody to send it to */
    bool repair;   /* the text is encoded on its way, by this plan */
    struct mime_plan plan;
    bool eight_bit; /* the body as it goes out has octets over 127 */
    uint64_t size;  /* octets of the text as it goes out */
};

struct smtp_transaction {
    /* -- in -- */
    const struct envelope *envelope;
    const struct message_facts *facts;
    const size_t *to; /* which recipients, as indexes */
    size_t to_count;
    enum peer_step step; /* how far commands may go ahead of answers */
    bool no_chunking;    /* DATA, never BDAT */
    bool as_it_is;       /* not for us to repair: the server decides */
    /* The next piece of the text as stored; *n_r 0 at its end. */
    bool (*read)(void *arg, char *buf, size_t size, size_t *n_r, struct err *err);
    /* The next read begins with the first octet. Not called where the text goes out as it is stored. */
    void (*again)(void *arg);
    /* Called before the last octet is handed to the line: the moment for a durable record of doubt. False: it
     * is never sent, and the message is not delivered. */
    bool (*before_end)(void *arg, struct err *err);
    void *arg;
    /* -- out -- */
    struct outcome *outcomes; /* one per recipient of the envelope; only those in `to` are touched */
    bool in_doubt;            /* the end of the data went out, and nothing says that it was not taken; in LMTP
                               * that is so of those without a verdict, and others may have one */
    bool ahead;               /* false was returned, or recipients have no verdict, for want of lock step */
    bool no_dsn;              /* the server does not know the DSN options that were asked for */
    enum smtp_blame blame;    /* of a failure */
    struct smtp_progress progress;
};

/* True: the server has answered for each recipient in `to`, but for those that have VERDICT_NONE still, which
 * want another transaction (`ahead`: in lock step). False: see `blame`; verdicts that were given are kept. */
MUST_USE bool smtp_send(struct smtp *s, struct smtp_transaction *t, struct err *err);

/* Will smtp_send say nothing before it has called before_end? Then what comes before need not be durable. */
bool smtp_goes_whole(const struct smtp *s, const struct smtp_transaction *t);

/* PEER_WINDOW, for transactions that go whole: put says it all without waiting for an answer, take hears the
 * answers, in the order of put. A put that returns true wants its take, come what may; once one fails, so do
 * all that follow, and each says for itself whether it is in doubt. */
MUST_USE bool smtp_put(struct smtp *s, struct smtp_transaction *t, struct err *err);
MUST_USE bool smtp_take(struct smtp *s, struct smtp_transaction *t, struct err *err);
/* What was put goes out now, not only before the next answer is awaited. */
MUST_USE bool smtp_flush(struct smtp *s, struct err *err);
/* PEER_NEXT_MAIL: one behind the other. False: the connection is gone; what was not begun is not in doubt. */
MUST_USE bool smtp_send_chain(struct smtp *s, struct smtp_transaction *const *t, size_t count,
                              struct err *err);
/* How many more transactions this connection takes (LIMITS MAILMAX). */
uint64_t smtp_room(const struct smtp *s);
bool smtp_pipelines(const struct smtp *s); /* the server offers PIPELINING */
bool smtp_chunks(const struct smtp *s);    /* and CHUNKING */
/* It took so many recipients at once and no more: as if LIMITS had said so, none beyond are asked for from now on. */
void smtp_note_most(struct smtp *s, size_t recipients);
bool smtp_knows_dsn(const struct smtp *s); /* it was told what is wanted, and tells the sender itself */

#endif
