/* line - an account's connection to its server, kept open from message to message, and the account's
 * configuration and breaker with it. */
#ifndef TAPPAL_QUEUE_LINE_H
#define TAPPAL_QUEUE_LINE_H

#include "client/smtp.h"
#include "conf/conf.h"
#include "conf/place.h"
#include "queue/breaker.h"
#include "queue/rate.h"
#include "queue/waiter.h"

struct line {
    const struct config *config; /* that the account is of */
    const struct account *account;
    const struct account
        *teller;          /* whose maildir, or server, takes what is to be told of its messages: itself */
    struct account *lost; /* it is made up, since there is no account of this name; NULL: there is */
    struct breaker breaker;
    struct rate rate;
    struct smtp *smtp; /* NULL: not connected */
    unsigned messages; /* that went over this connection */
    struct peer peer;  /* what the host bears in commands ahead of answers */
    unsigned hung_up;  /* connections in a row that ended within a transaction */
    bool passed;       /* messages went through in this run */
    bool down;         /* not to be tried again in this run */
    bool notice_due;   /* messages have waited for long, and nobody was told (queue/notice) */
};

/* All lines of a run, and the configurations they come from. */
struct lines {
    const struct place *place;
    struct waiter *waiter; /* sees the dialogue */
    bool may_ask;          /* a person sits at the terminal */
    struct config **configs;
    size_t config_count;
    const struct config *own; /* what place_load found, for messages that came in without any */
    struct line **items;
    size_t count;
};

void lines_close(struct lines *lines);
/* The line that this message goes by: its account's, or that of the account that fits its sender.
 * ERR_CONFIG where the configuration is broken or has no such account. */
MUST_USE bool lines_find(struct lines *lines, const struct envelope *e, struct line **line_r,
                         struct err *err);

/* Where there is none: a line that stands for what is missing. Nothing can be sent by it, but its messages grow old, and
 * their senders are told, by another account. False: nobody can tell, for the configuration is broken or empty. */
MUST_USE bool lines_find_lost(struct lines *lines, const struct envelope *e, const struct err *why,
                              struct line **line_r, struct err *err);

/* Connects, unless it is connected. */
MUST_USE bool line_open(struct lines *lines, struct line *line, struct err *err);
void line_close(struct line *line);
/* A failure of host or account: hangs up, opens the breaker; nothing more goes by this line in this run. */
MUST_USE bool line_fail(struct line *line, const struct err *why, struct err *err);
/* A transaction came to its end: the breaker closes. */
MUST_USE bool line_works(struct line *line, struct err *err);
/* Has this account ever delivered a message? The mark is made by the first one. */
bool line_has_delivered(const struct lines *lines, const struct line *line);
void line_mark_delivered(const struct lines *lines, const struct line *line);

#endif
