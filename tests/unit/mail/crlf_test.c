/* crlf - line ends of every kind, each text given whole and split at every octet. */
#include "mail/crlf.h"

#include <string.h>

#include "unit.h"

static const struct {
    const char *text, *wire;
} cases[] = {
    {"", ""},
    {"a\r\nb\r\n", "a\r\nb\r\n"},
    {"a\nb\n", "a\r\nb\r\n"},
    {"a\nb\r\n\n", "a\r\nb\r\n\r\n"},
    {"a", "a\r\n"},
    {"a\rb", "a b\r\n"},
    {"a\r\r\nb", "a\r\nb\r\n"},
    {"a\r", "a \r\n"},
    {"\r.\r\n", " .\r\n"}, /* no dot alone on a line, for whoever takes a bare CR for a line end */
    {"\n.\n", "\r\n.\r\n"},
};

static void check(const char *text, size_t n, size_t at, const char *wire, size_t wire_n)
{
    struct crlf c = {0};
    struct str out = STR_INIT(100);
    struct err err;
    ck_assert(crlf_add(&c, text, at, &out, &err) && crlf_add(&c, text + at, n - at, &out, &err));
    ck_assert(crlf_end(&c, &out, &err));
    ck_assert_uint_eq(out.len, wire_n);
    ck_assert_mem_eq(out.buf, wire, wire_n);
    str_free(&out);
}

START_TEST(test_crlf_every_split)
{
    size_t n = strlen(cases[_i].text);
    for (size_t at = 0; at <= n; at++)
        check(cases[_i].text, n, at, cases[_i].wire, strlen(cases[_i].wire));
}
END_TEST

START_TEST(test_crlf_nul)
{
    check("a\0\n", 3, 1, "a\0\r\n", 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crlf");
    TCase *tc = tcase_create("crlf");
    tcase_add_loop_test(tc, test_crlf_every_split, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, test_crlf_nul);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
