/* handover - the end of a batch where somebody takes each message by itself (deliver = command, lmtp): see batch.h,
 * and doc/INTERNALS for the states. */
#ifndef TAPPAL_FETCH_HANDOVER_H
#define TAPPAL_FETCH_HANDOVER_H

#include "fetch/batch.h"

#define HANDOVER_VAIN_MAX 5 /* messages in a row that nobody took, before the run ends */

/* All of the batch, one after another. What is not taken goes into quarantine, and the rest goes on; false: nobody
 * takes any, or the run is to end (the rest of the batch is let go of), or this machine failed. */
MUST_USE bool handover_batch(struct batch *b, struct err *err);
/* What a crash left: it may have been delivered, and will be once more. */
MUST_USE bool handover_recover(struct batch *b, struct err *err);
/* Return-Path, else the first address of From; "" where there is none that can be read. */
void handover_sender(const char *header, size_t n, char out[ADDR_SPEC_SIZE]);

#endif
