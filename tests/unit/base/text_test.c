/* text, clock, sum: tables of what goes in and what must come out. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/sum.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
    const char *s;
    bool valid;
} utf8[] = {
    {"", true},
    {"Ada", true},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xae", true},
    {"\xc0\x80", false},         /* overlong NUL */
    {"\xe0\x80\xaf", false},     /* overlong slash */
    {"\xf0\x80\x80\xaf", false}, /* and again */
    {"\xed\xa0\x80", false},     /* a surrogate */
    {"\xed\x9f\xbf", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
    {"\xc3", false},
    {"\xe2\x82", false},
    {"\x80", false},
    {"\xff", false},
};

START_TEST(test_text_utf8)
{
    ck_assert_msg(text_is_utf8(utf8[_i].s, strlen(utf8[_i].s)) == utf8[_i].valid, "row %d", _i);
}
END_TEST

static const struct {
    const char *in;
    size_t most;
    const char *out;
} cleaned[] = {
    {"plain \xc3\xa4", 100, "plain \xc3\xa4"},
    {"a\r\nb\tc", 100, "a\\x0d\\x0ab\\x09c"},
    {"\x1b[31mred\x7f", 100, "\\x1b[31mred\\x7f"},
    {"\xc2\x9b"
     "1m",
     100, "\\xc2\\x9b1m"}, /* C1 CSI as UTF-8 */
    {"\xe2\x80\xae"
     "x",
     100, "\\xe2\\x80\\xaex"}, /* turns the direction of the line */
    {"\xff\xfe", 100, "\\xff\\xfe"},
    {"abcdef", 3, "abc..."},
    {"abc", 3, "abc"},
    {"ab\xc3\xa4", 3, "ab..."},
};

START_TEST(test_text_clean)
{
    struct err err;
    struct str s = STR_INIT(1000);
    ck_assert(text_add_clean(&s, cleaned[_i].in, strlen(cleaned[_i].in), cleaned[_i].most, &err));
    ck_assert_str_eq(s.buf, cleaned[_i].out);
    str_free(&s);
}
END_TEST

START_TEST(test_text_clean_field_never_overflows)
{
    char field[6];
    text_clean(field, sizeof field, "ab\n\xc3\xa4", 5);
    ck_assert_str_eq(field, "ab");
    text_clean(field, sizeof field, "abcd\xc3\xa4", 6);
    ck_assert_str_eq(field, "abcd");
    text_clean(field, sizeof field, "abcdefgh", 8);
    ck_assert_str_eq(field, "abcde");
    text_clean(field, 1, "a", 1);
    ck_assert_str_eq(field, "");
}
END_TEST

START_TEST(test_text_clean_into_a_full_string_adds_nothing)
{
    struct err err;
    struct str s = STR_INIT(5);
    ck_assert(str_addz(&s, "ab", &err));
    ck_assert(!text_add_clean(&s, "c\n", 2, 10, &err));
    ck_assert_str_eq(s.buf, "ab");
    str_free(&s);
}
END_TEST

static const struct {
    const char *s;
    bool duration_ok;
    uint64_t seconds;
    bool size_ok;
    uint64_t bytes;
} numbers[] = {
    {"90", true, 90, true, 90},
    {"90s", true, 90, false, 0},
    {"5m", true, 300, true, 5 << 20},
    {"4h", true, 14400, false, 0},
    {"5d", true, 432000, false, 0},
    {"10k", false, 0, true, 10240},
    {"2G", false, 0, true, 2147483648},
    {"", false, 0, false, 0},
    {"m", false, 0, false, 0},
    {"-1", false, 0, false, 0},
    {"+1", false, 0, false, 0},
    {" 1", false, 0, false, 0},
    {"1.5h", false, 0, false, 0},
    {"18446744073709551615", true, UINT64_MAX, true, UINT64_MAX},
    {"18446744073709551616", false, 0, false, 0},
    {"18446744073709551615m", false, 0, false, 0},
};

START_TEST(test_text_numbers)
{
    uint64_t v = 7;
    ck_assert(text_duration(numbers[_i].s, &v) == numbers[_i].duration_ok);
    ck_assert_uint_eq(v, numbers[_i].duration_ok ? numbers[_i].seconds : 7);
    v = 7;
    ck_assert(text_size(numbers[_i].s, &v) == numbers[_i].size_ok);
    ck_assert_uint_eq(v, numbers[_i].size_ok ? numbers[_i].bytes : 7);
}
END_TEST

START_TEST(test_text_take_u64)
{
    const char *at = "12 007x18446744073709551616";
    uint64_t v = 5;
    ck_assert(text_take_u64(&at, 100, &v) && v == 12 && *at++ == ' ');
    ck_assert(text_take_u64(&at, 100, &v) && v == 7 && *at == 'x');
    ck_assert(!text_take_u64(&at, 100, &v) && v == 7 && *at++ == 'x');
    ck_assert(!text_take_u64(&at, UINT64_MAX, &v) && v == 7 && *at == '1');
}
END_TEST

START_TEST(test_text_u64_has_a_bound)
{
    uint64_t v = 7;
    ck_assert(!text_u64("65536", 65535, &v) && v == 7);
    ck_assert(text_u64("65535", 65535, &v) && v == 65535);
    ck_assert(!text_u64("12x", 100, &v) && !text_u64("", 100, &v));
}
END_TEST

static const struct {
    uint64_t n;
    const char *duration, *size;
} shown[] = {
    {0, "0 s", "0 bytes"},        {1, "1 s", "1 byte"},        {60, "1 min", "60 bytes"},
    {90, "90 s", "90 bytes"},     {119, "119 s", "119 bytes"}, {300, "5 min", "300 bytes"},
    {999, "17 min", "999 bytes"}, {1000, "17 min", "1.0 kB"},  {3600, "1 h", "3.6 kB"},
    {5400, "90 min", "5.4 kB"},   {9960, "3 h", "10 kB"},      {14400, "4 h", "14 kB"},
    {129600, "36 h", "130 kB"},   {432000, "5 d", "432 kB"},   {999600, "12 d", "1.0 MB"},
    {25000000, "289 d", "25 MB"},
};

START_TEST(test_text_show)
{
    char out[32];
    text_show_duration(shown[_i].n, out);
    ck_assert_str_eq(out, shown[_i].duration);
    text_show_size(shown[_i].n, out);
    ck_assert_str_eq(out, shown[_i].size);
}
END_TEST

static const struct {
    const char *pattern, *s;
    bool match;
} globs[] = {
    {"*@lists.example.org", "Ada@LISTS.example.org", true},
    {"*@lists.example.org", "ada@example.org", false},
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"a?c", "abc", true},
    {"a?c", "ac", false},
    {"*a*b*", "xxaxxbxx", true},
    {"*a*b", "xxaxxbx", false},
    {"**", "x", true},
    {"Lists/*", "Lists/git/more", true},
};

START_TEST(test_text_glob)
{
    ck_assert(text_glob(globs[_i].pattern, globs[_i].s) == globs[_i].match);
}
END_TEST

START_TEST(test_text_glob_is_not_exponential)
{
    char s[4001];
    memset(s, 'a', sizeof s - 1);
    s[sizeof s - 1] = '\0';
    ck_assert(!text_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", s));
}
END_TEST

START_TEST(test_text_nearest)
{
    static const char *const names[] = {"password_from", "host", "maildir", "tls_ca", NULL};
    ck_assert_str_eq(text_nearest("pasword_from", names), "password_from");
    ck_assert_str_eq(text_nearest("Host", names), "host");
    ck_assert_str_eq(text_nearest("hsot", names), "host");
    ck_assert_str_eq(text_nearest("tls-ca", names), "tls_ca");
    ck_assert_ptr_null(text_nearest("folders", names));
    ck_assert_ptr_null(text_nearest("", names));
    ck_assert_ptr_null(text_nearest("a name that is much longer than any of ours can be", names));
}
END_TEST

static const struct {
    const char *in;
    const char *out[5];
} argvs[] = {
    {"pass show mail", {"pass", "show", "mail"}},
    {"  a \t b  ", {"a", "b"}},
    {"a 'b c' \"d e\"", {"a", "b c", "d e"}},
    {"a 'it''s' \"say \"\"x\"\"\"", {"a", "it's", "say \"x\""}},
    {"a '' b", {"a", "", "b"}},
    {"a$HOME *", {"a$HOME", "*"}},
    {"a\\ b", {"a\\", "b"}},
    {"x'y'z", {"xyz"}},
    {"sh: cat ~/x | head -1", {"/bin/sh", "-c", "cat ~/x | head -1"}},
    {"sh:", {NULL}},
    {"", {NULL}},
};

START_TEST(test_text_split_argv)
{
    struct err err;
    struct strv v = STRV_INIT;
    size_t n = 0;
    ck_assert(text_split_argv(argvs[_i].in, &v, &err));
    for (; argvs[_i].out[n]; n++)
        ck_assert_str_eq(v.items[n], argvs[_i].out[n]);
    ck_assert_uint_eq(v.count, n);
    strv_free(&v);
}
END_TEST

START_TEST(test_text_split_argv_wants_quotes_closed)
{
    struct err err = {0};
    struct strv v = STRV_INIT;
    ck_assert(!text_split_argv("a 'b", &v, &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    strv_free(&v);
}
END_TEST

static const struct {
    const char *plain, *coded;
} base64[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

START_TEST(test_text_base64)
{
    struct err err;
    struct str s = STR_INIT(100);
    ck_assert(text_add_base64(&s, base64[_i].plain, strlen(base64[_i].plain), &err));
    ck_assert_str_eq(s.buf, base64[_i].coded);
    str_clear(&s);
    ck_assert(text_add_unbase64(&s, base64[_i].coded, strlen(base64[_i].coded), &err));
    ck_assert_str_eq(s.buf, base64[_i].plain);
    str_free(&s);
}
END_TEST

START_TEST(test_text_unbase64_is_strict)
{
    static const char *const bad[] = {
        "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9v", "Zg==Zg==", "Zm9v\n", "Z=9v", "Zm9-"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err err = {0};
        struct str s = STR_INIT(100);
        ck_assert(str_addz(&s, "x", &err));
        ck_assert_msg(!text_add_unbase64(&s, bad[i], strlen(bad[i]), &err), "%s", bad[i]);
        ck_assert_str_eq(s.buf, "x");
        str_free(&s);
    }
}
END_TEST

START_TEST(test_text_hex_and_base32)
{
    unsigned char bytes[4];
    char out[16];
    ck_assert(text_unhex("00Ff7a", 6, bytes));
    text_hex(bytes, 3, out);
    ck_assert_str_eq(out, "00ff7a");
    ck_assert(!text_unhex("0", 1, bytes) && !text_unhex("0g", 2, bytes));
    text_base32((const unsigned char *)"foobar", 6, out); /* RFC 4648, section 10 */
    ck_assert_str_eq(out, "cpnmuoj1e8");
    text_base32((const unsigned char *)"foo", 3, out);
    ck_assert_str_eq(out, "cpnmu");
    text_base32((const unsigned char *)"", 0, out);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(test_text_compare)
{
    char z[] = "ABCz\xc3\x84";
    ck_assert(text_eq_nocase("InBox", "INBOX") && !text_eq_nocase("a", "ab") && !text_eq_nocase("ab", "a"));
    ck_assert(text_eqn_nocase("FROMx", "fromy", 4));
    ck_assert(text_starts("file x", "file ") && !text_starts("fil", "file"));
    ck_assert(text_starts_nocase("BCC:", "bcc:") && !text_starts_nocase("b", "bcc"));
    ck_assert(text_ends("work.ini", ".ini") && !text_ends("ini", ".ini"));
    text_lower_z(z);
    ck_assert_str_eq(z, "abcz\xc3\x84");
    ck_assert(text_has_control("a\tb", 3) && !text_has_control("a b\xc3\xa4", 5));
    ck_assert(text_is_ascii("ab", 2) && !text_is_ascii("\xc3", 1));
}
END_TEST

START_TEST(test_clock_writes_dates)
{
    char out[48];
    setenv("TZ", "UTC", 1);
    tzset();
    clock_rfc5322(1795363445, out);
    ck_assert_str_eq(out, "Sun, 22 Nov 2026 16:04:05 +0000");
    setenv("TZ", "XXX-5:30", 1);
    tzset();
    clock_rfc5322(0, out);
    ck_assert_str_eq(out, "Thu, 01 Jan 1970 05:30:00 +0530");
    setenv("TZ", "XXX3:30", 1);
    tzset();
    clock_rfc5322(0, out);
    ck_assert_str_eq(out, "Wed, 31 Dec 1969 20:30:00 -0330");
    clock_iso(1795363445, out);
    ck_assert_str_eq(out, "2026-11-22T16:04:05Z");
    clock_rfc5322(INT64_MAX, out);
    clock_iso(INT64_MAX, out);
}
END_TEST

START_TEST(test_clock_shift)
{
    int64_t before = clock_now();
    setenv("TAPPAL_TEST_CLOCK", "100000", 1);
    ck_assert_int_lt(clock_now() - before, 50000);
    clock_read_test_shift();
    ck_assert_int_ge(clock_now() - before, 100000);
    ck_assert_int_gt(clock_mono_ms(), 0);
}
END_TEST

START_TEST(test_sum)
{
    char hex[SUM_SHA256_HEX];
    sum_sha256_hex("abc", 3, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_uint_eq(sum_crc32c(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(sum_crc32c(sum_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
    ck_assert_uint_eq(sum_crc32c(0, "", 0), 0);
    char zeros[32] = {0}, text[64]; /* RFC 3720 B.4; and any cut, from any place, comes to the same */
    ck_assert_uint_eq(sum_crc32c(0, zeros, sizeof zeros), 0x8a9136aa);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 37);
    for (size_t i = 0; i < sizeof text; i++) {
        uint32_t bytewise = 0;
        for (size_t k = i; k < sizeof text; k++)
            bytewise = sum_crc32c(bytewise, text + k, 1);
        ck_assert_uint_eq(sum_crc32c(0, text + i, sizeof text - i), bytewise);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/text");
    TCase *tc = tcase_create("text");
    tcase_add_loop_test(tc, test_text_utf8, 0, COUNT(utf8));
    tcase_add_loop_test(tc, test_text_clean, 0, COUNT(cleaned));
    tcase_add_test(tc, test_text_clean_field_never_overflows);
    tcase_add_test(tc, test_text_clean_into_a_full_string_adds_nothing);
    tcase_add_loop_test(tc, test_text_numbers, 0, COUNT(numbers));
    tcase_add_test(tc, test_text_take_u64);
    tcase_add_test(tc, test_text_u64_has_a_bound);
    tcase_add_loop_test(tc, test_text_show, 0, COUNT(shown));
    tcase_add_loop_test(tc, test_text_glob, 0, COUNT(globs));
    tcase_add_test(tc, test_text_glob_is_not_exponential);
    tcase_add_test(tc, test_text_nearest);
    tcase_add_loop_test(tc, test_text_split_argv, 0, COUNT(argvs));
    tcase_add_test(tc, test_text_split_argv_wants_quotes_closed);
    tcase_add_loop_test(tc, test_text_base64, 0, COUNT(base64));
    tcase_add_test(tc, test_text_unbase64_is_strict);
    tcase_add_test(tc, test_text_hex_and_base32);
    tcase_add_test(tc, test_text_compare);
    tcase_add_test(tc, test_clock_writes_dates);
    tcase_add_test(tc, test_clock_shift);
    tcase_add_test(tc, test_sum);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
