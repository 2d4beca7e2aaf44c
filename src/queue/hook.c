/* hook - see hook.h. */
#include "queue/hook.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/proc.h"

#define LIMIT_MS 10000
#define OUTPUT_MAX 65536
#define VARIABLE_MAX 2048

static bool add_variable(struct strv *env, const char *name, const char *value, struct err *err)
{
    struct str text = STR_INIT(VARIABLE_MAX);
    bool ok = str_addf(&text, err, "%s=%s", name, value) && strv_add(env, text.buf, err);
    str_free(&text);
    return ok;
}

/* `sh: COMMAND` sees them as $1 to $4. */
static bool is_shell(const struct strv *argv)
{
    return argv->count == 3 && strcmp(argv->items[0], "/bin/sh") == 0 && strcmp(argv->items[1], "-c") == 0;
}

static bool run(const struct strv *notify, const char *const *words, struct err *err)
{
    static const char *const names[] = {"TAPPAL_ACCOUNT", "TAPPAL_KIND", "TAPPAL_WHAT", "TAPPAL_HINT"};
    struct strv argv = STRV_INIT, env = STRV_INIT;
    struct str out = STR_INIT(OUTPUT_MAX);
    int status = 0;
    bool ok = strv_copy(&argv, notify, err) && (!is_shell(notify) || strv_add(&argv, "tappal", err));
    for (char **e = environ; ok && *e != NULL; e++) {
        ok = strv_add(&env, *e, err);
    }
    for (size_t i = 0; ok && i < sizeof(names) / sizeof(*names); i++) {
        ok = strv_add(&argv, words[i], err) && add_variable(&env, names[i], words[i], err);
    }
    ok = ok && proc_run(
                   &(struct proc_run){
                       .argv = argv.items, .envp = env.items, .limit_ms = LIMIT_MS, .shown = argv.items[0]},
                   &out, &status, err);
    if (ok && status != 0) {
        ok = err_set(err, ERR_LOCAL, "The command %s of `notify` failed.", argv.items[0]);
    }
    strv_free(&argv);
    strv_free(&env);
    str_free(&out);
    return ok;
}

void hook_tell(const struct config *config, const char *account, const char *kind, const char *what,
               const char *hint)
{
    const char *words[] = {account, kind, what, hint};
    struct err err = {0};
    if (config->notify.count > 0 && !run(&config->notify, words, &err)) {
        log_event(LOG_LEVEL_WARNING, "notify", "account", account, "kind", kind, "problem", err.what, NULL);
    }
}
