/* queue - `tappal queue list | show | run | remove`. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/queue_list.h"
#include "cmd/queue_run.h"
#include "cmd/say.h"
#include "conf/place.h"

#define PATH_LEN_MAX 4096
#define ID_PART_MIN 5 /* shorter, and a slip of the finger removes the only message there is */

static const char usage[] =
    "Usage: tappal queue list\n"
    "       tappal queue show ID...\n"
    "       tappal queue run\n"
    "       tappal queue remove ID...\n"
    "An ID may be shortened to a beginning or end of it (5 characters) that only one message has.\n"
    "  --config DIR   the configuration folder\n"
    "  --help, --version";

/* The one message whose id begins or ends so. */
static bool find_id(struct store *store, const char *part, char id[STORE_ID_LEN + 1], struct err *err)
{
    struct store_item *items;
    size_t count, found = 0;
    if (!store_list(store, &items, &count, err))
        return false;
    for (size_t i = 0; strlen(part) >= ID_PART_MIN && i < count; i++) {
        if (!text_starts(items[i].id, part) && !text_ends(items[i].id, part))
            continue;
        memcpy(id, items[i].id, STORE_ID_LEN + 1);
        found++;
    }
    free(items);
    if (found == 1)
        return true;
    if (found == 0)
        err_set(err, ERR_DATA, "There is no message \"%.64s\" in the queue.", part);
    else
        err_set(err, ERR_DATA, "%zu messages in the queue have ids like \"%.64s\".", found, part);
    return err_hint(err, "Look at them with: tappal queue list");
}

static bool no_longer(const char *id, struct err *err)
{
    return err_set(err, ERR_DATA, "The message %s has just left the queue.", id);
}

static bool show_one(struct store *store, const char *id, struct err *err)
{
    struct message m;
    enum store_take took = store_peek(store, id, &m, err);
    bool ok = took == TAKE_GOT ? queue_show(&m, err) : took == TAKE_GONE && no_longer(id, err);
    store_release(&m);
    return ok;
}

/* The lock keeps a deliverer away: what it is sending now is not removed, what it would send next is gone. */
static bool remove_one(struct store *store, const char *id, struct err *err)
{
    struct message m;
    struct journal_writer *w = NULL;
    enum store_take took = store_take(store, id, &m, err);
    if (took == TAKE_GONE)
        return no_longer(id, err);
    if (took == TAKE_BUSY) {
        err_set(err, ERR_LOCAL, "The message %s is just being sent, so it was not removed.", id);
        return err_hint(err, "Try again in a moment, if it is still there then.");
    }
    if (took != TAKE_GOT)
        return false;
    bool ok = m.journal.finished || (journal_open(store, &m, &w, err) &&
                                     journal_finished(w, "removed", err) && journal_sync(w, err));
    journal_close(&w);
    ok = ok && store_remove(store, &m, err);
    store_release(&m);
    if (ok)
        say("Message %s is removed; it will not be sent.", id);
    return ok;
}

/* -- subcommands -- */

static int queue_list_all(struct store *store, char **ids)
{
    struct err err = {0};
    (void)ids;
    return queue_list(store, &err) ? 0 : say_error(NULL, &err);
}

static int queue_run_all(struct store *store, char **ids)
{
    (void)ids;
    return queue_run(store);
}

static int for_each_id(struct store *store, char **ids,
                       bool (*act)(struct store *, const char *, struct err *))
{
    int status = 0;
    for (; *ids; ids++) {
        struct err err = {0};
        char id[STORE_ID_LEN + 1];
        if (!find_id(store, *ids, id, &err) || !act(store, id, &err))
            status = say_error(NULL, &err);
    }
    return status;
}

static int queue_show_some(struct store *store, char **ids)
{
    return for_each_id(store, ids, show_one);
}

static int queue_remove_some(struct store *store, char **ids)
{
    return for_each_id(store, ids, remove_one);
}

struct subcommand {
    const char *name;
    bool takes_ids;
    int (*run)(struct store *store, char **ids);
};

static const struct subcommand subcommands[] = {{"list", false, queue_list_all},
                                                {"show", true, queue_show_some},
                                                {"run", false, queue_run_all},
                                                {"remove", true, queue_remove_some}};

static int bad_usage(void)
{
    fprintf(stderr, "%s\n", usage);
    return err_exit_status(ERR_USAGE);
}

static const struct subcommand *find_subcommand(const char *name)
{
    for (size_t i = 0; name && i < sizeof subcommands / sizeof *subcommands; i++)
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    return NULL;
}

static bool open_queue(const char *config, struct store *store, struct err *err)
{
    struct place place;
    if (!place_find(config, &place, err))
        return false;
    struct str path = STR_INIT(PATH_LEN_MAX);
    bool ok = place_queue(&place, &path, err) && store_open(path.buf, store, err);
    str_free(&path);
    place_free(&place);
    return ok;
}

static int run(const struct subcommand *subcommand, const char *config, char **ids)
{
    struct store store;
    struct err err = {0};
    if (!open_queue(config, &store, &err))
        return say_error(NULL, &err);
    int status = subcommand->run(&store, ids);
    store_close(&store);
    return status;
}

int cmd_queue(int argc, char **argv)
{
    enum { CONFIG = 256, HELP, VERSION };
    static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
                                            {"help", no_argument, NULL, HELP},
                                            {"version", no_argument, NULL, VERSION},
                                            {NULL, 0, NULL, 0}};
    const char *config = NULL;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case CONFIG:
            config = optarg;
            break;
        case HELP:
            say("%s", usage);
            return 0;
        case VERSION:
            say("tappal %s", TAPPAL_VERSION);
            return 0;
        default:
            return bad_usage();
        }
    }
    const struct subcommand *subcommand = find_subcommand(argv[optind]);
    if (!subcommand || (argv[optind + 1] != NULL) != subcommand->takes_ids)
        return bad_usage();
    return run(subcommand, config, argv + optind + 1);
}
