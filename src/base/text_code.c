/* text_code - the second half of text.h: patterns, argument lists, and the codings base64,
 * base32hex and hex. */
#include <string.h>

#include "base/text.h"

bool text_glob(const char *pattern, const char *s)
{
    const char *star = NULL; /* where the last `*` stood, and how much of s it has eaten */
    const char *from = s;
    while (*s) {
        if (*pattern == '*') {
            star = pattern++;
            from = s;
        } else if (*pattern && (*pattern == '?' || text_lower(*pattern) == text_lower(*s))) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star + 1;
            s = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

#define NEAREST_MAX 32 /* no name of ours is longer */
#define NEAREST_EDITS 2

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* edits - how many letters must be added, dropped, changed or swapped with a neighbour */
static unsigned edits(const char *a, size_t n, const char *b, size_t m)
{
    unsigned row[NEAREST_MAX + 2][NEAREST_MAX + 2];
    for (size_t i = 0; i <= n; i++)
        row[i][0] = (unsigned)i;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            unsigned other = text_lower(a[i - 1]) != text_lower(b[j - 1]);
            row[i][j] = least(row[i - 1][j] + 1, row[i][j - 1] + 1, row[i - 1][j - 1] + other);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[i][j] = least(row[i][j], row[i - 2][j - 2] + 1, row[i][j]);
        }
    }
    return row[n][m];
}

const char *text_nearest(const char *s, const char *const *names)
{
    const char *best = NULL;
    unsigned fewest = NEAREST_EDITS + 1;
    size_t n = strlen(s);
    if (n > NEAREST_MAX)
        return NULL;
    for (; *names; names++) {
        size_t m = strlen(*names);
        if (m > NEAREST_MAX)
            continue;
        unsigned d = edits(s, n, *names, m);
        if (d < fewest && d < m) {
            fewest = d;
            best = *names;
        }
    }
    return best;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* one_word - the word at *at, its quotes undone; leaves *at behind it */
static bool one_word(const char **at, struct str *word, struct err *err)
{
    const char *s = *at;
    char quote = '\0';
    for (; *s && (quote || !is_blank(*s)); s++) {
        if (quote && *s == quote && s[1] == quote)
            s++; /* a doubled quote is one */
        else if (quote ? *s == quote : (*s == '"' || *s == '\'')) {
            quote = quote ? '\0' : *s;
            continue;
        }
        if (!str_addc(word, *s, err))
            return false;
    }
    *at = s;
    if (quote) {
        err_set(err, ERR_CONFIG, "A quote (%c) is opened and never closed.", quote);
        return err_hint(err, "Close it; a quote that belongs to the text itself is written twice.");
    }
    return true;
}

#define ARGV_MAX 65536

static bool split_words(const char *s, struct strv *out, struct err *err)
{
    bool ok = true;
    struct str word = STR_INIT(ARGV_MAX);
    while (ok) {
        while (is_blank(*s))
            s++;
        if (!*s)
            break;
        str_clear(&word);
        ok = one_word(&s, &word, err) && strv_addn(out, word.buf, word.len, err);
    }
    str_free(&word);
    return ok;
}

bool text_split_argv(const char *s, struct strv *out, struct err *err)
{
    while (is_blank(*s))
        s++;
    if (!text_starts(s, "sh:"))
        return split_words(s, out, err);
    s += 3;
    while (is_blank(*s))
        s++;
    if (!*s)
        return true;
    return strv_add(out, "/bin/sh", err) && strv_add(out, "-c", err) && strv_add(out, s, err);
}

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool text_add_base64(struct str *out, const void *bytes, size_t n, struct err *err)
{
    const unsigned char *u = bytes;
    if (n > SIZE_MAX / 2 || !str_reserve(out, (n + 2) / 3 * 4, err))
        return n > SIZE_MAX / 2 ? err_nomem(err) : false;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)u[i] << 16;
        v |= have > 1 ? (uint32_t)u[i + 1] << 8 : 0;
        v |= have > 2 ? (uint32_t)u[i + 2] : 0;
        char four[4] = {base64_letters[v >> 18], base64_letters[v >> 12 & 63], base64_letters[v >> 6 & 63],
                        base64_letters[v & 63]};
        for (size_t k = have + 1; k < 4; k++)
            four[k] = '=';
        if (!str_add(out, four, 4, err))
            return false;
    }
    return true;
}

static int base64_value(char c)
{
    const char *at = c ? strchr(base64_letters, c) : NULL;
    return at ? (int)(at - base64_letters) : -1;
}

static bool not_base64(struct str *out, size_t start, struct err *err)
{
    str_cut(out, start);
    return err_set(err, ERR_PROTOCOL, "A text that should be base64 is not.");
}

bool text_add_unbase64(struct str *out, const char *s, size_t n, struct err *err)
{
    size_t start = out->len;
    if (n % 4 != 0)
        return not_base64(out, start, err);
    for (size_t i = 0; i < n; i += 4) {
        bool last = i + 4 == n;
        size_t pad = last && s[i + 3] == '=' ? (s[i + 2] == '=' ? 2 : 1) : 0;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            int d = k < 4 - pad ? base64_value(s[i + k]) : 0;
            if (d < 0)
                return not_base64(out, start, err);
            v = v << 6 | (uint32_t)d;
        }
        if (v & ((1u << 8 * pad) - 1)) /* bits that stand for nothing must be 0: one form only */
            return not_base64(out, start, err);
        char three[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
        if (!str_add(out, three, 3 - pad, err)) {
            str_cut(out, start);
            return false;
        }
    }
    return true;
}

void text_hex(const unsigned char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        *out++ = "0123456789abcdef"[bytes[i] >> 4];
        *out++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *out = '\0';
}

/* Without a branch for each digit: the memories of folders are mostly hashes. */
bool text_unhex(const char *s, size_t n, unsigned char *out)
{
    enum { IS = 256 }; /* marks a digit */
    static const uint16_t digits[256] = {
        ['0'] = IS,      IS | 1,  IS | 2,          IS | 3,  IS | 4,  IS | 5,  IS | 6,  IS | 7,
        IS | 8,          IS | 9,  ['A'] = IS | 10, IS | 11, IS | 12, IS | 13, IS | 14, IS | 15,
        ['a'] = IS | 10, IS | 11, IS | 12,         IS | 13, IS | 14, IS | 15,
    };
    const unsigned char *u = (const unsigned char *)s;
    unsigned all = IS;
    if (n % 2 != 0)
        return false;
    for (; n > 0; n -= 2, u += 2) {
        unsigned high = digits[u[0]], low = digits[u[1]];
        all &= high & low;
        *out++ = (unsigned char)(high << 4 | low);
    }
    return all != 0;
}

void text_base32(const unsigned char *bytes, size_t n, char *out)
{
    uint32_t held = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            *out++ = "0123456789abcdefghijklmnopqrstuv"[held >> (bits - 5) & 31];
    }
    if (bits > 0)
        *out++ = "0123456789abcdefghijklmnopqrstuv"[held << (5 - bits) & 31];
    *out = '\0';
}
