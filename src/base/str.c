/* str - see str.h. Growth doubles, capped by the string's own maximum. */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STR_FIRST 64

char str_empty[1] = "";

void str_init(struct str *s, size_t max)
{
    *s = (struct str)STR_INIT(max);
}

void str_free(struct str *s)
{
    if (s->cap)
        free(s->buf);
    str_init(s, s->max);
}

void str_wipe(struct str *s)
{
    if (s->cap)
        explicit_bzero(s->buf, s->cap);
    str_free(s);
}

void str_clear(struct str *s)
{
    str_cut(s, 0);
}

void str_cut(struct str *s, size_t len)
{
    if (!s->cap)
        return;
    s->len = len;
    s->buf[len] = '\0';
}

void str_drop(struct str *s, size_t n)
{
    if (n == 0)
        return;
    memmove(s->buf, s->buf + n, s->len - n);
    str_cut(s, s->len - n);
}

char *str_steal(struct str *s)
{
    char *out = s->cap ? s->buf : calloc(1, 1);
    if (out)
        str_init(s, s->max);
    return out;
}

/* A new block and a wipe of the old one instead of realloc: strings may hold secrets. */
static bool grow(struct str *s, size_t cap, struct err *err)
{
    char *buf = malloc(cap);
    if (!buf)
        return err_nomem(err);
    memcpy(buf, s->buf, s->len + 1);
    if (s->cap) {
        explicit_bzero(s->buf, s->cap);
        free(s->buf);
    }
    s->buf = buf;
    s->cap = cap;
    return true;
}

bool str_reserve(struct str *s, size_t more, struct err *err)
{
    if (more > s->max - s->len)
        return err_set(err, ERR_DATA, "A text is longer than the %zu bytes that are allowed for it.", s->max);
    size_t need = s->len + more + 1;
    if (need == 0)
        return err_nomem(err);
    if (need <= s->cap)
        return true;
    size_t cap = s->cap ? s->cap : STR_FIRST;
    while (cap < need && cap <= s->max / 2)
        cap *= 2;
    return grow(s, cap < need ? need : cap, err);
}

bool str_add(struct str *s, const void *bytes, size_t n, struct err *err)
{
    if (n == 0)
        return true;
    if (!str_reserve(s, n, err))
        return false;
    memcpy(s->buf + s->len, bytes, n);
    str_cut(s, s->len + n);
    return true;
}

bool str_addz(struct str *s, const char *z, struct err *err)
{
    return str_add(s, z, strlen(z), err);
}

bool str_addc(struct str *s, char c, struct err *err)
{
    return str_add(s, &c, 1, err);
}

bool str_addf(struct str *s, struct err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool ok = str_addv(s, err, fmt, ap);
    va_end(ap);
    return ok;
}

bool str_addv(struct str *s, struct err *err, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return err_set(err, ERR_INTERNAL, "A text could not be formatted.");
    if (n == 0)
        return true;
    if (!str_reserve(s, (size_t)n, err))
        return false;
    vsnprintf(s->buf + s->len, (size_t)n + 1, fmt, ap);
    s->len += (size_t)n;
    return true;
}

bool str_eqz(const struct str *s, const char *z)
{
    return s->len == strlen(z) && memcmp(s->buf, z, s->len) == 0;
}
