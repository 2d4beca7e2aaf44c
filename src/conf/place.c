/* place - see place.h. */
#include "conf/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/sum.h"
#include "base/text.h"
#include "conf/person.h"

#define PATH_BYTES_MAX 4096
#define MACHINE_DIR SYSCONFDIR "/tappal"
#define MACHINE_STATE "/var/lib/tappal"
#define DIR_HASH_HEX 8
#define OTHERS_WRITE 022
#define OTHERS_READ 044

/* join - "DIR/NAME" in malloc'd memory */
static bool join(char **field, const char *dir, const char *name, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    bool ok = fs_join(&path, dir, name, err);
    *field = ok ? str_steal(&path) : NULL;
    str_free(&path);
    return *field != NULL || (ok && err_nomem(err));
}

/* absolute - a path that a person named, seen from the current folder; without slashes at its end,
 * since marks of accounts are named after it */
static bool absolute(char **field, const char *path, struct err *err)
{
    char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    if (path[0] != '/' && !cwd)
        return err_errno(err, ERR_LOCAL, "The current folder cannot be named");
    bool ok = cwd ? join(field, cwd, path, err) : (*field = strdup(path)) != NULL || err_nomem(err);
    free(cwd);
    for (size_t n = ok ? strlen(*field) : 0; n > 1 && (*field)[n - 1] == '/'; n--)
        (*field)[n - 1] = '\0';
    return ok;
}

/* owned_variable - an environment variable that names a folder of ours */
static const char *owned_variable(const char *name)
{
    const char *value = getenv(name);
    return value && person_owns(value) ? value : NULL;
}

static bool find_config(struct place *place, const char *option, struct err *err)
{
    const char *named = option;
    if (proc_called_as_sendmail())
        named = NULL;
    else if (!named)
        named = owned_variable("TAPPAL_CONFIG");
    if (named)
        return absolute(&place->config_dir, named, err);
    place->machine_dir = strdup(MACHINE_DIR);
    if (!place->machine_dir)
        return err_nomem(err);
    const char *xdg = owned_variable("XDG_CONFIG_HOME");
    if (xdg)
        return join(&place->config_dir, xdg, "tappal", err);
    return !place->home || join(&place->config_dir, place->home, ".config/tappal", err);
}

static bool find_state(struct place *place, bool home_is_own, struct err *err)
{
    const char *xdg = owned_variable("XDG_STATE_HOME");
    if (xdg)
        return join(&place->state_dir, xdg, "tappal", err);
    if (geteuid() == 0)
        return (place->state_dir = strdup(MACHINE_STATE)) != NULL || err_nomem(err);
    return !home_is_own || join(&place->state_dir, place->home, ".local/state/tappal", err);
}

bool place_find(const char *config_option, struct place *place_r, struct err *err)
{
    struct person person;
    struct place place = {0};
    if (!person_find(&person, err))
        return false;
    place.home = person.home;
    place.user_name = person.user_name;
    place.mail_name = person.mail_name;
    person.home = person.user_name = person.mail_name = NULL;
    bool ok = find_config(&place, config_option, err) && find_state(&place, person.home_is_own, err);
    person_free(&person);
    if (ok)
        *place_r = place;
    else
        place_free(&place);
    return ok;
}

void place_free(struct place *place)
{
    free(place->home);
    free(place->user_name);
    free(place->config_dir);
    free(place->machine_dir);
    free(place->state_dir);
    free(place->mail_name);
    *place = (struct place){0};
}

static bool any_account(const struct config *config)
{
    return config->count > 0;
}

static bool any_sender(const struct config *config)
{
    for (size_t i = 0; i < config->count; i++)
        if (config->accounts[i].send.on)
            return true;
    return false;
}

/* load_one - the configuration in `dir`, if it satisfies; *found_r says so */
static bool load_one(const char *dir, bool (*satisfies)(const struct config *), struct config *config_r,
                     bool *found_r, struct err *err)
{
    struct config config = {0};
    *found_r = false;
    if (!dir)
        return true;
    if (!conf_load(dir, &config, err))
        return false;
    *found_r = satisfies(&config);
    if (*found_r)
        *config_r = config;
    else
        conf_free(&config);
    return true;
}

static bool load(const struct place *place, bool (*satisfies)(const struct config *), const char *missing,
                 struct config *config_r, struct err *err)
{
    bool found, closed = false; /* the machine's is there, but not for this user */
    if (!load_one(place->config_dir, satisfies, config_r, &found, err))
        return false;
    if (!found && !load_one(place->machine_dir, satisfies, config_r, &found, err)) {
        closed = err->sys == EACCES;
        if (!closed)
            return false;
    }
    if (found)
        return true;
    err_set(err, ERR_CONFIG, "No account %s is set up: there is none in %s%s%s%s.", missing,
            place->config_dir ? place->config_dir : "a home folder", place->machine_dir ? ", nor in " : "",
            place->machine_dir ? place->machine_dir : "", closed ? ", which this user may not read" : "");
    err->sys = ENOENT;
    return err_hint(err, "Set one up with: tappal account add YOU@EXAMPLE.ORG");
}

bool place_load(const struct place *place, struct config *config_r, struct err *err)
{
    return load(place, any_account, "of yours", config_r, err);
}

bool place_load_sending(const struct place *place, struct config *config_r, struct err *err)
{
    return load(place, any_sender, "for sending", config_r, err);
}

/* make_own - the folder is there, is ours, and nobody else can look into it */
static bool make_own(const char *path, struct err *err)
{
    struct stat st;
    char name[64];
    if (!fs_make_dirs(path, err))
        return false;
    if (stat(path, &st) != 0)
        return err_errno(err, ERR_LOCAL, "%s cannot be looked at", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_LOCAL, "%s should be a folder, and is not.", path);
    if (st.st_uid != geteuid()) {
        person_owner_name(st.st_uid, name);
        err_set(err, ERR_LOCAL, "The folder %s belongs to %s, so nothing of yours is kept in it.", path,
                name);
        return err_hint(err, "Give it back to its user (chown), or set XDG_STATE_HOME to a folder of yours.");
    }
    if ((st.st_mode & 077) != 0 && chmod(path, 0700) != 0)
        return err_errno(err, ERR_LOCAL, "%s could not be made private", path);
    return true;
}

/* state_folder - "STATE/NAME", made and checked */
static bool state_folder(const struct place *place, const char *name, struct str *path_r, struct err *err)
{
    if (!place->state_dir) {
        err_set(err, ERR_LOCAL, "There is nowhere to keep mail: %s has no home folder of its own.",
                place->user_name);
        return err_hint(err,
                        "Set XDG_STATE_HOME to a folder that belongs to this user, or give the user a home.");
    }
    return make_own(place->state_dir, err) && fs_join(path_r, place->state_dir, name, err) &&
           make_own(path_r->buf, err);
}

bool place_queue(const struct place *place, struct str *path_r, struct err *err)
{
    return state_folder(place, "queue", path_r, err);
}

/* add_account_name - "/NAME-HASH": two configurations may both have an account `work` */
static bool add_account_name(const struct account *account, struct str *path, struct err *err)
{
    char hex[SUM_SHA256_HEX];
    sum_sha256_hex(account->config_dir, strlen(account->config_dir), hex);
    return str_addf(path, err, "/%s-%.*s", account->name, DIR_HASH_HEX, hex);
}

bool place_fetch_state(const struct place *place, const struct account *account, struct str *path_r,
                       struct err *err)
{
    return state_folder(place, "fetch", path_r, err) && add_account_name(account, path_r, err) &&
           make_own(path_r->buf, err);
}

bool place_fetch_state_if_there(const struct place *place, const struct account *account, struct str *path_r,
                                struct err *err)
{
    if (!place->state_dir)
        return place_fetch_state(place, account, path_r, err); /* says why */
    return fs_join(path_r, place->state_dir, "fetch", err) && add_account_name(account, path_r, err) &&
           (access(path_r->buf, F_OK) != 0 || make_own(path_r->buf, err));
}

bool place_account_mark(const struct place *place, const struct account *account, const char *suffix,
                        struct str *path_r, struct err *err)
{
    return state_folder(place, "accounts", path_r, err) && add_account_name(account, path_r, err) &&
           str_addz(path_r, suffix, err);
}

/* owner_or_root - a file of anybody else's could be changed behind our back */
static bool owner_or_root(const struct stat *st, const char *shown, struct err *err)
{
    char name[64];
    if (st->st_uid == geteuid() || st->st_uid == 0)
        return true;
    person_owner_name(st->st_uid, name);
    err_set(err, ERR_CONFIG, "%s belongs to %s, so it is not trusted.", shown, name);
    return err_hint(err, "Make it yours: sudo chown \"$USER\" %s", shown);
}

bool place_check_config_file(int fd, const char *shown, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(err, ERR_LOCAL, "%s cannot be looked at", shown);
    if (!owner_or_root(&st, shown, err))
        return false;
    if ((st.st_mode & OTHERS_WRITE) == 0)
        return true;
    err_set(err, ERR_CONFIG, "Others can write %s, so it is not trusted.", shown);
    return err_hint(err, "Take that right away: chmod go-w %s", shown);
}

/* kept_apart - under /run/secrets, or on a file system that is mounted read-only: there the modes
 * are the container's or the service manager's affair */
static bool kept_apart(int fd)
{
    char link[40];
    char path[PATH_BYTES_MAX];
    struct statvfs vfs;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return text_starts(path, "/run/secrets/") || (fstatvfs(fd, &vfs) == 0 && (vfs.f_flag & ST_RDONLY) != 0);
}

bool place_check_secret_file(int fd, const char *shown, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(err, ERR_LOCAL, "%s cannot be looked at", shown);
    bool apart = kept_apart(fd);
    if (!apart && !owner_or_root(&st, shown, err))
        return false;
    if ((st.st_mode & OTHERS_WRITE) != 0)
        err_set(err, ERR_CONFIG, "%s holds a secret, and others can write it.", shown);
    else if ((st.st_mode & OTHERS_READ) != 0 && !apart)
        err_set(err, ERR_CONFIG, "%s holds a secret, and others can read it.", shown);
    else
        return true;
    return err_hint(err, "Keep it to yourself: chmod 600 %s", shown);
}
