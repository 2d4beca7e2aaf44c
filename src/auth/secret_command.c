/* secret_command - a password that a program prints: its first line, if it exits with 0. No shell
 * unless the configuration says "sh:". It reads /dev/null; a person at the terminal may be asked by it
 * (pinentry), so GPG_TTY is set for it. */
#include "auth/secret_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/text.h"

#define LIMIT_MS 60000

extern char **environ;

/* Our environment, with GPG_TTY where there is a terminal and it is not set. */
static bool make_environment(struct strv *env, struct err *err)
{
    char tty[256];
    bool ok = true;
    for (char **e = environ; ok && *e != NULL; e++)
        ok = strv_add(env, *e, err);
    if (ok && getenv("GPG_TTY") == NULL && ttyname_r(STDERR_FILENO, tty, sizeof tty) == 0) {
        struct str entry = STR_INIT(sizeof tty + 16);
        ok = str_addf(&entry, err, "GPG_TTY=%s", tty) && strv_add(env, entry.buf, err);
        str_free(&entry);
    }
    return ok;
}

static enum secret_answer failed(int status, const char *shown, struct err *err)
{
    if (WIFSIGNALED(status))
        err_set(err, ERR_SECRET, "%s was ended by signal %d.", shown, WTERMSIG(status));
    else
        err_set(err, ERR_SECRET, "%s failed with exit status %d.", shown, WEXITSTATUS(status));
    err_hint(err, "Run the command of password_from by hand to see what is wrong.");
    return SECRET_FAILED;
}

static enum secret_answer run(const struct strv *argv, bool may_prompt, struct secret *out, struct err *err)
{
    struct str text = STR_INIT(SECRET_SOURCE_MAX);
    struct strv env = STRV_INIT;
    char name[80], shown[120];
    int status = 0;
    text_clean(name, sizeof name, argv->items[0], strlen(argv->items[0]));
    snprintf(shown, sizeof shown, "The password command %s", name);
    struct proc_run job = {.argv = argv->items, .limit_ms = LIMIT_MS, .keep_tty = may_prompt, .shown = shown};
    enum secret_answer answer = SECRET_FAILED;
    if (!make_environment(&env, err) || !str_reserve(&text, SECRET_SOURCE_MAX, err))
        goto out;
    job.envp = env.items;
    if (!proc_run(&job, &text, &status, err))
        err->kind = ERR_SECRET;
    else if (status != 0)
        answer = failed(status, shown, err);
    else
        answer = secret_take_line(&text, shown, out, err);
out:
    str_wipe(&text);
    strv_free(&env);
    return answer;
}

enum secret_answer secret_ask_command(const char *rest, const struct secret_query *query, struct secret *out,
                                      struct err *err)
{
    struct strv argv = STRV_INIT;
    enum secret_answer answer = SECRET_FAILED;
    if (!text_split_argv(rest, &argv, err))
        err_prefix(err, "password_from = command: ");
    else if (argv.count == 0)
        err_set(err, ERR_CONFIG, "password_from = command names no command.");
    else
        answer = run(&argv, query->may_prompt, out, err);
    strv_free(&argv);
    return answer;
}
