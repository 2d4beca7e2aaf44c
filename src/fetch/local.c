/* local - see local.h. */
#include "fetch/local.h"

#include <stdlib.h>
#include <string.h>

#include "fetch/batch.h"

/* -- names -- */

/* number - decimal digits up to `end`; *at_r moves behind it */
static bool number(const char **at_r, char end, uint32_t *out)
{
    uint64_t value = 0;
    const char *p = *at_r;
    while (*p >= '0' && *p <= '9' && value <= UINT32_MAX)
        value = value * 10 + (uint64_t)(*p++ - '0');
    if (p == *at_r || *p != end || value == 0 || value > UINT32_MAX)
        return false;
    *at_r = p + 1;
    *out = (uint32_t)value;
    return true;
}

bool local_read_name(const char *name, const char *mark, uint32_t *validity_r, uint32_t *uid_r)
{
    const char *at = strchr(name, '.');
    size_t n = strlen(mark);
    if (!at || strncmp(at + 1, mark, n) != 0 || at[1 + n] != '-')
        return false;
    at += n + 2;
    return number(&at, '-', validity_r) && number(&at, '-', uid_r);
}

/* -- messages that were numbered anew -- */

static int by_file(const void *a, const void *b)
{
    const struct local_alias *x = a, *y = b;
    if (x->validity != y->validity)
        return x->validity < y->validity ? -1 : 1;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static bool find_aliases(struct local *local, struct err *err)
{
    size_t count = 0;
    for (const struct seen_entry *e = seen_each(local->seen, NULL); e; e = seen_each(local->seen, e))
        count += e->file_validity != 0;
    if (count == 0)
        return true;
    local->aliases = calloc(count, sizeof *local->aliases);
    if (!local->aliases)
        return err_nomem(err);
    for (const struct seen_entry *e = seen_each(local->seen, NULL); e; e = seen_each(local->seen, e))
        if (e->file_validity != 0)
            local->aliases[local->alias_count++] =
                (struct local_alias){e->file_validity, e->file_uid, (uint32_t)seen_number(local->seen, e)};
    qsort(local->aliases, local->alias_count, sizeof *local->aliases, by_file);
    return true;
}

const struct seen_entry *local_entry(const struct local *local, const char *name)
{
    struct local_alias wanted = {0};
    if (!local_read_name(name, local->mark, &wanted.validity, &wanted.uid))
        return NULL;
    const struct local_alias *alias =
        local->alias_count ? bsearch(&wanted, local->aliases, local->alias_count, sizeof wanted, by_file)
                           : NULL;
    if (alias)
        return seen_at(local->seen, alias->number);
    struct seen_key key = seen_key_uid(wanted.uid);
    const struct seen_entry *e =
        wanted.validity == seen_validity(local->seen) ? seen_message(local->seen, &key) : NULL;
    return e && seen_is_here(e) && e->file_validity == 0 ? e : NULL;
}

/* -- looking -- */

static bool note(void *arg, const struct maildir_file *file, struct err *err)
{
    struct local *local = arg;
    const struct seen_entry *e = local_entry(local, file->name);
    size_t at = e ? seen_number(local->seen, e) : local->count;
    (void)err;
    if (at < local->count) {
        local->marks[at].here = true;
        local->marks[at].flags |= file->flags;
    }
    return true;
}

bool local_open(const struct pull_folder *f, struct local *local_r, struct err *err)
{
    struct local local = {.seen = f->seen, .mark = f->batch->mark, .count = seen_size(f->seen)};
    local.marks = calloc(local.count + 1, sizeof *local.marks);
    bool ok = (local.marks || err_nomem(err)) && find_aliases(&local, err) &&
              (local.count == 0 || maildir_files(f->box, note, &local, err));
    if (ok)
        *local_r = local;
    else
        local_close(&local);
    return ok;
}

void local_close(struct local *local)
{
    free(local->marks);
    free(local->aliases);
    *local = (struct local){0};
}
