/* pop3_impl - what the two halves of the POP3 client share: pop3.c talks, pop3_list.c reads the listing. */
#ifndef TAPPAL_CLIENT_POP3_IMPL_H
#define TAPPAL_CLIENT_POP3_IMPL_H

#include "client/pop3.h"

struct pop3 {
    struct session session;
    struct pop3_caps caps;
    bool lost;
    bool utf8_owed; /* UTF8 was sent ahead, and is not answered yet */
    struct str line;
    struct pop3_reply reply; /* its text lies in `line` */
};

MUST_USE bool pop3_read_reply(struct pop3 *p, struct err *err);
/* Of a multi-line reply, unstuffed; *end_r at its end. */
MUST_USE bool pop3_next_line(struct pop3 *p, const char **line_r, size_t *n_r, bool *end_r, struct err *err);
/* The end of a listing must come in time too: a line now and then is not enough. */
void pop3_listing_begins(struct pop3 *p);
bool pop3_listing_too_long(struct pop3 *p, const char *command, struct err *err);
/* "The server HOST WHAT: ITS WORDS"; `kind`, unless the server said "later". Always false. */
bool pop3_refused(const struct pop3 *p, enum err_kind kind, const char *what, struct err *err);

#endif
