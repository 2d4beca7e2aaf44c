/* queue - `tappal queue ...`: which message, and which command. What they do is in queue_*.c. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/queue_desk.h"
#include "cmd/queue_run.h"
#include "cmd/say.h"

#define ID_PART_MIN 5 /* shorter, and a slip of the finger removes the only message there is */

static const char usage[] =
    "Usage: tappal queue list [--json]\n"
    "       tappal queue show | explain ID...\n"
    "       tappal queue run [--watch] [--account NAME]\n"
    "       tappal queue hold | release | retry | remove | bounce ID...\n"
    "An ID may be shortened to a beginning or end of it (5 characters) that only one message has.\n"
    "  --json           for programs\n"
    "  --watch          stays, and sends whatever comes\n"
    "  --account NAME   this account's messages only\n"
    "  --config DIR     the configuration folder\n"
    "  --help, --version";

/* Messages of one place whose id begins or ends so. */
static bool find_in(struct store *store, bool failed, const char *part, struct queue_found *f, size_t *found,
                    struct err *err)
{
    struct store_item *items;
    size_t count;
    if (!store_list(store, &items, &count, err))
        return false;
    for (size_t i = 0; strlen(part) >= ID_PART_MIN && i < count; i++) {
        if (!text_starts(items[i].id, part) && !text_ends(items[i].id, part))
            continue;
        memcpy(f->id, items[i].id, STORE_ID_LEN + 1);
        f->store = store;
        f->failed = failed;
        *found += 1;
    }
    free(items);
    return true;
}

static bool find(struct queue_desk *desk, const char *part, struct queue_found *f, struct err *err)
{
    size_t found = 0;
    if (!find_in(&desk->failed, true, part, f, &found, err) ||
        !find_in(&desk->store, false, part, f, &found, err))
        return false;
    if (found == 1)
        return true;
    if (found == 0)
        err_set(err, ERR_DATA, "There is no message \"%.64s\" in the queue.", part);
    else
        err_set(err, ERR_DATA, "%zu messages in the queue have ids like \"%.64s\".", found, part);
    return err_hint(err, "Look at them with: tappal queue list");
}

static bool show(struct queue_desk *desk, const struct queue_found *f, struct err *err)
{
    struct message m;
    enum store_take took = store_peek(f->store, f->id, &m, err);
    bool ok = took == TAKE_GOT ? queue_show(&m, f->failed, &desk->reason, err)
                               : took == TAKE_GONE && queue_no_longer(f->id, err);
    store_release(&m);
    return ok;
}

/* -- commands about the whole queue -- */

static int list_all(struct queue_desk *desk)
{
    struct err err = {0};
    bool ok = desk->json ? queue_json(desk, &err) : queue_list(&desk->store, &desk->reason, &err);
    return ok ? 0 : say_error(NULL, &err);
}

/* An account that does not exist would never send anything, and say nothing. */
static bool account_exists(struct queue_desk *desk, struct err *err)
{
    struct config config;
    if (!desk->account)
        return true;
    if (!place_load_sending(&desk->place, &config, err))
        return false;
    bool found = conf_find(&config, desk->account, err) != NULL;
    conf_free(&config);
    return found;
}

static int run_all(struct queue_desk *desk)
{
    struct err err = {0};
    if (!account_exists(desk, &err))
        return say_error(NULL, &err);
    return desk->watch ? queue_watch(&desk->store, desk->account) : queue_run(&desk->store, desk->account);
}

/* -- which command -- */

struct subcommand {
    const char *name;
    int (*run)(struct queue_desk *desk); /* about the whole queue; or */
    queue_act *act;                      /* about each message that is named */
    bool takes_json, takes_account;
};

static const struct subcommand subcommands[] = {
    {"list", .run = list_all, .takes_json = true},
    {"run", .run = run_all, .takes_account = true},
    {"show", .act = show},
    {"explain", .act = queue_explain},
    {"hold", .act = queue_act_hold},
    {"release", .act = queue_act_release},
    {"retry", .act = queue_act_retry},
    {"remove", .act = queue_act_remove},
    {"bounce", .act = queue_act_bounce},
};

#define SUBCOMMANDS (sizeof subcommands / sizeof *subcommands)

static const struct subcommand *find_subcommand(const char *name)
{
    for (size_t i = 0; name && i < SUBCOMMANDS; i++)
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    return NULL;
}

static int unknown(const char *word)
{
    const char *names[SUBCOMMANDS + 1];
    for (size_t i = 0; i < SUBCOMMANDS; i++)
        names[i] = subcommands[i].name;
    names[SUBCOMMANDS] = NULL;
    return cmd_unknown("tappal queue", word, names);
}

static int act_on_each(struct queue_desk *desk, queue_act *act, char **ids)
{
    int status = 0;
    for (; *ids; ids++) {
        struct err err = {0};
        struct queue_found f;
        if (!find(desk, *ids, &f, &err) || !act(desk, &f, &err))
            status = say_error(NULL, &err);
    }
    return status;
}

/* What the options ask for, with a desk that is open. */
static int run(const struct subcommand *s, const struct queue_desk *asked, const char *config, char **ids)
{
    struct queue_desk desk;
    struct err err = {0};
    if (!queue_desk_open(config, &desk, &err))
        return say_error(NULL, &err);
    desk.account = asked->account;
    desk.json = asked->json;
    desk.watch = asked->watch;
    int status = s->run ? s->run(&desk) : act_on_each(&desk, s->act, ids);
    queue_desk_close(&desk);
    return status;
}

static bool options_fit(const struct subcommand *s, const struct queue_desk *asked, struct err *err)
{
    const char *unfit = asked->json && !s->takes_json         ? "--json"
                        : asked->watch && !s->takes_account   ? "--watch"
                        : asked->account && !s->takes_account ? "--account"
                                                              : NULL;
    return !unfit || err_set(err, ERR_USAGE, "`tappal queue %s` does not take %s.", s->name, unfit);
}

int cmd_queue(int argc, char **argv)
{
    enum { CONFIG = 256, JSON, WATCH, ACCOUNT, HELP, VERSION };
    static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
                                            {"json", no_argument, NULL, JSON},
                                            {"watch", no_argument, NULL, WATCH},
                                            {"account", required_argument, NULL, ACCOUNT},
                                            {"help", no_argument, NULL, HELP},
                                            {"version", no_argument, NULL, VERSION},
                                            {NULL, 0, NULL, 0}};
    struct queue_desk asked = {.json = false};
    const char *config = NULL;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (c) {
        case CONFIG:
            config = optarg;
            break;
        case JSON:
            asked.json = true;
            break;
        case WATCH:
            asked.watch = true;
            break;
        case ACCOUNT:
            asked.account = optarg;
            break;
        case HELP:
            say("%s", usage);
            return 0;
        case VERSION:
            say("tappal %s", TAPPAL_VERSION);
            return 0;
        default:
            return cmd_bad_option("queue", c, argv, options);
        }
    }
    const struct subcommand *s = find_subcommand(argv[optind]);
    if (!s)
        return argv[optind] ? unknown(argv[optind]) : cmd_lacks("queue", "a command, such as list or run");
    char command[32];
    snprintf(command, sizeof command, "queue %s", s->name);
    if (s->act && !argv[optind + 1])
        return cmd_lacks(command, "the ID of a message");
    if (!s->act && argv[optind + 1])
        return cmd_surplus(command, argv[optind + 1]);
    struct err err = {0};
    return options_fit(s, &asked, &err) ? run(s, &asked, config, argv + optind + 1)
                                        : cmd_wrong(command, &err);
}
