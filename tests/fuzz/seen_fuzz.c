/* seen_fuzz - lines as the memory of a folder, with the sums they need: what is taken as sound, written anew and read
 * again, is the same memory; and a glance at it says the same. The first byte says whether it is POP3's. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fetch/seen_impl.h"

#define FILE_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[256], path[300];

static void must(bool what)
{
    if (!what)
        abort();
}

static void leave(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "%s/seen-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/seen", folder);
    atexit(leave);
}

static void write_file(const struct str *text)
{
    FILE *file = fopen(path, "w");
    must(file && fwrite(text->buf, 1, text->len, file) == text->len && fclose(file) == 0);
}

static void add_line(struct str *out, const char *record, size_t n)
{
    struct err err;
    must(seen_add_line(out, record, n, &err));
}

/* A fuzzer does not guess sums. */
static void write_memory(const char *lines, size_t n, bool pop3)
{
    const char *owner = pop3 ? "folder pop3 ada INBOX" : "folder imap ada INBOX";
    struct str text = STR_INIT(FILE_MAX);
    add_line(&text, SEEN_FIRST, strlen(SEEN_FIRST));
    add_line(&text, owner, strlen(owner));
    for (size_t at = 0; at < n;) {
        const char *lf = memchr(lines + at, '\n', n - at);
        size_t length = lf ? (size_t)(lf - lines) - at : n - at;
        add_line(&text, lines + at, length);
        at += length + 1;
    }
    write_file(&text);
    str_free(&text);
}

static bool same_entry(const struct seen_entry *a, const struct seen_entry *b)
{
    return b && a->state == b->state && a->wire == b->wire && a->size == b->size && a->date == b->date &&
           a->when == b->when && a->flags == b->flags && a->stub == b->stub && a->away == b->away &&
           a->file_validity == b->file_validity && a->file_uid == b->file_uid &&
           memcmp(a->hash, b->hash, sizeof a->hash) == 0 &&
           memcmp(a->letter, b->letter, sizeof a->letter) == 0 && memcmp(a->id, b->id, sizeof a->id) == 0 &&
           (a->name ? b->name && strcmp(a->name, b->name) == 0 : !b->name);
}

static void check_same(const struct seen *a, const struct seen *b)
{
    struct str done[2] = {STR_INIT(FILE_MAX), STR_INIT(FILE_MAX)};
    struct err err;
    must(a->validity == b->validity && a->next == b->next && a->modseq == b->modseq &&
         a->counts == b->counts && a->live == b->live && a->bad_count == b->bad_count);
    for (const struct seen_entry *e = seen_each(a, NULL); e; e = seen_each(a, e))
        must(same_entry(e, seen_slot(b, &e->key)));
    must(uidset_write(&a->done, &done[0], &err) && uidset_write(&b->done, &done[1], &err) &&
         strcmp(done[0].buf, done[1].buf) == 0);
    str_free(&done[0]);
    str_free(&done[1]);
}

/* A glance says what the whole memory says, and says it of every quiet one that we write. */
static bool glance_is(const struct seen *s, bool *seen_r)
{
    struct seen_glance glance;
    *seen_r = seen_glance(path, &s->owner, &glance);
    return !*seen_r || (seen_is_quiet(s) && glance.validity == s->validity && glance.next == s->next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen *once, *again;
    struct err err = {0};
    bool quiet;
    if (size == 0)
        return 0;
    make_folder();
    write_memory((const char *)data + 1, size - 1, data[0] == 'p');
    if (!seen_open(path, NULL, false, &once, &err)) {
        must(err.kind == ERR_LOCAL);
        return 0;
    }
    must(glance_is(once, &quiet));
    must(seen_rewrite(once, &err) && seen_open(path, NULL, true, &again, &err));
    check_same(once, again);
    must(glance_is(again, &quiet) && quiet == seen_is_quiet(again));
    seen_close(&once);
    seen_close(&again);
    return 0;
}
