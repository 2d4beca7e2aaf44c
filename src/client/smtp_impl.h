/* smtp_impl - what the files of smtp share: smtp.c (opening), smtp_send.c (transactions, in steps), smtp_fit.c
 * (what a server is known not to take), smtp_line.c (commands and answers), smtp_text.c (the text), smtp_repair.c
 * (the text, encoded). */
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
#define SMTP_REPAIRED_MAX (2 * MIME_HEADER_MAX + MIME_QP_GROWTH * SMTP_BLOCK)

struct smtp {
    struct session session;
    struct smtp_caps caps;
    struct smtp_reply reply; /* the last one */
    struct str line, out, text;
    struct mime mime;    /* of the text that is being repaired */
    struct str repaired; /* octets of it, from repaired_at on not yet read */
    size_t repaired_at;
    bool repaired_all;
    uint64_t mails;  /* transactions begun over this connection */
    unsigned unread; /* of those, put and not yet taken */
    bool dirty;      /* a transaction was begun and not ended by its data: RSET goes first */
    bool lost;       /* nothing more can be said */
};

bool smtp_is_lmtp(const struct smtp *s);
void smtp_set_limit(struct smtp *s, uint32_t usual);
MUST_USE bool smtp_read_reply(struct smtp *s, uint32_t usual, struct err *err);
bool smtp_is(const struct smtp *s, int first_digit); /* the last reply's class */
/* "The server X WHAT: 550 5.1.1 its words". Always false. */
bool smtp_refused(const struct smtp *s, enum err_kind kind, const char *what, struct err *err);

/* -- smtp_fit -- */
struct outcome *smtp_outcome(const struct smtp_transaction *t, size_t i);
/* The last reply becomes what was said of this recipient. */
MUST_USE bool smtp_outcome_reply(const struct smtp *s, enum verdict verdict, struct outcome *o,
                                 struct err *err);
enum verdict smtp_verdict(const struct smtp *s); /* by the last reply */
bool smtp_is_accepted(const struct outcome *o);  /* RCPT was, the end of the data decides */
bool smtp_wants_rcpt(const struct smtp_transaction *t, size_t i);
/* Settles what the server need not be asked, and plans the rest. */
MUST_USE bool smtp_prepare(struct smtp *s, struct smtp_transaction *t, struct err *err);

/* -- smtp_line: put says it, take hears the answer; false: the session is over, or the account is -- */
MUST_USE bool smtp_put_rset(struct smtp *s, struct smtp_transaction *t, struct err *err);
MUST_USE bool smtp_take_rset(struct smtp *s, struct smtp_transaction *t, struct err *err);
MUST_USE bool smtp_put_mail(struct smtp *s, struct smtp_transaction *t, struct err *err);
MUST_USE bool smtp_take_mail(struct smtp *s, struct smtp_transaction *t, struct err *err);
MUST_USE bool smtp_put_rcpt(struct smtp *s, const struct smtp_transaction *t, size_t i, struct err *err);
MUST_USE bool smtp_take_rcpt(struct smtp *s, struct smtp_transaction *t, size_t i, struct err *err);
MUST_USE bool smtp_put_data(struct smtp *s, struct err *err);
MUST_USE bool smtp_take_data(struct smtp *s, struct smtp_transaction *t, struct err *err);
/* The answer to the end of the data, or to BDAT LAST. */
MUST_USE bool smtp_take_end(struct smtp *s, struct smtp_transaction *t, struct err *err);
void smtp_forget_accepted(struct smtp_transaction *t);

/* -- smtp_repair -- */
/* Has the text what this server may not take? Then it is looked through before anything is said. */
bool smtp_may_need_repair(const struct smtp *s, const struct smtp_transaction *t);
/* Reads the text and fills in what `progress` says of it. */
MUST_USE bool smtp_plan_repair(struct smtp *s, struct smtp_transaction *t, struct err *err);
/* The text as it goes out; *n_r 0 at its end. */
void smtp_begin_text(struct smtp *s, struct smtp_transaction *t);
MUST_USE bool smtp_read_text(struct smtp *s, struct smtp_transaction *t, char *buf, size_t size, size_t *n_r,
                             struct err *err);

/* -- smtp_text -- */
bool smtp_blame_local(struct smtp_transaction *t); /* always false */
/* The text and its end, as far as the line's buffer; flushed by the next read. */
MUST_USE bool smtp_put_text(struct smtp *s, struct smtp_transaction *t, struct err *err);
/* Reads a small text into s->text, so that all of it can go out at once. */
MUST_USE bool smtp_load_text(struct smtp *s, struct smtp_transaction *t, struct err *err);
MUST_USE bool smtp_put_loaded(struct smtp *s, struct smtp_transaction *t, struct err *err);

#endif
