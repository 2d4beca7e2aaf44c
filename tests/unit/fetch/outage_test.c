/* outage - silent for four hours without a network, then told once, and anew in the next outage. */
#include "unit.h"

#include <errno.h>

#include "fetch/outage.h"

#define T0 1795000000
#define HOUR 3600

static const struct {
    enum err_kind kind;
    int sys;
    bool outage;
} failures[] = {
    {ERR_NETWORK, ENETUNREACH, true},
    {ERR_NETWORK, EHOSTUNREACH, true},
    {ERR_NETWORK, ENETDOWN, true},
    {ERR_NETWORK, ECONNREFUSED, false},
    {ERR_NETWORK, ETIMEDOUT, false},
    {ERR_NETWORK, 0, false},
    {ERR_NO_HOST, 0, false},
    {ERR_LOCAL, ENETUNREACH, false},
    {ERR_AUTH, 0, false},
};

START_TEST(test_outage_is)
{
    struct err err = {.kind = failures[_i].kind, .sys = failures[_i].sys};
    ck_assert_int_eq(outage_is(&err), failures[_i].outage);
}
END_TEST

static bool told_at(int64_t now, int64_t since)
{
    struct err err = {0};
    int64_t began = 0;
    bool tell = false;
    ck_assert_msg(outage_note(unit_folder, now, &began, &tell, &err), "%s", err.what);
    ck_assert_int_eq(began, since);
    return tell;
}

START_TEST(test_outage_tells_once)
{
    for (int round = 0; round < 2; round++) {
        int64_t t = T0 + round * 100 * HOUR;
        ck_assert_int_eq(outage_untold(unit_folder, t), 0);
        ck_assert(!told_at(t, t));
        ck_assert(!told_at(t + 2 * HOUR, t));
        ck_assert_int_eq(outage_untold(unit_folder, t + 2 * HOUR), t);
        ck_assert(!told_at(t + 4 * HOUR - 1, t));
        ck_assert(told_at(t + 4 * HOUR, t));
        ck_assert(!told_at(t + 5 * HOUR, t));
        ck_assert(!told_at(t + 50 * HOUR, t));
        ck_assert_int_eq(outage_untold(unit_folder, t + 50 * HOUR), 0);
        ck_assert_int_eq(unit_folder_count(), 1);
        outage_over(unit_folder);
        ck_assert_int_eq(unit_folder_count(), 0);
    }
    outage_over(unit_folder);
}
END_TEST

static const char *const damaged[] = {"", "x", "tappal-offline 1", "tappal-offline 1 9999999999 0\n",
                                      "tappal-offline 2 1 1\n"};

START_TEST(test_outage_damaged)
{
    unit_write("offline", damaged[_i]);
    ck_assert(!told_at(T0, T0));
    ck_assert(told_at(T0 + 4 * HOUR, T0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outage");
    TCase *tc = tcase_create("outage");
    tcase_add_checked_fixture(tc, unit_folder_make, unit_folder_remove);
    tcase_add_loop_test(tc, test_outage_is, 0, sizeof failures / sizeof *failures);
    tcase_add_test(tc, test_outage_tells_once);
    tcase_add_loop_test(tc, test_outage_damaged, 0, sizeof damaged / sizeof *damaged);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
