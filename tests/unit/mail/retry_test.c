/* retry - the waiting times, at both ends of their jitter. */
#include "unit.h"

#include "mail/retry.h"

static const struct {
    int64_t (*after)(unsigned tries, uint32_t random);
    unsigned tries;
    int64_t least, most;
} cases[] = {
    {retry_after, 0, 0, 0},
    {retry_after, 1, 54, 66},
    {retry_after, 2, 108, 132},
    {retry_after, 3, 270, 330},
    {retry_after, 4, 540, 660},
    {retry_after, 5, 1080, 1320},
    {retry_after, 6, 3240, 3960},
    {retry_after, 4000000000, 3240, 3960},
    {retry_after_refusal, 1, 810, 990},
    {retry_after_refusal, 2, 3240, 3960},
    {retry_after_refusal, 3, 12960, 15840},
    {retry_after_refusal, 4000000000, 12960, 15840},
};

START_TEST(test_retry)
{
    ck_assert_int_eq(cases[_i].after(cases[_i].tries, 0), cases[_i].least);
    ck_assert_int_eq(cases[_i].after(cases[_i].tries, UINT32_MAX), cases[_i].most);
    int64_t middle = cases[_i].after(cases[_i].tries, UINT32_MAX / 2);
    ck_assert_int_ge(middle, cases[_i].least);
    ck_assert_int_le(middle, cases[_i].most);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retry");
    TCase *tc = tcase_create("retry");
    tcase_add_loop_test(tc, test_retry, 0, (int)(sizeof(cases) / sizeof(*cases)));
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
