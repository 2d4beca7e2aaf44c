/* throttle - what counts as a request for patience, and that it survives. */
#include "unit.h"

#include "fetch/throttle.h"

static const struct {
    const char *what;
    int64_t seconds; /* 0: it is none */
} cases[] = {
    {"The server a refused to hand out messages: Request is throttled. Suggested Backoff Time: 5000 "
     "milliseconds",
     5},
    {"... Request is throttled. Suggested Backoff Time: 1 milliseconds", 1},
    {"... Request is throttled. Suggested Backoff Time: 99999999999999999999 milliseconds", 86400},
    {"... Request is throttled. Suggested Backoff Time: soon", 300},
    {"... [THROTTLED] slow down", 600},
    {"... [OVERQUOTA] no more", 3600},
    {"... Account exceeded command or bandwidth limits. (Failure)", 3600},
    {"The server a does not let ada sign in at the moment: Too many simultaneous connections. (Failure)",
     300},
    {"... try again later", 0},
    {"The server a ended the session: Session expired", 0},
};

START_TEST(test_throttle_is)
{
    struct err err = {0};
    int64_t seconds = 0;
    err_set(&err, ERR_REFUSED_TEMP, "%s", cases[_i].what);
    ck_assert_int_eq(throttle_is(&err, &seconds), cases[_i].seconds != 0);
    ck_assert_int_eq(seconds, cases[_i].seconds);
    err.kind = ERR_REFUSED_PERM;
    ck_assert(!throttle_is(&err, &seconds));
}
END_TEST

START_TEST(test_throttle_memory)
{
    struct throttle t;
    struct err err = {0};
    unit_folder_make();
    throttle_recall(unit_folder, 1000, &t);
    ck_assert(t.until == 0 && t.calm == 0);
    ck_assert(throttle_note(unit_folder, 1000, 300, "It said \"no\"\nand \\ so.", &err));
    throttle_recall(unit_folder, 1001, &t);
    ck_assert(t.until == 1300 && t.calm == 1000 + THROTTLE_CALM);
    ck_assert_str_eq(t.why, "It said \"no\"\nand \\ so.");
    throttle_recall(unit_folder, -1000000, &t); /* the clock was set back */
    ck_assert(t.until == 0);
    static const char *const damaged[] = {"", "tappal-wait 1 5", "tappal-wait 2 5 6\nwhy x\n",
                                          "tappal-wait 1 5 6\nwhy \\x\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        unit_write("wait", damaged[i]);
        throttle_recall(unit_folder, 1, &t);
        ck_assert(t.until == 0 && t.calm == 0);
    }
    ck_assert_int_eq(unit_folder_count(), 1);
    unit_folder_remove();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("throttle");
    TCase *tc = tcase_create("throttle");
    tcase_add_loop_test(tc, test_throttle_is, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tc, test_throttle_memory);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
