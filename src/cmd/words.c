/* words - what is wrong with the words of a command line: a sentence, and where to read on. The whole usage is not
 * shown, since the sentence would be lost above it. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/say.h"

#define SHOWN_MAX 64
#define OPTIONS_MAX 32 /* of one command */

int cmd_wrong(const char *command, struct err *err)
{
    if (!err->hint[0])
        err_hint(err, "tappal %s --help says what it takes.", command);
    return say_error(NULL, err);
}

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

int cmd_surplus(const char *command, const char *word)
{
    struct err err;
    char shown[SHOWN_MAX];
    text_clean(shown, sizeof shown, word, strlen(word));
    err_set(&err, ERR_USAGE, "The word `%s` is too much for `tappal %s`.", shown, command);
    return cmd_wrong(command, &err);
}

int cmd_lacks(const char *command, const char *what)
{
    struct err err;
    err_set(&err, ERR_USAGE, "`tappal %s` needs %s.", command, what);
    return cmd_wrong(command, &err);
}

/* Of a long option that is not known: the nearest one that is. `name` is without its dashes. */
static void hint_nearest(const char *name, const struct option *known, struct err *err)
{
    const char *names[OPTIONS_MAX + 1];
    size_t n = 0;
    for (; n < OPTIONS_MAX && known[n].name; n++)
        names[n] = known[n].name;
    names[n] = NULL;
    const char *near = text_nearest(name, names);
    if (near)
        err_hint(err, "Did you mean --%s?", near);
}

int cmd_bad_option(const char *command, int got, char **argv, const struct option *known)
{
    struct err err;
    char shown[SHOWN_MAX];
    const char *word = argv[optind - 1];
    text_clean(shown, sizeof shown, word, strlen(word));
    if (got == ':') {
        err_set(&err, ERR_USAGE, "The option %s needs an argument.", shown);
    } else if (optopt > 0 && optopt <= 0x7f && isprint(optopt)) { /* a short one; it may stand among others */
        err_set(&err, ERR_USAGE, "`tappal %s` has no option -%c.", command, optopt);
    } else if (optopt != 0) {
        err_set(&err, ERR_USAGE, "The option %.*s takes no argument.", (int)strcspn(shown, "="), shown);
    } else {
        err_set(&err, ERR_USAGE, "`tappal %s` has no option %s.", command, shown);
        hint_nearest(word + strspn(word, "-"), known, &err);
    }
    return cmd_wrong(command, &err);
}
