/* flags - maildir letters and IMAP names are two ways to write one set; what has no letter is no flag of ours. */
#include "unit.h"

#include <string.h>

#include "mail/flags.h"

START_TEST(test_flags_letters)
{
    char out[FLAGS_TEXT];
    for (unsigned set = 0; set <= FLAGS_ALL; set++) {
        flags_letters((uint8_t)set, out);
        ck_assert_uint_eq(flags_of_letters(out, strlen(out)), set);
        for (size_t i = 1; out[0] && out[i]; i++)
            ck_assert_int_lt(out[i - 1], out[i]);
    }
    ck_assert_uint_eq(flags_of_letters("aSzX:,2F", 8), FLAG_SEEN | FLAG_FLAGGED);
}
END_TEST

START_TEST(test_flags_imap)
{
    static const struct {
        const char *name;
        uint8_t flag;
    } names[] = {
        {"\\Draft", FLAG_DRAFT},
        {"\\FLAGGED", FLAG_FLAGGED},
        {"$forwarded", FLAG_PASSED},
        {"\\Answered", FLAG_REPLIED},
        {"\\seen", FLAG_SEEN},
        {"\\Deleted", FLAG_TRASHED},
        {"\\Recent", 0},
        {"Seen", 0},
        {"\\See", 0},
        {"\\Seens", 0},
        {"", 0},
        {"$Junk", 0},
    };
    char out[FLAGS_IMAP_TEXT];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_uint_eq(flags_of_imap(names[i].name, strlen(names[i].name)), names[i].flag);
    flags_imap(FLAG_SEEN | FLAG_DRAFT | FLAG_PASSED, out);
    ck_assert_str_eq(out, "\\Draft $Forwarded \\Seen");
    flags_imap(FLAGS_ALL, out);
    ck_assert_uint_lt(strlen(out), sizeof out - 1);
    ck_assert_int_eq(out[strlen(out) - 1], 'd');
    flags_imap(0, out);
    ck_assert_str_eq(out, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flags");
    TCase *tc = tcase_create("flags");
    tcase_add_test(tc, test_flags_letters);
    tcase_add_test(tc, test_flags_imap);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
