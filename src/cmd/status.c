/* status - `tappal status`: one line for each account, and how many messages wait. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "conf/place.h"
#include "spool/store.h"

#define PATH_BYTES_MAX 4096

static const char usage[] = "Usage: tappal status [--config DIR]\n"
                            "Says which accounts there are and how many messages wait to be sent.";

static const char *server_name(bool on, const struct endpoint *server)
{
    return !on ? "-" : server->host ? server->host : server->socket ? server->socket : "a tunnel";
}

static void say_accounts(const struct config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct account *a = &config->accounts[i];
        say("%s: %s; sends by %s, fetches from %s", a->name, a->address ? a->address : "(no address)",
            server_name(a->send.on, &a->send.server), server_name(a->fetch.on, &a->fetch.server));
    }
}

static bool say_queue(const char *path, struct err *err)
{
    struct store store;
    struct store_item *items = NULL;
    size_t count = 0;
    size_t failed = 0;
    if (!store_open(path, &store, err))
        return false;
    bool ok = store_list(&store, &items, &count, err) && store_count(&store, "failed", &failed, err);
    size_t due = 0;
    for (size_t i = 0; i < count; i++)
        due += items[i].due <= clock_now();
    if (ok && count == 0)
        say("No message waits.");
    else if (ok)
        say("%zu message%s wait%s, %zu of them due now: tappal queue list", count, count == 1 ? "" : "s",
            count == 1 ? "s" : "", due);
    if (ok && failed > 0)
        say("%zu message%s could not be sent and lie%s in %s/failed", failed, failed == 1 ? "" : "s",
            failed == 1 ? "s" : "", path);
    free(items);
    store_close(&store);
    return ok;
}

static int status(const struct place *place)
{
    struct err err;
    struct config config;
    struct str path = STR_INIT(PATH_BYTES_MAX);
    int result = 0;
    if (place_load(place, &config, &err)) {
        say_accounts(&config);
        conf_free(&config);
    } else {
        result = say_error(NULL, &err);
    }
    if (!place_queue(place, &path, &err) || !say_queue(path.buf, &err))
        result = say_error(NULL, &err);
    str_free(&path);
    return result;
}

int cmd_status(int argc, char **argv)
{
    enum { CONFIG = 1, HELP };
    static const struct option long_options[] = {
        {"config", required_argument, NULL, CONFIG}, {"help", no_argument, NULL, HELP}, {NULL, 0, NULL, 0}};
    const char *config = NULL;
    struct place place;
    struct err err;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (c == CONFIG) {
            config = optarg;
            continue;
        }
        fprintf(c == HELP ? stdout : stderr, "%s\n", usage);
        return c == HELP ? 0 : err_exit_status(ERR_USAGE);
    }
    if (optind < argc) {
        fprintf(stderr, "%s\n", usage);
        return err_exit_status(ERR_USAGE);
    }
    if (!place_find(config, &place, &err))
        return say_error(NULL, &err);
    int result = status(&place);
    place_free(&place);
    return result;
}
