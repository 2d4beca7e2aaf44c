/* maildir_files - see maildir_files.h. */
#include "box/maildir_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define LETTERS_MAX 64

/* -- names -- */

static bool read_name(const char *name, bool fresh, struct maildir_file *file)
{
    size_t n = strlen(name);
    if (name[0] == '.' || n > MAILDIR_FILE_MAX)
        return false;
    memcpy(file->name, name, n + 1);
    const char *info = strstr(name, ":2,");
    file->fresh = fresh;
    file->base = info ? (size_t)(info - name) : n;
    file->flags = info ? flags_of_letters(info + 3, n - file->base - 3) : 0;
    return true;
}

/* add_letters - flags and foreign letters, sorted, as the format asks for */
static void add_letters(const struct maildir_file *file, uint8_t flags, char out[LETTERS_MAX])
{
    char ours[FLAGS_TEXT];
    const char *old = file->name[file->base] ? file->name + file->base + 3 : "";
    size_t n = 0;
    flags_letters(flags, ours);
    for (int c = ' ' + 1; c < 0x7f && n + 1 < LETTERS_MAX; c++) {
        char letter = (char)c;
        bool mine = flags_of_letters(&letter, 1) != 0;
        if (mine ? strchr(ours, c) != NULL : strchr(old, c) != NULL)
            out[n++] = letter;
    }
    out[n] = '\0';
}

/* -- looking -- */

static bool each_in(struct maildir *m, int dir, bool fresh, maildir_each *each, void *arg, struct err *err)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a reading position of its own */
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct maildir_file file;
    struct dirent *entry;
    bool ok = true;
    if (!d && fd >= 0)
        close(fd);
    if (!d)
        return err_errno(err, ERR_LOCAL, "The folder %s cannot be read", maildir_path(m));
    while (errno = 0, ok && (entry = readdir(d)))
        if (read_name(entry->d_name, fresh, &file))
            ok = each(arg, &file, err);
    if (ok && errno != 0)
        ok = err_errno(err, ERR_LOCAL, "The folder %s cannot be read", maildir_path(m));
    closedir(d);
    return ok;
}

bool maildir_files(struct maildir *m, maildir_each *each, void *arg, struct err *err)
{
    /* new/ first: readers move messages from there to cur/, never back */
    return each_in(m, maildir_new(m), true, each, arg, err) &&
           each_in(m, maildir_cur(m), false, each, arg, err);
}

/* -- changing -- */

/* settled - success, or a file that is elsewhere by now */
static bool settled(bool ok, struct maildir *m, bool *there_r, struct err *err)
{
    *there_r = ok;
    return ok || err->sys == ENOENT || err_prefix(err, "%s: ", maildir_path(m));
}

bool maildir_set_flags(struct maildir *m, const struct maildir_file *file, uint8_t flags, bool *there_r,
                       struct err *err)
{
    char letters[LETTERS_MAX], to[MAILDIR_FILE_MAX + LETTERS_MAX + 8];
    struct err why = {0};
    add_letters(file, flags, letters);
    snprintf(to, sizeof to, "%.*s:2,%s", (int)file->base, file->name, letters);
    bool ok =
        fs_rename_new(file->fresh ? maildir_new(m) : maildir_cur(m), file->name, maildir_cur(m), to, &why);
    if (settled(ok, m, there_r, &why))
        return true;
    *err = why;
    return false;
}

bool maildir_remove(struct maildir *m, const struct maildir_file *file, bool *there_r, struct err *err)
{
    int dir = file->fresh ? maildir_new(m) : maildir_cur(m);
    *there_r = faccessat(dir, file->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return fs_unlink(dir, file->name, err) || err_prefix(err, "%s: ", maildir_path(m));
}

bool maildir_sync(struct maildir *m, struct err *err)
{
    return fs_sync_dir(maildir_new(m), maildir_path(m), err) &&
           fs_sync_dir(maildir_cur(m), maildir_path(m), err);
}

/* -- badges -- */

static int open_top(struct maildir *m, struct err *err)
{
    return fs_open_dir(maildir_path(m), err);
}

bool maildir_has_badge(struct maildir *m, const char *name, bool *has_r, struct err *err)
{
    int top = open_top(m, err);
    if (top < 0)
        return false;
    *has_r = faccessat(top, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    close(top);
    return true;
}

bool maildir_put_badge(struct maildir *m, const char *name, struct err *err)
{
    struct err why = {0};
    int top = open_top(m, err);
    if (top < 0)
        return false;
    int fd = fs_create(top, name, 0600, &why);
    bool ok = (fd >= 0 || why.sys == EEXIST) && fs_sync_dir(top, maildir_path(m), &why);
    if (!ok)
        *err = why;
    if (fd >= 0)
        close(fd);
    close(top);
    return ok;
}

bool maildir_take_badge(struct maildir *m, const char *name, struct err *err)
{
    int top = open_top(m, err);
    bool ok = top >= 0 && fs_unlink(top, name, err) && fs_sync_dir(top, maildir_path(m), err);
    if (top >= 0)
        close(top);
    return ok;
}
