/* trouble - see trouble.h. A small file, replaced as a whole:
 *   tappal-trouble 1 SINCE
 *   failure KIND CODE WHAT TAB HINT          (as in spool/verdict) */
#include "fetch/trouble.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "spool/verdict.h"

#define NAME "trouble"
#define FILE_MAX (VERDICT_LINE_MAX + 256)
#define PATH_BYTES_MAX 4096

static bool parse(const char *text, struct trouble *t)
{
    struct verdict_line line;
    struct err ignored;
    int at = 0;
    if (sscanf(text, "tappal-trouble 1 %" SCNd64 "\n%n", &t->since, &at) != 1 || at == 0 ||
        !verdict_parse(text + at, strcspn(text + at, "\n"), &line, &ignored))
        return false;
    bool ok = line.kind == VERDICT_FAILURE;
    t->why = line.failure;
    verdict_line_free(&line);
    return ok;
}

static void recall(const char *path, struct trouble *trouble_r)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err ignored;
    if (access(path, F_OK) != 0 || !fs_read_file(path, &text, &ignored) || !parse(text.buf, trouble_r))
        *trouble_r = (struct trouble){0};
    str_free(&text);
}

void trouble_recall(const char *state_dir, struct trouble *trouble_r)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct err ignored;
    *trouble_r = (struct trouble){0};
    if (fs_join(&path, state_dir, NAME, &ignored))
        recall(path.buf, trouble_r);
    str_free(&path);
}

static bool write_file(const char *path, int64_t since, const struct err *why, struct err *err)
{
    struct str text = STR_INIT(FILE_MAX);
    bool ok = str_addf(&text, err, "tappal-trouble 1 %" PRId64 "\n", since) &&
              verdict_add_failure(&text, why, err) && fs_replace(path, text.buf, text.len, 0600, err);
    str_free(&text);
    return ok;
}

bool trouble_note(const char *state_dir, int64_t now, const struct err *why, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct trouble was;
    bool ok = fs_join(&path, state_dir, NAME, err);
    if (ok && why->kind == ERR_NONE) {
        ok = access(path.buf, F_OK) != 0 || fs_unlink(AT_FDCWD, path.buf, err);
    } else if (ok) {
        recall(path.buf, &was);
        bool anew = was.why.kind == ERR_NONE || was.since > now;
        if (anew || strcmp(was.why.what, why->what) != 0)
            ok = write_file(path.buf, anew ? now : was.since, why, err);
    }
    str_free(&path);
    return ok;
}
