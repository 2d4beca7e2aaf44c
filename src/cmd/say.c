/* say - see say.h. */
#include "cmd/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/proc.h"
#include "base/str.h"
#include "base/text.h"

#define SAID_MAX 65536

/* say_clean - one line on stderr; a word of the command line may hold what would play with a terminal */
static void say_clean(const char *before, const char *text)
{
    struct str clean = STR_INIT(4 * SAID_MAX);
    struct err ignored;
    if (text_add_clean(&clean, text, strlen(text), SAID_MAX, &ignored))
        fprintf(stderr, "%s: %s\n", before, clean.buf);
    str_free(&clean);
}

int say_error(const char *about, const struct err *err)
{
    struct str what = STR_INIT(SAID_MAX);
    struct err ignored;
    fflush(stdout);
    if (str_addf(&what, &ignored, "%s%s%s", about ? about : "", about ? ": " : "", err->what))
        say_clean(proc_name(), what.buf);
    if (err->hint[0])
        say_hint(err->hint);
    str_free(&what);
    return err_exit_status(err->kind);
}

void say_hint(const char *hint)
{
    say_clean("  hint", hint);
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
    struct str text = STR_INIT(SAID_MAX);
    struct err ignored;
    va_list ap;
    fflush(stdout);
    va_start(ap, fmt);
    if (str_addv(&text, &ignored, fmt, ap))
        say_clean(proc_name(), text.buf);
    va_end(ap);
    str_free(&text);
}

int say_option(const char *usage, int option)
{
    char hint[64];
    if (option == SAY_HELP)
        say("%s", usage);
    else if (option == SAY_VERSION)
        say("%s %s", proc_name(), TAPPAL_VERSION);
    if (option == SAY_HELP || option == SAY_VERSION)
        return 0;
    snprintf(hint, sizeof hint, "%s --help lists the options.", proc_name());
    say_hint(hint);
    return err_exit_status(ERR_USAGE);
}
