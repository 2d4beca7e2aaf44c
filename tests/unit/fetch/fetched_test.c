/* fetched - what `tappal status` says of the last runs: their times, and nothing where nothing is known. */
#include "unit.h"

#include <sys/stat.h>

#include "fetch/fetched.h"

#define T0 1795000000

static void is(int64_t when, int64_t mail_when, uint64_t messages)
{
    struct fetched f;
    fetched_recall(unit_folder, &f);
    ck_assert_int_eq(f.when, when);
    ck_assert_int_eq(f.mail_when, mail_when);
    ck_assert_uint_eq(f.messages, messages);
}

/* What runs come to, one after another, and what is remembered then. */
static const struct {
    bool well;
    uint64_t messages;
    int64_t at, when, mail_when;
    uint64_t remembered;
} runs[] = {
    {false, 0, 1, 0, 0, 0},          {true, 0, 2, T0 + 2, 0, 0},  {true, 12345, 3, T0 + 3, 3, 12345},
    {true, 0, 4, T0 + 4, 3, 12345},  {false, 2, 5, T0 + 4, 5, 2}, {false, 0, 6, T0 + 4, 5, 2},
    {true, 1, -50, T0 - 50, -50, 1},
};

START_TEST(test_fetched_runs)
{
    is(0, 0, 0);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        fetched_note(unit_folder, T0 + runs[i].at, runs[i].well, runs[i].messages);
        is(runs[i].when, runs[i].mail_when ? T0 + runs[i].mail_when : 0, runs[i].remembered);
    }
    struct stat st;
    ck_assert_int_eq(stat("fetched", &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(unit_folder_count(), 1);
}
END_TEST

static const char *const broken[] = {
    "",
    "tappal-fetched 1 1795000000 0 0",
    "tappal-fetched 2 1795000000 0 0\n",
    "tappal-fetched 1 x\n",
    "tappal-fetched 1 -5 0 0\n",
    "tappal-fetched 1 1795000000 0 0x\n",
};

START_TEST(test_fetched_broken)
{
    unit_write("fetched", broken[_i]);
    is(0, 0, 0);
    fetched_note(unit_folder, T0, true, 0);
    is(T0, 0, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetched");
    TCase *tc = tcase_create("fetched");
    tcase_add_checked_fixture(tc, unit_folder_make, unit_folder_remove);
    tcase_add_test(tc, test_fetched_runs);
    tcase_add_loop_test(tc, test_fetched_broken, 0, (int)(sizeof broken / sizeof *broken));
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
