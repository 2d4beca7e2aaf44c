/* pipe - see pipe.h. */
#include "box/pipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/text.h"
#include "box/held.h"

#define SAID_MAX 65536
#define VARIABLE_MAX 8192
#define EXIT_LATER 75
#define EXIT_NOT_EXECUTABLE 126 /* by which shells say that they found no such command */
#define EXIT_NOT_FOUND 127

struct pipe {
    char *const *argv;
    const char *account, *recipient;
};

extern char **environ;

/* -- the environment -- */

static bool names_one(const char *entry, const char *const (*pairs)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(pairs[i][0]);
        if (strncmp(entry, pairs[i][0], n) == 0 && entry[n] == '=') {
            return true;
        }
    }
    return false;
}

bool pipe_environment(const char *const (*pairs)[2], size_t count, struct strv *env, struct err *err)
{
    struct str entry = STR_INIT(VARIABLE_MAX);
    bool ok = true;
    for (char **e = environ; ok && *e != NULL; e++) {
        ok = names_one(*e, pairs, count) || strv_add(env, *e, err);
    }
    for (size_t i = 0; ok && i < count; i++) {
        str_clear(&entry);
        ok = str_addf(&entry, err, "%s=%s", pairs[i][0], pairs[i][1]) && strv_add(env, entry.buf, err);
    }
    str_free(&entry);
    return ok;
}

/* -- its end -- */

bool pipe_complain(const char *command, int status, const struct str *said, struct err *err)
{
    const char *lf = memchr(said->buf, '\n', said->len);
    char name[80], line[240], how[32];
    text_clean(name, sizeof(name), command, strlen(command));
    text_clean(line, sizeof(line), said->buf, lf != NULL ? (size_t)(lf - said->buf) : said->len);
    snprintf(how, sizeof(how), WIFSIGNALED(status) ? "signal %d" : "exit status %d",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return err_set(err, ERR_REFUSED_PERM, "The command %s ended with %s%s%s", name, how,
                   line[0] != '\0' ? ": " : ".", line);
}

static enum sink_fate judge(const struct pipe *p, int status, const struct str *said, struct err *why)
{
    if (status == 0) {
        return SINK_TAKEN;
    }
    (void)!pipe_complain(p->argv[0], status, said, why);
    if (WIFSIGNALED(status)) {
        err_hint(why, "It may have delivered the message all the same.");
        return SINK_DOUBTFUL;
    }
    switch (WEXITSTATUS(status)) {
    case EXIT_LATER:
        why->kind = ERR_REFUSED_TEMP;
        return SINK_LATER;
    case EXIT_NOT_EXECUTABLE:
    case EXIT_NOT_FOUND:
        why->kind = ERR_CONFIG;
        err_hint(
            why,
            "By this a shell says that there is no such command: look at deliver in the account's file.");
        return SINK_FAILED;
    default:
        return SINK_REFUSED;
    }
}

/* Stopped for its time is in doubt; what could not be started had no part in it. */
static enum sink_fate not_run(struct err *why)
{
    if (why->sys != 0) {
        why->kind = why->sys == ENOENT || why->sys == EACCES ? ERR_CONFIG : ERR_LOCAL;
        return SINK_FAILED;
    }
    err_hint(why, "It may have delivered the message all the same.");
    return SINK_DOUBTFUL;
}

static enum sink_fate take(void *arg, int fd, const struct sink_label *label, struct err *why)
{
    const struct pipe *p = arg;
    const char *const pairs[][2] = {{"SENDER", label->sender},
                                    {"RECIPIENT", p->recipient},
                                    {"ACCOUNT", p->account},
                                    {"FOLDER", label->folder},
                                    {"UID", label->uid}};
    struct strv env = STRV_INIT;
    struct str said = STR_INIT(SAID_MAX);
    char name[80], shown[100];
    int status = 0;
    enum sink_fate fate = SINK_FAILED;

    text_clean(name, sizeof(name), p->argv[0], strlen(p->argv[0]));
    snprintf(shown, sizeof(shown), "The command %s", name);
    if (pipe_environment(pairs, sizeof(pairs) / sizeof(*pairs), &env, why)) {
        struct proc_run run = {.argv = p->argv,
                               .envp = env.items,
                               .input_fd = &fd,
                               .with_errors = true,
                               .limit_ms = PIPE_LIMIT_MS,
                               .shown = shown};
        fate = proc_run(&run, &said, &status, why) ? judge(p, status, &said, why) : not_run(why);
    }
    strv_free(&env);
    str_free(&said);
    return fate;
}

bool pipe_open(const char *folder, char *const argv[], const char *account, const char *recipient,
               struct sink **sink_r, struct err *err)
{
    struct pipe *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return err_nomem(err);
    }
    *p = (struct pipe){.argv = argv, .account = account, .recipient = recipient};
    const struct held_taker taker = {.take = take, .close = free, .arg = p, .lines = true};
    return held_open(folder, &taker, sink_r, err);
}
