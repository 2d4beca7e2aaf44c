/* waker - see waker.h. */
#include "cmd/waker.h"

#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/strv.h"
#include "base/text.h"

#define PATH_LEN_MAX 4096
#define CRONTAB_MAX 262144
#define CRONTAB_MS 5000

/* Enabled is a link in the wants folder of its target: the user's own, the machine's for users, or root's. */
static bool has_timer(const struct place *place)
{
    const char *machine = geteuid() == 0 ? "/etc/systemd/system" : "/etc/systemd/user";
    struct str path = STR_INIT(PATH_LEN_MAX);
    struct err ignored;
    bool found = false;
    if (place->home != NULL &&
        str_addf(&path, &ignored, "%s/.config/systemd/user/timers.target.wants/tappal.timer", place->home))
        found = access(path.buf, F_OK) == 0 || readlink(path.buf, (char[1]){0}, 1) > 0;
    str_clear(&path);
    found = found || (str_addf(&path, &ignored, "%s/timers.target.wants/tappal.timer", machine) &&
                      access(path.buf, F_OK) == 0);
    str_free(&path);
    return found;
}

static bool has_cron_line(void)
{
    struct str table = STR_INIT(CRONTAB_MAX);
    struct err ignored;
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"exec crontab -l 2>/dev/null"}, NULL};
    int status = 0;
    bool found = proc_run(&(struct proc_run){.argv = argv, .limit_ms = CRONTAB_MS, .shown = "crontab"},
                          &table, &status, &ignored) &&
                 status == 0 && strstr(table.buf, WAKER_MARK) != NULL;
    str_free(&table);
    return found;
}

enum waker waker_find(const struct place *place, struct store *store)
{
    if (store_is_watched(store))
        return WAKER_RUNNER;
    if (has_timer(place))
        return WAKER_TIMER;
    if (has_cron_line())
        return WAKER_CRON;
    return store_is_stayed_at(store) ? WAKER_STAYS : WAKER_NONE;
}

const char *waker_name(enum waker waker)
{
    static const char *const names[] = {
        [WAKER_NONE] = "nothing, until a message is sent or `tappal queue run`; see `tappal service on`",
        [WAKER_STAYS] = "tappal-deliver, as long as this session or container lasts; see `tappal service on`",
        [WAKER_CRON] = "a line in the crontab",
        [WAKER_TIMER] = "systemd's tappal.timer",
        [WAKER_RUNNER] = "a standing runner",
    };
    return names[waker];
}
