/* folders - see folders.h. */
#include "fetch/folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "conf/target.h"
#include "mail/mutf7.h"

static void free_one(struct folder *f)
{
    free(f->wire);
    strv_free(&f->attributes);
    free(f->name);
    free(f->whole);
    free(f->path);
    *f = (struct folder){0};
}

void folders_free(struct folders *folders)
{
    for (size_t i = 0; i < folders->count; i++)
        free_one(&folders->items[i]);
    free(folders->items);
    *folders = (struct folders){0};
}

/* -- what the server lists -- */

static bool grow(struct folders *folders, struct err *err)
{
    if (folders->count == FOLDERS_MAX)
        return err_set(err, ERR_PROTOCOL, "The server lists more than %d folders.", FOLDERS_MAX);
    struct folder *items = array_room(folders->items, &folders->cap, folders->count + 1, sizeof *items, err);
    if (!items)
        return false;
    folders->items = items;
    return true;
}

static bool is_inbox(const char *wire)
{
    return text_eq_nocase(wire, "INBOX");
}

bool folders_is_inbox(const struct folder *folder)
{
    return is_inbox(folder->wire);
}

bool folders_is_called(const struct folder *folder, const char *name)
{
    return strcmp(folder->name, name) == 0 || (folder->whole && strcmp(folder->whole, name) == 0);
}

bool folders_list(struct folders *folders, const struct imap_list *list, struct err *err)
{
    struct folder f = {.delimiter = list->delimiter};
    if (!grow(folders, err))
        return false;
    if (!strv_copy(&f.attributes, &list->attributes, err) || !(f.wire = strdup(list->name.buf))) {
        free_one(&f);
        return err_nomem(err);
    }
    folders->items[folders->count++] = f;
    return true;
}

static bool show(const char *wire, char delimiter, char **name_r, struct err *err)
{
    struct str name = STR_INIT(65536);
    bool ok = mutf7_show(wire, delimiter, &name, err) && ((*name_r = str_steal(&name)) || err_nomem(err));
    str_free(&name);
    return ok;
}

bool folders_name(struct folder *f, const struct imap_namespaces *namespaces, struct err *err)
{
    const char *plain = imap_namespace_plain(namespaces, f->wire);
    const struct imap_namespace *foreign = imap_namespace_foreign(namespaces, f->wire);
    f->foreign = foreign != NULL;
    if (!show(plain, f->delimiter, &f->name, err) ||
        (plain != f->wire && !show(f->wire, f->delimiter, &f->whole, err)))
        return false;
    size_t name = strlen(f->name), realm = foreign ? strlen(foreign->prefix) : 0;
    f->realm = realm < name ? realm : name; /* "Public" is in "Public/" */
    return true;
}

struct folder *folders_find(const struct folders *folders, const char *wire)
{
    for (size_t i = folders->count; i-- > 0;) /* what is asked about was mostly added last */
        if (strcmp(folders->items[i].wire, wire) == 0 ||
            (is_inbox(wire) && folders_is_inbox(&folders->items[i])))
            return &folders->items[i];
    return NULL;
}

/* -- where it is here -- */

/* decode - to UTF-8 where it is modified UTF-7; else the bytes stand for themselves */
static bool decode(const char *wire, struct str *out, struct err *err)
{
    struct err not_mutf7;
    return mutf7_decode(out, wire, strlen(wire), &not_mutf7) || str_addz(out, wire, err);
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

/* names_realm - of a folder of others: does the pattern begin with what says whose it is, and with no wildcard? */
static bool names_realm(const char *pattern, const struct folder *f)
{
    size_t head = strcspn(pattern, "*%");
    return head > 0 && head >= f->realm && strncmp(pattern, f->name, f->realm) == 0;
}

bool folders_fit(const char *pattern, const struct folder *f)
{
    if (text_eq_nocase(pattern, "\\Inbox"))
        return folders_is_inbox(f);
    if (pattern[0] == '\\')
        return strv_has_nocase(&f->attributes, pattern);
    return folders_match(pattern, f->name) || (f->whole && folders_match(pattern, f->whole));
}

bool folders_wanted(const struct strv *patterns, const struct folder *f)
{
    bool wanted = patterns->count == 0 && folders_is_inbox(f);
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        if (pattern[0] == '!' && folders_fit(pattern + 1, f))
            return false;
        wanted = wanted || (pattern[0] != '!' && folders_fit(pattern, f) &&
                            (!f->foreign || (pattern[0] != '\\' && names_realm(pattern, f))));
    }
    return wanted;
}

/* -- putting it there -- */

/* swap - `ours` stands where one of others was going to */
static void swap(struct folder *theirs, struct folder *ours)
{
    struct folder other = *theirs;
    *theirs = *ours;
    *ours = other;
}

/* settle_clash - what is listed twice is one folder; of one's own and another's, one's own is meant */
static bool settle_clash(struct folder *there, struct folder *f, struct err *err)
{
    bool same = strcmp(there->wire, f->wire) == 0 || (folders_is_inbox(there) && folders_is_inbox(f));
    if (same || (f->foreign && !there->foreign))
        return true;
    if (f->foreign || !there->foreign)
        return err_set(err, ERR_DATA, "it would stand in one place with \"%.200s\"", there->name);
    swap(there, f);
    return true;
}

static bool insert(struct folders *folders, struct folder *f, struct err *err)
{
    for (size_t i = 0; i < folders->count; i++)
        if (strcmp(folders->items[i].path, f->path) == 0)
            return settle_clash(&folders->items[i], f, err);
    if (!grow(folders, err))
        return false;
    size_t at = folders_is_inbox(f) ? 0 : folders->count;
    if (at < folders->count)
        memmove(folders->items + 1, folders->items, folders->count * sizeof *f);
    folders->items[at] = *f;
    folders->count++;
    *f = (struct folder){0};
    return true;
}

/* add_place - where the person wants it, or else by the layout. A use means one's own folder. */
static bool add_place(const struct fetch_conf *conf, const struct imap_namespaces *namespaces,
                      const struct folder *f, struct str *path, struct err *err)
{
    bool ok = true, found = false;
    for (size_t i = 0; ok && !found && i < conf->targets.count; i++) {
        struct target target;
        ok = target_read(conf->targets.items[i], &target, err);
        found = ok && folders_fit(target.folder.buf, f) && !(f->foreign && target.folder.buf[0] == '\\');
        ok = ok && (!found || str_add(path, target.place.buf, target.place.len, err));
        target_free(&target);
    }
    return ok && (found || folders_path(conf->layout, imap_namespace_plain(namespaces, f->wire), f->delimiter,
                                        path, err));
}

bool folders_take(struct folders *folders, const struct fetch_conf *conf,
                  const struct imap_namespaces *namespaces, struct folder *f, struct err *err)
{
    struct str path = STR_INIT(65536);
    struct err why = {0};
    bool ok = add_place(conf, namespaces, f, &path, &why) &&
              ((f->path = str_steal(&path)) || err_nomem(&why)) && insert(folders, f, &why);
    str_free(&path);
    if (!ok && why.kind == ERR_DATA)
        return err_set(err, ERR_DATA, "The server's folder \"%.200s\" cannot be a folder here: %s.", f->name,
                       why.what);
    if (!ok)
        *err = why;
    return ok;
}

bool folders_take_inbox(struct folders *folders, const struct fetch_conf *conf, struct err *err)
{
    static const struct imap_namespaces none = {0};
    struct folder inbox = {.wire = strdup("INBOX"), .name = strdup("INBOX")};
    bool ok = (inbox.wire && inbox.name) || err_nomem(err);
    ok = ok && folders_take(folders, conf, &none, &inbox, err);
    free_one(&inbox);
    return ok;
}
