/* tappal - the desk: finds the subcommand, and runs tappal-sendmail and tappal-fetch for `send` and
 * `fetch`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "cmd/cmd.h"
#include "cmd/dispatch.h"
#include "cmd/say.h"

#define PROGRAM_PATH_MAX 4096

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: `program` is run instead */
    const char *program;
    const char *doc;
} commands[] = {
    {"account", cmd_account, NULL, "add, list and show accounts"},
    {"auth", cmd_auth, NULL, "store, test and delete passwords"},
    {"queue", cmd_queue, NULL, "list, send, hold and explain waiting messages"},
    {"status", cmd_status, NULL, "what is set up, and what waits"},
    {"service", cmd_service, NULL, "have the queue looked at by systemd or cron, or not"},
    {"check", cmd_check, NULL, "look for faults in the configuration"},
    {"verify", cmd_verify, NULL, "compare what the server holds with what is here"},
    {"adopt", cmd_adopt, NULL, "take over what another program has fetched"},
    {"send", NULL, "tappal-sendmail", "send a message: tappal-sendmail(8)"},
    {"fetch", NULL, "tappal-fetch", "fetch mail: tappal-fetch(1)"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static int help(void)
{
    say("Usage: tappal COMMAND [OPTIONS]\n");
    for (size_t i = 0; i < COMMANDS; i++)
        say("  %-9s%s", commands[i].name, commands[i].doc);
    say("\ntappal COMMAND --help says more; tappal --version says which version this is.\n"
        "A new account begins with: tappal account add YOU@EXAMPLE.ORG");
    return 0;
}

static int unknown(const char *name)
{
    const char *names[COMMANDS + 1];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    names[COMMANDS] = NULL;
    return cmd_unknown("tappal", name, names);
}

/* become - this process goes on as a sister program, under its own name */
static int become(const struct command *command, char **argv)
{
    struct err err;
    struct str path = STR_INIT(PROGRAM_PATH_MAX);
    char name[32];
    snprintf(name, sizeof name, "%s", command->program);
    if (proc_find(command->program, &path, &err)) {
        argv[0] = name;
        execv(path.buf, argv);
        err_errno(&err, ERR_LOCAL, "%s could not be started", path.buf);
    }
    str_free(&path);
    return say_error(NULL, &err);
}

/* Mail that waits for nobody goes on, whatever the person came for; but who lists messages may be about to remove one. */
static void go_on_sending(void)
{
    struct place place;
    struct err ignored;
    if (!place_find(NULL, &place, &ignored))
        return;
    dispatch_if_due(&place);
    place_free(&place);
}

static int run(const struct command *command, int argc, char **argv)
{
    if (!command->run)
        return become(command, argv);
    int status = command->run(argc, argv);
    if (command->run != cmd_queue)
        go_on_sending();
    return status;
}

int main(int argc, char **argv)
{
    proc_begin(argv[0]);
    fs_read_test_hook(proc_name());
    clock_read_test_shift();
    log_open("tappal", NULL);
    const char *word = argc > 1 ? argv[1] : NULL;
    if (!word) {
        help();
        return err_exit_status(ERR_USAGE);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return help();
    if (strcmp(word, "--version") == 0) {
        say("tappal %s", TAPPAL_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(word, commands[i].name) == 0)
            return run(&commands[i], argc - 1, argv + 1);
    return unknown(word);
}
