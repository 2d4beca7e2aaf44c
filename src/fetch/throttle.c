/* throttle - see throttle.h. */
#include "fetch/throttle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"
#include "mail/escape.h"

#define NAME "wait"
#define FILE_MAX 8192
#define PATH_BYTES_MAX 4096
#define HINT_MAX 86400 /* seconds that a server's own figure may come to */

/* What servers say (doc/VIOLATIONS), and for how many seconds it is taken to hold. */
static const struct {
    const char *words;
    int64_t seconds;
} sayings[] = {
    {"*[OVERQUOTA]*", 3600},
    {"*command or bandwidth limit*", 3600},
    {"*[THROTTLED]*", 600},
    {"*throttled*", 300},
    {"*[LIMIT]*", 300},
    {"*too many*connections*", 300},
    {"*too many login attempts*", 900},
    {"*rate limit*", 600},
};

/* hinted - "Suggested Backoff Time: 5000 milliseconds"; rounded up, 0: it is not said */
static int64_t hinted(const char *text)
{
    static const char begin[] = "Suggested Backoff Time: ";
    const char *at = strstr(text, begin);
    uint64_t n = 0;
    if (!at)
        return 0;
    for (at += sizeof begin - 1; *at >= '0' && *at <= '9' && n < UINT32_MAX; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    n = strncmp(at, " milliseconds", 13) == 0 ? (n + 999) / 1000 : n;
    return n < HINT_MAX ? (int64_t)n : HINT_MAX;
}

bool throttle_is(const struct err *err, int64_t *seconds_r)
{
    if (err->kind != ERR_REFUSED_TEMP)
        return false;
    for (size_t i = 0; i < sizeof sayings / sizeof *sayings; i++) {
        if (!text_glob(sayings[i].words, err->what))
            continue;
        int64_t hint = hinted(err->what);
        *seconds_r = hint ? hint : sayings[i].seconds;
        return true;
    }
    return false;
}

void throttle_recall(const char *state_dir, int64_t now, struct throttle *throttle_r)
{
    struct str path = STR_INIT(PATH_BYTES_MAX), text = STR_INIT(FILE_MAX), why = STR_INIT(FILE_MAX);
    struct throttle t = {0};
    struct err ignored;
    int at = 0;
    *throttle_r = t;
    if (fs_join(&path, state_dir, NAME, &ignored) && access(path.buf, F_OK) == 0 &&
        fs_read_file(path.buf, &text, &ignored) &&
        sscanf(text.buf, "tappal-wait 1 %" SCNd64 " %" SCNd64 "\nwhy %n", &t.until, &t.calm, &at) == 2 &&
        at > 0 && escape_undo(&why, text.buf + at, strcspn(text.buf + at, "\n"), &ignored) &&
        t.until - now <= HINT_MAX) { /* the clock was not set back */
        snprintf(t.why, sizeof t.why, "%s", why.buf);
        *throttle_r = t;
    }
    str_free(&path);
    str_free(&text);
    str_free(&why);
}

bool throttle_note(const char *state_dir, int64_t now, int64_t seconds, const char *why, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX), text = STR_INIT(FILE_MAX);
    bool ok = fs_join(&path, state_dir, NAME, err) &&
              str_addf(&text, err, "tappal-wait 1 %" PRId64 " %" PRId64 "\nwhy ", now + seconds,
                       now + THROTTLE_CALM) &&
              escape_add(&text, why, err) && str_addc(&text, '\n', err) &&
              fs_replace(path.buf, text.buf, text.len, 0600, err);
    str_free(&path);
    str_free(&text);
    return ok;
}
