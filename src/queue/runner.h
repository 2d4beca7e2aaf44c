/* runner - works through the queue: what is due goes out, one message after the other, then it leaves.
 *
 * One runner has the role at a time; a message that tappal-sendmail waits for goes first, and by its own lock
 * alone, so that it need not stand behind another runner's 25 MB. Leaving: scan, release the role, scan again,
 * go on if something came in meanwhile and the role is free. What a person asked for (`now`) is tried without it too.
 *
 * A standing runner does not leave (queue/stand): it looks again at the next due time, at least each minute, and when it
 * is woken. What failed for want of a network is tried at once when there is one. */
#ifndef TAPPAL_QUEUE_RUNNER_H
#define TAPPAL_QUEUE_RUNNER_H

#include "conf/place.h"

struct runner_options {
    const char *queue;
    const struct place *place;
    const char *wait_for; /* id of the message that somebody waits for, or NULL */
    int verdict_fd;       /* the verdict pipe, or -1; closed by the runner */
    bool verbose;         /* the dialogue goes there too */
    bool now;             /* not only what is due: the person asked for it */
    bool may_ask;         /* a person sits at the terminal */
    const char *account;  /* this account's messages alone, without the role; NULL: all */
    bool watch;           /* stands until it is told to stop by a signal */
    bool stay;            /* having run, it stays until the queue is empty */
};

/* False: this machine is at fault, and what is left stays queued. */
MUST_USE bool runner_run(const struct runner_options *options, struct err *err);

#endif
