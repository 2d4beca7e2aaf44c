/* scan - header fields, and where the header ends. */
#include "mail/scan.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* `fields`: "name=value|..." of each field; `body`: what scan->next is left at. */
static const struct {
    const char *text, *fields, *body;
} cases[] = {
    {"", "", ""},
    {"To: ada\n\nhello\n", "To=ada|", "hello\n"},
    {"To: ada\r\n\r\nhello\r\n", "To=ada|", "hello\r\n"},
    {"To: ada\n", "To=ada|", ""},
    {"To: ada", "To=ada|", ""},
    {"To:\n\n", "To=|", ""},
    {"To :\t ada \n\n", "To=ada|", ""},
    {"Subject: a\n b\r\n\tc\nTo:x\n\n", "Subject=a b\tc|To=x|", ""},
    {"X:\n only folded\n\n", "X=only folded|", ""},
    {"X: a\n \n\n", "X=a|", ""},
    {"hello world\n", "", "hello world\n"},
    {"hello\n\nworld\n", "", "hello\n\nworld\n"},
    {"To: ada\nhello world\nX: no\n", "To=ada|", "hello world\nX: no\n"},
    {"\nTo: ada\n", "", "To: ada\n"},
    {" leading: blank\n", "", " leading: blank\n"},
    {"From ada Sun Nov 22\nTo: x\n\n", "To=x|", ""},
    {">From ada Sun Nov 22\nFrom b c\nTo: x\n\n", "To=x|", ""},
    {"From : ada@example.org\n\n", "From=ada@example.org|", ""},
    {"From ada@example.org: x\n\nb", "", "b"},
    {"To: x\nFrom ada Sun\n\n", "To=x|", "From ada Sun\n\n"},
    {":no name\n", "", ":no name\n"},
    {"na me: x\n", "", "na me: x\n"},
    {"n\xc3\xa4me: x\n", "", "n\xc3\xa4me: x\n"},
    {"X: caf\xc3\xa9\n\n", "X=caf\xc3\xa9|", ""},
};

static void add_fields(const char *text, struct scan *scan, struct str *shown)
{
    struct scan_field f;
    struct err err;
    const char *at = NULL;
    while (scan_next(scan, &f) == SCAN_GOT_FIELD) {
        ck_assert(at == NULL || at == f.raw);
        at = f.raw + f.raw_len;
        ck_assert(at <= text + strlen(text));
        ck_assert(str_add(shown, f.raw, f.name_len, &err) && str_addc(shown, '=', &err));
        ck_assert(scan_add_value(&f, shown, &err) && str_addc(shown, '|', &err));
    }
}

START_TEST(test_scan_fields)
{
    struct scan scan;
    struct str shown = STR_INIT(1000);
    scan_begin(&scan, cases[_i].text, strlen(cases[_i].text));
    add_fields(cases[_i].text, &scan, &shown);
    ck_assert_str_eq(shown.buf, cases[_i].fields);
    ck_assert_str_eq(scan.next, cases[_i].body);
    str_free(&shown);
}
END_TEST

/* Cut anywhere, it neither reads beyond the end nor stops short of it. */
START_TEST(test_scan_one_more_byte)
{
    for (size_t n = 0; n <= strlen(cases[_i].text); n++) {
        char *copy = strndup(cases[_i].text, n);
        struct scan scan;
        struct str shown = STR_INIT(1000);
        scan_begin(&scan, copy, n);
        add_fields(copy, &scan, &shown);
        ck_assert_ptr_eq(scan.end, copy + n);
        str_free(&shown);
        free(copy);
    }
}
END_TEST

START_TEST(test_scan_nul)
{
    struct scan scan;
    struct scan_field f;
    struct str value = STR_INIT(100);
    struct err err;
    scan_begin(&scan, "X: a\0b\n\n", 8);
    ck_assert_int_eq(scan_next(&scan, &f), SCAN_GOT_FIELD);
    ck_assert(scan_add_value(&f, &value, &err));
    ck_assert_uint_eq(value.len, 3);
    ck_assert(scan_is(&f, "x") && !scan_is(&f, "xx"));
    str_free(&value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scan");
    TCase *tc = tcase_create("scan");
    int n = sizeof cases / sizeof cases[0];
    tcase_add_loop_test(tc, test_scan_fields, 0, n);
    tcase_add_loop_test(tc, test_scan_one_more_byte, 0, n);
    tcase_add_test(tc, test_scan_nul);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
