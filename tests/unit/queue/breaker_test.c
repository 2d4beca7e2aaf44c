/* breaker - opens, holds, grows, outlives its process, closes. */
#include "unit.h"

#include <stdio.h>
#include <utime.h>

#include "queue/breaker.h"

#define NOW 1800000000

static char name[] = "work", file[64];
static struct place place = {.state_dir = unit_folder};
static struct account account = {.name = name, .config_dir = unit_folder, .file = file};

static void setup(void)
{
    struct utimbuf old = {.actime = 1, .modtime = 1};
    unit_folder_make();
    snprintf(file, sizeof(file), "%s/work.ini", unit_folder);
    unit_write(file, "");
    ck_assert_int_eq(utime(file, &old), 0);
}

static struct breaker load(void)
{
    struct err err = {0};
    struct breaker b;
    ck_assert_msg(breaker_load(&place, &account, &b, &err), "%s", err.what);
    return b;
}

static void note(enum err_kind kind, int64_t now)
{
    struct err why = {0}, err = {0};
    struct breaker b = load();
    err_set(&why, kind, "The server said no.");
    err_hint(&why, "Do this.\tOr that.");
    ck_assert(breaker_fail(&b, &why, now, UINT32_MAX / 2, &err));
    breaker_free(&b);
}

START_TEST(test_breaker_opens_and_closes)
{
    struct err err = {0};
    struct breaker b = load();
    ck_assert(!breaker_holds(&b, NOW));
    breaker_free(&b);
    note(ERR_NETWORK, NOW);
    b = load();
    ck_assert(breaker_holds(&b, NOW) && breaker_holds(&b, NOW + 50) && !breaker_holds(&b, NOW + 70));
    ck_assert(!breaker_holds(&b, NOW - 1)); /* a clock set back */
    ck_assert_int_eq(b.why.kind, ERR_NETWORK);
    ck_assert_str_eq(b.why.what, "The server said no.");
    ck_assert_str_eq(b.why.hint, "Do this.\tOr that.");
    ck_assert(breaker_close(&b, &err));
    ck_assert(breaker_close(&b, &err)); /* it is closed already */
    breaker_free(&b);
    b = load();
    ck_assert_uint_eq(b.failures, 0);
    breaker_free(&b);
}
END_TEST

START_TEST(test_breaker_grows)
{
    note(ERR_AUTH, NOW);
    struct breaker b = load();
    ck_assert(breaker_holds(&b, NOW + 800)); /* a password refused: a quarter of an hour */
    breaker_free(&b);
    note(ERR_AUTH, NOW + 1000);
    b = load();
    ck_assert_uint_eq(b.failures, 2);
    ck_assert_int_eq(b.since, NOW);
    ck_assert(breaker_holds(&b, NOW + 1000 + 3500) && !breaker_holds(&b, NOW + 1000 + 3700));
    breaker_free(&b);
}
END_TEST

/* Nobody looked for a day: what was before it says nothing of the server. */
START_TEST(test_breaker_begins_anew)
{
    note(ERR_NETWORK, NOW);
    note(ERR_NETWORK, NOW + 86400);
    struct breaker b = load();
    ck_assert_uint_eq(b.failures, 2);
    ck_assert_int_eq(b.since, NOW);
    breaker_free(&b);
    note(ERR_NETWORK, NOW + 86400 + 86401);
    b = load();
    ck_assert_uint_eq(b.failures, 1);
    ck_assert_int_eq(b.since, NOW + 86400 + 86401);
    breaker_free(&b);
}
END_TEST

START_TEST(test_breaker_void)
{
    struct utimbuf later = {.actime = NOW + 10, .modtime = NOW + 10};
    note(ERR_AUTH, NOW);
    ck_assert_int_eq(utime(file, &later), 0);
    struct breaker b = load();
    ck_assert(!breaker_holds(&b, NOW + 20)); /* the account file was edited */
    FILE *f = fopen(b.path.buf, "w");
    ck_assert_ptr_nonnull(f);
    fputs("tappal-breaker 1 garbage\n", f);
    fclose(f);
    breaker_free(&b);
    b = load();
    ck_assert(!breaker_holds(&b, NOW));
    breaker_free(&b);
}
END_TEST

/* A keyring may be unlocked any moment: it is asked each half a minute, for ever, which no server notices. */
START_TEST(test_secret)
{
    for (int64_t now = NOW; now < NOW + 300; now += 30) {
        note(ERR_SECRET, now);
        struct breaker b = load();
        ck_assert_int_eq(b.next, now + 30);
        ck_assert(breaker_holds(&b, now + 29));
        ck_assert(!breaker_holds(&b, now + 30));
        breaker_free(&b);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("breaker");
    TCase *tc = tcase_create("breaker");
    tcase_add_checked_fixture(tc, setup, unit_folder_remove);
    tcase_add_test(tc, test_secret);
    tcase_add_test(tc, test_breaker_opens_and_closes);
    tcase_add_test(tc, test_breaker_grows);
    tcase_add_test(tc, test_breaker_begins_anew);
    tcase_add_test(tc, test_breaker_void);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
