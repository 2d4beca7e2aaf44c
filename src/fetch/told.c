/* told - see told.h. The file: "tappal-told 1", then a line for each thing. */
#include "fetch/told.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"

#define NAME "told"
#define FIRST "tappal-told 1\n"
#define FILE_MAX 65536
#define PATH_BYTES_MAX 4096

static bool has_line(const char *text, const char *line)
{
    size_t n = strlen(line);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        if (strncmp(at + 1, line, n) == 0 && at[1 + n] == '\n')
            return true;
    return false;
}

bool told_before(const char *state_dir, const char *what, bool look_only)
{
    struct str path = STR_INIT(PATH_BYTES_MAX), text = STR_INIT(FILE_MAX);
    struct err ignored;
    bool before = false;
    if (fs_join(&path, state_dir, NAME, &ignored)) {
        if (access(path.buf, F_OK) != 0 || !fs_read_file(path.buf, &text, &ignored) ||
            !text_starts(text.buf, FIRST) || text.buf[text.len - 1] != '\n')
            str_clear(&text);
        before = has_line(text.buf, what);
        if (!before && !look_only && (text.len > 0 || str_addz(&text, FIRST, &ignored)) &&
            str_addf(&text, &ignored, "%s\n", what))
            (void)!fs_replace(path.buf, text.buf, text.len, 0600, &ignored);
    }
    str_free(&path);
    str_free(&text);
    return before;
}
