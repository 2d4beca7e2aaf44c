/* conf - see conf.h: reads the folder, file by file, and puts accounts together from their own file
 * and the defaults of tappal.ini. */
#include "conf/conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "conf/faults.h"
#include "conf/ini.h"
#include "conf/options.h"
#include "conf/place.h"
#include "conf/settle.h"

#define PATH_BYTES_MAX 8192
#define ACCOUNT_NAME_MAX 64

struct loading {
    struct config *config;
    struct person person;
    struct ini_file defaults; /* tappal.ini */
    struct faults faults;
    bool passed_over; /* an account's file is not for this user to read */
};

static void keep_fault(struct loading *loading, const struct err *err)
{
    faults_add(&loading->faults, err);
}

static bool is_machine_section(const char *section)
{
    return strcmp(section, "tappal") == 0 || strcmp(section, "queue") == 0;
}

void conf_account_free(struct account *account)
{
    for (const struct conf_option *o = option_table; o->section; o++)
        if (!is_machine_section(o->section))
            option_clear(o, account);
    free(account->name);
    free(account->file);
    free(account->config_dir);
}

void conf_free(struct config *config)
{
    for (size_t i = 0; i < config->count; i++)
        conf_account_free(&config->accounts[i]);
    free(config->accounts);
    for (const struct conf_option *o = option_table; o->section; o++)
        if (is_machine_section(o->section))
            option_clear(o, config);
    free(config->dir);
    *config = (struct config){0};
}

/* -- one file -- */

/* open_file - -1 with errno kept in err->sys where it cannot be opened */
static int open_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0)
        return fd;
    err_errno(err, errno == EACCES ? ERR_CONFIG : ERR_LOCAL, "%s could not be opened", path);
    if (err->sys == EACCES)
        err_hint(err, "Look at its owner and mode: ls -l %s", path);
    return -1;
}

static bool read_text(int fd, const char *path, struct str *text, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(err, ERR_LOCAL, "%s cannot be looked at", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "%s is not a file.", path);
    if (st.st_size > INI_FILE_MAX)
        return err_set(err, ERR_CONFIG, "%s is longer than a configuration may be.", path);
    return place_check_config_file(fd, path, err) && fs_read_all(fd, text, path, err);
}

/* read_file - false where there is nothing to go on with; the fault is kept */
static bool read_file(struct loading *loading, const char *path, bool for_account, struct ini_file *file_r,
                      struct err *err)
{
    struct str text = STR_INIT(INI_FILE_MAX + 1);
    int fd = open_file(path, err);
    bool ok = fd >= 0 && read_text(fd, path, &text, err);
    if (ok)
        ini_read(path, &text, for_account, file_r, &loading->faults);
    if (fd >= 0)
        close(fd);
    str_wipe(&text); /* it may hold a password that should not be in it */
    return ok;
}

/* -- from settings to structs -- */

static void apply_setting(struct loading *loading, const struct ini_file *file, const struct setting *setting,
                          void *base)
{
    struct err err;
    if (option_set(setting->option, base, setting->raw, &loading->person, &err))
        return;
    err_prefix(&err, "%s:%u: ", file->shown, setting->line);
    keep_fault(loading, &err);
}

/* apply_option - what the account's file says, else what tappal.ini says, else the table's default */
static void apply_option(struct loading *loading, const struct conf_option *option,
                         const struct ini_file *own, const struct ini_file *defaults, void *base)
{
    struct err err;
    const struct setting *setting;
    const struct ini_file *file = settle_source(option, own, defaults, &setting);
    if (file) {
        size_t from = 0;
        option_clear(option, base);
        while ((setting = ini_find(file, option, &from)) != NULL)
            apply_setting(loading, file, setting, base);
    } else if (option->default_text &&
               !option_set(option, base, option->default_text, &loading->person, &err)) {
        keep_fault(loading, &err);
    }
}

static void apply_account(struct loading *loading, struct account *account, const struct ini_file *own)
{
    for (const struct conf_option *o = option_table; o->section; o++) {
        bool half = strcmp(o->section, "account") != 0;
        if (is_machine_section(o->section))
            continue;
        /* a default [send] makes no sender of an account that has none */
        if (half && own && !strv_has(&own->sections, o->section))
            continue;
        apply_option(loading, o, own, &loading->defaults, account);
    }
}

/* try_defaults - a fault in tappal.ini is one where there are no accounts yet, too */
static void try_defaults(struct loading *loading)
{
    struct account scratch = {0};
    apply_account(loading, &scratch, NULL);
    conf_account_free(&scratch);
}

/* -- tappal.ini -- */

static void read_main(struct loading *loading, const char *path)
{
    struct err err;
    struct config *config = loading->config;
    bool there = read_file(loading, path, false, &loading->defaults, &err);
    if (!there && err.sys != ENOENT && err.sys != ENOTDIR)
        keep_fault(loading, &err);
    for (const struct conf_option *o = option_table; o->section; o++)
        if (is_machine_section(o->section))
            apply_option(loading, o, &loading->defaults, NULL, config);
    if (there)
        try_defaults(loading);
}

static void check_default(struct loading *loading)
{
    struct err err;
    const struct setting *setting;
    const struct config *config = loading->config;
    const struct ini_file *file =
        settle_source(option_find("tappal", "default"), &loading->defaults, NULL, &setting);
    if (!file || !config->default_account || loading->passed_over ||
        conf_find(config, config->default_account, &err))
        return;
    err_prefix(&err, "%s:%u: ", file->shown, setting->line);
    keep_fault(loading, &err);
}

/* -- accounts -- */

/* name_is_sound - a name that fits on a command line and into a file name */
static bool name_is_sound(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= ACCOUNT_NAME_MAX && name[0] != '-' && name[0] != '.' && text_is_utf8(name, n) &&
           !text_has_control(name, n) && name[strcspn(name, " /\\'\"`$&|;<>()*?[]{}!#~:,")] == '\0';
}

bool conf_account_name(const char *path, char **name_r, struct err *err)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t n = strlen(base);
    if (text_ends(base, ".ini"))
        n -= strlen(".ini");
    *name_r = strndup(base, n);
    if (!*name_r)
        return err_nomem(err);
    if (name_is_sound(*name_r))
        return true;
    free(*name_r);
    *name_r = NULL;
    err_set(err, ERR_CONFIG, "%s: the name of this file cannot be the name of an account.", path);
    return err_hint(err, "Use letters, digits, dot, hyphen, underscore, @ and +, up to %d bytes: work.ini",
                    ACCOUNT_NAME_MAX);
}

static bool keep_text(char **field, const char *text, struct err *err)
{
    *field = strdup(text);
    return *field || err_nomem(err);
}

/* read_account - into a fresh struct; false where it is no account at all */
static bool read_account(struct loading *loading, const char *path, struct account *account, struct err *err)
{
    struct ini_file own = {0};
    if (!conf_account_name(path, &account->name, err) || !read_file(loading, path, true, &own, err))
        return false;
    bool ok =
        keep_text(&account->file, path, err) && keep_text(&account->config_dir, loading->config->dir, err);
    if (ok) {
        apply_account(loading, account, &own);
        settle_account(account, &own, &loading->defaults, &loading->faults);
    }
    ini_free(&own);
    return ok;
}

static void add_account(struct loading *loading, const char *path, bool passes_over)
{
    struct err err;
    struct config *config = loading->config;
    struct account account = {0};
    struct account *more = NULL;
    if (read_account(loading, path, &account, &err)) {
        more = realloc(config->accounts, (config->count + 1) * sizeof *more);
        if (!more)
            err_nomem(&err);
    }
    if (more) {
        config->accounts = more;
        config->accounts[config->count++] = account;
        return;
    }
    conf_account_free(&account);
    if (err.sys == EACCES && passes_over)
        loading->passed_over = true;
    else
        keep_fault(loading, &err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* list_files - the names in accounts/ that end in .ini, sorted; what an editor leaves is passed over */
static bool list_files(DIR *dir, struct strv *names, struct err *err)
{
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && text_ends(entry->d_name, ".ini") &&
            !strv_add(names, entry->d_name, err))
            return false;
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, by_name);
    return true;
}

static void read_accounts(struct loading *loading, const char *path)
{
    struct err err;
    struct stat st;
    struct strv names = STRV_INIT;
    struct str file = STR_INIT(PATH_BYTES_MAX);
    DIR *dir = opendir(path);
    if (!dir && (errno == ENOENT || errno == ENOTDIR))
        return;
    if (!dir) {
        err_errno(&err, errno == EACCES ? ERR_CONFIG : ERR_LOCAL, "The folder %s cannot be read", path);
        keep_fault(loading, &err);
        return;
    }
    /* in the machine's folder, an account may be for some users only; in one's own it is a fault */
    bool passes_over = fstat(dirfd(dir), &st) == 0 && st.st_uid != geteuid();
    if (!list_files(dir, &names, &err))
        keep_fault(loading, &err);
    for (size_t i = 0; i < names.count; i++) {
        if (fs_join(&file, path, names.items[i], &err))
            add_account(loading, file.buf, passes_over);
        else
            keep_fault(loading, &err);
    }
    closedir(dir);
    strv_free(&names);
    str_free(&file);
}

/* -- the whole -- */

static bool begin(struct loading *loading, const char *dir, struct config *config, struct err *err)
{
    *loading = (struct loading){.config = config};
    *config = (struct config){0};
    return person_find(&loading->person, err) && keep_text(&config->dir, dir, err);
}

/* finish - gives the first fault, if there is one */
static bool finish(struct loading *loading, struct err *err)
{
    bool ok = loading->faults.first.kind == ERR_NONE;
    if (!ok)
        *err = loading->faults.first;
    faults_free(&loading->faults);
    ini_free(&loading->defaults);
    person_free(&loading->person);
    return ok;
}

static void read_all(struct loading *loading)
{
    struct err err;
    struct str path = STR_INIT(PATH_BYTES_MAX);
    bool ok = fs_join(&path, loading->config->dir, "tappal.ini", &err);
    if (ok)
        read_main(loading, path.buf);
    ok = ok && fs_join(&path, loading->config->dir, "accounts", &err);
    if (ok)
        read_accounts(loading, path.buf);
    else
        keep_fault(loading, &err);
    check_default(loading);
    str_free(&path);
}

bool conf_load(const char *dir, struct config *config_r, struct err *err)
{
    struct loading loading;
    struct config config;
    bool ok = begin(&loading, dir, &config, err);
    if (ok)
        read_all(&loading);
    ok = finish(&loading, err) && ok;
    if (ok)
        *config_r = config;
    else
        conf_free(&config);
    return ok;
}

/* read_one - a single file; the defaults for an account in a folder accounts/ stand above it */
static void read_one(struct loading *loading, const char *file)
{
    struct err err;
    struct str path = STR_INIT(PATH_BYTES_MAX);
    const char *slash = strrchr(file, '/');
    bool main_file = strcmp(slash ? slash + 1 : file, "tappal.ini") == 0;
    size_t dir = slash ? (size_t)(slash - file) : 0;
    bool in_accounts =
        dir >= strlen("/accounts") && text_eqn_nocase(slash - strlen("/accounts"), "/accounts", 9);
    if (access(file, F_OK) != 0) {
        err_errno(&err, ERR_CONFIG, "%s could not be opened", file);
        keep_fault(loading, &err);
    } else if (main_file && !in_accounts) {
        read_main(loading, file);
    } else {
        if (in_accounts && str_add(&path, file, dir - strlen("/accounts"), &err) &&
            str_addz(&path, "/tappal.ini", &err))
            read_main(loading, path.buf);
        add_account(loading, file, false);
    }
    str_free(&path);
}

bool conf_check(const char *dir, const char *file, struct strv *lines_r, struct err *err)
{
    struct loading loading;
    struct config config;
    bool ok = begin(&loading, dir, &config, err);
    if (ok && file)
        read_one(&loading, file);
    else if (ok)
        read_all(&loading);
    faults_sort(&loading.faults);
    ok = ok && strv_copy(lines_r, &loading.faults.lines, err);
    ok = finish(&loading, err) && ok;
    conf_free(&config);
    return ok;
}

const struct account *conf_find(const struct config *config, const char *name, struct err *err)
{
    struct str names = STR_INIT(sizeof err->hint / 2);
    struct err ignored;
    for (size_t i = 0; i < config->count; i++) {
        if (strcmp(config->accounts[i].name, name) == 0) {
            str_free(&names);
            return &config->accounts[i];
        }
        /* more names than fit are not worth an error of their own */
        if (!str_addf(&names, &ignored, "%s%s", i > 0 ? ", " : "", config->accounts[i].name))
            break;
    }
    err_set(err, ERR_CONFIG, "There is no account called `%s`.", name);
    if (names.len > 0)
        err_hint(err, "There are: %s.", names.buf);
    else
        err_hint(err, "Set one up with: tappal account add YOU@EXAMPLE.ORG");
    str_free(&names);
    return NULL;
}
