/* headsum - which headers count as the same, and which do not. */
#include "mail/headsum.h"

#include <string.h>

#include "unit.h"

#define HEAD "Message-ID: <1@example.test>\nDate: Sun, 22 Nov 2026 03:04:05 +0100\nFrom: ada@example.test\n"

/* Two messages, and whether each of the two sums is the same for both. */
static const struct {
    const char *a, *b;
    bool whole, letter;
} pairs[] = {
    {HEAD "\nbody\n", HEAD "\nanother body\n", true, true},
    {HEAD "\n", HEAD, true, true},
    {HEAD "\nbody\n",
     "Message-ID: <1@example.test>\r\nDate: Sun, 22 Nov 2026 03:04:05 +0100\r\nFrom: "
     "ada@example.test\r\n\r\n",
     true, true},
    {HEAD "\n", "Status: RO\nX-UIDL: 7\n" HEAD "x-status: A\n\n", true, true},
    {HEAD "\n", HEAD "X-Status : A\n B\n C\n\n", true, true},
    {HEAD "\n", "Received: by x\n" HEAD "\n", false, true},
    {"Subject: a b c\n" HEAD "\n", "Subject: a\n b\n\tc\n" HEAD "\n", false, true},
    {"Subject: a\n" HEAD "\n", "Subject: b\n" HEAD "\n", false, false},
    {HEAD "\n", HEAD "From: eve@example.test\n\n", false, true},
    {HEAD "To: x\n\n", HEAD "To: y\n\n", false, true},
    {"Subject: a\n\nb", "Subject: a\n\nc", true, true},
    {"Date: x\nno field\nX: a\n\n", "Date: x\nno field\nX: b\n\n", false, true},
    {"Date: ab\n\n", "Date: a\nFrom: b\n\n", false, false},
    {"Date: a\r\r\n\n", "Date: a\n\n", false, true},
};

START_TEST(test_headsum_of_pairs)
{
    unsigned char a[SUM_SHA256_BYTES], b[SUM_SHA256_BYTES];
    const char *x = pairs[_i].a, *y = pairs[_i].b;
    headsum_whole(x, strlen(x), a);
    headsum_whole(y, strlen(y), b);
    ck_assert_int_eq(memcmp(a, b, sizeof a) == 0, pairs[_i].whole);
    (void)headsum_letter(x, strlen(x), a);
    (void)headsum_letter(y, strlen(y), b);
    ck_assert_int_eq(memcmp(a, b, sizeof a) == 0, pairs[_i].letter);
}
END_TEST

START_TEST(test_headsum_letter_needs_something)
{
    unsigned char out[SUM_SHA256_BYTES];
    static const char *const none[] = {"",       "\n", "\r\n\r\n", "Subject: x\nFrom: y\n\nDate: z\n",
                                       "text\n", ":\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert(!headsum_letter(none[i], strlen(none[i]), out));
    ck_assert(headsum_letter("date:\n", 6, out) && headsum_letter("message-id: x", 13, out));
}
END_TEST

START_TEST(test_headsum_of_odd_bytes)
{
    unsigned char a[SUM_SHA256_BYTES], b[SUM_SHA256_BYTES];
    headsum_whole("X: a\0b\n\n", 8, a);
    headsum_whole("X: a\0c\n\n", 8, b);
    ck_assert(memcmp(a, b, sizeof a) != 0);
    ck_assert(headsum_letter("Date: \0\xff\n", 9, a));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("headsum");
    TCase *tc = tcase_create("headsum");
    tcase_add_loop_test(tc, test_headsum_of_pairs, 0, sizeof pairs / sizeof *pairs);
    tcase_add_test(tc, test_headsum_letter_needs_something);
    tcase_add_test(tc, test_headsum_of_odd_bytes);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
