/* fetch - main() of tappal-fetch: its options, and which accounts. See tappal-fetch(1). */
#include "cmd/fetch.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "cmd/dispatch.h"
#include "cmd/say.h"

#define PROGRAM "tappal-fetch"

enum {
    OPTION_CONFIG = 256,
    OPTION_DELETE_MANY,
    OPTION_DRY_RUN,
    OPTION_CHECK,
    OPTION_UID,
    OPTION_WATCH,
    OPTION_JSON
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"delete-many", no_argument, NULL, OPTION_DELETE_MANY},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"watch", no_argument, NULL, OPTION_WATCH},
    {"json", no_argument, NULL, OPTION_JSON},
    {"uid", required_argument, NULL, OPTION_UID},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, SAY_HELP},
    {"version", no_argument, NULL, SAY_VERSION},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Usage: tappal-fetch [OPTIONS] [ACCOUNT...]\n"
    "Fetches new mail of these accounts, or of all that have a [fetch] section.\n"
    "  --watch        stay, and fetch mail as it comes\n"
    "  --check        is there new mail? status 0: yes, 1: no; nothing is fetched\n"
    "  --dry-run      say what would come and go in each folder; fetch, write and delete nothing\n"
    "  --delete-many  let very many deletions at once through (`deletions`)\n"
    "  --uid FOLDER/UID  fetch this one message, whole, even if it is here\n"
    "  --json         one line of JSON for each event\n"
    "  -q, --quiet    say nothing unless something goes wrong\n"
    "  -v, --verbose  show the conversation with the servers\n"
    "  --config DIR   the configuration folder\n"
    "  --help, --version";

static bool take_option(struct fetch_options *o, int option)
{
    switch (option) {
    case OPTION_CONFIG:
        o->config = optarg;
        return true;
    case OPTION_DELETE_MANY:
        return o->delete_many = true;
    case OPTION_DRY_RUN:
        return o->dry_run = true;
    case OPTION_CHECK:
        return o->dry_run = o->check = true;
    case OPTION_UID:
        o->uid = optarg;
        return true;
    case OPTION_WATCH:
        return o->watch = true;
    case OPTION_JSON:
        return o->json = true;
    case 'q':
        return o->quiet = true;
    case 'v':
        return o->verbose = true;
    default:
        return false;
    }
}

/* False: nothing more to do, the exit status is in status_r. */
static bool read_options(int argc, char **argv, struct fetch_options *o, int *status_r)
{
    int option;
    *status_r = 0;
    while ((option = getopt_long(argc, argv, "qv", options, NULL)) != -1) {
        if (take_option(o, option))
            continue;
        *status_r = say_option(usage, option);
        return false;
    }
    if (!o->watch || (!o->dry_run && !o->uid))
        return true;
    struct err err;
    err_set(&err, ERR_USAGE,
            "--watch fetches all that comes; it goes with none of --check, --dry-run and --uid.");
    *status_r = say_error(NULL, &err);
    return false;
}

/* -- which accounts -- */

static bool choose_named(const struct config *config, char **names, struct fetch_job *job, struct err *err)
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

static bool choose(const struct config *config, char **names, struct fetch_job *job, struct err *err)
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

static int fetch(struct fetch_job *job, char **names)
{
    struct err err = {0};
    size_t most = job->config->count + 1;
    for (char **n = names; *n; n++)
        most++;
    int status;
    job->accounts = calloc(most, sizeof *job->accounts);
    if (!job->accounts) {
        err_nomem(&err);
        status = say_error(NULL, &err);
    } else if (!choose(job->config, names, job, &err)) {
        status = say_error(NULL, &err);
    } else if (job->options.uid && job->count != 1) {
        err_set(&err, ERR_USAGE, "--uid fetches a message of one account, and %zu are chosen.", job->count);
        err_hint(&err, "Name the account: tappal-fetch ACCOUNT --uid FOLDER/UID");
        status = say_error(NULL, &err);
    } else {
        job->options.may_prompt = job->count == 1 && !job->options.watch;
        status = fetch_run(job);
    }
    free(job->accounts);
    return status;
}

static void look_at_terminal(struct fetch_options *o)
{
    const char *terminal = getenv("TERM"), *no_color = getenv("NO_COLOR");
    o->terminal = isatty(STDERR_FILENO);
    o->progress =
        o->terminal && !o->quiet && !o->verbose && !o->json && terminal && strcmp(terminal, "dumb") != 0;
    o->bold = o->progress && !(no_color && *no_color);
}

int main(int argc, char **argv)
{
    struct fetch_job job = {0};
    struct place place;
    struct config config;
    struct err err = {0};
    int status;

    proc_begin(argv[0]);
    fs_read_test_hook(PROGRAM);
    clock_read_test_shift();
    if (!read_options(argc, argv, &job.options, &status))
        return status;
    look_at_terminal(&job.options);
    if (!place_find(job.options.config, &place, &err))
        return say_error(NULL, &err);
    job.place = &place;
    if (!job.options.dry_run)
        dispatch_if_due(&place);
    if (place_load(&place, &config, &err)) {
        /* A line for each message would drown what a person wants to see: not on the terminal unless asked for. */
        log_open(PROGRAM, config.log ? config.log : "syslog");
        job.config = &config;
        status = fetch(&job, argv + optind);
        conf_free(&config);
    } else {
        status = say_error(NULL, &err);
    }
    place_free(&place);
    return status;
}
