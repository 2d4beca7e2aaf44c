/* giveback - telling the sender what was refused for good or given up; and, who asked for it with NOTIFY (RFC 3461),
 * what is delayed, or was handed on. Where the report goes: queue/post. */
#ifndef TAPPAL_QUEUE_GIVEBACK_H
#define TAPPAL_QUEUE_GIVEBACK_H

#include "queue/line.h"
#include "spool/store.h"

/* Is there a refused recipient that nobody was told about? */
bool giveback_is_due(const struct message *m);
/* Does anybody want to hear of a delivery? */
bool giveback_may_be_asked_for(const struct message *m);
/* Is there a delivered one who wants to hear so? */
bool giveback_is_asked_for(const struct message *m);
/* Can somebody be told? Not about a report, nor a message without sender. */
bool giveback_has_sender(const struct message *m);
/* It is to be kept in failed/: given up, so that a person can bring it back; or the report does not hold the whole
 * message, though nobody asked for less. */
bool giveback_keeps_message(const struct message *m);
/* Stores the reports that are due durably, then records so. */
MUST_USE bool giveback_report(struct store *store, const struct lines *lines, const struct line *line,
                              struct message *m, struct journal_writer *w, struct err *err);
/* The same for those who are not delivered to yet, of whom somebody asked to know: once. */
MUST_USE bool giveback_delayed(struct store *store, const struct lines *lines, const struct line *line,
                               struct message *m, struct journal_writer *w, struct err *err);
/* The same, for those of `to` (NULL: all who are open) who may have got it or not, of whom the sender wants to hear of
 * failures; nothing is recorded. */
MUST_USE bool giveback_doubtful(struct store *store, const struct lines *lines, const struct line *line,
                                const struct message *m, const size_t *to, size_t to_count, struct err *err);

#endif
