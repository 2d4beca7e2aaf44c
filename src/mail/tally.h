/* tally - how much there was in the last minute, hour or day, and when there is room for more. A window that slides:
 * never more than the limit in any period, wherever it begins. Pure; times are milliseconds that the caller brings.
 *
 * What comes close together shares a slot, which leaves the window with the last of it: the count errs on the safe
 * side, by a sixtieth of the period at most. */
#ifndef TAPPAL_MAIL_TALLY_H
#define TAPPAL_MAIL_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_SLOTS 64

struct tally_slot {
    int64_t first, last; /* when there was something */
    uint64_t count;      /* at most TALLY_MOST */
};
#define TALLY_MOST UINT32_MAX

struct tally {
    struct tally_slot slots[TALLY_SLOTS]; /* the oldest first */
    size_t used;
};

/* Forgets what is out of the window. What lies in the future was written before the clock was set back: it counts as
 * of now, so that it is forgotten after a period and not after that much longer, if this is kept: true. */
bool tally_slide(struct tally *t, int64_t period, int64_t now);
/* In the window, after sliding. */
uint64_t tally_sum(const struct tally *t);
/* When there is room for so much more: `now`, or the end of the slot that makes it. More than the limit fits when
 * nothing else is there. After sliding. */
int64_t tally_room_at(const struct tally *t, int64_t period, uint64_t limit, uint64_t more, int64_t now);
/* After sliding. */
void tally_add(struct tally *t, int64_t period, int64_t now, uint64_t more);

#endif
