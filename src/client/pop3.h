/* pop3 - a POP3 session (RFC 1939, 2449, 2595, 3206, 5034, 6856): signing in, and the commands that fetching needs.
 *
 * Commands may be sent ahead of answers where the server says PIPELINING; answers come in order. A message is
 * streamed to the caller: its length costs no memory. */
#ifndef TAPPAL_CLIENT_POP3_H
#define TAPPAL_CLIENT_POP3_H

#include "client/session.h"
#include "wire/pop3_reply.h"

#define POP3_MESSAGES_MAX 1000000 /* that a listing may hold */

struct pop3;

/* A message of the mailbox. */
struct pop3_item {
    uint32_t number;
    uint64_t size; /* as LIST says it */
    char *uidl;    /* as UIDL says it, odd characters and all; NULL: none */
};
struct pop3_listing {
    struct pop3_item *items; /* by number */
    size_t count, cap;
};

/* Takes the text of a message, block by block. */
typedef bool pop3_take(void *arg, const char *bytes, size_t n, struct err *err);

/* Greeting, STLS, CAPA, sign-in. *phase_r says how far it came, after a failure too. */
MUST_USE bool pop3_open(const struct session_options *options, struct pop3 **pop3_r,
                        enum session_phase *phase_r, struct err *err);
/* Without QUIT nothing is deleted: a session that is just closed has changed nothing. */
void pop3_close(struct pop3 **pop3);

bool pop3_usable(const struct pop3 *pop3);
const char *pop3_peer(const struct pop3 *pop3);
const struct pop3_caps *pop3_caps(const struct pop3 *pop3); /* as they are behind the sign-in */
unsigned
pop3_window(const struct pop3 *pop3); /* how many commands may be sent ahead of answers; at least 1 */

MUST_USE bool pop3_list(struct pop3 *pop3, struct pop3_listing *listing_r, struct err *err);
void pop3_listing_free(struct pop3_listing *listing);

/* Each command is sent by the first call, and answered in the second. */
MUST_USE bool pop3_send_retr(struct pop3 *pop3, uint32_t number, struct err *err);
MUST_USE bool pop3_send_top(struct pop3 *pop3, uint32_t number, struct err *err); /* the header */
MUST_USE bool pop3_send_dele(struct pop3 *pop3, uint32_t number, struct err *err);
/* *ok_r false: the server refused this message, and why is in `err`; the session goes on. */
MUST_USE bool pop3_read_text(struct pop3 *pop3, pop3_take *take, void *arg, bool *ok_r, struct err *err);
MUST_USE bool pop3_read_dele(struct pop3 *pop3, bool *ok_r, struct err *err);

/* Asks for the deletions to be made, and reads whether they were. */
MUST_USE bool pop3_quit(struct pop3 *pop3, struct err *err);

#endif
