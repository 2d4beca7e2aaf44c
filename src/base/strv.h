/* strv - a list of NUL-terminated strings it owns; items[count] is always NULL, so that the
 * list serves as an argv. STRV_INIT needs no free. */
#ifndef TAPPAL_BASE_STRV_H
#define TAPPAL_BASE_STRV_H

#include <stddef.h>

#include "base/err.h"

struct strv {
    char **items; /* NULL while count is 0 and nothing was ever added */
    size_t count;
    size_t cap;
};

#define STRV_INIT { 0 }

void strv_free(struct strv *v);
void strv_wipe(struct strv *v); /* zeroes the bytes first */
MUST_USE bool strv_add(struct strv *v, const char *z, struct err *err);
MUST_USE bool strv_addn(struct strv *v, const char *bytes, size_t n, struct err *err); /* no NUL in bytes */
MUST_USE bool strv_copy(struct strv *to, const struct strv *from, struct err *err);
bool strv_has(const struct strv *v, const char *z);       /* exact */
bool strv_has_nocase(const struct strv *v, const char *z); /* ASCII case folded */

#endif
