/* sendmail - what the files of tappal-sendmail share. */
#ifndef TAPPAL_CMD_SENDMAIL_H
#define TAPPAL_CMD_SENDMAIL_H

#include "base/err.h"
#include "base/strv.h"
#include "cmd/sendmail_options.h"
#include "conf/conf.h"
#include "conf/place.h"
#include "mail/envelope.h"
#include "mail/rewrite.h"
#include "spool/store.h"

/* Who asks, and what the configuration says to it. */
struct desk {
    const struct sendmail_options *options;
    struct place place;
    struct config config;
    bool broken; /* the configuration cannot be read: `fault` says why */
    struct err fault;
    struct store store; /* `store.path` is NULL while it is not open */
};

/* -- sendmail_desk.c -- */
/* Finds places and configuration. False: there is no account to send by at all, or nowhere to keep
 * a message. A broken configuration is no failure. */
MUST_USE bool desk_open(struct desk *desk, const struct sendmail_options *options, struct err *err);
void desk_close(struct desk *desk);
MUST_USE bool desk_open_store(struct desk *desk, struct err *err);
/* Which account sends; NULL with *fault_r set where that cannot be decided now. */
const struct account *desk_choose(const struct desk *desk, const char *sender, const char *header_from,
                                  struct err *fault_r);
/* A person sits there, and this account (NULL: any) has never delivered a message: faults of the
 * account and its configuration are told at once, and the message is not kept. */
bool desk_is_first_setup(const struct desk *desk, const struct account *account);

/* -- sendmail_letter.c -- */
/* The message: read whole, made fit to send, stored. */
struct letter {
    struct desk *desk;
    const struct account *account; /* NULL: to be chosen when it is sent; `fault` says why */
    struct err fault;
    char id[STORE_ID_LEN + 1];
    bool sender_given; /* by -f; then in `sender`, "" is the null sender */
    char sender[ADDR_SPEC_SIZE];
    struct strv recipients; /* of the command line */
    struct rewrite rewrite;
    struct envelope envelope;
    struct store_writer *writer; /* holds the message's lock */
};
/* True: the message is durable, and SIGINT, SIGTERM and SIGHUP are blocked from before its acceptance. */
MUST_USE bool letter_store(struct letter *letter, struct desk *desk, struct err *err);
/* -bv: account and envelope as they would be; nothing is read from stdin, nothing is stored. */
MUST_USE bool letter_verify(struct letter *letter, struct desk *desk, struct err *err);
void letter_free(struct letter *letter);

/* -- sendmail_handover.c -- */
/* Hands a stored message to whoever sends it, and waits as it should. The exit status. */
int handover(struct letter *letter);
/* Starts tappal-deliver on the queue; nobody waits for it. */
MUST_USE bool handover_start(const struct desk *desk, struct err *err);

/* -- sendmail_list.c -- */
int list_queue(const struct sendmail_options *options);

#endif
