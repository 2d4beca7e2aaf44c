/* scram_fuzz - any bytes as the server's first SCRAM message: what passes begins with our nonce, and a
 * refusal says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sasl_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char ours[] = "r=fyko+d2lbbFgONRv9qkxdawL";
    struct err err = {0};
    bool good =
        sasl_scram_check_first("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", (const char *)data, size, &err);
    if (good != (err.kind == ERR_NONE))
        abort();
    if (good && (size <= sizeof ours || memcmp(data, ours, sizeof ours - 1) != 0))
        abort();
    return 0;
}
