/* trouble - the last run's word stays until a run ends well; its beginning is that of the first in a row. */
#include "unit.h"

#include <sys/stat.h>

#include "fetch/trouble.h"

#define T0 1795000000

static void note(int64_t now, enum err_kind kind, const char *what)
{
    struct err why = {0}, err = {0};
    if (kind != ERR_NONE) {
        err_set(&why, kind, "%s", what);
        err_hint(&why, "Wait,\tor ask.");
    }
    ck_assert_msg(trouble_note(unit_folder, now, &why, &err), "%s", err.what);
}

static void is(int64_t since, enum err_kind kind, const char *what)
{
    struct trouble t;
    trouble_recall(unit_folder, &t);
    ck_assert_int_eq(t.since, since);
    ck_assert_int_eq(t.why.kind, kind);
    ck_assert_str_eq(t.why.what, what);
    ck_assert_str_eq(t.why.hint, kind == ERR_NONE ? "" : "Wait,\tor ask.");
}

/* What runs say one after another, and what is remembered then. */
static const struct {
    const char *says; /* NULL: all was well */
    enum err_kind kind;
    int64_t at, since;
} runs[] = {
    {NULL, ERR_NONE, 1, 0},           {"No.", ERR_AUTH, 2, 2},
    {"No.", ERR_AUTH, 3, 2},          {"Down.", ERR_NETWORK, 4, 2},
    {NULL, ERR_NONE, 5, 0},           {NULL, ERR_NONE, 6, 0},
    {"Two\nlines.", ERR_LOCAL, 7, 7}, {"The clock.", ERR_CONFIG, -50, -50},
};

START_TEST(test_trouble_runs)
{
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        note(T0 + runs[i].at, runs[i].kind, runs[i].says);
        is(runs[i].says ? T0 + runs[i].since : 0, runs[i].kind, runs[i].says ? runs[i].says : "");
        ck_assert_int_eq(unit_folder_count(), runs[i].says != NULL);
    }
}
END_TEST

/* A run that ends as the one before costs the disk nothing. */
START_TEST(test_trouble_is_written_once)
{
    struct stat before, after;
    note(T0, ERR_AUTH, "No.");
    ck_assert_int_eq(stat("trouble", &before), 0);
    note(T0 + 1, ERR_AUTH, "No.");
    ck_assert_int_eq(stat("trouble", &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

static const char *const damaged[] = {"",
                                      "x",
                                      "tappal-trouble 1 9",
                                      "tappal-trouble 1 9\n",
                                      "tappal-trouble 1 9\nend\n",
                                      "tappal-trouble 2 9\nend\n"};

START_TEST(test_trouble_damaged)
{
    unit_write("trouble", damaged[_i]);
    is(0, ERR_NONE, "");
    note(T0, ERR_AUTH, "No.");
    is(T0, ERR_AUTH, "No.");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trouble");
    TCase *tc = tcase_create("trouble");
    tcase_add_checked_fixture(tc, unit_folder_make, unit_folder_remove);
    tcase_add_test(tc, test_trouble_runs);
    tcase_add_test(tc, test_trouble_is_written_once);
    tcase_add_loop_test(tc, test_trouble_damaged, 0, sizeof damaged / sizeof *damaged);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
