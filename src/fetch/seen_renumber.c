/* seen_renumber - the same messages under other UIDs: a memory is made anew from the old one, and takes its place in
 * one step. Until then the old one holds. */
#include <stdlib.h>
#include <string.h>

#include "fetch/seen_impl.h"

/* take_over - the messages of `pairs`, into the empty table of `s` */
static bool take_over(struct seen *s, const struct seen *old, const struct seen_pair *pairs, size_t count,
                      struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct seen_key from = seen_key_uid(pairs[i].from);
        const struct seen_entry *known = seen_slot(old, &from);
        struct seen_entry e;
        if (!known)
            return err_set(err, ERR_INTERNAL, "%s does not know the message %u.", s->path, pairs[i].from);
        e = *known;
        e.key = seen_key_uid(pairs[i].to);
        e.date = pairs[i].date;
        if (e.file_validity == 0) {
            e.file_validity = old->validity;
            e.file_uid = pairs[i].from;
        }
        if (!seen_put(s, &e, err))
            return false;
    }
    return true;
}

static void free_table(struct seen *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->entries[i].name);
    free(s->entries);
    free(s->index);
    quarantine_free(s);
    uidset_free(&s->done);
}

bool seen_renumber(struct seen *s, uint32_t validity, const struct seen_pair *pairs, size_t count,
                   struct err *err)
{
    struct seen old = *s;
    s->entries = NULL;
    s->index = NULL;
    s->bad = NULL;
    s->count = s->cap = s->live = s->opens = s->index_size = s->bad_count = s->bad_cap = 0;
    s->done = (struct uidset)UIDSET_INIT;
    s->validity = validity;
    s->next = 1;
    s->modseq = 0;
    if (!take_over(s, &old, pairs, count, err)) {
        free_table(s);
        *s = old;
        return false;
    }
    free_table(&old);
    if (s->look_only)
        return true;
    bool ok = s->moved_to ? seen_adopt(s, err) : seen_rewrite(s, err);
    s->broken = !ok;
    return ok;
}
