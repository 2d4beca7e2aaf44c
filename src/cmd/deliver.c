/* deliver - main() of tappal-deliver: the network half of sending. Started by tappal-sendmail, detached, or by
 * `tappal queue run`; a person has no need of it. See tappal-deliver(8). */
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "cmd/say.h"
#include "queue/runner.h"

#define PROGRAM "tappal-deliver"
#define VERDICT_FD 3
#define PATH_LEN_MAX 4096

enum {
    OPTION_QUEUE = 256,
    OPTION_WAIT_FOR,
    OPTION_NOW,
    OPTION_ASK,
    OPTION_ACCOUNT,
    OPTION_WATCH,
    OPTION_STAY,
    OPTION_VERBOSE,
    OPTION_QUIET
};

static const struct option options[] = {
    {"queue", required_argument, NULL, OPTION_QUEUE}, {"wait-for", required_argument, NULL, OPTION_WAIT_FOR},
    {"now", no_argument, NULL, OPTION_NOW},           {"ask", no_argument, NULL, OPTION_ASK},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},   {"help", no_argument, NULL, SAY_HELP},
    {"version", no_argument, NULL, SAY_VERSION},      {"account", required_argument, NULL, OPTION_ACCOUNT},
    {"watch", no_argument, NULL, OPTION_WATCH},       {"stay", no_argument, NULL, OPTION_STAY},
    {"quiet", no_argument, NULL, OPTION_QUIET},       {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Usage: tappal-deliver [--queue DIR] [--wait-for ID | --watch] [--account NAME] [--stay] [--now]\n"
    "                      [--ask] [--verbose] [--quiet]\n"
    "Sends what is due in the queue, then leaves.\n"
    "  --queue DIR    this queue rather than one's own\n"
    "  --wait-for ID  this message first; verdicts go to file descriptor 3\n"
    "  --now          also what is not due yet\n"
    "  --account NAME this account's messages only\n"
    "  --watch        does not leave, but waits for what comes\n"
    "  --stay         having sent what is due, stays until the queue is empty\n"
    "  --ask          a person at the terminal may be asked for a password\n"
    "  --verbose      the dialogue goes to file descriptor 3 as well\n"
    "  --quiet        nothing is logged to stderr, unless the configuration says so\n"
    "  --help, --version";

/* False: nothing more to do, the exit status is in status_r. */
static bool read_options(int argc, char **argv, struct runner_options *o, bool *quiet_r, int *status_r)
{
    struct err err = {0};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION_QUEUE:
            o->queue = optarg;
            break;
        case OPTION_WAIT_FOR:
            o->wait_for = optarg;
            break;
        case OPTION_NOW:
            o->now = true;
            break;
        case OPTION_ASK:
            o->may_ask = true;
            break;
        case OPTION_ACCOUNT:
            o->account = optarg;
            break;
        case OPTION_WATCH:
            o->watch = true;
            break;
        case OPTION_STAY:
            o->stay = true;
            break;
        case OPTION_VERBOSE:
            o->verbose = true;
            break;
        case OPTION_QUIET:
            *quiet_r = true;
            break;
        default:
            *status_r = say_option(usage, option);
            return false;
        }
    }
    if (optind < argc) {
        err_set(&err, ERR_USAGE, "%s takes no argument \"%s\".", PROGRAM, argv[optind]);
        *status_r = say_error(NULL, &err);
        return false;
    }
    if (o->watch && (o->wait_for != NULL || o->stay)) {
        err_set(&err, ERR_USAGE, "%s takes only one of --watch and %s.", PROGRAM,
                o->stay ? "--stay" : "--wait-for");
        *status_r = say_error(NULL, &err);
        return false;
    }
    return true;
}

/* Where the configuration says to log; a broken one is no reason to be silent. quiet: who started us says what
 * became of each message, and need not do so twice; the log is for later then, if somebody keeps one. */
static void open_log(const struct place *place, bool quiet)
{
    struct config config;
    struct err ignored;
    bool chosen = false;
    log_open(PROGRAM, NULL);
    if (place_load(place, &config, &ignored)) {
        log_open(PROGRAM, config.log);
        chosen = config.log != NULL;
        conf_free(&config);
    }
    if (quiet && !chosen && log_to_stderr()) {
        log_open(PROGRAM, "syslog");
    }
}

static bool run(struct runner_options *o, const struct place *place, struct err *err)
{
    struct str own_queue = STR_INIT(PATH_LEN_MAX);
    bool ok = o->queue != NULL || place_queue(place, &own_queue, err);
    if (ok) {
        o->queue = o->queue != NULL ? o->queue : own_queue.buf;
        o->place = place;
        ok = runner_run(o, err);
    }
    str_free(&own_queue);
    return ok;
}

int main(int argc, char **argv)
{
    struct runner_options o = {.verdict_fd = -1};
    struct place place;
    struct err err = {0};
    int status = 0;
    bool quiet = false;

    proc_begin(argv[0]);
    fs_read_test_hook(PROGRAM);
    clock_read_test_shift();
    if (!read_options(argc, argv, &o, &quiet, &status)) {
        return status;
    }
    /* Nothing we start may hold the pipe open. */
    if (o.wait_for != NULL && fcntl(VERDICT_FD, F_SETFD, FD_CLOEXEC) == 0) {
        o.verdict_fd = VERDICT_FD;
    }
    if (!place_find(NULL, &place, &err)) {
        return say_error(NULL, &err);
    }
    open_log(&place, quiet);
    if (!run(&o, &place, &err)) {
        log_event(LOG_LEVEL_ERROR, "left", "problem", err.what, "hint", err.hint, NULL);
        status = log_to_stderr() ? err_exit_status(err.kind) : say_error(NULL, &err);
    }
    place_free(&place);
    return status;
}
