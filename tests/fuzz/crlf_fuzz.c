/* crlf_fuzz - any bytes, cut where the first byte says: what comes out has CRLF line ends and no other CR or LF, the same
 * wherever it was cut; going in again it stays as it is, and but for CR, LF and blanks nothing is gone or added. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/crlf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
    if (!what)
        abort();
}

static void pass(const char *in, size_t n, size_t at, struct str *out)
{
    struct crlf c = {0};
    struct err err;
    must(crlf_add(&c, in, at, out, &err) && crlf_add(&c, in + at, n - at, out, &err) &&
         crlf_end(&c, out, &err));
}

static bool is_plain(char c)
{
    return c != '\r' && c != '\n' && c != ' ';
}

/* The octets that nothing is done to, in their order. */
static void check_same(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = 0, k = 0;
    while (i < n || k < m) {
        if (i < n && !is_plain(a[i]))
            i++;
        else if (k < m && !is_plain(b[k]))
            k++;
        else
            must(i < n && k < m && a[i++] == b[k++]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str once = STR_INIT(1 << 20), whole = STR_INIT(1 << 20), twice = STR_INIT(1 << 20);
    if (size == 0 || size > 65536)
        return 0;
    const char *in = (const char *)data + 1;
    size_t n = size - 1;
    pass(in, n, data[0] * n / 255, &once);
    pass(in, n, 0, &whole);
    must(once.len == whole.len && memcmp(once.buf, whole.buf, once.len) == 0);
    for (size_t i = 0; i < once.len; i++) {
        must(once.buf[i] != '\n' || (i > 0 && once.buf[i - 1] == '\r'));
        must(once.buf[i] != '\r' || once.buf[i + 1] == '\n');
    }
    must(once.len == 0 || once.buf[once.len - 1] == '\n');
    check_same(in, n, once.buf, once.len);
    pass(once.buf, once.len, once.len / 2, &twice);
    must(twice.len == once.len && memcmp(twice.buf, once.buf, once.len) == 0);
    str_free(&once);
    str_free(&whole);
    str_free(&twice);
    return 0;
}
