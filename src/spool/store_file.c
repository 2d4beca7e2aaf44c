/* store_file - see store_file.h. */
#include "spool/store_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TRAILER_CRC_AT (TRAILER_SIZE - 9) /* where its own CRC begins: 8 digits and LF */

bool trailer_write(const struct trailer *t, struct str *out, struct err *err)
{
    const struct message_facts *f = &t->facts;
    char sha256[2 * SUM_SHA256_BYTES + 1], line[TRAILER_SIZE + 1];
    text_hex(t->sha256, SUM_SHA256_BYTES, sha256);
    int n = snprintf(line, sizeof line,
                     "tappal-trailer 1 envelope %010" PRIu32 " %08" PRIx32 " text %020" PRIu64
                     " header %020" PRIu64 " line %010" PRIu32 " eight %c%c sha256 %s crc ",
                     t->envelope_size, t->envelope_crc, f->size, f->header_size, f->longest_line,
                     f->eight_bit_body ? 'b' : '-', f->eight_bit_header ? 'h' : '-', sha256);
    return str_add(out, line, (size_t)n, err) &&
           str_addf(out, err, "%08x\n", (unsigned)sum_crc32c(0, line, (size_t)n));
}

/* Takes the numbers out; whether all else is as it must be is seen by writing it again. */
static bool scan_trailer(const char *line, struct trailer *t)
{
    char body, header, sha256[2 * SUM_SHA256_BYTES + 1];
    struct message_facts *f = &t->facts;
    if (sscanf(line,
               "tappal-trailer 1 envelope %10" SCNu32 " %8" SCNx32 " text %20" SCNu64 " header %20" SCNu64
               " line %10" SCNu32 " eight %c%c sha256 %64s crc ",
               &t->envelope_size, &t->envelope_crc, &f->size, &f->header_size, &f->longest_line, &body,
               &header, sha256) != 8)
        return false;
    f->eight_bit_body = body == 'b';
    f->eight_bit_header = header == 'h';
    return strlen(sha256) == 2 * SUM_SHA256_BYTES && text_unhex(sha256, 2 * SUM_SHA256_BYTES, t->sha256);
}

bool trailer_read(const char bytes[TRAILER_SIZE], struct trailer *t_r, struct err *err)
{
    char line[TRAILER_SIZE + 1];
    memcpy(line, bytes, TRAILER_SIZE);
    line[TRAILER_SIZE] = '\0';
    struct trailer t = {0};
    if (!scan_trailer(line, &t))
        return err_set(err, ERR_DATA, "The end of the message file is damaged.");
    struct str again = STR_INIT(TRAILER_SIZE);
    bool ok = trailer_write(&t, &again, err);
    if (ok && (again.len != TRAILER_SIZE || memcmp(again.buf, bytes, TRAILER_SIZE) != 0))
        ok = err_set(err, ERR_DATA, "The end of the message file is damaged.");
    str_free(&again);
    if (ok)
        *t_r = t;
    return ok;
}

/* -- facts -- */

static bool any_eight_bit(const char *bytes, size_t n)
{
    unsigned char seen = 0;
    for (size_t i = 0; i < n; i++)
        seen |= (unsigned char)bytes[i];
    return seen & 0x80;
}

static void end_line(struct text_scan *scan, uint64_t octets)
{
    uint32_t length = octets > UINT32_MAX ? UINT32_MAX : (uint32_t)octets;
    if (length > scan->facts.longest_line)
        scan->facts.longest_line = length;
    if (octets == 0 && !scan->in_body) {
        scan->in_body = true;
        scan->facts.header_size = scan->facts.size;
    }
    scan->line = 0;
}

void text_scan_add(struct text_scan *scan, const char *bytes, size_t n)
{
    while (n > 0) {
        const char *lf = memchr(bytes, '\n', n);
        size_t taken = lf ? (size_t)(lf - bytes) + 1 : n;
        bool *eight_bit = scan->in_body ? &scan->facts.eight_bit_body : &scan->facts.eight_bit_header;
        *eight_bit = *eight_bit || any_eight_bit(bytes, taken);
        scan->facts.size += taken;
        scan->line += taken;
        if (lf) {
            char before = taken > 1 ? lf[-1] : scan->last;
            end_line(scan, scan->line - 1 - (scan->line > 1 && before == '\r' ? 1 : 0));
        }
        scan->last = bytes[taken - 1];
        bytes += taken;
        n -= taken;
    }
}

void text_scan_end(struct text_scan *scan)
{
    if (scan->line > 0)
        end_line(scan, scan->line);
    if (!scan->in_body)
        scan->facts.header_size = scan->facts.size;
}
