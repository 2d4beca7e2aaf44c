/* faults - see faults.h. */
#include "conf/faults.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HINT "  hint: "

void faults_add(struct faults *faults, const struct err *err)
{
    struct err ignored;
    char hint[sizeof err->hint + 16];
    if (faults->first.kind == ERR_NONE)
        faults->first = *err;
    if (strv_has(&faults->lines, err->what))
        return;
    /* without memory for the list, `first` still says that something is wrong */
    if (!strv_add(&faults->lines, err->what, &ignored) || !err->hint[0])
        return;
    snprintf(hint, sizeof hint, HINT "%s", err->hint);
    if (!strv_add(&faults->lines, hint, &ignored))
        return;
}

/* -- in the order of the files -- */

struct entry {
    char *what, *hint; /* hint may be NULL */
    size_t path;       /* length of the file's name in front of `what` */
    unsigned line;
    size_t file, at; /* the first entry of this file, and this one */
};

/* "FILE:LINE: " or "FILE: " in front */
static void find_place(struct entry *e)
{
    const char *end = strstr(e->what, ": "), *colon = end;
    e->path = end ? (size_t)(end - e->what) : 0;
    e->line = UINT_MAX;
    while (colon && colon > e->what && strchr("0123456789", colon[-1]))
        colon--;
    if (!colon || colon == end || colon == e->what || colon[-1] != ':')
        return;
    e->path = (size_t)(colon - e->what) - 1;
    e->line = (unsigned)strtoul(colon, NULL, 10);
}

static bool same_file(const struct entry *a, const struct entry *b)
{
    return a->path == b->path && memcmp(a->what, b->what, a->path) == 0;
}

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static size_t read_entries(const struct strv *lines, struct entry *entries)
{
    size_t count = 0;
    for (size_t i = 0; i < lines->count; i++) {
        if (count > 0 && strncmp(lines->items[i], HINT, strlen(HINT)) == 0) {
            entries[count - 1].hint = lines->items[i];
            continue;
        }
        struct entry *e = &entries[count];
        *e = (struct entry){.what = lines->items[i], .at = count};
        find_place(e);
        while (!same_file(&entries[e->file], e))
            e->file++; /* at the latest it meets itself */
        count++;
    }
    return count;
}

void faults_sort(struct faults *faults)
{
    struct strv *lines = &faults->lines;
    struct entry *entries = calloc(lines->count + 1, sizeof *entries);
    if (!entries)
        return; /* then as they were met */
    size_t count = read_entries(lines, entries), n = 0;
    qsort(entries, count, sizeof *entries, by_place);
    for (size_t i = 0; i < count; i++) {
        lines->items[n++] = entries[i].what;
        if (entries[i].hint)
            lines->items[n++] = entries[i].hint;
    }
    free(entries);
}

void faults_free(struct faults *faults)
{
    strv_free(&faults->lines);
    *faults = (struct faults){0};
}
