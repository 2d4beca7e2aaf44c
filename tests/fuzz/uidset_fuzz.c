/* uidset_fuzz - a set that was read is sorted, writes, and reads back as the same set. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/uidset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct uidset set = UIDSET_INIT, again = UIDSET_INIT;
    struct str out = STR_INIT(1 << 24);
    struct err err;
    bool ok = uidset_read(&set, (const char *)data, size, &err);
    for (size_t i = 0; i < set.count; i++)
        if (set.ranges[i].lo == 0 || set.ranges[i].lo > set.ranges[i].hi ||
            (i > 0 && set.ranges[i].lo - 1 <= set.ranges[i - 1].hi))
            abort();
    if (ok) {
        if (!uidset_write(&set, &out, &err) || !uidset_read(&again, out.buf, out.len, &err) ||
            again.count != set.count || memcmp(again.ranges, set.ranges, set.count * sizeof *set.ranges) != 0)
            abort();
    }
    uidset_free(&set);
    uidset_free(&again);
    str_free(&out);
    return 0;
}
