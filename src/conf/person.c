/* person - see person.h. */
#include "conf/person.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"

#define MAILNAME_FILE "/etc/mailname"
#define MAILNAME_MAX 4096
#define HOST_NAME_BYTES 256
#define PASSWD_MAX (1u << 20)

bool person_owns(const char *path)
{
    struct stat st;
    if (path[0] != '/' || path[strspn(path, "/")] == '\0')
        return false;
    char *at = strdup(path);
    while (at && stat(at, &st) != 0) {
        char *slash = strrchr(at, '/');
        if (errno != ENOENT || !slash) {
            free(at);
            return false;
        }
        slash[slash == at ? 1 : 0] = '\0';
    }
    bool own = at && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
    free(at);
    return own;
}

static bool keep(char **field, const char *value, struct err *err)
{
    *field = strdup(value);
    return *field != NULL || err_nomem(err);
}

/* keep_full_name - the first part of the GECOS field */
static bool keep_full_name(struct person *person, const struct passwd *found, struct err *err)
{
    const char *gecos = found && found->pw_uid != 0 ? found->pw_gecos : "";
    size_t n = strcspn(gecos, ",");
    if (!text_is_utf8(gecos, n) || text_has_control(gecos, n))
        n = 0;
    person->full_name = strndup(gecos, n);
    return person->full_name != NULL || err_nomem(err);
}

/* read_passwd - name and home of the effective uid; a uid without an entry is no error */
static bool read_passwd(struct person *person, struct err *err)
{
    struct passwd entry;
    struct passwd *found = NULL;
    size_t size = 4096;
    char *buf = NULL;
    int rc = ERANGE;
    while (rc == ERANGE && size <= PASSWD_MAX) {
        free(buf);
        buf = malloc(size);
        if (!buf)
            return err_nomem(err);
        rc = getpwuid_r(geteuid(), &entry, buf, size, &found);
        size *= 2;
    }
    bool ok = keep_full_name(person, found, err);
    if (ok && found)
        ok = keep(&person->user_name, found->pw_name, err);
    if (ok && found && found->pw_dir[0] == '/')
        ok = keep(&person->home, found->pw_dir, err);
    free(buf);
    return ok;
}

void person_owner_name(uid_t uid, char out[64])
{
    struct passwd entry;
    struct passwd *found = NULL;
    char buf[4096];
    if (getpwuid_r(uid, &entry, buf, sizeof buf, &found) == 0 && found)
        snprintf(out, 64, "%s", found->pw_name);
    else
        snprintf(out, 64, "uid %lu", (unsigned long)uid);
}

static bool find_home(struct person *person, struct err *err)
{
    const char *named = getenv("HOME");
    struct stat st;
    if (named && person_owns(named) && stat(named, &st) == 0) {
        free(person->home);
        if (!keep(&person->home, named, err))
            return false;
    }
    person->home_is_own = person->home && person_owns(person->home) && stat(person->home, &st) == 0;
    return true;
}

static bool find_user(struct person *person, struct err *err)
{
    char made_up[32];
    if (!read_passwd(person, err))
        return false;
    if (person->user_name)
        return true;
    snprintf(made_up, sizeof made_up, "uid%lu", (unsigned long)geteuid());
    return keep(&person->user_name, made_up, err);
}

static bool find_machine(struct person *person, struct err *err)
{
    char host[HOST_NAME_BYTES] = "";
    struct str mailname = STR_INIT(MAILNAME_MAX);
    struct err ignored;
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        memcpy(host, "localhost", sizeof "localhost");
    bool ok = keep(&person->host_name, host, err);
    if (fs_read_file(MAILNAME_FILE, &mailname, &ignored))
        str_cut(&mailname, strcspn(mailname.buf, " \t\r\n"));
    if (ok)
        ok = keep(&person->mail_name, mailname.len > 0 ? mailname.buf : host, err);
    str_free(&mailname);
    return ok;
}

bool person_find(struct person *person_r, struct err *err)
{
    struct person person = {0};
    if (!find_user(&person, err) || !find_home(&person, err) || !find_machine(&person, err)) {
        person_free(&person);
        return false;
    }
    *person_r = person;
    return true;
}

void person_free(struct person *person)
{
    free(person->home);
    free(person->user_name);
    free(person->full_name);
    free(person->host_name);
    free(person->mail_name);
    *person = (struct person){0};
}

bool person_expand_path(const struct person *person, const char *path, struct str *out, struct err *err)
{
    str_clear(out);
    if (path[0] == '/')
        return str_addz(out, path, err);
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && person->home)
        return fs_join(out, person->home, path + 1 + strspn(path + 1, "/"), err);
    if (path[0] == '~' && !person->home) {
        err_set(err, ERR_CONFIG, "%s cannot be found: %s has no home folder.", path, person->user_name);
        return err_hint(err, "Write the path in full, beginning with a slash.");
    }
    err_set(err, ERR_CONFIG, "%s is not a full path.", path);
    return err_hint(err, "Write it beginning with / or with ~/ (your home folder).");
}

bool person_expand_names(const struct person *person, const char *text, struct str *out, struct err *err)
{
    str_clear(out);
    for (; *text; text++) {
        const char *name = NULL;
        if (*text != '%') {
            if (!str_addc(out, *text, err))
                return false;
            continue;
        }
        switch (*++text) {
        case 'U':
            name = person->user_name;
            break;
        case 'H':
            name = person->host_name;
            break;
        case 'M':
            name = person->mail_name;
            break;
        case '%':
            name = "%";
            break;
        default:
            err_set(err, ERR_CONFIG, "A %% here must be followed by U, H, M or another %%.");
            return err_hint(
                err, "%%U is the user's name, %%H the host's, %%M the machine's mail name, %%%% a %%.");
        }
        if (!str_addz(out, name, err))
            return false;
    }
    return true;
}
