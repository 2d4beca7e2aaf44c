/* links - see links.h. */
#include "fetch/links.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "fetch/batch.h"

void links_begin(struct links *l, const struct pull *pull, const struct folders *folders)
{
    *l = (struct links){.pull = pull, .folders = folders};
}

void links_end(struct links *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i].path);
    free(l->items);
    free(l->index);
    here_free(&l->here);
    *l = (struct links){0};
}

bool links_matter(const struct links *l)
{
    return l->folders->count > 1;
}

/* -- the table -- */

static size_t first_place(const struct links *l, const unsigned char id[SEEN_MARK_BYTES])
{
    size_t h; /* an id is a hash already */
    memcpy(&h, id, sizeof h < SEEN_MARK_BYTES ? sizeof h : SEEN_MARK_BYTES);
    return h & (l->index_size - 1);
}

static void enter(struct links *l, size_t number)
{
    size_t at = first_place(l, l->items[number].id);
    while (l->index[at])
        at = (at + 1) & (l->index_size - 1);
    l->index[at] = (uint32_t)number + 1;
}

static bool grow(struct links *l, struct err *err)
{
    if (l->count < l->cap)
        return true;
    size_t cap = l->cap ? 2 * l->cap : 64;
    struct link *items = realloc(l->items, cap * sizeof *items);
    if (!items)
        return err_nomem(err);
    l->items = items;
    uint32_t *index = calloc(2 * cap, sizeof *index);
    if (!index)
        return err_nomem(err);
    free(l->index);
    l->index = index;
    l->index_size = 2 * cap;
    l->cap = cap;
    for (size_t i = 0; i < l->count; i++)
        enter(l, i);
    return true;
}

/* next - the item of this name, size and date behind *at (a place in the table; start with first_place), or NULL. A
 * server whose names are not lasting, or the same for all, must not make two messages one. */
static struct link *next(const struct links *l, size_t *at, const unsigned char id[SEEN_MARK_BYTES],
                         uint64_t wire, int64_t date)
{
    while (l->index[*at]) {
        struct link *link = &l->items[l->index[*at] - 1];
        *at = (*at + 1) & (l->index_size - 1);
        if (memcmp(link->id, id, SEEN_MARK_BYTES) == 0 && link->wire == wire && link->date == date)
            return link;
    }
    return NULL;
}

bool links_add(struct links *l, const struct seen_entry *e, const char *path, struct err *err)
{
    if (!links_matter(l) || !seen_mark_known(e->id) || e->wire == 0 || e->stub || l->count == LINKS_MAX)
        return true;
    if (!grow(l, err))
        return false;
    struct link link = {.wire = e->wire, .size = e->size, .date = e->date};
    memcpy(link.id, e->id, sizeof link.id);
    memcpy(link.letter, e->letter, sizeof link.letter);
    memcpy(link.hash, e->hash, sizeof link.hash);
    if (path && !(link.path = strdup(path)))
        return err_nomem(err);
    l->items[l->count++] = link;
    enter(l, l->count - 1);
    return true;
}

/* -- what was fetched before -- */

static bool add_memory(struct links *l, const struct seen *seen, struct err *err)
{
    if (seen_moved(seen))
        return true; /* it may be another mailbox's */
    for (const struct seen_entry *e = seen_each(seen, NULL); e; e = seen_each(seen, e))
        if (seen_is_here(e) && !links_add(l, e, NULL, err))
            return false;
    return true;
}

/* read_memories - one that cannot be read is told of when its folder is fetched; here it only costs time */
static void read_memories(struct links *l)
{
    l->read = true;
    for (size_t i = 0; i < l->folders->count; i++) {
        struct seen *seen = NULL;
        struct err ignored;
        bool ok = pull_memory(l->pull, l->folders->items[i].wire, true, &seen, &ignored) &&
                  add_memory(l, seen, &ignored);
        seen_close(&seen);
        if (!ok)
            continue;
    }
}

bool links_has(struct links *l, const unsigned char id[SEEN_MARK_BYTES], uint64_t wire, int64_t date)
{
    if (!seen_mark_known(id) || wire == 0)
        return false;
    if (!l->read)
        read_memories(l);
    size_t at = l->count ? first_place(l, id) : 0;
    return l->count > 0 && next(l, &at, id, wire, date);
}

/* -- linking -- */

/* find_file - it may have been moved, or its flags changed: by its bytes, in the whole maildir. *file_r NULL: it is not there. */
static bool find_file(struct links *l, const struct seen_entry *about, struct here_file **file_r,
                      struct err *err)
{
    if (!l->searched && !here_scan(l->pull->account->fetch.maildir, &l->here, err))
        return false;
    l->searched = true;
    return here_find_bytes(&l->here, about, file_r, err);
}

static bool put_found(struct links *l, struct batch *batch, const struct seen_entry *about, bool *done_r,
                      struct err *err)
{
    struct str path = STR_INIT(16384);
    struct here_file *file = NULL;
    bool ok = find_file(l, about, &file, err) && (!file || (fs_join(&path, l->here.root, file->path, err) &&
                                                            batch_link(batch, about, path.buf, done_r, err)));
    str_free(&path);
    return ok;
}

static bool put_as(struct links *l, struct batch *batch, const struct link *link, struct seen_entry *about,
                   bool *done_r, struct err *err)
{
    about->size = link->size;
    memcpy(about->hash, link->hash, sizeof about->hash);
    memcpy(about->letter, link->letter, sizeof about->letter);
    if (link->path && !batch_link(batch, about, link->path, done_r, err))
        return false;
    return *done_r || put_found(l, batch, about, done_r, err);
}

bool links_put(struct links *l, struct batch *batch, const struct seen_entry *about, bool *done_r,
               struct err *err)
{
    struct seen_entry e = *about;
    size_t at = first_place(l, e.id);
    *done_r = false;
    for (const struct link *link; !*done_r && (link = next(l, &at, e.id, e.wire, e.date));) {
        /* A full batch is committed by the next message, which adds to the table: hence a copy of the item's values. */
        struct link copy = *link;
        if (!put_as(l, batch, &copy, &e, done_r, err))
            return false;
    }
    return true;
}
