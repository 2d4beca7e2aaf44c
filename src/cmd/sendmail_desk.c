/* sendmail_desk - places, configuration, and which account sends. */
#include "cmd/sendmail.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

#define DELIVERED ".delivered"

/* A configuration that is not there, apart from one that is there and broken. */
static bool load(struct desk *desk, struct err *err)
{
    if (place_load_sending(&desk->place, &desk->config, &desk->fault))
        return true;
    desk->broken = desk->fault.sys != ENOENT;
    if (!desk->broken)
        *err = desk->fault;
    return desk->broken;
}

bool desk_open(struct desk *desk, const struct sendmail_options *options, struct err *err)
{
    *desk = (struct desk){.options = options};
    if (!place_find(options->config, &desk->place, err) || !load(desk, err))
        return false;
    /* Never stderr by itself: with status 0 nothing is written there. */
    log_open("tappal-sendmail", desk->config.log != NULL ? desk->config.log : "syslog");
    if (desk->broken)
        log_event(LOG_LEVEL_WARNING, "configuration", "error", desk->fault.what, NULL);
    return true;
}

void desk_close(struct desk *desk)
{
    if (desk->store.path != NULL)
        store_close(&desk->store);
    conf_free(&desk->config);
    place_free(&desk->place);
}

bool desk_open_store(struct desk *desk, struct err *err)
{
    struct str path = STR_INIT(PATH_MAX);
    bool ok = place_queue(&desk->place, &path, err) && store_open(path.buf, &desk->store, err);
    str_free(&path);
    return ok;
}

static bool is_full(const struct desk *desk, const char *option, struct err *err)
{
    err_set(err, ERR_LOCAL, "The queue holds as much as `%s` allows; the message was not kept.", option);
    err->sys = EDQUOT;
    return err_hint(err, "See what waits with: tappal queue list. The limit is in %s/tappal.ini.",
                    desk->config.dir);
}

bool desk_room(struct desk *desk, uint64_t *room_r, struct err *err)
{
    const uint64_t most = desk->config.max_messages, most_bytes = desk->config.max_bytes;
    struct store_item *items;
    size_t count;
    uint64_t bytes = 0;
    *room_r = UINT64_MAX;
    if (most == 0 && most_bytes == 0)
        return true;
    if (!store_list(&desk->store, &items, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        bytes += items[i].size;
    free(items);
    if (most > 0 && count >= most)
        return is_full(desk, "max_messages", err);
    if (most_bytes > 0)
        *room_r = bytes < most_bytes ? most_bytes - bytes : 0;
    return true;
}

bool desk_use_room(const struct desk *desk, uint64_t *room, uint64_t n, struct err *err)
{
    if (n > *room)
        return is_full(desk, "max_bytes", err);
    *room -= n;
    return true;
}

const struct account *desk_choose(const struct desk *desk, const char *sender, const char *header_from,
                                  struct err *fault_r)
{
    if (desk->broken) {
        *fault_r = desk->fault;
        return NULL;
    }
    if (desk->options->account == NULL)
        return conf_choose_sender(&desk->config, sender, header_from, fault_r);
    const struct account *account = conf_find(&desk->config, desk->options->account, fault_r);
    if (account != NULL && !account->send.on) {
        err_set(fault_r, ERR_CONFIG, "The account %s has no [send] section, so it cannot send mail.",
                account->name);
        err_hint(fault_r, "Name another account, or add the section to %s.", account->file);
        return NULL;
    }
    return account;
}

/* Whether any account has ever delivered. */
static bool any_delivered(const struct place *place)
{
    struct str path = STR_INIT(PATH_MAX);
    struct err ignored;
    bool any = false;
    DIR *dir = fs_join(&path, place->state_dir, "accounts", &ignored) ? opendir(path.buf) : NULL;
    for (struct dirent *entry; dir != NULL && !any && (entry = readdir(dir)) != NULL;)
        any = text_ends(entry->d_name, DELIVERED);
    if (dir != NULL)
        closedir(dir);
    str_free(&path);
    return any;
}

bool desk_is_first_setup(const struct desk *desk, const struct account *account)
{
    if (!isatty(STDERR_FILENO))
        return false;
    if (account == NULL)
        return !any_delivered(&desk->place);
    struct str path = STR_INIT(PATH_MAX);
    struct err ignored;
    bool first =
        place_account_mark(&desk->place, account, DELIVERED, &path, &ignored) && access(path.buf, F_OK) != 0;
    str_free(&path);
    return first;
}
