/* folders - see folders.h. */
#include "fetch/folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/mutf7.h"

void folders_free(struct folders *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        free(folders->items[i].wire);
        free(folders->items[i].name);
        free(folders->items[i].path);
    }
    free(folders->items);
    *folders = (struct folders){0};
}

/* decode - to UTF-8 where it is modified UTF-7; else the bytes stand for themselves */
static bool decode(const char *wire, struct str *out, struct err *err)
{
    struct err not_mutf7;
    return mutf7_decode(out, wire, strlen(wire), &not_mutf7) || str_addz(out, wire, err);
}

static bool is_inbox(const char *wire)
{
    return text_eq_nocase(wire, "INBOX");
}

/* needs_escape - of the byte at `i` of a level of the name */
static bool needs_escape(enum layout layout, const char *level, size_t n, size_t i, bool utf8)
{
    unsigned char c = (unsigned char)level[i];
    bool maildirs_own =
        layout == LAYOUT_NESTED && n == 3 &&
        (memcmp(level, "cur", 3) == 0 || memcmp(level, "new", 3) == 0 || memcmp(level, "tmp", 3) == 0);
    return c < 0x20 || c == 0x7f || c == '%' || c == '/' || (c >= 0x80 && !utf8) ||
           (c == '.' && (layout == LAYOUT_MAILDIRPP || i == 0)) || (i == 0 && maildirs_own);
}

static bool add_level(enum layout layout, const char *level, size_t n, struct str *path, struct err *err)
{
    size_t before = path->len;
    bool utf8 = text_is_utf8(level, n);
    if (n == 0)
        return err_set(err, ERR_DATA, "it has an empty level");
    for (size_t i = 0; i < n; i++)
        if (!(needs_escape(layout, level, n, i, utf8) ? str_addf(path, err, "%%%02X", (unsigned char)level[i])
                                                      : str_addc(path, level[i], err)))
            return false;
    return path->len - before <= FOLDER_PART_MAX || err_set(err, ERR_DATA, "one of its levels is too long");
}

static bool add_levels(enum layout layout, const char *plain, char delimiter, struct str *path,
                       struct err *err)
{
    const char *at = plain;
    for (int depth = 0;; depth++) {
        const char *end = delimiter ? strchr(at, delimiter) : NULL;
        size_t n = end ? (size_t)(end - at) : strlen(at);
        if (depth == FOLDER_DEPTH_MAX)
            return err_set(err, ERR_DATA, "it has too many levels");
        if (layout == LAYOUT_MAILDIRPP ? !str_addc(path, '.', err) : depth > 0 && !str_addc(path, '/', err))
            return false;
        if (!add_level(layout, at, n, path, err))
            return false;
        if (!end)
            break;
        at = end + 1;
    }
    size_t most = layout == LAYOUT_MAILDIRPP ? FOLDER_PART_MAX : FOLDER_PATH_MAX;
    return path->len <= most || err_set(err, ERR_DATA, "it is too long");
}

bool folders_path(enum layout layout, const char *wire, char delimiter, struct str *path, struct err *err)
{
    if (is_inbox(wire))
        return layout == LAYOUT_MAILDIRPP || str_addz(path, "INBOX", err);
    struct str plain = STR_INIT(4 * strlen(wire) + 1);
    bool ok = decode(wire, &plain, err) && add_levels(layout, plain.buf, delimiter, path, err);
    str_free(&plain);
    return ok;
}

/* -- what the person asked for -- */

/* Where a wildcard may try to take one byte more. */
struct retry {
    const char *pattern, *name; /* behind the wildcard; what it has not taken yet */
};

bool folders_match(const char *pattern, const char *name)
{
    struct retry any = {0}, level = {0}; /* the last `*`, and the last `%` behind it */
    if (text_eq_nocase(pattern, "INBOX"))
        return is_inbox(name);
    while (*name || *pattern) {
        if (*pattern == '*') {
            any = (struct retry){++pattern, name};
            level = (struct retry){0};
        } else if (*pattern == '%') {
            level = (struct retry){++pattern, name};
        } else if (*name && *pattern == *name) {
            pattern++;
            name++;
        } else if (level.pattern && *level.name && *level.name != '/') {
            pattern = level.pattern;
            name = ++level.name;
        } else if (any.pattern && *any.name) {
            pattern = any.pattern;
            name = ++any.name;
            level = (struct retry){0};
        } else {
            return false;
        }
    }
    return true;
}

static bool fits(const char *pattern, const char *name, const struct strv *attributes)
{
    if (pattern[0] != '\\')
        return folders_match(pattern, name);
    return text_eq_nocase(pattern, "\\Inbox") ? is_inbox(name) : strv_has_nocase(attributes, pattern);
}

bool folders_wanted(const struct strv *patterns, const char *name, const struct strv *attributes)
{
    bool wanted = patterns->count == 0 && is_inbox(name);
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        if (pattern[0] == '!' && fits(pattern + 1, name, attributes))
            return false;
        wanted = wanted || (pattern[0] != '!' && fits(pattern, name, attributes));
    }
    return wanted;
}

static bool grow(struct folders *folders, struct err *err)
{
    if (folders->count == FOLDERS_MAX)
        return err_set(err, ERR_PROTOCOL, "The server lists more than %d folders.", FOLDERS_MAX);
    if (folders->count < folders->cap)
        return true;
    size_t cap = folders->cap ? 2 * folders->cap : 16;
    struct folder *items = realloc(folders->items, cap * sizeof *items);
    if (!items)
        return err_nomem(err);
    folders->items = items;
    folders->cap = cap;
    return true;
}

static bool insert(struct folders *folders, const char *wire, struct str *name, struct str *path,
                   struct err *err)
{
    for (size_t i = 0; i < folders->count; i++)
        if (strcmp(folders->items[i].path, path->buf) == 0)
            return true; /* listed twice; or INBOX and inbox */
    if (!grow(folders, err))
        return false;
    struct folder f = {.wire = strdup(wire), .name = str_steal(name), .path = str_steal(path)};
    if (!f.wire || !f.name || !f.path) {
        free(f.wire);
        free(f.name);
        free(f.path);
        return err_nomem(err);
    }
    size_t at = is_inbox(wire) ? 0 : folders->count;
    if (at < folders->count)
        memmove(folders->items + 1, folders->items, folders->count * sizeof f);
    folders->items[at] = f;
    folders->count++;
    return true;
}

struct folder *folders_find(const struct folders *folders, const char *wire)
{
    for (size_t i = folders->count; i-- > 0;) /* what is asked about was mostly added last */
        if (strcmp(folders->items[i].wire, wire) == 0 || (is_inbox(wire) && is_inbox(folders->items[i].wire)))
            return &folders->items[i];
    return NULL;
}

bool folders_add(struct folders *folders, const struct fetch_conf *conf, const char *wire, char delimiter,
                 const struct strv *attributes, struct err *err)
{
    struct str name = STR_INIT(65536), path = STR_INIT(65536);
    struct err why = {0};
    bool ok = mutf7_show(wire, delimiter, &name, err);
    if (ok && folders_wanted(&conf->folders, name.buf, attributes)) {
        ok = folders_path(conf->layout, wire, delimiter, &path, &why);
        if (ok)
            ok = insert(folders, wire, &name, &path, err);
        else if (why.kind != ERR_DATA)
            *err = why;
        else
            err_set(err, ERR_DATA, "The server's folder \"%.200s\" cannot be a folder here: %s.", name.buf,
                    why.what);
    }
    str_free(&name);
    str_free(&path);
    return ok;
}
