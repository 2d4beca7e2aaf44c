/* aliases - see aliases.h. */
#include "conf/aliases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "conf/place.h"
#include "mail/addr.h"

#define NAME_SIZE ADDR_SPEC_SIZE
#define EXPANDED_MAX 100000 /* names and addresses that one name may come to */

static const char default_name[] = "default";

struct reader {
    const char *at, *end;
    unsigned line;       /* that `at` is in */
    unsigned entry_line; /* where the current entry begins */
    struct aliases *aliases;
};

static bool fault(struct reader *r, const char *about, size_t n, const char *why, struct err *err)
{
    char shown[128];
    struct str text = STR_INIT(1024);
    if (r->aliases->faults.count >= ALIASES_FAULTS_MAX)
        return true;
    text_clean(shown, sizeof shown, about, n);
    bool ok = str_addf(&text, err, "%u: \"%s\" %s", r->entry_line, shown, why) &&
              strv_add(&r->aliases->faults, text.buf, err);
    str_free(&text);
    return ok;
}

/* -- entries -- */

static struct alias *add_alias(struct aliases *a, const char *name, unsigned line, struct err *err)
{
    struct alias *more = NULL;
    if ((a->count & (a->count - 1)) == 0) { /* full at each power of two */
        more = realloc(a->items, (a->count > 0 ? a->count * 2 : 1) * sizeof *more);
        if (more == NULL) {
            err_nomem(err);
            return NULL;
        }
        a->items = more;
    }
    struct alias *new = &a->items[a->count];
    *new = (struct alias){.name = strdup(name), .line = line};
    if (new->name == NULL) {
        err_nomem(err);
        return NULL;
    }
    text_lower_z(new->name);
    a->count++;
    return new;
}

/* What mail is not sent to, whatever else it is. NULL: nothing of the kind. */
static const char *unsupported(const char *s, size_t n)
{
    size_t quote = n > 0 && (s[0] == '"' || s[0] == '\\') ? 1 : 0;
    s += quote;
    n -= quote;
    if (n > 0 && s[0] == '|')
        return "is a command; tappal runs none for an address.";
    if (n > 0 && s[0] == '/')
        return "is a file; tappal writes none for an address.";
    if (n >= 9 && text_eqn_nocase(s, ":include:", 9))
        return "is a list to include, which tappal does not support.";
    return NULL;
}

/* One target: an address, or a name that may be escaped. */
static bool add_target(struct reader *r, struct alias *alias, const char *given, size_t n, const char *spec,
                       struct err *err)
{
    const char *why = unsupported(given, n);
    if (why == NULL && (spec == NULL || spec[0] == '\0'))
        why = "is not a mail address.";
    if (why != NULL)
        return fault(r, given, n, why, err);
    return strv_add(&alias->targets, spec, err);
}

/* "\name" is no address, so it is taken before the addresses are read. */
static bool is_escaped(const char *text, size_t n, char name[NAME_SIZE])
{
    if (n < 2 || n >= NAME_SIZE || text[0] != '\\' || memchr(text, '\0', n) != NULL ||
        text_has_control(text, n))
        return false;
    memcpy(name, text, n);
    name[n] = '\0';
    return strpbrk(name + 1, "\\\"@<>()[]:;, ") == NULL && text_is_utf8(name, n);
}

static bool add_targets(struct reader *r, struct alias *alias, const char *text, size_t n, struct err *err)
{
    struct addr_parser p;
    struct addr a;
    struct err why;
    enum addr_event event;
    addr_begin(&p, text, n);
    while ((event = addr_next(&p, &a, &why)) != ADDR_END) {
        const char *given = text + a.start;
        size_t len = a.end - a.start;
        char name[NAME_SIZE];
        while (len > 0 && (given[len - 1] == ' ' || given[len - 1] == '\t'))
            len--;
        const char *spec = event == ADDR_GOT ? a.spec : is_escaped(given, len, name) ? name : NULL;
        if (!add_target(r, alias, given, len, spec, err))
            return false;
    }
    return true;
}

/* The name in front of the colon: its quotes undone, without blanks around it. NULL in *colon_r: there is none. */
static void read_name(const char *text, size_t n, char name[NAME_SIZE], const char **colon_r)
{
    struct str found = STR_INIT(NAME_SIZE - 1);
    struct err ignored;
    bool quoted = false, ok = true;
    size_t i = 0, end = 0;
    *colon_r = NULL;
    for (; i < n && (quoted || text[i] != ':'); i++) {
        bool blank = !quoted && (text[i] == ' ' || text[i] == '\t');
        quoted = text[i] == '"' ? !quoted : quoted;
        if (text[i] == '"' || (blank && found.len == 0))
            continue;
        ok = ok && !text_has_control(text + i, 1) && str_addc(&found, text[i], &ignored);
        end = blank ? end : found.len;
    }
    if (ok && i < n && end > 0 && found.buf[0] != '\\') {
        str_cut(&found, end);
        snprintf(name, NAME_SIZE, "%s", found.buf);
        *colon_r = text + i;
    }
    str_free(&found);
}

/* One entry, its lines joined. */
static bool read_entry(struct reader *r, const char *text, size_t n, struct err *err)
{
    char name[NAME_SIZE];
    const char *colon;
    read_name(text, n, name, &colon);
    if (colon == NULL)
        return fault(r, text, n, "is not an alias: its name and a colon are missing.", err);
    struct alias *alias = add_alias(r->aliases, name, r->entry_line, err);
    return alias != NULL && add_targets(r, alias, colon + 1, (size_t)(text + n - colon) - 1, err);
}

/* -- lines -- */

static size_t line_length(const struct reader *r)
{
    const char *lf = memchr(r->at, '\n', (size_t)(r->end - r->at));
    return (size_t)((lf != NULL ? lf : r->end) - r->at);
}

static bool is_blank_or_comment(const char *line, size_t n)
{
    size_t i = 0;
    while (i < n && strchr(" \t\r", line[i]) != NULL && line[i] != '\0')
        i++;
    return i == n || line[i] == '#';
}

/* Up to a "#" behind a blank that no quotes hide. */
static size_t without_comment(const char *line, size_t n)
{
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        quoted = line[i] == '"' ? !quoted : quoted;
        if (line[i] == '#' && !quoted && i > 0 && (line[i - 1] == ' ' || line[i - 1] == '\t'))
            return i;
    }
    return n > 0 && line[n - 1] == '\r' ? n - 1 : n;
}

/* The next entry, its lines joined; empty at the end. */
static bool next_entry(struct reader *r, struct str *entry, struct err *err)
{
    str_clear(entry);
    while (r->at < r->end) {
        const size_t n = line_length(r);
        const char *line = r->at;
        bool goes_on = n > 0 && (line[0] == ' ' || line[0] == '\t');
        bool nothing = is_blank_or_comment(line, n);
        if (!nothing && !goes_on && entry->len > 0)
            return true;
        r->at += n < (size_t)(r->end - r->at) ? n + 1 : n;
        r->line++;
        if (nothing)
            continue;
        if (entry->len == 0)
            r->entry_line = r->line;
        if (!str_add(entry, line, without_comment(line, n), err))
            return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int by_name_and_line(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;
    int names = by_name(a, b);
    return names != 0 ? names : (x->line > y->line) - (x->line < y->line);
}

static void alias_free(struct alias *alias)
{
    free(alias->name);
    strv_free(&alias->targets);
}

/* Sorts the entries. Of two for one name the first counts. */
static bool settle(struct reader *r, struct err *err)
{
    struct aliases *a = r->aliases;
    size_t kept = 0;
    bool ok = true;
    if (a->count > 0)
        qsort(a->items, a->count, sizeof *a->items, by_name_and_line);
    for (size_t i = 0; i < a->count; i++) {
        struct alias *alias = &a->items[i];
        if (kept > 0 && strcmp(a->items[kept - 1].name, alias->name) == 0) {
            r->entry_line = alias->line;
            ok = ok && fault(r, alias->name, strlen(alias->name), "has an entry already, which counts.", err);
            alias_free(alias);
        } else {
            a->items[kept++] = *alias;
        }
    }
    a->count = kept;
    return ok;
}

bool aliases_parse(const char *text, size_t n, struct aliases *aliases_r, struct err *err)
{
    struct aliases aliases = {0};
    struct reader r = {.at = text, .end = text + n, .aliases = &aliases};
    struct str entry = STR_INIT(ALIASES_FILE_MAX);
    bool ok;
    while ((ok = next_entry(&r, &entry, err)) && entry.len > 0)
        if (!(ok = read_entry(&r, entry.buf, entry.len, err)))
            break;
    str_free(&entry);
    ok = ok && settle(&r, err);
    if (ok)
        *aliases_r = aliases;
    else
        aliases_free(&aliases);
    return ok;
}

bool aliases_read(const char *path, struct aliases *aliases_r, struct err *err)
{
    struct str text = STR_INIT(ALIASES_FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, ERR_CONFIG, "The aliases in %s cannot be read", path);
    bool ok = place_check_config_file(fd, path, err) && fs_read_all(fd, &text, path, err) &&
              aliases_parse(text.buf, text.len, aliases_r, err);
    close(fd);
    str_free(&text);
    return ok;
}

void aliases_free(struct aliases *aliases)
{
    for (size_t i = 0; i < aliases->count; i++)
        alias_free(&aliases->items[i]);
    free(aliases->items);
    strv_free(&aliases->faults);
    *aliases = (struct aliases){0};
}

/* -- what a name comes to -- */

static struct alias *find(struct aliases *a, const char *name)
{
    char lower[NAME_SIZE];
    struct alias key = {.name = lower};
    snprintf(lower, sizeof lower, "%s", name);
    text_lower_z(lower);
    return a->count > 0 ? bsearch(&key, a->items, a->count, sizeof key, by_name) : NULL;
}

/* The targets of an entry: those that are itself are names like any other, the rest is looked at in turn. */
static bool add_all(const struct alias *alias, struct strv *todo, struct strv *out, struct err *err)
{
    for (size_t i = 0; i < alias->targets.count; i++) {
        const char *target = alias->targets.items[i];
        struct strv *to = text_eq_nocase(target, alias->name) ? out : todo;
        if (to->count >= EXPANDED_MAX)
            return err_set(err, ERR_CONFIG, "The alias %s comes to over %d names.", alias->name,
                           EXPANDED_MAX);
        if (!strv_add(to, target, err))
            return false;
    }
    return true;
}

static bool expand_one(struct aliases *a, const char *name, struct strv *todo, struct strv *out,
                       struct err *err)
{
    if (addr_domain(name) != NULL)
        return strv_add(out, name, err);
    if (name[0] == '\\')
        return strv_add(out, name + 1, err);
    struct alias *own = find(a, name), *alias = own != NULL ? own : find(a, default_name);
    if (alias == NULL || (own == NULL && alias->seen == a->asked))
        return strv_add(out, name, err);
    if (alias->seen == a->asked)
        return true;
    alias->seen = a->asked;
    return add_all(alias, todo, out, err);
}

bool aliases_expand(struct aliases *a, const char *name, struct strv *out, struct err *err)
{
    struct strv todo = STRV_INIT;
    bool ok = strv_add(&todo, name, err);
    a->asked++;
    for (size_t i = 0; ok && i < todo.count; i++)
        ok = expand_one(a, todo.items[i], &todo, out, err);
    strv_free(&todo);
    return ok;
}
