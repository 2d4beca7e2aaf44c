/* check - `tappal check [FILE]`: every fault of the configuration, offline. 0, or 78 where there is one. */
#include <getopt.h>
#include <stdio.h>

#include "client/hint.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "conf/aliases.h"
#include "conf/conf.h"
#include "conf/place.h"

static const char usage[] =
    "Usage: tappal check [--config DIR] [FILE]\n"
    "Looks for faults in all files of the configuration, or in FILE alone. Nothing is\n"
    "asked of any server. Exit status: 0, or 78 where there is a fault.";

/* check_folder - the folder itself, or one FILE with the defaults that stand above it */
static int check_folder(const char *dir, const char *file)
{
    struct err err = {0};
    struct strv lines = STRV_INIT;
    bool ok = conf_check(dir, file, &lines, &err);
    for (size_t i = 0; i < lines.count; i++)
        say("%s", lines.items[i]);
    int status = ok ? 0 : err_exit_status(ERR_CONFIG);
    if (!ok && lines.count == 0)
        status = say_error(NULL, &err);
    strv_free(&lines);
    return status;
}

/* Targets that aliases(5) knows and we do not. They are no fault of the configuration: /etc/aliases is for all. */
static bool say_aliases(const struct account *account)
{
    struct aliases aliases;
    struct err err;
    if (account->send.aliases == NULL)
        return true;
    if (!aliases_read(account->send.aliases, &aliases, &err)) {
        (void)say_error(account->name, &err);
        return false;
    }
    for (size_t i = 0; i < aliases.faults.count; i++)
        say("%s:%s", account->send.aliases, aliases.faults.items[i]);
    aliases_free(&aliases);
    return true;
}

/* No fault: it is only not needed. */
static void say_sent(const struct account *account)
{
    const struct send_conf *send = &account->send;
    if (send->on && send->sent == SENT_IMAP && hint_files_sent(send->server.host))
        say("%s: `sent = imap` adds nothing: %s keeps a copy of what it sends by itself.", account->file,
            send->server.host);
}

static int say_sound(const struct place *place)
{
    struct err err;
    struct config config;
    if (!place_load(place, &config, &err))
        return say_error(NULL, &err);
    bool ok = true;
    for (size_t i = 0; i < config.count; i++) {
        ok = say_aliases(&config.accounts[i]) && ok;
        say_sent(&config.accounts[i]);
    }
    if (conf_lacks_default(&config))
        say("%s: several accounts send and none is the default: mail that bears none of their addresses "
            "waits.",
            config.dir);
    if (ok)
        say("%s is sound: %zu account%s.", config.dir, config.count, config.count == 1 ? "" : "s");
    conf_free(&config);
    return ok ? 0 : err_exit_status(ERR_CONFIG);
}

static int check_place(const struct place *place, const char *file)
{
    struct err err;
    const char *dir = place->config_dir ? place->config_dir : place->machine_dir;
    if (!dir) {
        err_set(&err, ERR_CONFIG, "There is no folder for a configuration: %s has no home.",
                place->user_name);
        return say_error(NULL, &err);
    }
    int status = check_folder(dir, file);
    if (status == 0 && file)
        say("%s is sound.", file);
    else if (status == 0)
        status = say_sound(place);
    return status;
}

int cmd_check(int argc, char **argv)
{
    enum { CONFIG = 1, HELP };
    static const struct option long_options[] = {
        {"config", required_argument, NULL, CONFIG}, {"help", no_argument, NULL, HELP}, {NULL, 0, NULL, 0}};
    const char *config = NULL;
    struct place place;
    struct err err;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (c == CONFIG) {
            config = optarg;
            continue;
        }
        if (c != HELP)
            return cmd_bad_option("check", c, argv, long_options);
        say("%s", usage);
        return 0;
    }
    if (argc - optind > 1)
        return cmd_surplus("check", argv[optind + 1]);
    if (!place_find(config, &place, &err))
        return say_error(NULL, &err);
    int status = check_place(&place, argv[optind]);
    place_free(&place);
    return status;
}
