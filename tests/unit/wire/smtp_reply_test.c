/* smtp_reply - replies as servers write them, and as they must not. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "wire/smtp_reply.h"

struct reply_case {
    const char *lines; /* LF behind each */
    enum smtp_reply_step last;
    int code;
    const char *enhanced, *shown;
};

static const struct reply_case cases[] = {
    {"250 Ok\n", SMTP_REPLY_END, 250, "", "Ok"},
    {"250\n", SMTP_REPLY_END, 250, "", ""},
    {"250 \n", SMTP_REPLY_END, 250, "", ""},
    {"250-a\n250-b\n250 c\n", SMTP_REPLY_END, 250, "", "a / b / c"},
    {"250-a\n250\n", SMTP_REPLY_END, 250, "", "a / "},
    {"550 5.1.1 No such user\n", SMTP_REPLY_END, 550, "5.1.1", "No such user"},
    {"550-5.7.1 Policy\n550 5.7.1 See https://example.org/\n", SMTP_REPLY_END, 550, "5.7.1",
     "Policy / See https://example.org/"},
    {"250 2.1.0\n", SMTP_REPLY_END, 250, "2.1.0", ""},
    {"550 5.100.999 x\n", SMTP_REPLY_END, 550, "5.100.999", "x"},
    {"550 4.1.1 wrong class\n", SMTP_REPLY_END, 550, "", "4.1.1 wrong class"},
    {"550 5.1.1000 x\n", SMTP_REPLY_END, 550, "", "5.1.1000 x"},
    {"550 5.1.1: x\n", SMTP_REPLY_END, 550, "", "5.1.1: x"},
    {"550 5.1 x\n", SMTP_REPLY_END, 550, "", "5.1 x"},
    {"334 3.0.0 x\n", SMTP_REPLY_END, 334, "", "3.0.0 x"},
    {"599 odd but clear\n", SMTP_REPLY_END, 599, "", "odd but clear"},
    {"550 \033[31mred\r\t\x01\n", SMTP_REPLY_END, 550, "", "\\x1b[31mred\\x0d\\x09\\x01"},
    {"250-more\n", SMTP_REPLY_MORE, 250, "", "more"},
    {"250-a\n550 b\n", SMTP_REPLY_BROKEN, 250, "", NULL},
    {"\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"25\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"2500 Ok\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"250ok\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"250\tok\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {" 250 ok\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"150 no such class\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"600 no such class\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"* OK IMAP4rev1 ready\n", SMTP_REPLY_BROKEN, 0, "", NULL},
    {"+OK POP3 ready\n", SMTP_REPLY_BROKEN, 0, "", NULL},
};

static enum smtp_reply_step feed(struct smtp_reply *r, const char *lines, struct err *err)
{
    enum smtp_reply_step step = SMTP_REPLY_MORE;
    while (step == SMTP_REPLY_MORE && *lines != '\0') {
        const char *eol = strchr(lines, '\n');
        step = smtp_reply_add(r, lines, (size_t)(eol - lines), err);
        lines = eol + 1;
    }
    return step;
}

START_TEST(test_smtp_reply_cases)
{
    const struct reply_case *c = &cases[_i];
    struct err err = {0};
    struct smtp_reply r;
    struct str shown = STR_INIT(8192);

    smtp_reply_init(&r);
    ck_assert_int_eq(feed(&r, c->lines, &err), c->last);
    ck_assert_int_eq(err.kind, c->last == SMTP_REPLY_BROKEN ? ERR_PROTOCOL : ERR_NONE);
    ck_assert_int_eq(r.code, c->code);
    ck_assert_str_eq(r.enhanced, c->enhanced);
    if (c->shown != NULL) {
        ck_assert(smtp_reply_show(&r, &shown, &err));
        ck_assert_str_eq(shown.buf, c->shown);
    }
    str_free(&shown);
    smtp_reply_free(&r);
}
END_TEST

/* Each line cut at each octet: no prefix may be read past its end (a copy of exactly that size shows it). */
START_TEST(test_smtp_reply_every_prefix)
{
    const char *line = cases[_i].lines;
    size_t whole = strcspn(line, "\n");
    for (size_t n = 0; n <= whole; n++) {
        struct err err = {0};
        struct smtp_reply r;
        char *copy = malloc(n > 0 ? n : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, line, n);
        smtp_reply_init(&r);
        enum smtp_reply_step step = smtp_reply_add(&r, copy, n, &err);
        ck_assert(step == SMTP_REPLY_BROKEN || r.lines == 1);
        smtp_reply_free(&r);
        free(copy);
    }
}
END_TEST

START_TEST(test_smtp_reply_bounds)
{
    struct err err = {0};
    struct smtp_reply r;
    static char line[SMTP_REPLY_LINE_MAX + 1];

    memset(line, 'x', sizeof(line));
    memcpy(line, "250-", 4);
    smtp_reply_init(&r);
    for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++) {
        ck_assert_int_eq(smtp_reply_add(&r, line, SMTP_REPLY_LINE_MAX, &err), SMTP_REPLY_MORE);
    }
    struct str shown = STR_INIT(8192);
    ck_assert(smtp_reply_show(&r, &shown, &err));
    ck_assert_uint_le(shown.len, SMTP_REPLY_SHOWN_MAX + 8);
    ck_assert_int_eq(smtp_reply_add(&r, "250 end", 7, &err), SMTP_REPLY_BROKEN);
    smtp_reply_clear(&r);
    ck_assert_int_eq(smtp_reply_add(&r, line, sizeof(line), &err), SMTP_REPLY_BROKEN);
    str_free(&shown);
    smtp_reply_free(&r);
}
END_TEST

START_TEST(test_smtp_reply_keeps_nul)
{
    struct err err = {0};
    struct smtp_reply r;
    struct str shown = STR_INIT(100);

    smtp_reply_init(&r);
    ck_assert_int_eq(smtp_reply_add(&r, "250 a\0b", 7, &err), SMTP_REPLY_END);
    ck_assert(smtp_reply_show(&r, &shown, &err));
    ck_assert_str_eq(shown.buf, "a\\x00b");
    str_free(&shown);
    smtp_reply_free(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_reply");
    TCase *tc = tcase_create("smtp_reply");
    int n = (int)(sizeof(cases) / sizeof(*cases));
    tcase_add_loop_test(tc, test_smtp_reply_cases, 0, n);
    tcase_add_loop_test(tc, test_smtp_reply_every_prefix, 0, n);
    tcase_add_test(tc, test_smtp_reply_bounds);
    tcase_add_test(tc, test_smtp_reply_keeps_nul);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
