/* service - `tappal service on | off`: somebody looks at the queue each minute, and when something is put into it; and
 * where an account fetches, its mail comes by itself. By units of systemd, the user's own or, for root, the machine's;
 * where there is no systemd, by lines in the crontab. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/strv.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/waker.h"

#define PATH_BYTES_MAX 4096
#define UNIT_MAX 16384
#define CRONTAB_MAX 262144
#define LIMIT_MS 30000
#define MARK "# Written by `tappal service on`; `tappal service off` removes it."
#define CRON_EVERY "*/5 * * * *"
#define FETCH_UNIT "tappal-fetch.service"

static const char usage[] =
    "Usage: tappal service on | off\n"
    "Has the queue looked at each minute, and new mail fetched as it comes, by systemd;\n"
    "or both each 5 minutes, by cron; or not any more.";

struct service {
    struct place place;
    struct str queue, deliver, fetch, folder; /* of units */
    bool root;
    bool fetches; /* an account does; or, to be turned off, a unit is there */
};

/* -- systemd and crontab, as commands -- */

/* True where it ends with 0. `input` NULL: none. */
static bool run(const char *const *words, const char *input, struct str *out, struct err *err)
{
    struct strv argv = STRV_INIT;
    int status = 0;
    bool ok = true;
    for (; ok && *words; words++)
        ok = strv_add(&argv, *words, err);
    ok = ok && proc_run(&(struct proc_run){.argv = argv.items,
                                           .input = input,
                                           .input_len = input ? strlen(input) : 0,
                                           .limit_ms = LIMIT_MS,
                                           .shown = argv.items[0]},
                        out, &status, err);
    if (ok && status != 0)
        ok = err_set(err, ERR_LOCAL, "%s did not do what it was asked for.", argv.items[0]);
    strv_free(&argv);
    return ok;
}

static bool systemctl(const struct service *s, const char *verb, const char *option, bool units,
                      struct err *err)
{
    struct str out = STR_INIT(UNIT_MAX);
    const char *words[9] = {"systemctl", s->root ? "--system" : "--user", verb};
    size_t n = 3;
    if (option)
        words[n++] = option;
    if (units) {
        words[n++] = "tappal.timer";
        words[n++] = "tappal.path";
        if (s->fetches)
            words[n++] = FETCH_UNIT;
    }
    bool ok = run(words, NULL, &out, err);
    str_free(&out);
    return ok;
}

/* Its words for "there is none here" are nobody's business. */
static bool has_systemd(const struct service *s)
{
    static const char *const words[] = {"sh", "-c", "exec systemctl \"$1\" show-environment 2>/dev/null",
                                        "sh"};
    const char *argv[] = {words[0], words[1], words[2], words[3], s->root ? "--system" : "--user", NULL};
    struct str out = STR_INIT(CRONTAB_MAX);
    struct err ignored;
    bool there = run(argv, NULL, &out, &ignored);
    str_free(&out);
    return there;
}

/* -- units -- */

static const char service_unit[] = MARK "\n[Unit]\nDescription=Send mail that is due\n"
                                        "Documentation=man:tappal-deliver(8)\n\n"
                                        "[Service]\nType=oneshot\nExecStart=";
static const char timer_unit[] = MARK "\n[Unit]\nDescription=Look each minute for mail that is due\n\n"
                                      "[Timer]\nOnActiveSec=1min\nOnUnitInactiveSec=1min\n\n"
                                      "[Install]\nWantedBy=timers.target\n";
static const char path_unit[] =
    MARK "\n[Unit]\nDescription=Look for mail when some comes in\n\n[Path]\nPathChanged=";
static const char fetch_unit[] = MARK "\n[Unit]\nDescription=Fetch mail as it comes\n"
                                      "Documentation=man:tappal-fetch(1)\n\n"
                                      "[Service]\nType=notify\nWatchdogSec=30min\nRestart=on-failure\n"
                                      "RestartSec=1min\nTimeoutStopSec=30\nExecStart=";
static const char fetch_tail[] = " --watch --quiet\n\n[Install]\nWantedBy=default.target\n";
static const char path_tail[] = "/msg\nUnit=tappal.service\n\n[Install]\nWantedBy=paths.target\n";

/* A unit of that name that somebody else wrote is left alone. */
static bool is_ours(const char *path, struct err *err)
{
    struct str text = STR_INIT(UNIT_MAX);
    bool ours = access(path, F_OK) != 0 || (fs_read_file(path, &text, err) && text_starts(text.buf, MARK));
    str_free(&text);
    if (ours)
        return true;
    err_set(err, ERR_LOCAL, "The file %s was not written by tappal.", path);
    return err_hint(err, "Take it away, if it is of no use, and try again.");
}

static bool put_unit(const struct service *s, const char *name, const char *text, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    bool ok = fs_join(&path, s->folder.buf, name, err) && is_ours(path.buf, err) &&
              fs_replace(path.buf, text, strlen(text), 0644, err);
    str_free(&path);
    return ok;
}

static bool drop_unit(const struct service *s, const char *name, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    bool ok = fs_join(&path, s->folder.buf, name, err) && is_ours(path.buf, err) &&
              fs_unlink(AT_FDCWD, path.buf, err);
    str_free(&path);
    return ok;
}

/* systemd reads %h and its like in paths; ours mean themselves. */
static bool add_path(struct str *out, const char *path, struct err *err)
{
    bool ok = true;
    for (; ok && *path; path++)
        ok = (*path != '%' || str_addc(out, '%', err)) && str_addc(out, *path, err);
    return ok;
}

static bool put_fetch_unit(const struct service *s, struct err *err)
{
    struct str unit = STR_INIT(UNIT_MAX);
    bool ok = str_addz(&unit, fetch_unit, err) && str_addc(&unit, '"', err) &&
              add_path(&unit, s->fetch.buf, err) && str_addc(&unit, '"', err) &&
              str_addz(&unit, fetch_tail, err) && put_unit(s, FETCH_UNIT, unit.buf, err);
    str_free(&unit);
    return ok;
}

static bool units_on(const struct service *s, struct err *err)
{
    struct str service = STR_INIT(UNIT_MAX), path = STR_INIT(UNIT_MAX);
    bool ok = str_addz(&service, service_unit, err) && str_addc(&service, '"', err) &&
              add_path(&service, s->deliver.buf, err) && str_addz(&service, "\"\n", err) &&
              str_addz(&path, path_unit, err) && add_path(&path, s->queue.buf, err) &&
              str_addz(&path, path_tail, err) && fs_make_dirs(s->folder.buf, err) &&
              put_unit(s, "tappal.service", service.buf, err) &&
              put_unit(s, "tappal.timer", timer_unit, err) && put_unit(s, "tappal.path", path.buf, err) &&
              (!s->fetches || put_fetch_unit(s, err)) && systemctl(s, "daemon-reload", NULL, false, err) &&
              systemctl(s, "enable", "--now", true, err);
    str_free(&service);
    str_free(&path);
    return ok;
}

static bool units_off(const struct service *s, struct err *err)
{
    return systemctl(s, "disable", "--now", true, err) && drop_unit(s, "tappal.timer", err) &&
           drop_unit(s, "tappal.path", err) && drop_unit(s, "tappal.service", err) &&
           (!s->fetches || drop_unit(s, FETCH_UNIT, err)) && systemctl(s, "daemon-reload", NULL, false, err);
}

/* -- crontab -- */

/* The table without our lines. No table is an empty one. */
static bool read_crontab(struct str *kept, struct err *err)
{
    static const char *const words[] = {"sh", "-c", "crontab -l 2>/dev/null || :", NULL};
    struct str table = STR_INIT(CRONTAB_MAX);
    bool ok = run(words, NULL, &table, err);
    for (const char *at = table.buf; ok && *at;) {
        size_t n = strcspn(at, "\n");
        bool ours = memmem(at, n, WAKER_MARK, strlen(WAKER_MARK)) != NULL;
        ok = ours || (str_add(kept, at, n, err) && str_addc(kept, '\n', err));
        at += n + (at[n] == '\n');
    }
    str_free(&table);
    return ok;
}

static bool write_crontab(const struct str *table, struct err *err)
{
    static const char *const words[] = {"crontab", "-", NULL};
    struct str out = STR_INIT(UNIT_MAX);
    bool ok = run(words, table->buf, &out, err);
    str_free(&out);
    return ok || err_hint(err, "There is no systemd here, so cron was asked; is it installed?");
}

static bool crontab(const struct service *s, bool on, struct err *err)
{
    struct str table = STR_INIT(CRONTAB_MAX);
    bool plain = s->deliver.buf[strcspn(s->deliver.buf, " %'\"\\")] == '\0';
    bool fetches = on && s->fetches;
    bool ok = plain || err_set(err, ERR_LOCAL, "The path %s cannot stand in a crontab.", s->deliver.buf);
    ok = ok && read_crontab(&table, err) &&
         (!on || str_addf(&table, err, "%s %s %s\n", CRON_EVERY, s->deliver.buf, WAKER_MARK)) &&
         (!fetches || str_addf(&table, err, "%s %s --quiet %s\n", CRON_EVERY, s->fetch.buf, WAKER_MARK)) &&
         write_crontab(&table, err);
    str_free(&table);
    return ok;
}

/* -- the command -- */

/* has_fetching - a configuration with faults is told by those who use it */
static bool has_fetching(const struct place *place)
{
    struct config config;
    struct err ignored;
    bool found = false;
    if (!place_load(place, &config, &ignored))
        return false;
    for (size_t i = 0; i < config.count; i++)
        found = found || config.accounts[i].fetch.on;
    conf_free(&config);
    return found;
}

static bool has_fetch_unit(const struct service *s)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct err ignored;
    bool there = fs_join(&path, s->folder.buf, FETCH_UNIT, &ignored) && access(path.buf, F_OK) == 0;
    str_free(&path);
    return there;
}

static bool service_find(struct service *s, struct err *err)
{
    *s = (struct service){.queue = STR_INIT(PATH_BYTES_MAX),
                          .deliver = STR_INIT(PATH_BYTES_MAX),
                          .fetch = STR_INIT(PATH_BYTES_MAX),
                          .folder = STR_INIT(PATH_BYTES_MAX),
                          .root = geteuid() == 0};
    if (!place_find(NULL, &s->place, err) || !place_queue(&s->place, &s->queue, err) ||
        !proc_find("tappal-deliver", &s->deliver, err) || !proc_find("tappal-fetch", &s->fetch, err))
        return false;
    if (s->root)
        return str_addz(&s->folder, "/etc/systemd/system", err);
    if (!s->place.home)
        return err_set(err, ERR_CONFIG, "There is no home to keep a service in.");
    return str_addf(&s->folder, err, "%s/.config/systemd/user", s->place.home);
}

static int service(bool on)
{
    struct service s;
    struct err err = {0};
    bool ok = service_find(&s, &err);
    bool systemd = ok && has_systemd(&s);
    s.fetches = ok && (on || !systemd ? has_fetching(&s.place) : has_fetch_unit(&s));
    ok = ok && (!systemd ? crontab(&s, on, &err) : on ? units_on(&s, &err) : units_off(&s, &err));
    if (ok && on)
        say("The queue is looked at %s.",
            systemd ? "each minute, by systemd: tappal.timer" : "each 5 minutes, by cron");
    else if (ok)
        say("The queue is not looked at any more, unless a program of tappal runs.");
    if (ok && on && s.fetches)
        say("New mail is fetched %s.",
            systemd ? "as it comes, by systemd: " FETCH_UNIT : "each 5 minutes, by cron");
    else if (ok && s.fetches)
        say("New mail is fetched by tappal-fetch only.");
    str_free(&s.queue);
    str_free(&s.deliver);
    str_free(&s.fetch);
    str_free(&s.folder);
    place_free(&s.place);
    return ok ? 0 : say_error(NULL, &err);
}

int cmd_service(int argc, char **argv)
{
    static const char *const words[] = {"on", "off", NULL};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        say("%s", usage);
        return 0;
    }
    if (argc < 2)
        return cmd_lacks("service", "on or off");
    if (strcmp(argv[1], "on") != 0 && strcmp(argv[1], "off") != 0)
        return cmd_unknown("tappal service", argv[1], words);
    if (argc > 2)
        return cmd_surplus("service", argv[2]);
    return service(strcmp(argv[1], "on") == 0);
}
