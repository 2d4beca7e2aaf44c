/* say - see say.h. */
#include "cmd/say.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/proc.h"

int say_error(const char *about, const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s%s%s\n", proc_name(), about ? about : "", about ? ": " : "", err->what);
    if (err->hint[0])
        say_hint(err->hint);
    return err_exit_status(err->kind);
}

void say_hint(const char *hint)
{
    fprintf(stderr, "  hint: %s\n", hint);
}

void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void say_warning(const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "%s: ", proc_name());
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}
