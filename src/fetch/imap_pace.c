/* imap_pace - see imap_pace.h. */
#include "fetch/imap_pace.h"

#define WINDOW_FIRST 2

struct imap_pace imap_pace_begin(uint64_t due, int64_t now)
{
    return (struct imap_pace){.due = due, .began = now};
}

bool imap_pace_has_room(const struct imap_pace *p, size_t sets, uint64_t octets)
{
    if (sets < WINDOW_FIRST)
        return true;
    return sets < WINDOW_FIRST + p->landed && sets < IMAP_PACE_WINDOW_MAX && octets < IMAP_PACE_IN_FLIGHT;
}

bool imap_pace_is_slow(const struct imap_pace *p, int64_t now)
{
    int64_t took = now - p->began - p->held;
    uint64_t left = p->due > p->came ? p->due - p->came : 0;
    return left >= IMAP_PACE_MUCH && took >= IMAP_PACE_LOOK_MS && p->came / (uint64_t)took < IMAP_PACE_SLOW;
}
