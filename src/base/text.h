/* text - small pure helpers over bytes and C strings; ASCII only, no locale. */
#ifndef TAPPAL_BASE_TEXT_H
#define TAPPAL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/strv.h"

bool text_eq_nocase(const char *a, const char *b);
bool text_eqn_nocase(const char *a, const char *b, size_t n); /* exactly n bytes of each */
bool text_starts(const char *s, const char *prefix);
bool text_starts_nocase(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
char text_lower(char c);
void text_lower_z(char *s);
bool text_is_ascii(const char *s, size_t n);
bool text_is_utf8(const char *s, size_t n); /* RFC 3629: no surrogates, no overlong forms */
bool text_has_control(const char *s, size_t n); /* below 0x20 or 0x7f */

/* Decimal digits only, the whole of s, at most max; false leaves *out alone. */
bool text_u64(const char *s, uint64_t max, uint64_t *out);
/* As many digits as stand at *s, which is moved behind them. */
bool text_take_u64(const char **s, uint64_t max, uint64_t *out);
/* "90", "90s", "5m", "4h", "5d": seconds. */
bool text_duration(const char *s, uint64_t *seconds_r);
/* "512", "10k", "25M", "2G" (powers of 1024): bytes. */
bool text_size(const char *s, uint64_t *bytes_r);
/* "90 s", "5 min", "4 h", "2 d": for people; `out` has room for 32 bytes. */
void text_show_duration(uint64_t seconds, char out[32]);
/* "812 bytes", "6.1 kB", "25 MB" (powers of 1000). */
void text_show_size(uint64_t bytes, char out[32]);

/* `*` and `?` over the whole string, ASCII case folded. Linear in practice, no recursion. */
bool text_glob(const char *pattern, const char *s);
/* The entry of `names` (NULL-terminated) nearest to s within two edits, or NULL. */
const char *text_nearest(const char *s, const char *const *names);

/* Appends bytes fit for a terminal or a log line: valid UTF-8 is kept, control characters, C1,
 * and broken bytes become \xHH; at most `most` bytes are taken, then "..." is added. */
MUST_USE bool text_add_clean(struct str *out, const char *bytes, size_t n, size_t most, struct err *err);
/* The same into a fixed field; always NUL-terminated. */
void text_clean(char *out, size_t size, const char *bytes, size_t n);

/* ARGV as the configuration writes it: split at blanks; '...' and "..." quote, a quote inside is
 * doubled; nothing is expanded; "sh: CMD" gives /bin/sh -c CMD. */
MUST_USE bool text_split_argv(const char *s, struct strv *out, struct err *err);

/* Base64 (RFC 4648, with padding). Decoding refuses anything else, blanks included. */
MUST_USE bool text_add_base64(struct str *out, const void *bytes, size_t n, struct err *err);
MUST_USE bool text_add_unbase64(struct str *out, const char *s, size_t n, struct err *err);
void text_hex(const unsigned char *bytes, size_t n, char *out); /* 2n+1 bytes, lower case */
bool text_unhex(const char *s, size_t n, unsigned char *out);   /* n hex digits, n even */
/* RFC 4648 base32 in lower case without padding, sorting as the bytes do: digits 0-9a-v ("base32hex"). */
void text_base32(const unsigned char *bytes, size_t n, char *out); /* (8n+4)/5+1 bytes */

#endif
