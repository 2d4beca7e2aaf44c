/* imap_search - what is ASCII goes out as it was written; the rest as literals, where the server knows them. */
#include "unit.h"

#include "wire/imap_search.h"

static const struct {
    const char *program, *sent;
    bool wide;
} cases[] = {
    {"FROM ada NOT LARGER 1000000", "FROM ada NOT LARGER 1000000", false},
    {"OR FROM \"a \\\" (b\" SUBJECT x", "OR FROM \"a \\\" (b\" SUBJECT x", false},
    {"SUBJECT \"gr\xc3\xbc\xc3\x9f\"", "SUBJECT {6+}\r\ngr\xc3\xbc\xc3\x9f", true},
    {"(SUBJECT \xc3\xbc) UNSEEN", "(SUBJECT {2+}\r\n\xc3\xbc) UNSEEN", true},
    {"OR BODY \"\xc3\xbc \\\" \\\\\" BODY \"x\"", "OR BODY {6+}\r\n\xc3\xbc \" \\ BODY \"x\"", true},
    {"BODY \"\xc3\xbc", "BODY {2+}\r\n\xc3\xbc", true},
    {"BODY \"\xc3\xbc\\", "BODY {3+}\r\n\xc3\xbc\\", true},
    {"", "", false},
};

START_TEST(test_imap_search_add)
{
    struct str out = STR_INIT(1000);
    struct err err = {0};
    ck_assert_int_eq(imap_search_is_wide(cases[_i].program), cases[_i].wide);
    ck_assert(imap_search_add(&out, cases[_i].program, true, &err));
    ck_assert_str_eq(out.buf, cases[_i].sent);
    str_clear(&out);
    ck_assert(imap_search_add(&out, cases[_i].program, false, &err));
    ck_assert_str_eq(out.buf, cases[_i].program);
    str_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("imap_search");
    TCase *tc = tcase_create("imap_search");
    tcase_add_loop_test(tc, test_imap_search_add, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
