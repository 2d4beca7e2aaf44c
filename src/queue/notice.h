/* notice - telling the person, account by account, what has been waiting for long: one letter for all of it. Who asked
 * for a report of each delay (NOTIFY=DELAY) has got one (queue/giveback), and is not told again.
 *
 * STATE/accounts/NAME-HASH.notice holds the time of the last letter: what had waited for long by then is told. */
#ifndef TAPPAL_QUEUE_NOTICE_H
#define TAPPAL_QUEUE_NOTICE_H

#include "queue/line.h"
#include "spool/store.h"

/* Marks the line where this message, which stays, has waited for long and nobody was told. */
void notice_consider(const struct lines *lines, struct line *line, const struct message *m);
/* The letters for all lines that are marked; one that cannot be put down is logged, and tried another time. */
void notice_send(struct store *store, struct lines *lines);

#endif
