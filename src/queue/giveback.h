/* giveback - telling the sender what was refused for good: a report into the person's own maildir, or, where
 * there is none, into the queue as a message from the null sender. */
#ifndef TAPPAL_QUEUE_GIVEBACK_H
#define TAPPAL_QUEUE_GIVEBACK_H

#include "queue/line.h"
#include "spool/store.h"

/* Is there a refused recipient that nobody was told about? */
bool giveback_is_due(const struct message *m);
/* Can somebody be told? Not about a report, nor a message without sender. */
bool giveback_has_sender(const struct message *m);
/* The report does not hold the whole message, though nobody asked for less: it is to be kept in failed/. */
bool giveback_keeps_message(const struct message *m);
/* Stores the report durably, then records so. */
MUST_USE bool giveback_report(struct store *store, const struct lines *lines, const struct line *line,
                              struct message *m, struct journal_writer *w, struct err *err);

#endif
