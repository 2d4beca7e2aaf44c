/* mutf7 - see mutf7.h. */
#include "mail/mutf7.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t c)
{
    return c >= 0x20 && c <= 0x7e;
}

static bool add_utf8(struct str *out, uint32_t c, struct err *err)
{
    char b[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        b[i] = (char)(0x80 | (c & 0x3f));
    b[0] = (char)(lead[n] | c);
    return str_add(out, b, n, err);
}

/* A run of base64 on its way in or out: bits wait here until there are enough of them. */
struct run {
    uint32_t bits;
    unsigned have;
    uint32_t high; /* a high surrogate that waits for its low one, or 0 */
};

static bool malformed(struct err *err)
{
    return err_set(err, ERR_DATA, "This is not a folder name in modified UTF-7.");
}

/* take_unit - one UTF-16 unit of a decoded run */
static bool take_unit(struct run *r, uint32_t unit, struct str *out, struct err *err)
{
    bool low = unit >= 0xdc00 && unit <= 0xdfff;
    if (low != (r->high != 0) || unit == 0 || is_direct(unit))
        return malformed(err);
    if (unit >= 0xd800 && unit <= 0xdbff) {
        r->high = unit;
        return true;
    }
    uint32_t c = low ? 0x10000 + ((r->high - 0xd800) << 10) + (unit - 0xdc00) : unit;
    r->high = 0;
    return add_utf8(out, c, err);
}

/* decode_run - from behind '&' to behind '-'; *at_r moves there */
static bool decode_run(const char **at_r, const char *end, struct str *out, struct err *err)
{
    struct run r = {0};
    const char *at = *at_r;
    for (; at < end && *at != '-'; at++) {
        const char *digit = *at ? strchr(digits, *at) : NULL;
        if (!digit)
            return malformed(err);
        r.bits = (r.bits << 6 | (uint32_t)(digit - digits)) & 0xffffff;
        r.have += 6;
        if (r.have >= 16) {
            r.have -= 16;
            if (!take_unit(&r, r.bits >> r.have & 0xffff, out, err))
                return false;
        }
    }
    if (at == end || r.high || r.have >= 6 || (r.bits & ((1u << r.have) - 1)))
        return malformed(err);
    *at_r = at + 1;
    return true;
}

bool mutf7_decode(struct str *out, const char *name, size_t n, struct err *err)
{
    const char *at = name, *end = name + n, *shifted = NULL; /* where the last run ended */
    size_t before = out->len;
    bool ok = true;
    while (ok && at < end) {
        if (*at != '&') {
            ok = is_direct((unsigned char)*at) ? str_addc(out, *at, err) : malformed(err);
            at++;
        } else if (end - at >= 2 && at[1] == '-') {
            ok = str_addc(out, '&', err);
            at += 2;
        } else if (at == shifted) {
            ok = malformed(err); /* it would have another, shorter form */
        } else {
            at++;
            ok = decode_run(&at, end, out, err);
            shifted = at;
        }
    }
    if (!ok)
        str_cut(out, before);
    return ok;
}

/* next_char - one character of valid UTF-8 */
static uint32_t next_char(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    unsigned more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
    uint32_t c = more ? *p & (0x3fu >> more) : *p;
    for (unsigned i = 1; i <= more; i++)
        c = c << 6 | (p[i] & 0x3f);
    *at += more + 1;
    return c;
}

static bool put_unit(struct run *r, uint32_t unit, struct str *out, struct err *err)
{
    r->bits = r->bits << 16 | unit;
    r->have += 16;
    for (; r->have >= 6; r->have -= 6)
        if (!str_addc(out, digits[r->bits >> (r->have - 6) & 0x3f], err))
            return false;
    r->bits &= (1u << r->have) - 1;
    return true;
}

static bool encode_run(const char **at, const char *end, struct str *out, struct err *err)
{
    struct run r = {0};
    bool ok = str_addc(out, '&', err);
    while (ok && *at < end && !is_direct((unsigned char)**at)) {
        uint32_t c = next_char(at);
        ok = c < 0x10000 ? put_unit(&r, c, out, err)
                         : put_unit(&r, 0xd800 + ((c - 0x10000) >> 10), out, err) &&
                               put_unit(&r, 0xdc00 + ((c - 0x10000) & 0x3ff), out, err);
    }
    if (ok && r.have > 0)
        ok = str_addc(out, digits[r.bits << (6 - r.have) & 0x3f], err);
    return ok && str_addc(out, '-', err);
}

bool mutf7_encode(struct str *out, const char *utf8, size_t n, struct err *err)
{
    const char *at = utf8, *end = utf8 + n;
    size_t before = out->len;
    bool ok = true;
    if (!text_is_utf8(utf8, n) || memchr(utf8, '\0', n))
        return err_set(err, ERR_DATA, "This folder name is not valid UTF-8.");
    while (ok && at < end) {
        if (!is_direct((unsigned char)*at)) {
            ok = encode_run(&at, end, out, err);
        } else {
            ok = *at == '&' ? str_add(out, "&-", 2, err) : str_addc(out, *at, err);
            at++;
        }
    }
    if (!ok)
        str_cut(out, before);
    return ok;
}

bool mutf7_show(const char *wire, char delimiter, struct str *name, struct err *err)
{
    struct str plain = STR_INIT(4 * strlen(wire) + 1);
    struct err not_mutf7;
    bool ok = text_eq_nocase(wire, "INBOX")                          ? str_addz(&plain, "INBOX", err)
              : mutf7_decode(&plain, wire, strlen(wire), &not_mutf7) ? true
                                                                     : str_addz(&plain, wire, err);
    for (size_t i = 0; i < plain.len; i++)
        if (delimiter != '\0' && plain.buf[i] == delimiter)
            plain.buf[i] = '/';
    ok = ok && text_add_clean(name, plain.buf, plain.len, plain.len, err);
    str_free(&plain);
    return ok;
}
