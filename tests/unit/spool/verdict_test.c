/* verdict: what goes into a line comes out of it, and nothing else is a line. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "spool/verdict.h"

static const struct outcome outcomes[] = {
    {.verdict = VERDICT_DELIVERED,
     .code = 250,
     .enhanced = "2.0.0",
     .text = (char[]){"2.0.0 Ok: queued as 4F2"}},
    {.verdict = VERDICT_LATER, .code = 452, .text = (char[]){"Try later / please"}},
    {.verdict = VERDICT_REFUSED,
     .code = 550,
     .enhanced = "5.123.456",
     .text = (char[]){"no\nend\t\\x0a \x1b[31m"}},
    {.verdict = VERDICT_LATER},
};

START_TEST(test_verdict_recipient_round_trip)
{
    struct err err = {0};
    struct verdict_line line;
    struct str text = STR_INIT(VERDICT_LINE_MAX);
    ck_assert(verdict_add_recipient(&text, 7, &outcomes[_i], &err));
    ck_assert_ptr_eq(strchr(text.buf, '\n'), text.buf + text.len - 1);
    ck_assert(verdict_parse(text.buf, text.len - 1, &line, &err));
    ck_assert_int_eq(line.kind, VERDICT_RECIPIENT);
    ck_assert_uint_eq(line.recipient, 7);
    ck_assert_int_eq(line.outcome.verdict, outcomes[_i].verdict);
    ck_assert_int_eq(line.outcome.code, outcomes[_i].code);
    ck_assert_str_eq(line.outcome.enhanced, outcomes[_i].enhanced);
    ck_assert_int_eq(!line.outcome.text, !outcomes[_i].text);
    if (line.outcome.text)
        ck_assert_str_eq(line.outcome.text, outcomes[_i].text);
    verdict_line_free(&line);
    str_free(&text);
}
END_TEST

START_TEST(test_verdict_failure_round_trip)
{
    struct err err = {0}, why = {0};
    struct verdict_line line;
    struct str text = STR_INIT(VERDICT_LINE_MAX);
    for (enum err_kind kind = ERR_USAGE; kind <= ERR_INTERNAL; kind++) {
        err_set(&why, kind, "The server\tsaid: \\%d.", 5);
        err_hint(&why, "Do\nthat.");
        why.code = 535;
        str_clear(&text);
        ck_assert(verdict_add_failure(&text, &why, &err));
        ck_assert(verdict_parse(text.buf, text.len - 1, &line, &err));
        ck_assert_int_eq(line.kind, VERDICT_FAILURE);
        ck_assert_int_eq(line.failure.kind, kind);
        ck_assert_int_eq(line.failure.code, 535);
        ck_assert_str_eq(line.failure.what, why.what);
        ck_assert_str_eq(line.failure.hint, why.hint);
        verdict_line_free(&line);
    }
    str_free(&text);
}
END_TEST

START_TEST(test_verdict_dialogue_and_end)
{
    struct err err = {0};
    struct verdict_line line;
    struct str text = STR_INIT(VERDICT_LINE_MAX);
    ck_assert(verdict_add_dialogue(&text, "> EHLO [127.0.0.1]", &err));
    ck_assert_str_eq(text.buf, "dialogue > EHLO [127.0.0.1]\n");
    ck_assert(verdict_parse(text.buf, text.len - 1, &line, &err));
    ck_assert_str_eq(line.text, "> EHLO [127.0.0.1]");
    verdict_line_free(&line);
    ck_assert(verdict_parse("end", 3, &line, &err));
    ck_assert_int_eq(line.kind, VERDICT_END);
    str_free(&text);
}
END_TEST

/* However long a reply is, its line is of a bounded length and holds no half a character. */
START_TEST(test_verdict_long_text)
{
    struct err err = {0};
    struct verdict_line line;
    struct str text = STR_INIT(VERDICT_LINE_MAX);
    static char reply[9000];
    for (size_t n = VERDICT_TEXT_MAX - 4; n < VERDICT_TEXT_MAX + 6; n++) {
        for (size_t i = 0; i < n; i++)
            reply[i] = i % 2 ? '\xa9' : '\xc3';
        reply[n & ~(size_t)1] = '\0';
        str_clear(&text);
        ck_assert(verdict_add_dialogue(&text, reply, &err));
        ck_assert(verdict_parse(text.buf, text.len - 1, &line, &err));
        size_t got = strlen(line.text);
        ck_assert_uint_le(got, VERDICT_TEXT_MAX);
        ck_assert(strlen(reply) == got || strcmp(line.text + got - 5, "\xc3\xa9...") == 0);
        verdict_line_free(&line);
    }
    memset(reply, '\\', sizeof reply - 1);
    str_clear(&text);
    struct outcome worst = {.verdict = VERDICT_REFUSED, .code = 550, .text = reply};
    ck_assert(verdict_add_recipient(&text, 99999, &worst, &err));
    ck_assert_uint_lt(text.len, VERDICT_LINE_MAX);
    str_free(&text);
}
END_TEST

static const char *const damaged[] = {
    "",
    "e",
    "endx",
    "end ",
    " end",
    "END",
    "recipient",
    "recipient ",
    "recipient 1",
    "recipient 1 delivered",
    "recipient 1 delivered 250",
    "recipient 1 delivered 250 -",
    "recipient 1 held 250 - x",
    "recipient x later 250 - x",
    "recipient -1 later 250 - x",
    "recipient 1 later 1000 - x",
    "recipient 1 later 250 x.y z",
    "recipient 1 later 250 1.2.3.4.5.67 z",
    "recipient  1 later 250 - x",
    "recipient 1 later 250 - \\x41",
    "recipient 99999999 later 250 - x",
    "failure",
    "failure auth",
    "failure auth 535 x",
    "failure none 535 x\ty",
    "failure nonsense 535 x\ty",
    "failure auth 535 x\ty\tz",
    "dialogue",
    "dialogue \x1b",
};

START_TEST(test_verdict_refuses_what_it_did_not_write)
{
    struct err err = {0};
    struct verdict_line line;
    ck_assert_msg(!verdict_parse(damaged[_i], strlen(damaged[_i]), &line, &err), "%s", damaged[_i]);
    ck_assert_int_ne(err.kind, ERR_NONE);
}
END_TEST

START_TEST(test_verdict_none_is_not_written)
{
    struct err err = {0};
    struct str text = STR_INIT(VERDICT_LINE_MAX);
    ck_assert(!verdict_add_recipient(&text, 0, &(struct outcome){.verdict = VERDICT_NONE}, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    str_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verdict");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_add_loop_test(all, test_verdict_recipient_round_trip, 0, sizeof outcomes / sizeof *outcomes);
    tcase_add_test(all, test_verdict_failure_round_trip);
    tcase_add_test(all, test_verdict_dialogue_and_end);
    tcase_add_test(all, test_verdict_long_text);
    tcase_add_loop_test(all, test_verdict_refuses_what_it_did_not_write, 0, sizeof damaged / sizeof *damaged);
    tcase_add_test(all, test_verdict_none_is_not_written);
    return unit_run(suite);
}
