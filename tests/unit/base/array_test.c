/* array: growth, the caller's count, sizes that cannot be. */
#include "unit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/array.h"

START_TEST(test_array_grows_and_keeps_what_is_there)
{
    struct err err = {0};
    size_t cap = 0, moves = 0, before = 0;
    int *items = NULL;
    for (size_t count = 0; count < 10000; count++) {
        items = array_room(items, &cap, count + 1, sizeof *items, &err);
        ck_assert_ptr_nonnull(items);
        ck_assert_uint_gt(cap, count);
        moves += cap != before;
        before = cap;
        items[count] = (int)count;
    }
    for (size_t i = 0; i < 10000; i++)
        ck_assert_int_eq(items[i], (int)i);
    ck_assert_uint_lt(moves, 12);
    ck_assert_int_eq(err.kind, ERR_NONE);
    free(items);
}
END_TEST

START_TEST(test_array_has_room_for_many_at_once)
{
    struct err err;
    size_t cap = 0;
    char *items = array_room(NULL, &cap, 1000, 1, &err);
    ck_assert_ptr_nonnull(items);
    ck_assert_uint_ge(cap, 1000);
    ck_assert_ptr_eq(array_room(items, &cap, cap, 1, &err), items);
    free(items);
}
END_TEST

START_TEST(test_array_of_impossible_size_is_an_error)
{
    static const struct {
        size_t cap, count, item_size;
    } cases[] = {
        {4, SIZE_MAX, 2},
        {4, SIZE_MAX / 8 + 2, 8},
        {4, SIZE_MAX / 2 + 1, 1},
        {SIZE_MAX / 8, SIZE_MAX / 8 + 1, 8},
        {SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 2, 1},
    };
    struct err err = {0};
    size_t cap = cases[_i].cap;
    void *items = malloc(4);
    ck_assert_ptr_null(array_room(items, &cap, cases[_i].count, cases[_i].item_size, &err));
    ck_assert_uint_eq(cap, cases[_i].cap);
    ck_assert_int_eq(err.kind, ERR_LOCAL);
    ck_assert_int_eq(err.sys, ENOMEM);
    free(items); /* it is the caller's still */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/array");
    TCase *tc = tcase_create("array");
    tcase_add_test(tc, test_array_grows_and_keeps_what_is_there);
    tcase_add_test(tc, test_array_has_room_for_many_at_once);
    tcase_add_loop_test(tc, test_array_of_impossible_size_is_an_error, 0, 5);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
