/* journal: records add up, a torn tail is none, damage before it is found, bit by bit. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "spool/journal_line.h"

#define RECIPIENTS 2

static bool parse(const char *bytes, size_t n, struct journal *j, struct err *err)
{
    /* malloc'd to the octet, so that a sanitizer sees what reads beyond it */
    char *exact = malloc(n ? n : 1);
    memcpy(exact, bytes, n);
    bool ok = journal_parse(exact, n, RECIPIENTS, j, err);
    free(exact);
    return ok;
}

/* The records, one per line, as the file would hold them. */
static void make(struct str *out, const char *records)
{
    struct err err;
    str_clear(out);
    ck_assert(journal_line_add(out, JOURNAL_FIRST, &err));
    while (*records) {
        char record[1000] = "";
        size_t n = strcspn(records, "\n");
        memcpy(record, records, n);
        ck_assert(journal_line_add(out, record, &err));
        records += n + (records[n] == '\n');
    }
}

static const struct {
    const char *records;
    struct journal sum; /* compared but for its pointers */
    const char *held_why, *finished_how, *last_error, *last_hint;
    struct outcome outcomes[RECIPIENTS];
    const char *copy_said, *copy_hint;
} cases[] = {
    {.records = ""},
    {"copy-due 9", .sum = {.next_try = 9, .copy = {.stage = COPY_DUE, .since = 9}}},
    {"copy-due 9\nnext 0\ncopy-begun 3 4294967295",
     .sum = {.copy = {.stage = COPY_BEGUN, .since = 9, .validity = 3, .next = UINT32_MAX}}},
    {"copy-due 9\ncopy-failed No.\\x09Ask.\ncopy-failed Never.\\x09",
     .sum = {.next_try = 9, .copy = {.stage = COPY_DUE, .since = 9, .tries = 2}}, .copy_said = "Never."},
    {"copy-due 9\ncopy-failed No.\\x09Ask.",
     .sum = {.next_try = 9, .copy = {.stage = COPY_DUE, .since = 9, .tries = 1}}, .copy_said = "No.",
     .copy_hint = "Ask."},
    {"copy-due 9\ncopy-failed No.\\x09Ask.\nagain 70",
     .sum = {.again = 70, .copy = {.stage = COPY_DUE, .since = 70}}, .copy_said = "No.", .copy_hint = "Ask."},
    {"copy-due 9\ncopy-begun 0 0\ncopy-failed No.\\x09Ask.\ncopy-over in Sent\nagain 70",
     .sum = {.again = 70, .copy = {.stage = COPY_OVER, .since = 9}}, .copy_said = "in Sent"},
    {"attempt 100", .sum = {.attempts = 1, .unfinished = 1, .last_attempt = 100}},
    {"attempt 100\nend", .sum = {.attempts = 1, .last_attempt = 100}},
    {"attempt 1\nattempt 2\nattempt 3", .sum = {.attempts = 3, .unfinished = 3, .last_attempt = 3}},
    {"attempt 1\nend\nattempt 2", .sum = {.attempts = 2, .unfinished = 1, .last_attempt = 2}},
    {"next 500", .sum = {.next_try = 500}},
    {"next 500\nnext 0", .sum = {.next_try = 0}},
    {"hold by hand", .sum = {.held = true}, .held_why = "by hand"},
    {"hold a\\x0ab\nhold c", .sum = {.held = true}, .held_why = "c"},
    {"hold x\nrelease", .sum = {.held = false}},
    {"warned 7", .sum = {.warned = 7}},
    {"attempt 1\nrecipient 0 delivered 250 - ok\nrecipient 1 refused 550 - no\nreported 1\nwarned 2\nnext "
     "3\nagain 9",
     .sum = {.last_attempt = 1, .again = 9},
     .outcomes = {{.verdict = VERDICT_DELIVERED, .code = 250, .text = (char[]){"ok"}}}},
    {"finished delivered", .sum = {.finished = true}, .finished_how = "delivered"},
    {"hold x\nfinished removed", .sum = {.held = true, .finished = true}, .held_why = "x",
     .finished_how = "removed"},
    /* the doubt of an attempt is settled by an answer in the same attempt, and by no other; by outcomes only where
     * nobody is left */
    {"attempt 1\ndoubt 2", .sum = {.attempts = 1,
                                   .unfinished = 1,
                                   .last_attempt = 1,
                                   .in_doubt = 1,
                                   .in_doubt_open = true,
                                   .doubt_in_attempt = true}},
    {"attempt 1\ndoubt 2\nanswered\nend", .sum = {.attempts = 1, .last_attempt = 1}},
    {"attempt 1\ndoubt 2\nrecipient 0 refused 550 - no\nrecipient 1 delivered 250 - ok\nend",
     .sum = {.attempts = 1, .last_attempt = 1},
     .outcomes = {{.verdict = VERDICT_REFUSED, .code = 550, .text = (char[]){"no"}},
                  {.verdict = VERDICT_DELIVERED, .code = 250, .text = (char[]){"ok"}}}},
    {"attempt 1\ndoubt 2\nrecipient 1 refused 550 - no\nnext 9\nend",
     .sum = {.attempts = 1,
             .last_attempt = 1,
             .next_try = 9,
             .in_doubt = 1,
             .in_doubt_open = true,
             .doubt_in_attempt = true},
     .outcomes = {[1] = {.verdict = VERDICT_REFUSED, .code = 550, .text = (char[]){"no"}}}},
    {"attempt 1\ndoubt 2\nrecipient 1 delivered 250 2.0.0 ok\nanswered\nend",
     .sum = {.attempts = 1, .last_attempt = 1},
     .outcomes =
         {[1] = {.verdict = VERDICT_DELIVERED, .code = 250, .enhanced = "2.0.0", .text = (char[]){"ok"}}}},
    {"attempt 1\ndoubt 2\nattempt 3\nrecipient 1 refused 550 - no",
     .sum = {.attempts = 2, .unfinished = 2, .last_attempt = 3, .in_doubt = 1, .in_doubt_open = true},
     .outcomes = {[1] = {.verdict = VERDICT_REFUSED, .code = 550, .text = (char[]){"no"}}}},
    {"attempt 1\ndoubt 2\nattempt 3\ndoubt 4", .sum = {.attempts = 2,
                                                       .unfinished = 2,
                                                       .last_attempt = 3,
                                                       .in_doubt = 2,
                                                       .in_doubt_open = true,
                                                       .doubt_in_attempt = true}},
    {"attempt 1\ndoubt 2\nattempt 3\ndoubt 4\nrecipient 0 delivered 250 - \nanswered",
     .sum = {.attempts = 2, .unfinished = 2, .last_attempt = 3, .in_doubt = 1},
     .outcomes = {{.verdict = VERDICT_DELIVERED, .code = 250}}},
    {"attempt 1\ndoubt 2\ndoubt 3", .sum = {.attempts = 1,
                                            .unfinished = 1,
                                            .last_attempt = 1,
                                            .in_doubt = 1,
                                            .in_doubt_open = true,
                                            .doubt_in_attempt = true}},
    /* a delivered recipient stays delivered; any other verdict gives way */
    {"recipient 0 delivered 250 - a\nrecipient 0 refused 550 - b",
     .outcomes = {{.verdict = VERDICT_DELIVERED, .code = 250, .text = (char[]){"a"}}}},
    {"recipient 0 refused 550 - b\nrecipient 0 later 450 4.2.0 c",
     .outcomes = {{.verdict = VERDICT_LATER, .code = 450, .enhanced = "4.2.0", .text = (char[]){"c"}}}},
    {"failure auth 535 No.\tLog in.", .sum = {.last_kind = ERR_AUTH}, .last_error = "No.",
     .last_hint = "Log in."},
    {"failure auth 535 No.\tLog in.\nfailure tls 0 Expired.\t", .sum = {.last_kind = ERR_TLS},
     .last_error = "Expired.", .last_hint = ""},
    {"failure auth 535 No.\tLog in.\nrecipient 0 later 450 - c",
     .outcomes = {{.verdict = VERDICT_LATER, .code = 450, .text = (char[]){"c"}}}},
    {"attempt 100\nend\nnext 160\nnext 86560",
     .sum = {.attempts = 1, .last_attempt = 100, .next_try = 86560, .tried_since = 100, .tried_last = 86560}},
    {"next 160\nnext 86561\nnext 90000\nnext 0",
     .sum = {.tried_since = 86561, .tried_last = 90000}}, /* a pause */
    {"next 1000\nnext 2000\nnext 900",
     .sum = {.next_try = 900, .tried_since = 900, .tried_last = 900}}, /* set back */
    {"next 1000\nagain 2000\nnext 3000",
     .sum = {.next_try = 3000, .again = 2000, .tried_since = 3000, .tried_last = 3000}},
};

static void same_text(const char *a, const char *b)
{
    ck_assert_int_eq(!a, !b);
    if (a)
        ck_assert_str_eq(a, b);
}

START_TEST(test_journal_adds_up)
{
    struct err err = {0};
    struct journal j;
    struct str bytes = STR_INIT(10000);
    const struct journal *want = &cases[_i].sum;
    make(&bytes, cases[_i].records);
    ck_assert_msg(parse(bytes.buf, bytes.len, &j, &err), "%s: %s", cases[_i].records, err.what);
    ck_assert(j.exists);
    ck_assert_uint_eq(j.good_length, bytes.len);
    ck_assert_uint_eq(j.attempts, want->attempts);
    ck_assert_uint_eq(j.unfinished, want->unfinished);
    ck_assert_int_eq(j.last_attempt, want->last_attempt);
    ck_assert_int_eq(j.next_try, want->next_try);
    ck_assert_int_eq(j.held, want->held);
    ck_assert_uint_eq(j.in_doubt, want->in_doubt);
    ck_assert_int_eq(j.in_doubt_open, want->in_doubt_open);
    ck_assert_int_eq(j.doubt_in_attempt, want->doubt_in_attempt);
    ck_assert_int_eq(j.finished, want->finished);
    ck_assert_int_eq(j.warned, want->warned);
    if (want->tried_last > 0) {
        ck_assert_int_eq(j.tried_since, want->tried_since);
        ck_assert_int_eq(j.tried_last, want->tried_last);
    }
    ck_assert_int_eq(j.again, want->again);
    ck_assert_int_eq(j.last_kind, want->last_kind);
    same_text(j.held_why, cases[_i].held_why);
    same_text(j.finished_how, cases[_i].finished_how);
    same_text(j.last_error, cases[_i].last_error);
    same_text(j.last_hint, cases[_i].last_hint);
    ck_assert_int_eq(j.copy.stage, want->copy.stage);
    ck_assert_int_eq(j.copy.since, want->copy.since);
    ck_assert_uint_eq(j.copy.validity, want->copy.validity);
    ck_assert_uint_eq(j.copy.next, want->copy.next);
    ck_assert_uint_eq(j.copy.tries, want->copy.tries);
    same_text(j.copy.said, cases[_i].copy_said);
    same_text(j.copy.hint, cases[_i].copy_hint);
    for (size_t i = 0; i < RECIPIENTS; i++) {
        const struct outcome *got = &j.outcomes[i], *wanted = &cases[_i].outcomes[i];
        ck_assert_int_eq(got->verdict, wanted->verdict);
        ck_assert_int_eq(got->code, wanted->code);
        ck_assert_str_eq(got->enhanced, wanted->enhanced);
        same_text(got->text, wanted->text);
    }
    journal_free(&j);
    str_free(&bytes);
}
END_TEST

START_TEST(test_journal_due)
{
    struct journal j = {.next_try = 77};
    ck_assert_int_eq(journal_due(&j), 77);
    j.held = true;
    ck_assert_int_eq(journal_due(&j), JOURNAL_NEVER);
    j.finished = true;
    ck_assert_int_eq(journal_due(&j), 0);
}
END_TEST

static const char long_one[] = "attempt 100\ndoubt 101\nrecipient 0 delivered 250 2.0.0 queued as 12\n"
                               "recipient 1 later 451 - greylisted\nanswered\nend\nnext 160\nattempt 161\n"
                               "failure network 0 The server hung up.\tWait.\nend\nnext 280\nreported 1";

/* Every beginning of a journal is sound up to its last whole record. */
START_TEST(test_journal_torn_anywhere)
{
    struct err err = {0};
    struct journal j;
    struct str bytes = STR_INIT(10000);
    make(&bytes, long_one);
    for (size_t n = 0; n <= bytes.len; n++) {
        size_t whole = n;
        while (whole > 0 && bytes.buf[whole - 1] != '\n')
            whole--;
        ck_assert_msg(parse(bytes.buf, n, &j, &err), "%zu: %s", n, err.what);
        ck_assert_uint_eq(j.good_length, whole);
        journal_free(&j);
    }
    str_free(&bytes);
}
END_TEST

/* No bit of a whole journal can change unseen. */
START_TEST(test_journal_flips_are_found)
{
    struct err err = {0};
    struct journal j;
    struct str bytes = STR_INIT(10000);
    make(&bytes, long_one);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.buf[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert_msg(!parse(bytes.buf, bytes.len, &j, &err), "bit %zu", bit);
        ck_assert_int_eq(err.kind, ERR_DATA);
        bytes.buf[bit / 8] ^= (char)(1 << bit % 8);
    }
    str_free(&bytes);
}
END_TEST

static const char *const senseless[] = {
    "copy-due",
    "copy-due x",
    "copy-begun 1",
    "copy-begun 1 2 3",
    "copy-begun 4294967296 1",
    "copy-begun  1",
    "copy-begun 00000000000000000001 1",
    "copy-failed \t",
    "copy-over \\x41",
    "copied",
    "attempt",
    "attempt ",
    "attempt x",
    "attempt -1",
    "end 1",
    "endless",
    "recipient 2 later 450 - x",
    "recipient 0 later",
    "dialogue x",
    "end\nfuture 1",
    "reported 2",
    "reported",
    "release me",
    "answered 1",
    "next",
    "next 99999999999999999999",
    "hold \\x41",
    "hold a\tb",
    "doubt",
    "warned now",
    "tappal-journal 1",
};

START_TEST(test_journal_senseless_records)
{
    struct err err = {0};
    struct journal j;
    struct str bytes = STR_INIT(10000);
    make(&bytes, senseless[_i]);
    ck_assert_msg(!parse(bytes.buf, bytes.len, &j, &err), "%s", senseless[_i]);
    ck_assert(err.kind == ERR_DATA || err.kind == ERR_PROTOCOL);
    str_free(&bytes);
}
END_TEST

static const char *const not_ours[] = {
    "\n", "\n\n", "hello\n", "00000000 tappal-journal 1\n", "00000000 \n", "00000000\n",
};

START_TEST(test_journal_that_is_none)
{
    struct err err = {0};
    struct journal j;
    ck_assert(!parse(not_ours[_i], strlen(not_ours[_i]), &j, &err));
    ck_assert_int_eq(err.kind, ERR_DATA);
}
END_TEST

START_TEST(test_journal_of_another_version)
{
    struct err err = {0};
    struct journal j;
    struct str bytes = STR_INIT(1000);
    ck_assert(journal_line_add(&bytes, "tappal-journal 2", &err));
    ck_assert(!parse(bytes.buf, bytes.len, &j, &err));
    str_free(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_add_loop_test(all, test_journal_adds_up, 0, sizeof cases / sizeof *cases);
    tcase_add_test(all, test_journal_due);
    tcase_add_test(all, test_journal_torn_anywhere);
    tcase_add_test(all, test_journal_flips_are_found);
    tcase_add_loop_test(all, test_journal_senseless_records, 0, sizeof senseless / sizeof *senseless);
    tcase_add_loop_test(all, test_journal_that_is_none, 0, sizeof not_ours / sizeof *not_ours);
    tcase_add_test(all, test_journal_of_another_version);
    return unit_run(suite);
}
