/* str - growable bytes.
 *
 * Invariants: `buf` is never NULL and buf[len] is always NUL; the bytes may hold NULs; len never
 * passes `max`, the hard maximum it was born with. Passing the maximum, or running out of memory,
 * is an error with text that leaves the string as it was: never a cut.
 * STR_INIT(max) needs no free until something was added. */
#ifndef TAPPAL_BASE_STR_H
#define TAPPAL_BASE_STR_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

struct str {
    char *buf;
    size_t len;
    size_t cap; /* 0: buf is the shared empty string */
    size_t max;
};

extern char str_empty[1];
#define STR_INIT(maximum) { .buf = str_empty, .max = (maximum) }

void str_init(struct str *s, size_t max);
void str_free(struct str *s);         /* back to STR_INIT with the same maximum */
void str_wipe(struct str *s);         /* explicit_bzero over all that was allocated, then free */
void str_clear(struct str *s);        /* len 0, memory kept */
void str_cut(struct str *s, size_t len);            /* len must not exceed s->len */
void str_drop(struct str *s, size_t n);             /* removes the first n bytes */
char *str_steal(struct str *s);       /* malloc'd NUL-terminated bytes, or NULL without memory; s is empty */

MUST_USE bool str_reserve(struct str *s, size_t more, struct err *err);
MUST_USE bool str_add(struct str *s, const void *bytes, size_t n, struct err *err);
MUST_USE bool str_addz(struct str *s, const char *z, struct err *err);
MUST_USE bool str_addc(struct str *s, char c, struct err *err);
MUST_USE bool str_addf(struct str *s, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
MUST_USE bool str_addv(struct str *s, struct err *err, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);

bool str_eqz(const struct str *s, const char *z);

#endif
