/* auth_keep - a password in a file, where there is no keyring, and the account file that must say so.
 * Of the account file nothing changes but the lines in question; comments, order and line ends stay. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/text.h"
#include "cmd/auth.h"

#define ACCOUNT_FILE_MAX 1048576
#define PATH_BYTES_MAX 4096

static bool make_folder_of(const char *path, struct err *err)
{
    struct str folder = STR_INIT(PATH_BYTES_MAX);
    const char *slash = strrchr(path, '/');
    bool ok = !slash || slash == path ||
              (str_add(&folder, path, (size_t)(slash - path), err) && fs_make_dirs(folder.buf, err));
    str_free(&folder);
    return ok;
}

bool auth_write_file(const char *path, const struct secret *password, struct err *err)
{
    struct str text = STR_INIT(SECRET_MAX + 1);
    bool ok = make_folder_of(path, err) && str_reserve(&text, text.max, err) &&
              str_add(&text, password->bytes.buf, password->bytes.len, err) && str_addc(&text, '\n', err) &&
              fs_replace(path, text.buf, text.len, 0600, err);
    str_wipe(&text);
    return ok;
}

static size_t blanks(const char *s)
{
    return strspn(s, " \t");
}

/* Is this line, up to its end, `password_from = keyring`? */
static bool names_keyring(const char *line)
{
    static const char name[] = "password_from", word[] = "keyring";
    line += blanks(line);
    if (!text_starts(line, name))
        return false;
    line += strlen(name);
    line += blanks(line);
    if (*line++ != '=')
        return false;
    line += blanks(line);
    if (!text_starts(line, word))
        return false;
    line += strlen(word);
    line += blanks(line);
    return *line == '\n' || *line == '\0' || (line[0] == '\r' && line[1] == '\n');
}

static size_t line_length(const char *line)
{
    size_t n = strcspn(line, "\n");
    return n + (line[n] == '\n');
}

/* Copies `text`, with `line` for each line that names the keyring; *count_r says how many there were. */
static bool rewrite(const char *text, const char *line, struct str *out, size_t *count_r, struct err *err)
{
    bool ok = true;
    *count_r = 0;
    for (size_t n; ok && *text != '\0'; text += n) {
        n = line_length(text);
        if (names_keyring(text)) {
            size_t words = strcspn(text, "\r\n");
            ok = str_addz(out, line, err) && str_add(out, text + words, n - words, err);
            ++*count_r;
        } else {
            ok = str_add(out, text, n, err);
        }
    }
    return ok;
}

/* Copies `text` with `line` behind the header [account], or both in front where there is none. */
static bool insert(const char *text, const char *line, struct str *out, struct err *err)
{
    static const char header[] = "[account]";
    const char *at = text;
    while (*at != '\0' && !text_starts(at + blanks(at), header))
        at += line_length(at);
    if (*at == '\0')
        return str_addf(out, err, "%s\n%s\n\n%s", header, line, text);
    at += line_length(at);
    size_t before = (size_t)(at - text);
    bool ended = before > 0 && text[before - 1] == '\n';
    return str_add(out, text, before, err) && str_addf(out, err, "%s%s\n%s", ended ? "" : "\n", line, at);
}

static bool edit(const char *file, const char *line, struct err *err)
{
    struct str text = STR_INIT(ACCOUNT_FILE_MAX), edited = STR_INIT(ACCOUNT_FILE_MAX + PATH_BYTES_MAX);
    struct stat st;
    size_t count;
    /* A link (people keep such files in repositories) stays one: what it points to is replaced. */
    char *real = realpath(file, NULL);
    bool ok = real != NULL && stat(real, &st) == 0;
    if (!ok)
        err_errno(err, ERR_LOCAL, "The account file %s cannot be found", file);
    ok = ok && fs_read_file(real, &text, err) && rewrite(text.buf, line, &edited, &count, err);
    if (ok && count == 0) {
        str_clear(&edited);
        ok = insert(text.buf, line, &edited, err);
    }
    ok = ok && fs_replace(real, edited.buf, edited.len, st.st_mode & 0777, err);
    free(real);
    str_free(&text);
    str_free(&edited);
    return ok;
}

bool auth_keep_in_file(const struct account *account, const struct secret *password, const char *name,
                       struct str *line_r, struct err *err)
{
    struct str folder = STR_INIT(PATH_BYTES_MAX), path = STR_INIT(PATH_BYTES_MAX);
    bool ok = fs_join(&folder, account->config_dir, "secrets", err) &&
              fs_join(&path, folder.buf, name, err) && auth_write_file(path.buf, password, err) &&
              str_addf(line_r, err, "password_from = file secrets/%s", name) &&
              edit(account->file, line_r->buf, err);
    str_free(&folder);
    str_free(&path);
    return ok;
}
