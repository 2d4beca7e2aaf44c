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

/* Each takes what stands at *at, and moves it on. */

static bool take_words(const char **at, const char *words)
{
    size_t n = strlen(words);
    bool same = memcmp(*at, words, n) == 0;
    *at += n;
    return same;
}

static bool take_number(const char **at, unsigned digits, unsigned base, uint64_t max, uint64_t *n_r)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = *(*at)++;
        unsigned value = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : base;
        if (value >= base || n > (max - value) / base)
            return false;
        n = n * base + value;
    }
    *n_r = n;
    return true;
}

static bool take_number32(const char **at, unsigned digits, unsigned base, uint32_t *n_r)
{
    uint64_t n = 0;
    bool ok = take_number(at, digits, base, UINT32_MAX, &n);
    *n_r = (uint32_t)n;
    return ok;
}

static bool take_flag(const char **at, char set, bool *flag_r)
{
    char c = *(*at)++;
    *flag_r = c == set;
    return c == set || c == '-';
}

static bool take_sha256(const char **at, unsigned char sha256[SUM_SHA256_BYTES])
{
    uint64_t octet = 0;
    for (size_t i = 0; i < SUM_SHA256_BYTES; i++) {
        if (!take_number(at, 2, 16, UINT8_MAX, &octet))
            return false;
        sha256[i] = (unsigned char)octet;
    }
    return true;
}

/* Every octet is looked at, and has one form: what is read is written as it was. */
static bool take_trailer(const char *bytes, struct trailer *t)
{
    const char *at = bytes;
    uint32_t crc = 0;
    struct message_facts *f = &t->facts;
    return take_words(&at, "tappal-trailer 1 envelope ") && take_number32(&at, 10, 10, &t->envelope_size) &&
           take_words(&at, " ") && take_number32(&at, 8, 16, &t->envelope_crc) && take_words(&at, " text ") &&
           take_number(&at, 20, 10, UINT64_MAX, &f->size) && take_words(&at, " header ") &&
           take_number(&at, 20, 10, UINT64_MAX, &f->header_size) && take_words(&at, " line ") &&
           take_number32(&at, 10, 10, &f->longest_line) && take_words(&at, " eight ") &&
           take_flag(&at, 'b', &f->eight_bit_body) && take_flag(&at, 'h', &f->eight_bit_header) &&
           take_words(&at, " sha256 ") && take_sha256(&at, t->sha256) && take_words(&at, " crc ") &&
           take_number32(&at, 8, 16, &crc) && take_words(&at, "\n") &&
           crc == sum_crc32c(0, bytes, TRAILER_CRC_AT);
}

bool trailer_read(const char bytes[TRAILER_SIZE], struct trailer *t_r, struct err *err)
{
    struct trailer t = {0};
    if (!take_trailer(bytes, &t))
        return err_set(err, ERR_DATA, "The end of the message file is damaged.");
    *t_r = t;
    return true;
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
