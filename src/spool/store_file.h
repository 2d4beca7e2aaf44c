/* store_file - the bytes of a message file: envelope, text, trailer. Pure but for reading an fd.
 *
 *   envelope            as envelope_write makes it
 *   text                as it will go out
 *   trailer             one line of TRAILER_SIZE octets:
 *     tappal-trailer 1 envelope SIZE CRC text SIZE header SIZE line LENGTH eight bh sha256 HEX crc CRC
 *
 * SIZEs are octets in decimal with leading zeros; CRCs are CRC-32C in hex, of the envelope and of all of the
 * trailer before it; `eight` is b- or -- for the body, then h or - for the header; sha256 is the text's. So
 * what a reader of the queue needs is at two known places, and sound, without reading the text. */
#ifndef TAPPAL_SPOOL_STORE_FILE_H
#define TAPPAL_SPOOL_STORE_FILE_H

#include "base/str.h"
#include "base/sum.h"
#include "mail/envelope.h"

struct trailer {
    uint32_t envelope_size, envelope_crc;
    struct message_facts facts;
    unsigned char sha256[SUM_SHA256_BYTES];
};

#define TRAILER_SAMPLE                                                                                       \
    "tappal-trailer 1 envelope 0000000000 00000000 text 00000000000000000000 header 00000000000000000000 "   \
    "line 0000000000 eight -- sha256 0000000000000000000000000000000000000000000000000000000000000000 "      \
    "crc 00000000\n"
#define TRAILER_SIZE (sizeof TRAILER_SAMPLE - 1)

MUST_USE bool trailer_write(const struct trailer *t, struct str *out, struct err *err);
/* ERR_DATA for all that trailer_write did not write. */
MUST_USE bool trailer_read(const char bytes[TRAILER_SIZE], struct trailer *t_r, struct err *err);

/* Facts of a text that comes in pieces, split anywhere. */
struct text_scan {
    struct message_facts facts;
    uint64_t line; /* octets of the line so far, its CR included */
    bool in_body;
    char last; /* the octet before */
};
void text_scan_add(struct text_scan *scan, const char *bytes, size_t n);
void text_scan_end(struct text_scan *scan);

#endif
