/* breaker - the account's state of failure as a small file, replaced as a whole:
 *   tappal-breaker 1 FAILURES SINCE LAST NEXT
 *   failure KIND CODE WHAT TAB HINT          (as in spool/verdict) */
#include "queue/breaker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "mail/retry.h"
#include "spool/verdict.h"

#define PATH_LEN_MAX 4096
#define FILE_MAX (VERDICT_LINE_MAX + 256)

/* -- reading -- */

static bool parse_failure(struct breaker *b, const char *line, size_t n)
{
    struct verdict_line failure;
    struct err ignored;
    if (!verdict_parse(line, n, &failure, &ignored)) {
        return false;
    }
    bool ok = failure.kind == VERDICT_FAILURE;
    if (ok) {
        b->why = failure.failure;
    }
    verdict_line_free(&failure);
    return ok;
}

static bool parse(struct breaker *b, const char *text)
{
    int end = 0;
    const char *eol = strchr(text, '\n');
    if (eol == NULL || sscanf(text, "tappal-breaker 1 %u %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", &b->failures,
                              &b->since, &b->last, &b->next, &end) != 4) {
        return false;
    }
    const char *line = eol + 1;
    return text + end == eol && parse_failure(b, line, strcspn(line, "\n"));
}

static void read_file(struct breaker *b)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err ignored;
    if (!fs_read_file(b->path.buf, &text, &ignored) || !parse(b, text.buf)) {
        b->failures = 0;
    }
    str_free(&text);
}

static bool changed_since(const char *file, int64_t when)
{
    struct stat st;
    return file != NULL && stat(file, &st) == 0 && st.st_mtime > when;
}

bool breaker_load(const struct place *place, const struct account *account, struct breaker *b_r,
                  struct err *err)
{
    *b_r = (struct breaker){.path = STR_INIT(PATH_LEN_MAX)};
    if (!place_account_mark(place, account, ".breaker", &b_r->path, err)) {
        breaker_free(b_r);
        return false;
    }
    read_file(b_r);
    if (b_r->failures > 0 && changed_since(account->file, b_r->last)) {
        b_r->failures = 0;
    }
    return true;
}

void breaker_free(struct breaker *b)
{
    str_free(&b->path);
}

bool breaker_holds(const struct breaker *b, int64_t now)
{
    /* a clock that was set back must not hold it for ever */
    return b->failures > 0 && now < b->next && now >= b->last;
}

/* -- writing -- */

static bool write_file(const struct breaker *b, struct err *err)
{
    struct str text = STR_INIT(FILE_MAX);
    bool ok = str_addf(&text, err, "tappal-breaker 1 %u %" PRId64 " %" PRId64 " %" PRId64 "\n", b->failures,
                       b->since, b->last, b->next) &&
              verdict_add_failure(&text, &b->why, err) &&
              fs_replace(b->path.buf, text.buf, text.len, 0600, err);
    str_free(&text);
    return ok;
}

static int64_t delay(enum err_kind kind, unsigned failures, uint32_t random)
{
    switch (kind) {
    case ERR_SECRET:
        return RETRY_SECRET;
    case ERR_AUTH:
        return retry_after_refusal(failures, random);
    default:
        return retry_after(failures, random);
    }
}

bool breaker_fail(struct breaker *b, const struct err *why, int64_t now, uint32_t random, struct err *err)
{
    bool paused = now < b->since || now - b->last > RETRY_PAUSE;
    b->failures = paused ? 0 : b->failures;
    b->why = *why;
    b->since = b->failures == 0 ? now : b->since;
    b->failures++;
    b->last = now;
    b->next = now + delay(why->kind, b->failures, random);
    return write_file(b, err);
}

bool breaker_close(struct breaker *b, struct err *err)
{
    b->failures = 0;
    return fs_unlink(AT_FDCWD, b->path.buf, err);
}
