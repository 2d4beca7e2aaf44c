/* sendmail - what the files of tappal-sendmail share. */
#ifndef TAPPAL_CMD_SENDMAIL_H
#define TAPPAL_CMD_SENDMAIL_H

#include <sys/types.h>

#include "base/err.h"
#include "cmd/sendmail_options.h"
#include "conf/aliases.h"
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
/* How many octets more the queue may take, by max_bytes. ERR_LOCAL: no message more. */
MUST_USE bool desk_room(struct desk *desk, uint64_t *room_r, struct err *err);
MUST_USE bool desk_use_room(const struct desk *desk, uint64_t *room, uint64_t n, struct err *err);
/* Which account sends; NULL with *fault_r set where that cannot be decided now. */
const struct account *desk_choose(const struct desk *desk, const char *sender, const char *header_from,
                                  struct err *fault_r);
/* A person sits there, and this account (NULL: any) has never delivered a message: faults of the
 * account and its configuration are told at once, and the message is not kept. */
bool desk_is_first_setup(const struct desk *desk, const struct account *account);

/* -- sendmail_letter.c -- */
/* A message: made fit to send while it comes in, stored. */
struct letter {
    struct desk *desk;
    /* What the caller wants: `sender` (NULL: nothing was said), recipients, ret, envid. Filled in before the
     * first octet. */
    struct envelope asked;
    bool from_header;              /* recipients from To, Cc and Bcc too */
    const struct account *account; /* NULL: to be chosen when it is sent; `fault` says why */
    struct err fault;
    char id[STORE_ID_LEN + 1];
    struct rewrite rewrite;
    struct envelope envelope; /* as it is stored */
    struct aliases aliases;   /* of the account, once one was looked up */
    bool aliases_read;
    uint64_t room;               /* octets that the text may have, by max_bytes */
    struct store_writer *writer; /* holds the message's lock */
};
/* dot_ends: as in rewrite_begin. The store must be open before the first octet. */
void letter_begin(struct letter *letter, struct desk *desk, bool dot_ends);
MUST_USE bool letter_add(struct letter *letter, const char *bytes, size_t n, struct err *err);
/* True: the message is durable, and SIGINT, SIGTERM and SIGHUP are blocked from before its acceptance. */
MUST_USE bool letter_end(struct letter *letter, struct err *err);
/* Account and envelope as they would be for what was added to `rewrite`; nothing is stored. */
MUST_USE bool letter_verify(struct letter *letter, struct err *err);
void letter_free(struct letter *letter);

/* -- sendmail_address.c -- */
const char *address_own_domain(const struct letter *letter); /* for addresses that have none */
/* From `asked` to `envelope`, once the account is chosen. */
MUST_USE bool address_sender(struct letter *letter, const char *header_from, struct err *err);
MUST_USE bool address_recipients(struct letter *letter, struct err *err);
/* One that can be sent to is enough; the others are refused when it is. ERR_DATA: there is none. */
MUST_USE bool address_any_usable(const struct envelope *e, struct err *err);

/* -- sendmail_stdin.c -- */
/* Also where some caller's pipe is non-blocking. */
ssize_t stdin_read(char *chunk, size_t size);
MUST_USE bool stdout_write(const char *bytes, size_t n, struct err *err);
/* A letter from command line and standard input, up to letter_end, or letter_verify (-bv), which needs the
 * header alone. */
MUST_USE bool stdin_store(struct letter *letter, struct desk *desk, struct err *err);
MUST_USE bool stdin_verify(struct letter *letter, struct desk *desk, struct err *err);

/* -- sendmail_handover.c -- */
/* Hands a stored message to whoever sends it, and waits as it should. The exit status; where it is not 0, nothing
 * was kept, and letter->fault says why. */
int handover(struct letter *letter);

/* -- sendmail_bs.c -- */
/* -bs: an SMTP conversation on standard input and output. The exit status. */
int speak_smtp(const struct sendmail_options *options);

/* -- sendmail_queue.c -- */
/* -q: a run over the queue, in the background. The exit status. */
int run_queue(const struct sendmail_options *options);

/* -- sendmail_list.c -- */
int list_queue(const struct sendmail_options *options);

#endif
