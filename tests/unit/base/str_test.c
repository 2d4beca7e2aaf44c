/* err, str, strv: maxima, growth, cut sentences. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

START_TEST(test_err_fills_and_cuts)
{
    struct err err = {0};
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    ck_assert(!err_set(&err, ERR_TLS, "%s", big));
    ck_assert_uint_eq(strlen(err.what), sizeof err.what - 1);
    ck_assert_str_eq(err.what + strlen(err.what) - 4, "x...");
    err_set(&err, ERR_AUTH, "The server refused.");
    err.code = 535;
    err_hint(&err, "Do %s.", "this");
    err_prefix(&err, "file:%d: ", 3);
    ck_assert_str_eq(err.what, "file:3: The server refused.");
    ck_assert_str_eq(err.hint, "Do this.");
    errno = ENOENT;
    err_errno(&err, ERR_LOCAL, "%s could not be opened", "x");
    ck_assert_str_eq(err.what, "x could not be opened: No such file or directory.");
    ck_assert_str_eq(err.hint, "");
    ck_assert_int_eq(err.sys, ENOENT);
    ck_assert_int_eq(err.code, 0);
    err_set(&err, ERR_LOCAL, "again: %s", err.what); /* may use its own old words */
    ck_assert_str_eq(err.what, "again: x could not be opened: No such file or directory.");
}
END_TEST

START_TEST(test_err_cut_keeps_whole_characters)
{
    struct err err = {0};
    char big[1100];
    for (size_t lead = 0; lead < 3; lead++) {
        memset(big, 'x', lead);
        for (size_t i = lead; i + 2 < sizeof big; i += 2)
            memcpy(big + i, "\xc3\xa4", 3);
        err_set(&err, ERR_DATA, "%s", big);
        size_t n = strlen(err.what);
        ck_assert_str_eq(err.what + n - 3, "...");
        ck_assert_int_eq((unsigned char)err.what[n - 4], 0xa4);
    }
}
END_TEST

START_TEST(test_err_exit_statuses)
{
    ck_assert_int_eq(err_exit_status(ERR_USAGE), 64);
    ck_assert_int_eq(err_exit_status(ERR_AUTH), 77);
    ck_assert_int_eq(err_exit_status(ERR_CONFIG), 78);
    ck_assert_int_eq(err_exit_status(ERR_NO_HOST), 68);
    ck_assert_int_eq(err_exit_status((enum err_kind)999), 70);
    ck_assert_str_eq(err_kind_name(ERR_REFUSED_PERM), "refused_perm");
}
END_TEST

START_TEST(test_str_maximum_is_an_error_not_a_cut)
{
    struct err err = {0};
    struct str s = STR_INIT(5);
    ck_assert(str_addz(&s, "abc", &err));
    ck_assert(!str_addz(&s, "def", &err));
    ck_assert(str_eqz(&s, "abc"));
    ck_assert_int_eq(err.kind, ERR_DATA);
    ck_assert(!str_addf(&s, &err, "%03d", 7));
    ck_assert(str_addf(&s, &err, "%02d", 7));
    ck_assert_str_eq(s.buf, "abc07");
    ck_assert(!str_addc(&s, 'x', &err));
    ck_assert(str_add(&s, "", 0, &err));
    ck_assert(!str_reserve(&s, SIZE_MAX, &err));
    str_drop(&s, 3);
    ck_assert_str_eq(s.buf, "07");
    str_cut(&s, 1);
    ck_assert(str_eqz(&s, "0"));
    str_free(&s);
    ck_assert_uint_eq(s.max, 5);
}
END_TEST

START_TEST(test_str_grows_and_holds_nuls)
{
    struct err err;
    struct str s = STR_INIT(SIZE_MAX);
    for (int i = 0; i < 10000; i++)
        ck_assert(str_add(&s, "a\0b", 3, &err));
    ck_assert_uint_eq(s.len, 30000);
    ck_assert_int_eq(s.buf[30000], '\0');
    ck_assert_mem_eq(s.buf + 29997, "a\0b", 3);
    char *mine = str_steal(&s);
    ck_assert_uint_eq(s.len, 0);
    ck_assert_str_eq(s.buf, "");
    free(mine);
    mine = str_steal(&s); /* an empty one too is malloc'd */
    ck_assert_str_eq(mine, "");
    free(mine);
    str_wipe(&s);
    str_clear(&s);
    str_drop(&s, 0);
}
END_TEST

START_TEST(test_strv_is_an_argv)
{
    struct err err;
    struct strv v = STRV_INIT;
    struct strv w = STRV_INIT;
    for (int i = 0; i < 100; i++)
        ck_assert(strv_addn(&v, "wordy", 4, &err));
    ck_assert(strv_add(&v, "Last", &err));
    ck_assert_ptr_null(v.items[101]);
    ck_assert_str_eq(v.items[99], "word");
    ck_assert(strv_has(&v, "Last") && !strv_has(&v, "last") && strv_has_nocase(&v, "lAST"));
    ck_assert(strv_copy(&w, &v, &err));
    strv_wipe(&v);
    ck_assert_uint_eq(v.count, 0);
    ck_assert_uint_eq(w.count, 101);
    ck_assert_ptr_null(w.items[101]);
    strv_free(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/str");
    TCase *tc = tcase_create("str");
    tcase_add_test(tc, test_err_fills_and_cuts);
    tcase_add_test(tc, test_err_cut_keeps_whole_characters);
    tcase_add_test(tc, test_err_exit_statuses);
    tcase_add_test(tc, test_str_maximum_is_an_error_not_a_cut);
    tcase_add_test(tc, test_str_grows_and_holds_nuls);
    tcase_add_test(tc, test_strv_is_an_argv);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
