/* sum - see sum.h. CRC-32C is the reflected polynomial 0x1EDC6F41 (RFC 3720), by a table of
 * 256 entries that is made once. */
#include "base/sum.h"

#include <string.h>

#include "base/text.h"

#define CRC32C_REFLECTED 0x82f63b78u

void sum_sha256_begin(struct sum_sha256 *sum)
{
    sha256_init(&sum->ctx);
}

void sum_sha256_add(struct sum_sha256 *sum, const void *bytes, size_t n)
{
    sha256_update(&sum->ctx, n, bytes);
}

void sum_sha256_end(struct sum_sha256 *sum, unsigned char out[SUM_SHA256_BYTES])
{
    sha256_digest(&sum->ctx, SUM_SHA256_BYTES, out);
}

void sum_sha256_hex(const void *bytes, size_t n, char out[SUM_SHA256_HEX])
{
    struct sum_sha256 sum;
    unsigned char digest[SUM_SHA256_BYTES];
    sum_sha256_begin(&sum);
    sum_sha256_add(&sum, bytes, n);
    sum_sha256_end(&sum, digest);
    text_hex(digest, sizeof digest, out);
}

static const uint32_t *crc_table(void)
{
    static uint32_t table[256];
    if (table[1])
        return table;
    for (uint32_t i = 256; i-- > 0;) { /* table[1] last but one: a full table is the sign */
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ CRC32C_REFLECTED : c >> 1;
        table[i] = c;
    }
    return table;
}

#if defined(__x86_64__) && defined(__GNUC__)
/* crc_by_cpu - all whole groups of 8 bytes, by the processor's own instruction; how many bytes that was. (The memory
 * of a large folder is 15 MB.) */
__attribute__((target("sse4.2"))) static size_t crc_by_cpu(uint32_t *crc, const unsigned char *u, size_t n)
{
    uint64_t c = *crc, eight;
    size_t i = 0;
    for (; n - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, u + i, sizeof eight);
        c = __builtin_ia32_crc32di(c, eight);
    }
    *crc = (uint32_t)c;
    return i;
}
#endif

uint32_t sum_crc32c(uint32_t crc, const void *bytes, size_t n)
{
    const uint32_t *table = crc_table();
    const unsigned char *u = bytes;
    size_t i = 0;
    crc = ~crc;
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("sse4.2"))
        i = crc_by_cpu(&crc, u, n);
#endif
    for (; i < n; i++)
        crc = table[(crc ^ u[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}
