/* fetch - main() of tappal-fetch: which accounts, one child for each, and the exit status. See tappal-fetch(1). */
#include "cmd/fetch.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "cmd/say.h"

#define PROGRAM "tappal-fetch"
#define SILENCE_MS (20 * 60 * 1000) /* longer than any wait for a server: a child this silent hangs */

enum { OPTION_CONFIG = 256, OPTION_DELETE_MANY, OPTION_DRY_RUN, OPTION_HELP, OPTION_VERSION };

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"delete-many", no_argument, NULL, OPTION_DELETE_MANY},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char usage[] = "Usage: tappal-fetch [OPTIONS] [ACCOUNT...]\n"
                            "Fetches new mail of these accounts, or of all that have a [fetch] section.\n"
                            "  --dry-run      say what is new; fetch, write and delete nothing\n"
                            "  --delete-many  let very many deletions at once through (`deletions`)\n"
                            "  -q, --quiet    say nothing unless something goes wrong\n"
                            "  -v, --verbose  show the conversation with the servers\n"
                            "  --config DIR   the configuration folder\n"
                            "  --help, --version";

/* False: nothing more to do, the exit status is in status_r. */
static bool read_options(int argc, char **argv, struct fetch_options *o, int *status_r)
{
    int option;
    while ((option = getopt_long(argc, argv, "qv", options, NULL)) != -1) {
        switch (option) {
        case OPTION_CONFIG:
            o->config = optarg;
            break;
        case OPTION_DELETE_MANY:
            o->delete_many = true;
            break;
        case OPTION_DRY_RUN:
            o->dry_run = true;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'v':
            o->verbose = true;
            break;
        case OPTION_HELP:
            say("%s", usage);
            *status_r = 0;
            return false;
        case OPTION_VERSION:
            say("%s %s", PROGRAM, TAPPAL_VERSION);
            *status_r = 0;
            return false;
        default: /* getopt has said what is wrong */
            say_hint("tappal-fetch --help lists the options.");
            *status_r = err_exit_status(ERR_USAGE);
            return false;
        }
    }
    return true;
}

/* -- which accounts -- */

struct job {
    struct fetch_options options;
    const struct place *place;
    const struct account **accounts;
    pid_t *children;
    int64_t *heard;
    bool *hung;
    size_t count;
};

static bool choose_named(const struct config *config, char **names, struct job *job, struct err *err)
{
    for (; *names; names++) {
        const struct account *a = conf_find(config, *names, err);
        if (!a)
            return false;
        if (!a->fetch.on) {
            err_set(err, ERR_CONFIG, "The account \"%s\" has no [fetch] section.", a->name);
            return err_hint(err, "Say in %s where its mail is: [fetch] with host and maildir.", a->file);
        }
        job->accounts[job->count++] = a;
    }
    return true;
}

static bool choose(const struct config *config, char **names, struct job *job, struct err *err)
{
    if (*names)
        return choose_named(config, names, job, err);
    for (size_t i = 0; i < config->count; i++)
        if (config->accounts[i].fetch.on)
            job->accounts[job->count++] = &config->accounts[i];
    if (job->count > 0)
        return true;
    err_set(err, ERR_CONFIG, "No account has a [fetch] section.");
    return err_hint(err, "Add one to an account's file, or make an account: tappal account add ADDRESS");
}

/* -- the children -- */

static bool start(struct job *job, size_t index, const int pipe_fds[2], struct err *err)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return err_errno(err, ERR_LOCAL, "A process for the account \"%s\" could not be started",
                         job->accounts[index]->name);
    if (pid == 0) {
        close(pipe_fds[0]);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        _exit(getppid() == parent
                  ? fetch_child(&job->options, job->place, job->accounts[index], pipe_fds[1], index)
                  : EXIT_FAILURE);
    }
    job->children[index] = pid;
    job->heard[index] = clock_mono_ms();
    return true;
}

static void end_hung(void *arg)
{
    struct job *job = arg;
    for (size_t i = 0; i < job->count; i++) {
        if (job->hung[i] || clock_mono_ms() - job->heard[i] < SILENCE_MS)
            continue;
        job->hung[i] = true;
        if (job->children[i] > 0 && waitpid(job->children[i], NULL, WNOHANG | WNOWAIT) == 0)
            kill(job->children[i], SIGKILL);
    }
}

/* finish - its exit status; a child that ended in no orderly way is an error of its own */
static int finish(const struct job *job, size_t index)
{
    struct err err = {0};
    int status;
    while (waitpid(job->children[index], &status, 0) < 0)
        ;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    if (job->hung[index])
        err_set(&err, ERR_NETWORK, "Fetching was stopped, since nothing had happened for %d minutes.",
                SILENCE_MS / 60000);
    else
        err_set(&err, ERR_LOCAL, "Fetching was ended by signal %d.", WTERMSIG(status));
    err_hint(&err, "Nothing is lost; the next run goes on where this one stopped.");
    return say_error(job->accounts[index]->name, &err);
}

static int run(struct job *job)
{
    struct err err = {0};
    int fds[2], status = 0;
    size_t started = 0;
    if (pipe2(fds, O_CLOEXEC) != 0) {
        err_errno(&err, ERR_LOCAL, "A pipe could not be made");
        return say_error(NULL, &err);
    }
    while (started < job->count && start(job, started, fds, &err))
        started++;
    close(fds[1]);
    struct fetch_display display = {.options = &job->options,
                                    .accounts = job->accounts,
                                    .count = started,
                                    .heard = job->heard,
                                    .check = end_hung,
                                    .arg = job};
    fetch_show(&display, fds[0]);
    close(fds[0]);
    for (size_t i = 0; i < started; i++) {
        int own = finish(job, i);
        status = status ? status : own;
    }
    if (started < job->count && status == 0)
        status = say_error(NULL, &err);
    return status;
}

static int fetch(struct job *job, const struct config *config, char **names)
{
    struct err err = {0};
    size_t most = config->count + 1;
    for (char **n = names; *n; n++)
        most++;
    int status;
    job->accounts = calloc(most, sizeof *job->accounts);
    job->children = calloc(most, sizeof *job->children);
    job->heard = calloc(most, sizeof *job->heard);
    job->hung = calloc(most, sizeof *job->hung);
    if (!job->accounts || !job->children || !job->heard || !job->hung) {
        err_nomem(&err);
        status = say_error(NULL, &err);
    } else if (!choose(config, names, job, &err)) {
        status = say_error(NULL, &err);
    } else {
        job->options.may_prompt = job->count == 1;
        status = run(job);
    }
    free(job->accounts);
    free(job->children);
    free(job->heard);
    free(job->hung);
    return status;
}

int main(int argc, char **argv)
{
    struct job job = {0};
    struct place place;
    struct config config;
    struct err err = {0};
    int status;

    proc_begin(argv[0]);
    fs_read_test_hook(PROGRAM);
    clock_read_test_shift();
    if (!read_options(argc, argv, &job.options, &status))
        return status;
    const char *terminal = getenv("TERM");
    job.options.progress = isatty(STDERR_FILENO) && !job.options.quiet && !job.options.verbose && terminal &&
                           strcmp(terminal, "dumb") != 0;
    if (!place_find(job.options.config, &place, &err))
        return say_error(NULL, &err);
    job.place = &place;
    if (place_load(&place, &config, &err)) {
        /* A line for each message would drown what a person wants to see: not on the terminal unless asked for. */
        log_open(PROGRAM, config.log ? config.log : "syslog");
        status = fetch(&job, &config, argv + optind);
        conf_free(&config);
    } else {
        status = say_error(NULL, &err);
    }
    place_free(&place);
    return status;
}
