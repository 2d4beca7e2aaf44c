/* words - what is wrong with the words of a command line, in a sentence; the usage, where there is one, comes
 * behind it. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/say.h"

#define SHOWN_MAX 64

int cmd_unknown(const char *under, const char *word, const char *const *known)
{
    struct err err;
    const char *near = text_nearest(word, known);
    char shown[SHOWN_MAX];
    text_clean(shown, sizeof shown, word, strlen(word));
    err_set(&err, ERR_USAGE, "There is no command `%s %s`.", under, shown);
    if (near)
        err_hint(&err, "Did you mean `%s %s`?", under, near);
    else
        err_hint(&err, "%s --help lists the commands.", under);
    return say_error(NULL, &err);
}

int cmd_surplus(const char *command, const char *word, const char *usage)
{
    struct err err;
    char shown[SHOWN_MAX];
    text_clean(shown, sizeof shown, word, strlen(word));
    err_set(&err, ERR_USAGE, "The word `%s` is too much for `tappal %s`.", shown, command);
    int status = say_error(NULL, &err);
    fprintf(stderr, "%s\n", usage);
    return status;
}

int cmd_lacks(const char *command, const char *what, const char *usage)
{
    struct err err;
    err_set(&err, ERR_USAGE, "`tappal %s` needs %s.", command, what);
    int status = say_error(NULL, &err);
    fprintf(stderr, "%s\n", usage);
    return status;
}
