/* mutf7 - one form for each name, and no way to smuggle "/" or ".." past whoever looks at the bytes. */
#include "unit.h"

#include <string.h>

#include "mail/mutf7.h"

static const struct {
    const char *name, *utf8; /* utf8 NULL: refused */
} names[] = {
    {"INBOX", "INBOX"},
    {"", ""},
    {"&-", "&"},
    {"Q&-A", "Q&A"},
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
     "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
    {"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
    {"&2D3eAA-", "\xf0\x9f\x98\x80"},
    {"&AAo-", "\n"},
    {"&", NULL},
    {"&AOk", NULL},
    {"&AGE-", NULL},      /* "a" must stand for itself */
    {"&AC8-", NULL},      /* "/" */
    {"&AC4ALg-", NULL},   /* ".." */
    {"&AAA-", NULL},      /* NUL */
    {"&2D0-", NULL},      /* half a pair */
    {"&3gDYPQ-", NULL},   /* low before high */
    {"&AOkA-", NULL},     /* spare bits of a whole digit */
    {"&AOl-", NULL},      /* spare bits not zero */
    {"&AOk-&AOg-", NULL}, /* two shifts where one would do */
    {"&A-", NULL},
    {"&AO=-", NULL},
    {"&AO/-", NULL},
    {"a\tb", NULL},
    {"a\x80", NULL},
};

START_TEST(test_mutf7_decode)
{
    struct str out = STR_INIT(200), again = STR_INIT(200);
    struct err err = {0};
    ck_assert(str_addz(&out, "before", &err));
    bool ok = mutf7_decode(&out, names[_i].name, strlen(names[_i].name), &err);
    ck_assert_msg(ok == (names[_i].utf8 != NULL), "%s", names[_i].name);
    ck_assert_str_eq(out.buf + 6, ok ? names[_i].utf8 : "");
    if (ok) {
        ck_assert(mutf7_encode(&again, out.buf + 6, out.len - 6, &err));
        ck_assert_str_eq(again.buf, names[_i].name);
    }
    str_free(&out);
    str_free(&again);
}
END_TEST

START_TEST(test_mutf7_encode_refuses)
{
    struct str out = STR_INIT(200);
    struct err err = {0};
    ck_assert(!mutf7_encode(&out, "a\xff", 2, &err) && err.kind == ERR_DATA);
    ck_assert(!mutf7_encode(&out, "a\0b", 3, &err));
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(test_mutf7_out_is_full)
{
    struct err err = {0};
    for (size_t max = 0; max < 8; max++) {
        struct str out = STR_INIT(max);
        ck_assert(!mutf7_decode(&out, "&U,BTFw-bc", 10, &err));
        ck_assert_uint_eq(out.len, 0);
        str_free(&out);
    }
}
END_TEST

START_TEST(test_mutf7_show)
{
    struct str name = STR_INIT(100);
    struct err err = {0};
    ck_assert(mutf7_show("a.Entw&APw-rfe.\x1b[2J", '.', &name, &err));
    ck_assert_str_eq(name.buf, "a/Entw&APw-rfe/\\x1b[2J"); /* not modified UTF-7 as a whole: shown as it is */
    str_clear(&name);
    ck_assert(mutf7_show("a.Entw&APw-rfe", '.', &name, &err));
    ck_assert_str_eq(name.buf, "a/Entw\xc3\xbcrfe");
    str_free(&name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mutf7");
    TCase *tc = tcase_create("mutf7");
    tcase_add_loop_test(tc, test_mutf7_decode, 0, sizeof names / sizeof *names);
    tcase_add_test(tc, test_mutf7_encode_refuses);
    tcase_add_test(tc, test_mutf7_out_is_full);
    tcase_add_test(tc, test_mutf7_show);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
