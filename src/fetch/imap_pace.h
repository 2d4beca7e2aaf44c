/* imap_pace - how far to ask ahead of what comes, and whether to have it compressed: both by how fast it comes. */
#ifndef TAPPAL_FETCH_IMAP_PACE_H
#define TAPPAL_FETCH_IMAP_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAP_PACE_WINDOW_MAX 6         /* commands under way, each for a set of messages */
#define IMAP_PACE_IN_FLIGHT (8u << 20) /* octets asked for, beyond which there are no more than two */
#define IMAP_PACE_MUCH (1u << 20)      /* octets still to come for which compression is worth asking for */
#define IMAP_PACE_SLOW 4000            /* octets in a millisecond: a slower line gains by compression */
#define IMAP_PACE_LOOK_MS 200          /* before that nobody knows how fast it is */

struct imap_pace {
    uint64_t due, came; /* octets: as listed, and so far */
    int64_t began;      /* clock_mono_ms */
    int64_t held;       /* ms that went into our own disk */
    size_t landed;      /* sets that came whole */
};

struct imap_pace imap_pace_begin(uint64_t due, int64_t now);
/* May another set be asked for, with so many under way? Two at first, one more for each that came. */
bool imap_pace_has_room(const struct imap_pace *p, size_t sets, uint64_t octets);
/* Is the line slower than a server packs and we unpack, and much still to come? */
bool imap_pace_is_slow(const struct imap_pace *p, int64_t now);

#endif
