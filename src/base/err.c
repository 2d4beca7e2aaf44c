/* err - see err.h. Sentences are cut with "..." rather than lost; a cut never leaves half a
 * UTF-8 character behind. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct kind_row {
    const char *name;
    int status;
} kinds[] = {
    [ERR_NONE] = {"none", 0},
    [ERR_USAGE] = {"usage", 64},
    [ERR_CONFIG] = {"config", 78},
    [ERR_DATA] = {"data", 65},
    [ERR_NO_HOST] = {"no_host", 68},
    [ERR_NETWORK] = {"network", 69},
    [ERR_TLS] = {"tls", 69},
    [ERR_AUTH] = {"auth", 77},
    [ERR_SECRET] = {"secret", 75},
    [ERR_PROTOCOL] = {"protocol", 76},
    [ERR_REFUSED_TEMP] = {"refused_temp", 75},
    [ERR_REFUSED_PERM] = {"refused_perm", 69},
    [ERR_LOCAL] = {"local", 75},
    [ERR_INTERNAL] = {"internal", 70},
};

/* end_in_dots - mark a sentence that did not fit its field */
static void end_in_dots(char *field, size_t size)
{
    size_t n = size - 4;
    while (n > 0 && ((unsigned char)field[n] & 0xc0) == 0x80)
        n--;
    memcpy(field + n, "...", 4);
}

static void PRINTF_LIKE(3, 0) fill(char *field, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(field, size, fmt, ap);
    if (n < 0)
        field[0] = '\0';
    else if ((size_t)n >= size)
        end_in_dots(field, size);
}

static void clear(struct err *err, enum err_kind kind)
{
    err->kind = kind;
    err->code = 0;
    err->sys = 0;
    err->enhanced[0] = '\0';
    err->what[0] = '\0';
    err->hint[0] = '\0';
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    char what[sizeof err->what]; /* the arguments may point into err itself */
    va_list ap;
    va_start(ap, fmt);
    fill(what, sizeof what, fmt, ap);
    va_end(ap);
    clear(err, kind);
    memcpy(err->what, what, sizeof what);
    return false;
}

bool err_errno(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    int saved = errno;
    char what[sizeof err->what];
    va_list ap;
    va_start(ap, fmt);
    fill(what, sizeof what, fmt, ap);
    va_end(ap);
    err_set(err, kind, "%s: %s.", what, strerror(saved));
    err->sys = saved;
    return false;
}

bool err_hint(struct err *err, const char *fmt, ...)
{
    char hint[sizeof err->hint];
    va_list ap;
    va_start(ap, fmt);
    fill(hint, sizeof hint, fmt, ap);
    va_end(ap);
    memcpy(err->hint, hint, sizeof hint);
    return false;
}

bool err_prefix(struct err *err, const char *fmt, ...)
{
    char before[sizeof err->what];
    char what[sizeof err->what];
    va_list ap;
    va_start(ap, fmt);
    fill(before, sizeof before, fmt, ap);
    va_end(ap);
    memcpy(what, err->what, sizeof what);
    int n = snprintf(err->what, sizeof err->what, "%s%s", before, what);
    if (n >= (int)sizeof err->what)
        end_in_dots(err->what, sizeof err->what);
    return false;
}

bool err_nomem(struct err *err)
{
    err_set(err, ERR_LOCAL, "There is not enough memory.");
    err->sys = ENOMEM;
    return false;
}

int err_exit_status(enum err_kind kind)
{
    return kind < sizeof kinds / sizeof *kinds ? kinds[kind].status : 70;
}

const char *err_kind_name(enum err_kind kind)
{
    return kind < sizeof kinds / sizeof *kinds ? kinds[kind].name : "internal";
}
