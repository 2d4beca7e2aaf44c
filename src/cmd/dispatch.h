/* dispatch - starting tappal-deliver, detached: nobody waits for it. */
#ifndef TAPPAL_CMD_DISPATCH_H
#define TAPPAL_CMD_DISPATCH_H

#include "base/strv.h"
#include "conf/place.h"
#include "spool/store.h"

/* It stays until the queue is empty. more: further options, or NULL; verdicts: fd of the verdict pipe, or -1. */
MUST_USE bool dispatch(const struct store *store, const struct strv *more, int verdicts, struct err *err);
/* The same where messages are due and nobody is at them: whatever program a person uses, the queue goes on. Makes nothing
 * and says nothing. */
void dispatch_if_due(const struct place *place);

#endif
