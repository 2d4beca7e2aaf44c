/* addr_fuzz - any bytes as an address list: what comes out is clean, and reads again as itself. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct addr *a, size_t size)
{
    char again[ADDR_SPEC_SIZE], angle[ADDR_SPEC_SIZE + 2];
    struct err err;
    size_t n = strlen(a->spec);
    snprintf(angle, sizeof angle, "<%s>", a->spec);
    if (a->start > a->end || a->end > size || text_has_control(a->spec, n) || !text_is_utf8(a->spec, n) ||
        !addr_one(a->spec, again, &err) || strcmp(again, a->spec) != 0 || !addr_one(angle, again, &err) ||
        strcmp(again, a->spec) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct addr_parser p;
    struct addr a;
    struct err err;
    enum addr_event event;
    addr_begin(&p, (const char *)data, size);
    while ((event = addr_next(&p, &a, &err)) != ADDR_END)
        if (event == ADDR_GOT)
            check(&a, size);
    return 0;
}
