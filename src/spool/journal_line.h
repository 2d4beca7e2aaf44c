/* journal_line - one record of a journal as a line of its file: shared by its reader and its writer. */
#ifndef TAPPAL_SPOOL_JOURNAL_LINE_H
#define TAPPAL_SPOOL_JOURNAL_LINE_H

#include "base/str.h"
#include "spool/journal.h"

#define JOURNAL_FIRST "tappal-journal 1"
#define JOURNAL_CRC_HEX 8
#define JOURNAL_LINE_MAX 20000

MUST_USE bool journal_line_add(struct str *out, const char *record, struct err *err);
/* Adds a line (without its LF) to the sum, good_length included. */
MUST_USE bool journal_line_apply(struct journal *j, const char *line, size_t n, struct err *err);

#endif
