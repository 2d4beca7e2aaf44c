/* uidset - see uidset.h. */
#include "mail/uidset.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void uidset_free(struct uidset *set)
{
    free(set->ranges);
    *set = (struct uidset)UIDSET_INIT;
}

/* first_not_below - the index of the first range that ends at `uid` or behind it */
static size_t first_not_below(const struct uidset *set, uint32_t uid)
{
    size_t lo = 0, hi = set->count;
    if (hi > 0 && set->ranges[hi - 1].hi < uid)
        return hi; /* the usual case: sets grow at their end */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (set->ranges[mid].hi < uid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* replace - puts `with` (n ranges) where ranges[from..to) are */
static bool replace(struct uidset *set, size_t from, size_t to, const struct uid_range *with, size_t n,
                    struct err *err)
{
    size_t count = set->count - (to - from) + n;
    if (count > UIDSET_RANGES_MAX)
        return err_set(err, ERR_PROTOCOL, "A set of messages has more than %d pieces.", UIDSET_RANGES_MAX);
    struct uid_range *ranges = array_room(set->ranges, &set->cap, count, sizeof *ranges, err);
    if (!ranges && count > 0)
        return false;
    set->ranges = ranges;
    if (set->count > to)
        memmove(set->ranges + from + n, set->ranges + to, (set->count - to) * sizeof *set->ranges);
    for (size_t i = 0; i < n; i++)
        set->ranges[from + i] = with[i];
    set->count = count;
    return true;
}

bool uidset_add(struct uidset *set, uint32_t lo, uint32_t hi, struct err *err)
{
    struct uid_range whole = {lo, hi};
    size_t from = first_not_below(set, lo > 1 ? lo - 1 : lo),
           to = from; /* a range that ends at lo-1 touches */
    while (to < set->count && (set->ranges[to].lo <= hi || set->ranges[to].lo - 1 == hi)) {
        if (set->ranges[to].lo < whole.lo)
            whole.lo = set->ranges[to].lo;
        if (set->ranges[to].hi > whole.hi)
            whole.hi = set->ranges[to].hi;
        to++;
    }
    return replace(set, from, to, &whole, 1, err);
}

bool uidset_remove(struct uidset *set, uint32_t lo, uint32_t hi, struct err *err)
{
    struct uid_range rest[2];
    size_t n = 0, from = first_not_below(set, lo), to = from;
    while (to < set->count && set->ranges[to].lo <= hi)
        to++;
    if (from == to)
        return true;
    if (set->ranges[from].lo < lo)
        rest[n++] = (struct uid_range){set->ranges[from].lo, lo - 1};
    if (set->ranges[to - 1].hi > hi)
        rest[n++] = (struct uid_range){hi + 1, set->ranges[to - 1].hi};
    return replace(set, from, to, rest, n, err);
}

bool uidset_has(const struct uidset *set, uint32_t uid)
{
    size_t i = first_not_below(set, uid);
    return i < set->count && set->ranges[i].lo <= uid;
}

uint64_t uidset_count(const struct uidset *set)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < set->count; i++)
        sum += (uint64_t)set->ranges[i].hi - set->ranges[i].lo + 1;
    return sum;
}

uint32_t uidset_max(const struct uidset *set)
{
    return set->count ? set->ranges[set->count - 1].hi : 0;
}

uint32_t uidset_next(const struct uidset *set, uint32_t after)
{
    if (after == UINT32_MAX)
        return 0;
    size_t i = first_not_below(set, after + 1);
    if (i == set->count)
        return 0;
    return set->ranges[i].lo > after ? set->ranges[i].lo : after + 1;
}

/* number - nz-number at *at; false where there is none, or it does not fit */
static bool number(const char **at, const char *end, uint32_t *out)
{
    uint64_t value = 0;
    const char *p = *at;
    while (p < end && *p >= '0' && *p <= '9' && value <= UINT32_MAX)
        value = value * 10 + (uint64_t)(*p++ - '0');
    if (p == *at || value == 0 || value > UINT32_MAX)
        return false;
    *at = p;
    *out = (uint32_t)value;
    return true;
}

bool uidset_read(struct uidset *set, const char *text, size_t n, struct err *err)
{
    const char *at = text, *end = text + n;
    for (;;) {
        uint32_t a, b;
        if (!number(&at, end, &a))
            break;
        b = a;
        if (at < end && *at == ':' && (at++, !number(&at, end, &b)))
            break;
        if (!uidset_add(set, a < b ? a : b, a < b ? b : a, err))
            return false;
        if (at == end)
            return true;
        if (*at++ != ',')
            break;
    }
    return err_set(err, ERR_PROTOCOL, "This is not a set of message numbers.");
}

bool uidset_write(const struct uidset *set, struct str *out, struct err *err)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct uid_range *r = &set->ranges[i];
        const char *comma = i ? "," : "";
        if (!(r->lo == r->hi ? str_addf(out, err, "%s%u", comma, r->lo)
                             : str_addf(out, err, "%s%u:%u", comma, r->lo, r->hi)))
            return false;
    }
    return true;
}
