/* fetch_words - see fetch_words.h. */
#include "cmd/fetch_words.h"

#include <stdio.h>
#include <string.h>

#include "base/json_out.h"
#include "base/text.h"
#include "cmd/say.h"

#define SETTLED_MS 2000 /* before that a rate says nothing */
#define JSON_MAX 16384
#define NAME_LEAST 12 /* columns of a folder's name that are shown in any case */

#define ull unsigned long long /* what printf and scanf know */

/* -- reading -- */

bool fetch_at_take(struct fetch_at *at, const char *text, int64_t now_ms)
{
    ull done, total, octets;
    int n = 0;
    if (sscanf(text, "%llu %llu %llu %n", &done, &total, &octets, &n) != 3 || n == 0)
        return false;
    if (!at->folder[0])
        *at = (struct fetch_at){.began_ms = now_ms, .began_octets = octets};
    if (strncmp(at->folder, text + n, sizeof at->folder - 1) != 0 || done < at->done) {
        at->folder_ms = now_ms;
        at->folder_done = done;
    }
    snprintf(at->folder, sizeof at->folder, "%s", text + n);
    at->done = done;
    at->total = total;
    at->octets = octets;
    return true;
}

bool fetch_done_take(struct fetch_done *done, const char *text)
{
    ull messages, octets, folders, linked, moved, deleted, removed, aside;
    if (sscanf(text, "%llu %llu %llu %llu %llu %llu %llu %llu", &messages, &octets, &folders, &linked, &moved,
               &deleted, &removed, &aside) != 8)
        return false;
    *done = (struct fetch_done){messages, octets, folders, linked, moved, deleted, removed, aside};
    return true;
}

bool fetch_found_take(struct fetch_found *found, const char *text)
{
    ull messages, octets, linked, moved, deleted;
    int n = 0;
    if (sscanf(text, "%llu %llu %llu %llu %llu %n", &messages, &octets, &linked, &moved, &deleted, &n) != 5 ||
        n == 0)
        return false;
    *found = (struct fetch_found){messages, octets, linked, moved, deleted, text + n};
    return true;
}

/* -- words -- */

static void count(char out[64], uint64_t n, const char *one, const char *many)
{
    snprintf(out, 64, "%llu %s", (ull)n, n == 1 ? one : many);
}

/* add_part - ", 3.1 MB/s", where it still fits; false: nothing more does */
static bool add_part(char out[FETCH_WORDS_MAX], size_t columns, const char *before, const char *part,
                     const char *behind)
{
    size_t used = strlen(out), more = strlen(before) + strlen(part) + strlen(behind);
    if (used + more >= FETCH_WORDS_MAX || fetch_words_columns(out) + more > columns)
        return false;
    snprintf(out + used, FETCH_WORDS_MAX - used, "%s%s%s", before, part, behind);
    return true;
}

/* add_rate - octets a second, and how long the rest of the folder takes if its messages are like those that came */
static void add_rate(const struct fetch_at *at, int64_t now_ms, size_t columns, char out[FETCH_WORDS_MAX])
{
    int64_t took = now_ms - at->began_ms, here = now_ms - at->folder_ms;
    uint64_t came = at->done - at->folder_done;
    char text[32];
    if (took < SETTLED_MS)
        return;
    text_show_size((at->octets - at->began_octets) * 1000 / (uint64_t)took, text);
    if (!add_part(out, columns, ", ", text, "/s") || here < SETTLED_MS || came == 0 || at->total <= at->done)
        return;
    text_show_duration((at->total - at->done) * (uint64_t)here / came / 1000 + 1, text);
    (void)add_part(out, columns, ", about ", text, " left");
}

/* add_name - shortened so that `rest` columns stay free */
static void add_name(const char *name, size_t columns, size_t rest, char out[FETCH_WORDS_MAX])
{
    static const char dots[] = "...";
    size_t room = columns > rest + NAME_LEAST ? columns - rest : NAME_LEAST;
    bool whole = fetch_words_columns(name) <= room;
    snprintf(out, FETCH_WORDS_MAX, "%.*s%s", (int)fetch_words_fit(name, whole ? room : room - strlen(dots)),
             name, whole ? "" : dots);
}

void fetch_words_progress(const struct fetch_at *at, int64_t now_ms, size_t columns,
                          char out[FETCH_WORDS_MAX])
{
    char counts[48], size[32];
    snprintf(counts, sizeof counts, " %llu/%llu", (ull)at->done, (ull)at->total);
    text_show_size(at->octets, size);
    add_name(at->folder, columns, strlen(counts) + strlen(", 999 MB, 999 kB/s"), out);
    if (add_part(out, columns, counts, "", "") && add_part(out, columns, ", ", size, ""))
        add_rate(at, now_ms, columns, out);
}

/* add_count - ", 3 deleted here", where there are any */
static void add_count(char out[FETCH_WORDS_MAX], uint64_t n, const char *what)
{
    size_t used = strlen(out);
    if (n > 0)
        snprintf(out + used, FETCH_WORDS_MAX - used, ", %llu %s", (ull)n, what);
}

void fetch_words_done(const struct fetch_done *d, char out[FETCH_WORDS_MAX])
{
    char messages[64], folders[64], size[32];
    count(messages, d->messages, "new message", "new messages");
    count(folders, d->folders, "folder", "folders");
    text_show_size(d->octets, size);
    if (d->messages == 0)
        snprintf(out, FETCH_WORDS_MAX, "no new messages");
    else
        snprintf(out, FETCH_WORDS_MAX, "%s, %s, %s", messages, size, folders);
    add_count(out, d->linked, "linked from other folders");
    add_count(out, d->moved, "moved on the server");
    add_count(out, d->deleted, "deleted on the server");
    add_count(out, d->removed, "deleted here");
    add_count(out, d->aside, "in quarantine: tappal status");
}

void fetch_words_found(const struct fetch_found *f, char out[FETCH_WORDS_MAX])
{
    char number[64], size[32];
    count(number, f->messages, "new message", "new messages");
    text_show_size(f->octets, size);
    if (f->messages == 0)
        snprintf(out, FETCH_WORDS_MAX, "no new messages");
    else
        snprintf(out, FETCH_WORDS_MAX, "%s, %s", number, size);
    add_count(out, f->linked, "would be linked from other folders");
    add_count(out, f->moved, "would be moved on the server");
    add_count(out, f->deleted, "would be deleted on the server");
}

/* columns_of - by a character's first byte: from U+1000 on, where the wide ones are, two, whether or not it is wide */
static size_t columns_of(char byte)
{
    unsigned char c = (unsigned char)byte;
    return (c & 0xc0) == 0x80 ? 0 : c >= 0xe1 ? 2 : 1;
}

size_t fetch_words_fit(const char *text, size_t columns)
{
    size_t n = 0;
    for (; text[n]; n++) {
        size_t more = columns_of(text[n]);
        if (more > columns)
            break;
        columns -= more;
    }
    return n;
}

size_t fetch_words_columns(const char *text)
{
    size_t columns = 0;
    while (*text)
        columns += columns_of(*text++);
    return columns;
}

/* -- JSON -- */

static bool begin(struct json_out *j, struct str *out, const char *event, const char *account,
                  struct err *err)
{
    *j = json_begin(out);
    return json_open(j, NULL, '{', err) && json_text(j, "event", event, err) &&
           json_text(j, "account", account, err);
}

static void end(struct json_out *j, struct str *out, bool ok)
{
    struct err ignored;
    if (ok && json_close(j, '}', &ignored))
        say("%s", out->buf);
    str_free(out);
}

void fetch_json_progress(const char *account, const struct fetch_at *at)
{
    struct str out = STR_INIT(JSON_MAX);
    struct json_out j;
    struct err e;
    bool ok = begin(&j, &out, "progress", account, &e) && json_text(&j, "folder", at->folder, &e) &&
              json_number(&j, "done", (int64_t)at->done, &e) &&
              json_number(&j, "total", (int64_t)at->total, &e) &&
              json_number(&j, "bytes", (int64_t)at->octets, &e);
    end(&j, &out, ok);
}

void fetch_json_done(const char *account, const struct fetch_done *d)
{
    struct str out = STR_INIT(JSON_MAX);
    struct json_out j;
    struct err e;
    bool ok = begin(&j, &out, "done", account, &e) && json_number(&j, "messages", (int64_t)d->messages, &e) &&
              json_number(&j, "bytes", (int64_t)d->octets, &e) &&
              json_number(&j, "folders", (int64_t)d->folders, &e) &&
              json_number(&j, "linked", (int64_t)d->linked, &e) &&
              json_number(&j, "moved", (int64_t)d->moved, &e) &&
              json_number(&j, "deleted", (int64_t)d->deleted, &e) &&
              json_number(&j, "removed", (int64_t)d->removed, &e) &&
              json_number(&j, "quarantined", (int64_t)d->aside, &e);
    end(&j, &out, ok);
}

void fetch_json_found(const char *account, const struct fetch_found *f)
{
    struct str out = STR_INIT(JSON_MAX);
    struct json_out j;
    struct err e;
    bool ok = begin(&j, &out, "found", account, &e) && json_text(&j, "folder", f->folder, &e) &&
              json_number(&j, "messages", (int64_t)f->messages, &e) &&
              json_number(&j, "bytes", (int64_t)f->octets, &e) &&
              json_number(&j, "linked", (int64_t)f->linked, &e) &&
              json_number(&j, "moved", (int64_t)f->moved, &e) &&
              json_number(&j, "deleted", (int64_t)f->deleted, &e);
    end(&j, &out, ok);
}

void fetch_json_error(const char *account, const struct err *err)
{
    struct str out = STR_INIT(JSON_MAX);
    struct json_out j;
    struct err e;
    bool ok = begin(&j, &out, "error", account, &e) && json_text(&j, "kind", err_kind_name(err->kind), &e) &&
              json_text(&j, "error", err->what, &e) && json_text(&j, "hint", err->hint, &e);
    end(&j, &out, ok);
}

static void one_text(const char *event, const char *account, const char *key, const char *text)
{
    struct str out = STR_INIT(JSON_MAX);
    struct json_out j;
    struct err e;
    bool ok = begin(&j, &out, event, account, &e) && json_text(&j, key, text, &e);
    end(&j, &out, ok);
}

void fetch_json_notice(const char *account, const char *text)
{
    one_text("notice", account, "text", text);
}

void fetch_json_state(const char *account, const char *text)
{
    one_text("state", account, "state", text);
}
