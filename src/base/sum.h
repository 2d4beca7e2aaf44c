/* sum - SHA-256 (libnettle) and CRC-32C. */
#ifndef TAPPAL_BASE_SUM_H
#define TAPPAL_BASE_SUM_H

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

#define SUM_SHA256_BYTES 32
#define SUM_SHA256_HEX 65 /* with the NUL */

struct sum_sha256 { struct sha256_ctx ctx; };

void sum_sha256_begin(struct sum_sha256 *sum);
void sum_sha256_add(struct sum_sha256 *sum, const void *bytes, size_t n);
void sum_sha256_end(struct sum_sha256 *sum, unsigned char out[SUM_SHA256_BYTES]);
void sum_sha256_hex(const void *bytes, size_t n, char out[SUM_SHA256_HEX]);

uint32_t sum_crc32c(uint32_t crc, const void *bytes, size_t n); /* begin with 0 */

#endif
