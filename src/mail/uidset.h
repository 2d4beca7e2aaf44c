/* uidset - a set of message numbers, kept as ranges (RFC 9051 sequence-set without "*"):
 *
 *   sequence-set = (seq-number / seq-range) *("," (seq-number / seq-range))
 *   seq-range    = seq-number ":" seq-number     ; either order
 *   seq-number   = nz-number                     ; 1 to 4294967295
 *
 * A server's "1:4294967295" costs one range, never memory by the number it names. */
#ifndef TAPPAL_MAIL_UIDSET_H
#define TAPPAL_MAIL_UIDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define UIDSET_RANGES_MAX 1000000 /* 8 MB: more pieces than any folder we mean to serve */

struct uid_range {
    uint32_t lo, hi;
};

/* Sorted, no two ranges touch. */
struct uidset {
    struct uid_range *ranges;
    size_t count, cap;
};
#define UIDSET_INIT                                                                                          \
    {                                                                                                        \
        0                                                                                                    \
    }

void uidset_free(struct uidset *set);
MUST_USE bool uidset_add(struct uidset *set, uint32_t lo, uint32_t hi, struct err *err); /* 1 <= lo <= hi */
MUST_USE bool uidset_remove(struct uidset *set, uint32_t lo, uint32_t hi, struct err *err);
bool uidset_has(const struct uidset *set, uint32_t uid);
uint64_t uidset_count(const struct uidset *set);
uint32_t uidset_max(const struct uidset *set); /* 0: empty */

/* The next uid of the set behind `after` (0: the first); 0 at the end. */
uint32_t uidset_next(const struct uidset *set, uint32_t after);

/* Adds what the text names; ERR_PROTOCOL where it is not a sequence-set, and then the set may have grown. */
MUST_USE bool uidset_read(struct uidset *set, const char *text, size_t n, struct err *err);
MUST_USE bool uidset_write(const struct uidset *set, struct str *out, struct err *err);

#endif
