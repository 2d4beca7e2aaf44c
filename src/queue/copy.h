/* copy - the copies of what was sent (`sent` in [send]): into a maildir, or a folder of [fetch]'s server.
 *
 * A copy becomes due with the first recipient who has the message, in the same sync; it is made behind the deliveries
 * of a run, so that none waits for it, and by one IMAP session for all of an account. Until it is made the message
 * stays in the queue: it is never sent again for that, nor reported. Nothing of an account that fails is tried again in
 * the same run. What cannot be made within `give_up_after` lies in failed/ (doc/INTERNALS "Copies"). */
#ifndef TAPPAL_QUEUE_COPY_H
#define TAPPAL_QUEUE_COPY_H

#include "queue/line.h"
#include "spool/store.h"

struct copier;

/* Those of a run. */
struct copies {
    struct store *store;
    struct lines *lines;
    struct copy_owed {
        char id[STORE_ID_LEN + 1];
        struct line *line;
    } * owed; /* not looked at yet */
    size_t count, cap;
    struct copier **copiers; /* one for each line that had any */
    size_t copier_count;
};

/* Does the account want a copy of this message, of which none was spoken yet? */
bool copy_is_wanted(const struct line *line, const struct message *m);
/* Notes what the message owes, once nobody else is at it. What there is no memory for the next run finds. */
void copies_note(struct copies *c, struct line *line, const struct message *m);
/* Makes some: a group of one line's. *more_r: there are others. False: this machine is at fault. */
MUST_USE bool copies_make(struct copies *c, bool *more_r, struct err *err);
/* Hangs up; before the lines are closed. */
void copies_close(struct copies *c);

#endif
