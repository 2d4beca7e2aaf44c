/* account_ask - questions on the terminal: asked on stderr, answered on stdin. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/account.h"

#define ANSWER_MAX 1024

bool account_on_terminal(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool account_ask(const char *question, const char *otherwise, struct str *answer, struct err *err)
{
    char line[ANSWER_MAX];
    fflush(stdout);
    fprintf(stderr, otherwise[0] ? "%s [%s]: " : "%s: ", question, otherwise);
    if (!fgets(line, sizeof line, stdin))
        return err_set(err, ERR_USAGE, "The question was not answered; nothing was written.");
    line[strcspn(line, "\r\n")] = '\0';
    const char *text = line + strspn(line, " \t");
    str_clear(answer);
    return str_addz(answer, *text ? text : otherwise, err);
}

bool account_ask_yes(const char *question)
{
    char line[ANSWER_MAX];
    fflush(stdout);
    fprintf(stderr, "%s [Y/n] ", question);
    if (!fgets(line, sizeof line, stdin))
        return false;
    const char *text = line + strspn(line, " \t");
    return *text == '\n' || *text == 'y' || *text == 'Y';
}
