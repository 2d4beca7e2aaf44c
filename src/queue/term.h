/* term - how long a message may wait. From `give_up_after` on, a try in vain is the last one; the clock runs from when
 * it came in, whoever is at fault. But where nothing was tried for a day (the machine slept, or its clock jumped), it
 * is tried for some hours more first. */
#ifndef TAPPAL_QUEUE_TERM_H
#define TAPPAL_QUEUE_TERM_H

#include "queue/line.h"
#include "spool/store.h"

bool term_is_over(const struct message *m, const struct line *line, int64_t now);
/* Was it, or its account, tried without a pause for so long that it may be given up? */
bool term_is_tried(const struct message *m, const struct line *line, int64_t now);
/* Has it waited for `warn_after`? */
bool term_is_long(const struct message *m, const struct config *config, int64_t now);
/* When it began to. */
int64_t term_long_since(const struct message *m, const struct config *config);
/* Whoever has not got it does not get it: records a refusal with the last answer there was, or, where there was none,
 * with `why`. */
MUST_USE bool term_give_up(const struct message *m, struct journal_writer *w, const char *why,
                           struct err *err);

#endif
