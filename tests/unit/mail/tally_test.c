/* tally - whatever comes whenever it may, no window of the period's length ever holds more than the limit. */
#include "unit.h"

#include <stdlib.h>

#include "mail/tally.h"

#define EVENTS 4000

static const struct {
    int64_t period;
    uint64_t limit, most; /* each event has 1 to `most` */
    int64_t pause;        /* between two that ask, at most */
} flows[] = {
    {1000, 1, 1, 300},  {1000, 50, 3, 40},         {60000, 20, 1, 100},         {60000, 20, 7, 9000},
    {60000, 100, 5, 1}, {3600000, 300, 10, 20000}, {86400000, 500, 40, 600000}, {86400000, 3, 3, 1},
};

/* Each asks, waits until it is told to go, and goes. The sum over every window that ends with one is looked at. */
START_TEST(test_never_more)
{
    static int64_t when[EVENTS];
    static uint64_t much[EVENTS];
    struct tally t = {.used = 0};
    int64_t now = 1000000;
    uint64_t in_window = 0;
    size_t from = 0;
    srand((unsigned)_i + 1);
    for (size_t i = 0; i < EVENTS; i++) {
        now += rand() % (flows[_i].pause + 1);
        much[i] = 1 + (uint64_t)rand() % flows[_i].most;
        tally_slide(&t, flows[_i].period, now);
        int64_t at = tally_room_at(&t, flows[_i].period, flows[_i].limit, much[i], now);
        ck_assert_int_ge(at, now);
        ck_assert_int_le(at - now, flows[_i].period);
        now = at;
        tally_slide(&t, flows[_i].period, now);
        ck_assert_int_eq(tally_room_at(&t, flows[_i].period, flows[_i].limit, much[i], now), now);
        tally_add(&t, flows[_i].period, now, much[i]);
        when[i] = now;
        for (in_window += much[i]; when[from] + flows[_i].period <= now; from++)
            in_window -= much[from];
        ck_assert_uint_le(in_window, flows[_i].limit);
        ck_assert_uint_le(t.used, TALLY_SLOTS);
    }
}
END_TEST

/* Nor is it kept waiting for long without need: what went a period and a sixtieth ago counts no more. */
START_TEST(test_not_much_less)
{
    struct tally t = {.used = 0};
    int64_t now = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 20; i++) {
            tally_slide(&t, 60000, now);
            ck_assert_int_eq(tally_room_at(&t, 60000, 20, 1, now), now);
            tally_add(&t, 60000, now, 1);
            now += 100;
        }
        now += 60000 + 1000 - 2000;
    }
}
END_TEST

START_TEST(test_more_than_the_limit)
{
    struct tally t = {.used = 0};
    ck_assert_int_eq(tally_room_at(&t, 1000, 5, 50, 7), 7);
    tally_add(&t, 1000, 7, 1);
    tally_add(&t, 1000, 500, 1);
    ck_assert_int_eq(tally_room_at(&t, 1000, 5, 50, 600), 1500);
    ck_assert_int_eq(tally_room_at(&t, 1000, 5, 4, 600), 1007);
    ck_assert_int_eq(tally_room_at(&t, 1000, 5, 3, 600), 600);
}
END_TEST

START_TEST(test_clock_set_back)
{
    struct tally t = {.used = 0};
    for (int i = 0; i < 5; i++)
        tally_add(&t, 60000, 1000000000 + i * 5000, 1);
    tally_slide(&t, 60000, 100);
    ck_assert_uint_eq(tally_sum(&t), 5);
    ck_assert_int_eq(tally_room_at(&t, 60000, 5, 1, 100), 60100);
    tally_slide(&t, 60000, 60100);
    ck_assert_uint_eq(tally_sum(&t), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tally");
    TCase *tc = tcase_create("tally");
    tcase_add_loop_test(tc, test_never_more, 0, (int)(sizeof(flows) / sizeof(*flows)));
    tcase_add_test(tc, test_not_much_less);
    tcase_add_test(tc, test_more_than_the_limit);
    tcase_add_test(tc, test_clock_set_back);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
