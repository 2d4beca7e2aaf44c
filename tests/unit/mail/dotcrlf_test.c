/* dotcrlf - dot-stuffing, each text given whole and split at every octet. */
#include "mail/dotcrlf.h"

#include <string.h>

#include "unit.h"

static const struct {
    const char *text, *wire;
} cases[] = {
    {"", ".\r\n"},
    {"a\r\n", "a\r\n.\r\n"},
    {"a", "a\r\n.\r\n"},
    {".\r\n", "..\r\n.\r\n"},
    {".", "..\r\n.\r\n"},
    {"..\r\n", "...\r\n.\r\n"},
    {"a.b\r\n.c\r\n..\r\n\r\n.", "a.b\r\n..c\r\n...\r\n\r\n..\r\n.\r\n"},
    {"\r\n\r\n", "\r\n\r\n.\r\n"},
};

static void check_split(const char *text, size_t at, const char *wire)
{
    struct dotcrlf d = DOTCRLF_INIT;
    struct str out = STR_INIT(1000);
    struct err err;
    ck_assert(dotcrlf_add(&d, text, at, &out, &err));
    ck_assert(dotcrlf_add(&d, text + at, strlen(text) - at, &out, &err));
    ck_assert(dotcrlf_end(&d, &out, &err));
    ck_assert_str_eq(out.buf, wire);
    str_free(&out);
}

START_TEST(test_dotcrlf_every_split)
{
    for (size_t at = 0; at <= strlen(cases[_i].text); at++)
        check_split(cases[_i].text, at, cases[_i].wire);
}
END_TEST

START_TEST(test_dotcrlf_one_by_one)
{
    struct dotcrlf d = DOTCRLF_INIT;
    struct str out = STR_INIT(1000);
    struct err err;
    for (const char *p = cases[_i].text; *p != '\0'; p++)
        ck_assert(dotcrlf_add(&d, p, 1, &out, &err));
    ck_assert(dotcrlf_end(&d, &out, &err));
    ck_assert_str_eq(out.buf, cases[_i].wire);
    str_free(&out);
}
END_TEST

START_TEST(test_dotcrlf_twice_at_most)
{
    struct dotcrlf d = DOTCRLF_INIT;
    struct str out = STR_INIT(12);
    struct err err;
    ck_assert(dotcrlf_add(&d, ".\n.\n.\n", 6, &out, &err));
    ck_assert_uint_eq(out.len, 9);
    str_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dotcrlf");
    TCase *tc = tcase_create("dotcrlf");
    int n = sizeof cases / sizeof cases[0];
    tcase_add_loop_test(tc, test_dotcrlf_every_split, 0, n);
    tcase_add_loop_test(tc, test_dotcrlf_one_by_one, 0, n);
    tcase_add_test(tc, test_dotcrlf_twice_at_most);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
