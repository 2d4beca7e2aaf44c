/* quarantine - see quarantine.h. A sorted array: it is short, or the server is broken. */
#include "fetch/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "fetch/seen_impl.h"

/* delay - until the next try, after so many that failed */
static int64_t delay(uint32_t tries)
{
    static const int64_t steps[] = {600, 3600, 6 * 3600, 24 * 3600};
    size_t last = sizeof steps / sizeof *steps - 1;
    return steps[tries == 0 ? 0 : tries - 1 < last ? tries - 1 : last];
}

/* place_of - where it is, or would be */
static size_t place_of(const struct seen *s, const struct seen_key *key, bool *there_r)
{
    size_t lo = 0, hi = s->bad_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (memcmp(&s->bad[mid].key, key, sizeof *key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *there_r = lo < s->bad_count && memcmp(&s->bad[lo].key, key, sizeof *key) == 0;
    return lo;
}

static bool make_room(struct seen *s, size_t at, struct err *err)
{
    if (s->bad_count == QUARANTINE_MAX) {
        err_set(err, ERR_LOCAL, "More than %d messages of one folder could not be fetched.", QUARANTINE_MAX);
        return err_hint(err, "Something is wrong with the server, or with the place where mail goes.");
    }
    struct quarantined *bad = array_room(s->bad, &s->bad_cap, s->bad_count + 1, sizeof *bad, err);
    if (!bad)
        return false;
    s->bad = bad;
    memmove(s->bad + at + 1, s->bad + at, (s->bad_count++ - at) * sizeof *s->bad);
    s->bad[at] = (struct quarantined){0};
    return true;
}

bool quarantine_put(struct seen *s, const struct seen_key *key, uint32_t tries, int64_t since, int64_t next,
                    const char *why, struct err *err)
{
    bool there;
    size_t at = place_of(s, key, &there);
    char *copy = strdup(why);
    if (!copy)
        return err_nomem(err);
    if (!there && !make_room(s, at, err)) {
        free(copy);
        return false;
    }
    free(s->bad[at].why);
    s->bad[at] = (struct quarantined){.key = *key, .tries = tries, .since = since, .next = next, .why = copy};
    return true;
}

void quarantine_remove(struct seen *s, const struct seen_key *key)
{
    bool there;
    size_t at = place_of(s, key, &there);
    if (!there)
        return;
    free(s->bad[at].why);
    memmove(s->bad + at, s->bad + at + 1, (--s->bad_count - at) * sizeof *s->bad);
}

void quarantine_free(struct seen *s)
{
    for (size_t i = 0; i < s->bad_count; i++)
        free(s->bad[i].why);
    free(s->bad);
    s->bad = NULL;
    s->bad_count = s->bad_cap = 0;
}

static bool add_record(const struct seen *s, const struct quarantined *q, struct str *out, struct err *err)
{
    char key[SEEN_KEY_TEXT];
    seen_key_text(s->owner.protocol, &q->key, key);
    return str_addf(out, err, "bad %s %u %lld %lld ", key, q->tries, (long long)q->since,
                    (long long)q->next) &&
           seen_add_word(out, q->why, err);
}

bool quarantine_add_lines(const struct seen *s, struct str *out, struct err *err)
{
    struct str line = STR_INIT(SEEN_LINE_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < s->bad_count; i++) {
        str_clear(&line);
        ok = add_record(s, &s->bad[i], &line, err) && seen_add_line(out, line.buf, line.len, err);
    }
    str_free(&line);
    return ok;
}

#define SUSPECTED_MAX 2 /* times that a session may end over a message before that is held against it */

static bool add(struct seen *s, const struct seen_key *key, bool suspect, const char *why, struct err *err)
{
    const struct quarantined *old = quarantine_find(s, key);
    int64_t now = clock_now();
    struct str line = STR_INIT(SEEN_LINE_MAX - 64);
    char reason[QUARANTINE_WHY_MAX];
    struct quarantined q = {
        .key = *key, .tries = (old ? old->tries : 0) + 1, .since = old ? old->since : now};
    text_clean(reason, sizeof reason, why, strlen(why));
    q.next = suspect && q.tries <= SUSPECTED_MAX ? 0 : now + delay(q.tries);
    q.why = reason;
    bool ok = seen_record_name(s, err) && add_record(s, &q, &line, err) && seen_record(s, line.buf, err);
    str_free(&line);
    return ok;
}

bool quarantine_add(struct seen *s, const struct seen_key *key, const char *why, struct err *err)
{
    return add(s, key, false, why, err);
}

bool quarantine_suspect(struct seen *s, const struct seen_key *key, const char *why, struct err *err)
{
    return add(s, key, true, why, err);
}

bool quarantine_end(struct seen *s, const struct seen_key *key, struct err *err)
{
    char text[64], key_text[SEEN_KEY_TEXT];
    if (!quarantine_find(s, key))
        return true;
    seen_key_text(s->owner.protocol, key, key_text);
    snprintf(text, sizeof text, "fine %s", key_text);
    return seen_record(s, text, err);
}

const struct quarantined *quarantine_find(const struct seen *s, const struct seen_key *key)
{
    bool there;
    size_t at = place_of(s, key, &there);
    return there ? &s->bad[at] : NULL;
}

bool quarantine_holds(const struct seen *s, const struct seen_key *key)
{
    const struct quarantined *q = quarantine_find(s, key);
    int64_t now = clock_now();
    return q && q->next > now &&
           q->next - now <= delay(q->tries); /* a clock that was set back holds nothing */
}

const struct quarantined *quarantine_each(const struct seen *s, const struct quarantined *at)
{
    size_t i = at ? (size_t)(at - s->bad) + 1 : 0;
    return i < s->bad_count ? &s->bad[i] : NULL;
}

size_t quarantine_count(const struct seen *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->bad_count; i++)
        n += s->bad[i].next != 0;
    return n;
}

bool quarantine_has_due(const struct seen *s)
{
    for (size_t i = 0; i < s->bad_count; i++)
        if (!quarantine_holds(s, &s->bad[i].key))
            return true;
    return false;
}

static bool look_into(const char *path, quarantine_seer *each, void *arg, struct err *err)
{
    struct seen *s = NULL;
    struct err ignored;
    bool ok = true;
    if (!seen_open(path, NULL, true, &s, &ignored))
        return true;
    for (const struct quarantined *q = quarantine_each(s, NULL); ok && q; q = quarantine_each(s, q))
        ok = q->next == 0 || each(arg, seen_owner(s), seen_called(s), q, err);
    seen_close(&s);
    return ok;
}

bool quarantine_look(const char *state_dir, quarantine_seer *each, void *arg, struct err *err)
{
    DIR *d = opendir(state_dir);
    struct str path = STR_INIT(4096);
    struct dirent *entry;
    bool ok = d || errno == ENOENT || err_errno(err, ERR_LOCAL, "%s cannot be read", state_dir);
    while (ok && d && (entry = readdir(d))) {
        size_t n = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || n < 5 || strcmp(entry->d_name + n - 5, ".seen") != 0)
            continue;
        str_clear(&path);
        ok = fs_join(&path, state_dir, entry->d_name, err) && look_into(path.buf, each, arg, err);
    }
    if (d)
        closedir(d);
    str_free(&path);
    return ok;
}
