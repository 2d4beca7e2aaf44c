/* tally - see tally.h. */
#include "mail/tally.h"

static int64_t width(int64_t period)
{
    return period / 60;
}

bool tally_slide(struct tally *t, int64_t period, int64_t now)
{
    size_t kept = 0;
    bool set_back = false;
    for (size_t i = 0; i < t->used; i++) {
        struct tally_slot slot = t->slots[i];
        set_back = set_back || slot.last > now;
        slot.first = slot.first < now ? slot.first : now;
        slot.last = slot.last < now ? slot.last : now;
        if (now - slot.last < period)
            t->slots[kept++] = slot;
    }
    t->used = kept;
    return set_back;
}

uint64_t tally_sum(const struct tally *t)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < t->used; i++)
        sum += t->slots[i].count;
    return sum;
}

int64_t tally_room_at(const struct tally *t, int64_t period, uint64_t limit, uint64_t more, int64_t now)
{
    uint64_t sum = tally_sum(t);
    int64_t at = now;
    for (size_t i = 0; i < t->used && sum > 0 && (sum > limit || more > limit - sum); i++) {
        sum -= t->slots[i].count;
        at = t->slots[i].last + period;
    }
    return at;
}

void tally_add(struct tally *t, int64_t period, int64_t now, uint64_t more)
{
    struct tally_slot *last = t->used > 0 ? &t->slots[t->used - 1] : NULL;
    if (last && (now - last->first < width(period) || t->used == TALLY_SLOTS)) {
        last->last = now;
        last->count += more;
        return;
    }
    t->slots[t->used++] = (struct tally_slot){now, now, more};
}
