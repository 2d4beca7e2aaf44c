/* headsum - see headsum.h. */
#include "mail/headsum.h"

#include <string.h>

#include "mail/scan.h"

#define FIELDS(names) (sizeof(names) / sizeof *(names))

/* Notes of mail stores: they change from one session to the next, or with the first reading. */
static const char *const notes[] = {"Status", "X-Status",       "X-UIDL",     "X-UID",
                                    "X-IMAP", "X-IMAPbase",     "X-Keywords", "Content-Length",
                                    "Lines",  "X-Mozilla-Keys", "X-Evolution"};
static const char *const letter_fields[] = {"Message-ID", "Date", "From", "Subject"};

static size_t which(const struct scan_field *field, const char *const *names, size_t count)
{
    size_t i = 0;
    while (i < count && !scan_is(field, names[i]))
        i++;
    return i;
}

/* header_length - up to the blank line, or all of it */
static size_t header_length(const char *bytes, size_t n)
{
    size_t at = 0;
    while (at < n && scan_line_kind(bytes + at, n - at) != SCAN_BLANK) {
        const char *lf = memchr(bytes + at, '\n', n - at);
        at = lf ? (size_t)(lf - bytes) + 1 : n;
    }
    return at;
}

/* add_lines - each ended by LF, whatever ended it */
static void add_lines(struct sum_sha256 *sum, const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        const char *lf = memchr(bytes + at, '\n', n - at);
        size_t end = lf ? (size_t)(lf - bytes) : n, text = end - at;
        if (text > 0 && bytes[end - 1] == '\r')
            text--;
        sum_sha256_add(sum, bytes + at, text);
        sum_sha256_add(sum, "\n", 1);
        at = end + 1;
    }
}

void headsum_whole(const char *bytes, size_t n, unsigned char out[SUM_SHA256_BYTES])
{
    struct sum_sha256 sum;
    struct scan scan;
    struct scan_field field;
    const char *end = bytes + header_length(bytes, n);
    sum_sha256_begin(&sum);
    scan_begin(&scan, bytes, (size_t)(end - bytes));
    while (scan_next(&scan, &field) == SCAN_GOT_FIELD)
        if (which(&field, notes, FIELDS(notes)) == FIELDS(notes))
            add_lines(&sum, field.raw, field.raw_len);
    add_lines(&sum, scan.next, (size_t)(end - scan.next)); /* behind a line that is no field */
    sum_sha256_end(&sum, out);
}

/* add_solid - without blanks and line ends */
static void add_solid(struct sum_sha256 *sum, const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t run = 0;
        while (at + run < n && !strchr(" \t\r\n", bytes[at + run]))
            run++;
        sum_sha256_add(sum, bytes + at, run);
        at += run + (at + run < n);
    }
}

bool headsum_letter(const char *bytes, size_t n, unsigned char out[SUM_SHA256_BYTES])
{
    struct scan_field found[FIELDS(letter_fields)] = {{0}}, field;
    struct sum_sha256 sum;
    struct scan scan;
    scan_begin(&scan, bytes, n);
    while (scan_next(&scan, &field) == SCAN_GOT_FIELD) {
        size_t i = which(&field, letter_fields, FIELDS(letter_fields));
        if (i < FIELDS(letter_fields) && !found[i].raw)
            found[i] = field;
    }
    sum_sha256_begin(&sum);
    for (size_t i = 0; i < FIELDS(letter_fields); i++) {
        add_solid(&sum, found[i].body ? found[i].body : "", found[i].body_len);
        sum_sha256_add(&sum, "\n", 1);
    }
    sum_sha256_end(&sum, out);
    return found[0].raw || found[1].raw;
}
