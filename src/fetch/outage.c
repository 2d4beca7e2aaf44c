/* outage - see outage.h. */
#include "fetch/outage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

#define NAME "offline"
#define FORMAT "tappal-offline 1 %" PRId64 " %d\n"
#define FILE_MAX 100
#define PATH_BYTES_MAX 4096

bool outage_is(const struct err *err)
{
    return err->kind == ERR_NETWORK &&
           (err->sys == ENETUNREACH || err->sys == EHOSTUNREACH || err->sys == ENETDOWN);
}

/* recall - a file that makes no sense counts as none */
static void recall(const char *path, int64_t now, int64_t *since, int *told)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err ignored;
    if (access(path, F_OK) != 0 || !fs_read_file(path, &text, &ignored) ||
        sscanf(text.buf, "tappal-offline 1 %" SCNd64 " %d", since, told) != 2 || *since > now) {
        *since = now;
        *told = 0;
    }
    str_free(&text);
}

bool outage_note(const char *state_dir, int64_t now, int64_t *since_r, bool *tell_r, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX), text = STR_INIT(FILE_MAX);
    int told = 0;
    bool ok = fs_join(&path, state_dir, NAME, err);
    if (ok) {
        recall(path.buf, now, since_r, &told);
        *tell_r = !told && now - *since_r >= OUTAGE_PATIENCE;
        if (*since_r == now || *tell_r)
            ok = str_addf(&text, err, FORMAT, *since_r, *tell_r) &&
                 fs_replace(path.buf, text.buf, text.len, 0600, err);
    }
    str_free(&path);
    str_free(&text);
    return ok;
}

int64_t outage_untold(const char *state_dir, int64_t now)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct err ignored;
    int64_t since = 0;
    int told = 1;
    if (fs_join(&path, state_dir, NAME, &ignored) && access(path.buf, F_OK) == 0)
        recall(path.buf, now, &since, &told);
    str_free(&path);
    return told ? 0 : since;
}

void outage_over(const char *state_dir)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct err ignored;
    if (fs_join(&path, state_dir, NAME, &ignored) && access(path.buf, F_OK) == 0)
        (void)!fs_unlink(AT_FDCWD, path.buf, &ignored);
    str_free(&path);
}
