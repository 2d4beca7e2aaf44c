/* addr - address lists as they are met, and what must never come out of them. */
#include "mail/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define L64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define D50 "ddddddddddddddddddddddddddddddddddddddddddddddddd."

/* `list`: the bare addresses, each followed by "|"; "!" stands for a bad one. */
static const struct {
    const char *text, *list;
} cases[] = {
    /* plain */
    {"", ""},
    {"  ", ""},
    {"ada@example.org", "ada@example.org|"},
    {"root", "root|"},
    {"ada@example.org, bob@example.test", "ada@example.org|bob@example.test|"},
    {"Joe <a@b>, c@d", "a@b|c@d|"},
    {"<a@b>", "a@b|"},
    {"<root>", "root|"},
    {"mdadm monitoring <root>", "root|"},
    {"root (Cron Daemon)", "root|"},
    {"(Cron) root", "root|"},
    {"a@b (one (two) \\) three)", "a@b|"},
    /* names */
    {"\"Lovelace, Ada\" <ada@example.org>", "ada@example.org|"},
    {"\"a \\\" < , b\" <ada@example.org>", "ada@example.org|"},
    {"Ada Q. Lovelace <ada@example.org>", "ada@example.org|"},
    {"ada@example.org <ada@example.org>", "ada@example.org|"},
    {"Ada [Team] @ Home <ada@example.org>", "ada@example.org|"},
    {"=?utf-8?Q?Ad=C3=A4?= <ada@example.org>", "ada@example.org|"},
    {"Ad\xc3\xa4 <ada@example.org>", "ada@example.org|"},
    {"Ad\xe4 <ada@example.org>", "ada@example.org|"},
    /* groups */
    {"undisclosed-recipients:;", ""},
    {"Undisclosed recipients: ;", ""},
    {"Team: a@b, Joe <c@d>; e@f", "a@b|c@d|e@f|"},
    {"Team:a@b;,e@f", "a@b|e@f|"},
    {"A: b: c@d;", "!"},
    /* obsolete and lenient forms */
    {",, a@b ,,c@d,", "a@b|c@d|"},
    {"a@b; c@d", "a@b|c@d|"},
    {"ada . lovelace @ example . org", "ada.lovelace@example.org|"},
    {"ada(x)@(y)example.(z)org", "ada@example.org|"},
    {"<@relay.example,@b.example:ada@example.org>", "ada@example.org|"},
    {"a@b,\r\n c@d", "a@b|c@d|"},
    {"Joe\r\n\t<a@b>", "a@b|"},
    {"a@example.org.", "a@example.org|"},
    {"\"ada\"@example.org", "ada@example.org|"},
    {"\"ada\".\"love lace\"@example.org", "\"ada.love lace\"@example.org|"},
    {"\"a\\\"b\\\\\"@example.org", "\"a\\\"b\\\\\"@example.org|"},
    {"\"a\\b\"@example.org", "ab@example.org|"},
    {"\"a@b\"@c", "\"a@b\"@c|"},
    {"\"a@b\"", "\"a@b\"|"},
    {"\"\"@example.org", "\"\"@example.org|"},
    {"ada..l@example.org", "\"ada..l\"@example.org|"},
    {"ada.@example.org", "\"ada.\"@example.org|"},
    {"\"a\r\n b\"@c", "\"a b\"@c|"},
    {"a+b=c/d@e", "a+b=c/d@e|"},
    {"a@[192.0.2.1]", "a@[192.0.2.1]|"},
    {"a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]|"},
    {"\xc3\xa4\xc3\xb6@b\xc3\xbc"
     "cher.example",
     "\xc3\xa4\xc3\xb6@b\xc3\xbc"
     "cher.example|"},
    {"<>", "|"},
    {"Nobody <>", "|"},
    /* bad ones, and the good ones beside them */
    {"Ada Lovelace", "!"},
    {"a@b c@d", "!"},
    {"Ada Lovelace, c@d", "!c@d|"},
    {"a@b, Ada Lovelace", "a@b|!"},
    {"@example.org, c@d", "!c@d|"},
    {"a@", "!"},
    {"a@b@c", "!"},
    {"a@.b", "!"},
    {"a@b..c", "!"},
    {"a@b!c", "!"},
    {"a@[1.2", "!"},
    {"a@[1] 2", "!"},
    {"<a@b", "!"},
    {"<a@b> c", "!"},
    {"<a b@c>", "!"},
    {"a@b>", "!"},
    {"\"a@b", "!"},
    {"a@b (", "!"},
    {"a(@b", "!"},
    {"a@b\r\nBcc: c@d", "!"},
    {"a@b\n", "!"},
    {"a\rb@c", "!"},
    {"a\x01@c", "!"},
    {"\"a\x01\"@c", "!"},
    {"\"a\tb\"@c", "!"},
    {"\xe4@c", "!"},
    {"a@\xe4", "!"},
    {"a\\b@c", "!"},
    {"|/bin/sh", "|/bin/sh|"},
    /* limits */
    {L64 "a@b", L64 "a@b|"},                       /* as SRS and VERP make them */
    {L64 L64 L64 L60 "@b", L64 L64 L64 L60 "@b|"}, /* 254 octets, 256 with the brackets */
    {L64 L64 L64 L60 "a@b", "!"},
    {L64 L64 L64 L64 "a, c@d", "!c@d|"},
    {L64 L64 L64 L64 "a <c@d>", "c@d|"},
    {"a@" D50 D50 D50 D50 D50 "dd", "a@" D50 D50 D50 D50 D50 "dd|"},
    {"a@" D50 D50 D50 D50 D50 "dddd", "!"},
    {"a@" D50 D50 D50 D50 D50 "dddddddd", "!"},
};

static void show(const char *text, size_t n, struct str *shown)
{
    struct addr_parser p;
    struct addr a;
    struct err err;
    addr_begin(&p, text, n);
    for (;;) {
        enum addr_event event = addr_next(&p, &a, &err);
        if (event == ADDR_END)
            return;
        ck_assert_uint_le(p.pos, n);
        if (event == ADDR_BAD) {
            ck_assert_int_eq(err.kind, ERR_DATA);
            ck_assert(str_addc(shown, '!', &err));
        } else {
            ck_assert_uint_le(a.start, a.end);
            ck_assert_uint_le(a.end, n);
            ck_assert(str_addf(shown, &err, "%s|", a.spec));
        }
    }
}

START_TEST(test_addr_list)
{
    struct str shown = STR_INIT(2000);
    show(cases[_i].text, strlen(cases[_i].text), &shown);
    ck_assert_str_eq(shown.buf, cases[_i].list);
    str_free(&shown);
}
END_TEST

/* What came out is read again as itself, alone and in angle brackets. */
START_TEST(test_addr_round_trip)
{
    struct addr_parser p;
    struct addr a;
    struct err err;
    addr_begin(&p, cases[_i].text, strlen(cases[_i].text));
    enum addr_event event;
    while ((event = addr_next(&p, &a, &err)) != ADDR_END) {
        if (event == ADDR_BAD)
            continue;
        char again[ADDR_SPEC_SIZE], angle[ADDR_SPEC_SIZE + 2];
        ck_assert(addr_one(a.spec, again, &err));
        ck_assert_str_eq(again, a.spec);
        snprintf(angle, sizeof angle, "<%s>", a.spec);
        ck_assert(addr_one(angle, again, &err));
        ck_assert_str_eq(again, a.spec);
    }
}
END_TEST

START_TEST(test_addr_one_more_byte)
{
    for (size_t n = 0; n <= strlen(cases[_i].text); n++) {
        char *copy = malloc(n + 1);
        struct str shown = STR_INIT(4000);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, cases[_i].text, n);
        show(copy, n, &shown);
        str_free(&shown);
        free(copy);
    }
}
END_TEST

START_TEST(test_addr_nul)
{
    static const char texts[][8] = {"a\0b@c", "\"a\0\"@c", "a@\0", "a@b\0,c", "<a\0@b>"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct str shown = STR_INIT(100);
        show(texts[i], 6, &shown);
        ck_assert(shown.buf[0] == '!');
        str_free(&shown);
    }
}
END_TEST

START_TEST(test_addr_offsets)
{
    struct addr_parser p;
    struct addr a;
    struct err err;
    const char *text = "\"x\" < ada @ example.org (y) >, root (z)";
    addr_begin(&p, text, strlen(text));
    ck_assert_int_eq(addr_next(&p, &a, &err), ADDR_GOT);
    ck_assert_int_eq(strncmp(text + a.start, "ada @ example.org", a.end - a.start), 0);
    ck_assert_uint_eq(a.end - a.start, strlen("ada @ example.org"));
    ck_assert_int_eq(addr_next(&p, &a, &err), ADDR_GOT);
    ck_assert_uint_eq(a.end - a.start, strlen("root"));
}
END_TEST

START_TEST(test_addr_says_which_is_bad)
{
    struct addr_parser p;
    struct addr a;
    struct err err;
    const char *text = "a@b, two words, c@d";
    addr_begin(&p, text, strlen(text));
    ck_assert_int_eq(addr_next(&p, &a, &err), ADDR_GOT);
    ck_assert_int_eq(addr_next(&p, &a, &err), ADDR_BAD);
    ck_assert_str_eq(err.what, "\"two words\" is not a mail address: these are several words.");
    ck_assert_int_eq(strncmp(text + a.start, "two words", a.end - a.start), 0);
    ck_assert_int_eq(addr_next(&p, &a, &err), ADDR_GOT);
    ck_assert_int_eq(addr_next(&p, &a, &err), ADDR_END);
}
END_TEST

START_TEST(test_addr_one)
{
    static const struct {
        const char *text, *spec;
    } ones[] = {{"", ""},        {"<>", ""},        {" <> ", ""},  {"a@b", "a@b"},    {"Joe <a@b>", "a@b"},
                {"a@b,", "a@b"}, {"a@b,c@d", NULL}, {"a b", NULL}, {"a@b, c d", NULL}};
    char spec[ADDR_SPEC_SIZE];
    struct err err;
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
        bool ok = addr_one(ones[i].text, spec, &err);
        ck_assert_msg(ok == (ones[i].spec != NULL), "%s", ones[i].text);
        if (ok)
            ck_assert_str_eq(spec, ones[i].spec);
    }
}
END_TEST

START_TEST(test_addr_qualify)
{
    struct err err;
    char spec[ADDR_SPEC_SIZE] = "root";
    ck_assert(addr_qualify(spec, "example.org", &err));
    ck_assert_str_eq(spec, "root@example.org");
    ck_assert(addr_qualify(spec, "example.test", &err));
    ck_assert_str_eq(spec, "root@example.org");
    char quoted[ADDR_SPEC_SIZE] = "\"a@b\"";
    ck_assert(addr_qualify(quoted, "example.org", &err));
    ck_assert_str_eq(quoted, "\"a@b\"@example.org");
    char longest[ADDR_SPEC_SIZE] = "root";
    ck_assert(!addr_qualify(longest, D50 D50 D50 D50 D50, &err));
    ck_assert_str_eq(longest, "root");
}
END_TEST

START_TEST(test_addr_mailbox)
{
    static const struct {
        const char *name, *text;
    } names[] = {
        {NULL, "a@b"},
        {"", "a@b"},
        {"Ada Lovelace", "Ada Lovelace <a@b>"},
        {"Ada Q. Lovelace", "\"Ada Q. Lovelace\" <a@b>"},
        {"A \"x\\\" B", "\"A \\\"x\\\\\\\" B\" <a@b>"},
        {"Ad\xc3\xa4", "=?utf-8?B?QWTDpA==?=\r\n <a@b>"},
        {"Ada\r\nBcc: x@y", "a@b"},
        {"Ad\xe4", "a@b"},
    };
    struct err err;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str out = STR_INIT(1000);
        ck_assert(addr_add_mailbox(&out, names[i].name, "a@b", &err));
        ck_assert_str_eq(out.buf, names[i].text);
        str_free(&out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("addr");
    TCase *tc = tcase_create("addr");
    int n = sizeof cases / sizeof cases[0];
    tcase_add_loop_test(tc, test_addr_list, 0, n);
    tcase_add_loop_test(tc, test_addr_round_trip, 0, n);
    tcase_add_loop_test(tc, test_addr_one_more_byte, 0, n);
    tcase_add_test(tc, test_addr_nul);
    tcase_add_test(tc, test_addr_offsets);
    tcase_add_test(tc, test_addr_says_which_is_bad);
    tcase_add_test(tc, test_addr_one);
    tcase_add_test(tc, test_addr_qualify);
    tcase_add_test(tc, test_addr_mailbox);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
