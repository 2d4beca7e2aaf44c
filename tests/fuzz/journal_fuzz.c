/* journal_fuzz - bytes as a journal, and lines as records with the right sums: no crash, and what is sound
 * is sound again when it is all there is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/journal_line.h"

#define RECIPIENTS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *bytes, size_t n)
{
    struct err err = {0};
    struct journal j, again;
    if (!journal_parse(bytes, n, RECIPIENTS, &j, &err)) {
        if (err.kind == ERR_NONE)
            abort();
        return;
    }
    if (j.good_length > n || !journal_parse(bytes, j.good_length, RECIPIENTS, &again, &err) ||
        again.good_length != j.good_length || again.attempts != j.attempts || again.in_doubt != j.in_doubt ||
        journal_due(&again) != journal_due(&j))
        abort();
    journal_free(&j);
    journal_free(&again);
}

/* A fuzzer does not guess sums: its lines get theirs. */
static void check_with_sums(const char *lines, size_t n)
{
    struct err err = {0};
    struct str bytes = STR_INIT(1 << 20);
    bool ok = journal_line_add(&bytes, JOURNAL_FIRST, &err);
    for (size_t at = 0; ok && at < n;) {
        const char *lf = memchr(lines + at, '\n', n - at);
        size_t length = lf ? (size_t)(lf - lines) - at : n - at;
        char *record = strndup(lines + at, length);
        ok = record && journal_line_add(&bytes, record, &err);
        free(record);
        at += length + 1;
    }
    if (ok)
        check(bytes.buf, bytes.len);
    str_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((const char *)data, size);
    check_with_sums((const char *)data, size);
    return 0;
}
