/* text - see text.h: comparing, classes of characters, numbers. Patterns and codings are in
 * text_code.c. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

void text_lower_z(char *s)
{
    for (; *s; s++)
        *s = text_lower(*s);
}

bool text_eq_nocase(const char *a, const char *b)
{
    while (*a && text_lower(*a) == text_lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

bool text_eqn_nocase(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text_lower(a[i]) != text_lower(b[i]))
            return false;
    return true;
}

bool text_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_starts_nocase(const char *s, const char *prefix)
{
    for (; *prefix; s++, prefix++)
        if (text_lower(*s) != text_lower(*prefix))
            return false;
    return true;
}

bool text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s);
    size_t m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool text_is_ascii(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] > 0x7f)
            return false;
    return true;
}

bool text_has_control(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return true;
    return false;
}

/* utf8_length - bytes of the valid character that s begins with, or 0
 *   UTF8-2 = %xC2-DF tail            UTF8-3 = %xE0 %xA0-BF tail / %xED %x80-9F tail / ...
 *   UTF8-4 = %xF0 %x90-BF 2tail / %xF1-F3 3tail / %xF4 %x80-8F 2tail        (RFC 3629) */
static size_t utf8_length(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    if (n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    size_t len = u[0] >= 0xc2 && u[0] <= 0xdf   ? 2
                 : (u[0] & 0xf0) == 0xe0        ? 3
                 : u[0] >= 0xf0 && u[0] <= 0xf4 ? 4
                                                : 0;
    if (len == 0 || len > n)
        return 0;
    unsigned low = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : 0xbf;
    if (u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool text_is_utf8(const char *s, size_t n)
{
    while (n > 0) {
        size_t len = utf8_length(s, n);
        if (len == 0)
            return false;
        s += len;
        n -= len;
    }
    return true;
}

/* printable_length - bytes of the character at s that may go to a terminal as they are, or 0:
 * not C0, DEL, C1 (U+0080 to U+009F), nor the marks that turn the direction of a line. */
static size_t printable_length(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t len = utf8_length(s, n);
    if (len == 1 && (u[0] < 0x20 || u[0] == 0x7f))
        return 0;
    if (len == 2 && u[0] == 0xc2 && u[1] < 0xa0)
        return 0;
    if (len == 3 && u[0] == 0xe2 &&
        ((u[1] == 0x80 && u[2] >= 0xa8 && u[2] <= 0xae) || (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9)))
        return 0;
    return len;
}

#define ESCAPED 4 /* "\xHH" */

/* clean_one - the form of the character at s that is fit to print, into out[5]; returns its
 * length there, and in *taken the bytes of s it stands for */
static size_t clean_one(const char *s, size_t n, char out[ESCAPED + 1], size_t *taken)
{
    size_t len = printable_length(s, n);
    if (len == 0) {
        *taken = 1;
        return (size_t)snprintf(out, ESCAPED + 1, "\\x%02x", (unsigned)(unsigned char)*s);
    }
    memcpy(out, s, len);
    *taken = len;
    return len;
}

/* plain_length - bytes at s that are ASCII and fit to print, at most n */
static size_t plain_length(const char *s, size_t n)
{
    size_t len = 0;
    while (len < n && s[len] >= 0x20 && s[len] < 0x7f)
        len++;
    return len;
}

bool text_add_clean(struct str *out, const char *bytes, size_t n, size_t most, struct err *err)
{
    size_t start = out->len;
    size_t done = plain_length(bytes, n < most ? n : most);
    if (!str_add(out, bytes, done, err))
        return false;
    while (done < n) {
        char one[ESCAPED + 1];
        size_t taken;
        size_t len = clean_one(bytes + done, n - done, one, &taken);
        bool full = done + taken > most;
        if (full ? !str_addz(out, "...", err) : !str_add(out, one, len, err)) {
            str_cut(out, start);
            return false;
        }
        if (full)
            return true;
        done += taken;
    }
    return true;
}

void text_clean(char *out, size_t size, const char *bytes, size_t n)
{
    size_t used = 0;
    size_t done = 0;
    while (done < n) {
        char one[ESCAPED + 1];
        size_t taken;
        size_t len = clean_one(bytes + done, n - done, one, &taken);
        if (used + len >= size)
            break;
        memcpy(out + used, one, len);
        used += len;
        done += taken;
    }
    out[used] = '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#define DIGITS_SAFE 19 /* so many fit into 64 bits, whatever they are */

bool text_take_u64(const char **s, uint64_t max, uint64_t *out)
{
    const char *p = *s, *safe = p + DIGITS_SAFE;
    uint64_t value = 0;
    unsigned d;
    for (; p < safe && (d = (unsigned char)*p - (unsigned)'0') <= 9; p++)
        value = value * 10 + d;
    for (; (d = (unsigned char)*p - (unsigned)'0') <= 9; p++) {
        if (value > (UINT64_MAX - d) / 10)
            return false;
        value = value * 10 + d;
    }
    if (p == *s || value > max)
        return false;
    *s = p;
    *out = value;
    return true;
}

/* digits - the decimal number of n digits at s, at most max; no digit stands behind them */
static bool digits(const char *s, size_t n, uint64_t max, uint64_t *out)
{
    const char *end = s;
    uint64_t value;
    if (!text_take_u64(&end, max, &value) || end != s + n)
        return false;
    *out = value;
    return true;
}

bool text_u64(const char *s, uint64_t max, uint64_t *out)
{
    const char *end = s;
    uint64_t value;
    if (!text_take_u64(&end, max, &value) || *end != '\0')
        return false;
    *out = value;
    return true;
}

struct unit {
    char letter;
    uint64_t factor;
};

static bool with_unit(const char *s, const struct unit *units, uint64_t *out)
{
    size_t n = strlen(s);
    uint64_t factor = 1;
    if (n > 0 && !is_digit(s[n - 1])) {
        while (units->letter && units->letter != text_lower(s[n - 1]))
            units++;
        if (!units->letter)
            return false;
        factor = units->factor;
        n--;
    }
    uint64_t value;
    if (!digits(s, n, UINT64_MAX / factor, &value))
        return false;
    *out = value * factor;
    return true;
}

bool text_duration(const char *s, uint64_t *seconds_r)
{
    static const struct unit units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0, 0}};
    return with_unit(s, units, seconds_r);
}

bool text_size(const char *s, uint64_t *bytes_r)
{
    static const struct unit units[] = {{'k', 1 << 10}, {'m', 1 << 20}, {'g', 1 << 30}, {0, 0}};
    return with_unit(s, units, bytes_r);
}

void text_show_duration(uint64_t seconds, char out[32])
{
    static const struct unit units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}};
    static const char *const names[] = {"d", "h", "min"};
    for (size_t i = 0; i < 3; i++) {
        /* 90 s stays 90 s, and 36 h are not "1 d" */
        if (seconds >= 2 * units[i].factor ||
            (seconds >= units[i].factor && seconds % units[i].factor == 0)) {
            uint64_t whole = (seconds + units[i].factor / 2) / units[i].factor;
            snprintf(out, 32, "%llu %s", (unsigned long long)whole, names[i]);
            return;
        }
    }
    snprintf(out, 32, "%llu s", (unsigned long long)seconds);
}

void text_show_size(uint64_t bytes, char out[32])
{
    static const char *const names[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(out, 32, bytes == 1 ? "1 byte" : "%u bytes", (unsigned)bytes);
        return;
    }
    double value = (double)bytes / 1000;
    size_t i = 0;
    while (value >= 999.5 && i < 5) {
        value /= 1000;
        i++;
    }
    snprintf(out, 32, value < 9.95 ? "%.1f %s" : "%.0f %s", value, names[i]);
}
