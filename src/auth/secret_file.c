/* secret_file - a password in a file of the person's, or in one that the service manager provides
 * ($CREDENTIALS_DIRECTORY, systemd.exec(5)). Who may read and write the file is conf/place's judgement. */
#include "auth/secret_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "conf/place.h"

#define PATH_BYTES_MAX 4096

static bool check(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(err, ERR_SECRET, "The file %s cannot be looked at", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_SECRET, "%s is not a plain file, so no password is read from it.", path);
    return place_check_secret_file(fd, path, err);
}

enum secret_answer secret_read_file(const char *path, struct str *text, struct err *err)
{
    /* O_NONBLOCK: a FIFO must not hang us before we see that it is one. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return SECRET_ABSENT;
    if (fd < 0) {
        err_errno(err, ERR_SECRET, "The file %s with the password cannot be opened", path);
        return SECRET_FAILED;
    }
    bool ok = check(fd, path, err) && str_reserve(text, text->max, err) && fs_read_all(fd, text, path, err);
    close(fd);
    return ok ? SECRET_FOUND : SECRET_FAILED;
}

static bool in_home(const char *rest, struct str *path, struct err *err)
{
    struct place place;
    if (!place_find(NULL, &place, err))
        return false;
    bool ok = place.home != NULL
                  ? fs_join(path, place.home, rest, err)
                  : err_set(err, ERR_SECRET, "There is no home folder here to find ~/%s in.", rest);
    place_free(&place);
    return ok;
}

bool secret_file_path(const char *written, const char *config_dir, struct str *path, struct err *err)
{
    if (written[0] == '/')
        return str_addz(path, written, err);
    if (text_starts(written, "~/"))
        return in_home(written + 2, path, err);
    if (config_dir == NULL)
        return err_set(err, ERR_CONFIG, "The file %s needs its full path here.", written);
    return fs_join(path, config_dir, written, err);
}

static enum secret_answer first_line(const char *path, struct secret *out, struct err *err)
{
    struct str text = STR_INIT(SECRET_SOURCE_MAX);
    struct str shown = STR_INIT(PATH_BYTES_MAX + 16);
    enum secret_answer answer =
        str_addf(&shown, err, "The file %s", path) ? secret_read_file(path, &text, err) : SECRET_FAILED;
    if (answer == SECRET_FOUND)
        answer = secret_take_line(&text, shown.buf, out, err);
    str_wipe(&text);
    str_free(&shown);
    return answer;
}

enum secret_answer secret_ask_file(const char *rest, const struct secret_query *query, struct secret *out,
                                   struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    enum secret_answer answer = SECRET_FAILED;
    if (secret_file_path(rest, query->config_dir, &path, err))
        answer = first_line(path.buf, out, err);
    str_free(&path);
    return answer;
}

enum secret_answer secret_ask_credential(const char *rest, const struct secret_query *query,
                                         struct secret *out, struct err *err)
{
    (void)query;
    if (rest[0] == '\0' || rest[0] == '.' || strchr(rest, '/') != NULL) {
        err_set(err, ERR_CONFIG, "A credential has a plain name, unlike \"%s\".", rest);
        return SECRET_FAILED;
    }
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || folder[0] != '/')
        return SECRET_ABSENT;
    struct str path = STR_INIT(PATH_BYTES_MAX);
    enum secret_answer answer = SECRET_FAILED;
    if (fs_join(&path, folder, rest, err))
        answer = first_line(path.buf, out, err);
    str_free(&path);
    return answer;
}
