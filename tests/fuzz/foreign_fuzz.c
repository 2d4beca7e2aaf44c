/* foreign_fuzz - any bytes as the state of another fetcher: what is read is within bounds, and reading it twice gives
 * the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/foreign.h"
#include "mail/headsum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data;
    unsigned char sum[SUM_SHA256_BYTES];
    struct foreign once, twice;
    struct err err;
    headsum_whole(in, size, sum);
    (void)headsum_letter(in, size, sum);
    if (!foreign_read(in, size, "ada", "pop.example.test", "x", &once, &err))
        return 0;
    if (!foreign_read(in, size, "ada", "pop.example.test", "x", &twice, &err) || once.count != twice.count ||
        once.count + once.others > size)
        abort();
    for (size_t i = 0; i < once.count; i++)
        if (once.messages[i].uid != twice.messages[i].uid ||
            (once.messages[i].uidl && strlen(once.messages[i].uidl) > size))
            abort();
    foreign_free(&once);
    foreign_free(&twice);
    return 0;
}
