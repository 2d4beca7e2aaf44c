/* rewrite_fuzz - any bytes as a message, cut where the first byte says: what goes out has CRLF line
 * ends only, no NUL and no Bcc, and going in again it stays as it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/rewrite.h"
#include "mail/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rewrite_fixes fixes = {
    .date = "D", .from = "f@g", .message_id = "M", .domain = "host.example"};

/* False where the header is too large. */
static bool pass(const char *in, size_t n, size_t at, bool dot_ends, struct str *out)
{
    struct rewrite r;
    struct err err;
    rewrite_begin(&r, dot_ends);
    bool ok =
        rewrite_add(&r, in, at, &err) && rewrite_add(&r, in + at, n - at, &err) && rewrite_end(&r, &err);
    if (ok && (!rewrite_header(&r, &fixes, out, &err) || !str_add(out, r.body.buf, r.body.len, &err)))
        abort();
    rewrite_free(&r);
    return ok;
}

static void check_lines(const struct str *s)
{
    for (size_t i = 0; i < s->len; i++)
        if (s->buf[i] == '\0' || (s->buf[i] == '\n') != (i > 0 && s->buf[i - 1] == '\r') ||
            (s->buf[i] == '\r' && s->buf[i + 1] != '\n'))
            abort();
    if (s->len < 2 || s->buf[s->len - 1] != '\n')
        abort();
}

static void check_header(const struct str *s)
{
    struct scan scan;
    struct scan_field f;
    scan_begin(&scan, s->buf, s->len);
    while (scan_next(&scan, &f) == SCAN_GOT_FIELD)
        if (scan_is(&f, "Bcc") || scan_is(&f, "Resent-Bcc"))
            abort();
    if (memcmp(scan.next - 2, "\r\n", 2) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str once = STR_INIT(1 << 22), twice = STR_INIT(1 << 22);
    if (size == 0 || size > REWRITE_CHUNK_MAX)
        return 0;
    size_t at = data[0] % size;
    if (pass((const char *)data + 1, size - 1, at, data[0] >= 128, &once)) {
        check_lines(&once);
        check_header(&once);
        if (!pass(once.buf, once.len, once.len / 2, false, &twice) || once.len != twice.len ||
            memcmp(once.buf, twice.buf, once.len) != 0)
            abort();
    }
    str_free(&once);
    str_free(&twice);
    return 0;
}
