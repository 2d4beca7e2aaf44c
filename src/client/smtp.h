/* smtp - one SMTP submission session: opened once, used for message after message.
 *
 * smtp_open goes as far as signing in; smtp_send is one mail transaction. A verdict is only ever what the
 * server answered to the command it belongs to: nothing that merely happened (a cut, a time-out, a 5xx to a
 * command sent ahead) decides about a recipient. */
#ifndef TAPPAL_CLIENT_SMTP_H
#define TAPPAL_CLIENT_SMTP_H

#include "client/session.h"
#include "mail/envelope.h"

struct smtp;

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

struct smtp_transaction {
    /* -- in -- */
    const struct envelope *envelope;
    const struct message_facts *facts;
    const size_t *to; /* which recipients, as indexes */
    size_t to_count;
    bool lock_step; /* no command before the answer to the last one */
    /* The next piece of the text as stored; *n_r 0 at its end. */
    bool (*read)(void *arg, char *buf, size_t size, size_t *n_r, struct err *err);
    /* Called when all but the end of the data was handed to the line: the moment for a durable record of
     * doubt. False: the end is never sent, and the message is not delivered. */
    bool (*before_end)(void *arg, struct err *err);
    void *arg;
    /* -- out -- */
    struct outcome *outcomes; /* one per recipient of the envelope; only those in `to` are touched */
    bool in_doubt;            /* the end of the data went out, its answer did not come */
    bool ahead;               /* false was returned, or recipients have no verdict, for want of lock step */
    enum smtp_blame blame;    /* of a failure */
};

/* True: the server has answered for each recipient in `to`, but for those that have VERDICT_NONE still, which
 * want another transaction (`ahead`: in lock step). False: see `blame`; verdicts that were given are kept. */
MUST_USE bool smtp_send(struct smtp *s, struct smtp_transaction *t, struct err *err);

#endif
