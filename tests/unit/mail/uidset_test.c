/* uidset - ranges stay sorted and apart; what servers write is read, what they must not write is refused. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "mail/uidset.h"

static const struct {
    const char *text, *again; /* NULL: refused */
} texts[] = {
    {"1", "1"},
    {"1,2,3", "1:3"},
    {"3,1,2", "1:3"},
    {"4:2", "2:4"},
    {"1:3,5:7,4", "1:7"},
    {"1:3,2:9", "1:9"},
    {"10,20,30,11:29", "10:30"},
    {"4294967295", "4294967295"},
    {"1:4294967295", "1:4294967295"},
    {"5,1:4294967295,7", "1:4294967295"},
    {"2,4,6,8,5", "2,4:6,8"},
    {"", NULL},
    {"0", NULL},
    {"1:0", NULL},
    {"4294967296", NULL},
    {"99999999999999999999", NULL},
    {"-1", NULL},
    {"1:*", NULL},
    {"1,", NULL},
    {",1", NULL},
    {"1::2", NULL},
    {"1 2", NULL},
    {"a", NULL},
};

START_TEST(test_uidset_read)
{
    struct uidset set = UIDSET_INIT;
    struct str out = STR_INIT(200);
    struct err err = {0};
    bool ok = uidset_read(&set, texts[_i].text, strlen(texts[_i].text), &err);
    ck_assert_int_eq(ok, texts[_i].again != NULL);
    ck_assert_int_eq(err.kind, ok ? ERR_NONE : ERR_PROTOCOL);
    if (ok) {
        ck_assert(uidset_write(&set, &out, &err));
        ck_assert_str_eq(out.buf, texts[_i].again);
    }
    uidset_free(&set);
    str_free(&out);
}
END_TEST

/* Against a plain table of 200 numbers, a few thousand random changes. */
START_TEST(test_uidset_against_a_table)
{
    enum { TOP = 200 };
    bool table[TOP + 2] = {0};
    struct uidset set = UIDSET_INIT;
    struct err err = {0};
    srandom(20);
    for (int round = 0; round < 4000; round++) {
        uint32_t lo = (uint32_t)(random() % TOP) + 1, hi = lo + (uint32_t)(random() % 9);
        hi = hi > TOP ? TOP : hi;
        bool add = random() % 2;
        ck_assert(add ? uidset_add(&set, lo, hi, &err) : uidset_remove(&set, lo, hi, &err));
        for (uint32_t i = lo; i <= hi; i++)
            table[i] = add;
        uint32_t next = 0;
        uint64_t count = 0;
        bool alike = true; /* each assertion is a system call: one for all */
        for (uint32_t i = 1; i <= TOP; i++) {
            alike &= uidset_has(&set, i) == table[i];
            count += table[i];
            if (table[i]) {
                next = uidset_next(&set, next);
                alike &= next == i;
            }
        }
        ck_assert(alike);
        ck_assert_uint_eq(uidset_next(&set, next), 0);
        ck_assert_uint_eq(uidset_count(&set), count);
        ck_assert_uint_eq(uidset_max(&set), next);
        for (size_t i = 1; i < set.count; i++)
            ck_assert_uint_gt(set.ranges[i].lo, set.ranges[i - 1].hi + 1);
    }
    uidset_free(&set);
}
END_TEST

START_TEST(test_uidset_edges)
{
    struct uidset set = UIDSET_INIT;
    struct err err = {0};
    ck_assert(uidset_add(&set, UINT32_MAX, UINT32_MAX, &err) && uidset_add(&set, 1, 1, &err));
    ck_assert_uint_eq(uidset_next(&set, 1), UINT32_MAX);
    ck_assert_uint_eq(uidset_next(&set, UINT32_MAX), 0);
    ck_assert(uidset_add(&set, 2, UINT32_MAX - 1, &err));
    ck_assert_uint_eq(set.count, 1);
    ck_assert_uint_eq(uidset_count(&set), UINT32_MAX);
    ck_assert(uidset_remove(&set, 1, UINT32_MAX, &err));
    ck_assert_uint_eq(set.count, 0);
    uidset_free(&set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uidset");
    TCase *tc = tcase_create("uidset");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_uidset_read, 0, sizeof texts / sizeof *texts);
    tcase_add_test(tc, test_uidset_against_a_table);
    tcase_add_test(tc, test_uidset_edges);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
