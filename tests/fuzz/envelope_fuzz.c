/* envelope_fuzz - what can be read is written again as the same bytes; so there is one way to write it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct envelope e;
    struct str again = STR_INIT(ENVELOPE_TEXT_MAX);
    if (!envelope_read((const char *)data, size, &e, &err))
        return 0;
    if (!envelope_write(&e, &again, &err) || again.len != size || memcmp(again.buf, data, size) != 0)
        abort();
    envelope_free(&e);
    str_free(&again);
    return 0;
}
