/* outlog - the lines of the log on what became of a message: one for all recipients that fared alike. */
#ifndef TAPPAL_QUEUE_OUTLOG_H
#define TAPPAL_QUEUE_OUTLOG_H

#include "conf/account.h"
#include "spool/store.h"

/* outcomes: one for each recipient of the message; `to`: those that were tried. */
void outlog(const struct message *m, const struct account *account, const struct outcome *outcomes,
            const size_t *to, size_t to_count);

#endif
