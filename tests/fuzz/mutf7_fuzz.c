/* mutf7_fuzz - what decodes encodes to the same bytes, and what encodes decodes to the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/mutf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data;
    struct str out = STR_INIT(1 << 20), again = STR_INIT(1 << 20);
    struct err err;
    if (mutf7_decode(&out, in, size, &err)) {
        if (!text_is_utf8(out.buf, out.len) || memchr(out.buf, '\0', out.len) ||
            !mutf7_encode(&again, out.buf, out.len, &err) || again.len != size ||
            memcmp(again.buf, in, size) != 0)
            abort();
    }
    str_clear(&out);
    str_clear(&again);
    if (mutf7_encode(&out, in, size, &err)) {
        if (!mutf7_decode(&again, out.buf, out.len, &err) || again.len != size ||
            memcmp(again.buf, in, size) != 0)
            abort();
    }
    str_free(&out);
    str_free(&again);
    return 0;
}
