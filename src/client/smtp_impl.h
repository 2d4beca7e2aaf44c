/* smtp_impl - what smtp.c (opening) and smtp_send.c (transactions) share. */
#ifndef TAPPAL_CLIENT_SMTP_IMPL_H
#define TAPPAL_CLIENT_SMTP_IMPL_H

#include "client/smtp.h"
#include "wire/smtp_command.h"
#include "wire/smtp_reply.h"

/* How long the server may take (RFC 5321, 4.5.3.2), where the account says nothing. */
#define SMTP_SECONDS_GREETING 300
#define SMTP_SECONDS_COMMAND 300
#define SMTP_SECONDS_DATA 120
#define SMTP_SECONDS_BLOCK 180
#define SMTP_SECONDS_END 600 /* less makes doubles */
#define SMTP_SECONDS_QUIT 1

#define SMTP_BLOCK 16384                  /* octets of text read at a time */
#define SMTP_OUT_MAX (2 * SMTP_BLOCK + 8) /* a block of nothing but dots, and the end */
#define SMTP_FLIGHT 100                   /* recipients sent ahead of their answers: bounded on both sides */

struct smtp {
    struct session session;
    struct smtp_caps caps;
    struct smtp_reply reply; /* the last one */
    struct str line, out;
    bool dirty; /* a transaction was begun and not ended by its data: RSET goes first */
    bool lost;  /* nothing more can be said */
};

void smtp_set_limit(struct smtp *s, uint32_t usual);
MUST_USE bool smtp_read_reply(struct smtp *s, uint32_t usual, struct err *err);
bool smtp_is(const struct smtp *s, int first_digit); /* the last reply's class */
/* "The server X WHAT: 550 5.1.1 its words". Always false. */
bool smtp_refused(const struct smtp *s, enum err_kind kind, const char *what, struct err *err);

#endif
