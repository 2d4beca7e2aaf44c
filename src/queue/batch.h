/* batch - small messages of one line, sent ahead of each other's answers: steps 3 and 4 of client/peer.h.
 *
 * All that is written down before the first word, and all that is behind the last answer, takes one sync for the
 * whole window; so does removal. Only what goes well ends here. A message that is not taken by the server, for
 * whatever reason, goes again at once by a job of its own, in lock step: no answer to a command that was sent ahead
 * refuses a message. A message whose end went out without an answer is in doubt, as it would be alone. */
#ifndef TAPPAL_QUEUE_BATCH_H
#define TAPPAL_QUEUE_BATCH_H

#include "net/wake.h"
#include "queue/job.h"

#define BATCH_MAX 32 /* messages in a window; two windows may be on their way */

struct window;

struct batch {
    struct store *store;
    struct lines *lines;
    struct copies *copies; /* as a job's */
    const struct wake *wake; /* says when to stop; NULL: nothing does */
    bool now;
    struct line *line; /* of all of them */
    struct message messages[BATCH_MAX];
    size_t count;
    struct window *open; /* on its way; its answers are outstanding */
};

/* May it be sent ahead? Small, never tried before, by a line that is not failing. */
bool batch_suits(const struct line *line, const struct message *m);
/* Takes the message over (batch_suits). JOB_LOCAL: this machine is at fault. */
enum job_end batch_add(struct batch *b, struct line *line, struct message *m, struct err *err);
/* Sends what it holds, unless it is stopped, and hears all answers. */
enum job_end batch_run(struct batch *b, struct err *err);
/* Hears the answers that are outstanding: before anything else is said over its line. */
enum job_end batch_rest(struct batch *b, struct err *err);
/* Lets go of what it holds. */
void batch_free(struct batch *b);

#endif
