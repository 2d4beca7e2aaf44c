/* pop3_reply - status lines, listings as odd servers write them, and the text cut at every byte. */
#include "unit.h"

#include <string.h>

#include "base/str.h"
#include "wire/pop3_reply.h"

static const struct {
    const char *line;
    enum pop3_status status;
    const char *code, *text;
    bool later;
} replies[] = {
    {"+OK", POP3_OK, "", "", false},
    {"+OK ready", POP3_OK, "", "ready", false},
    {"+ok  two blanks", POP3_OK, "", "two blanks", false},
    {"-ERR [IN-USE] locked", POP3_ERR, "IN-USE", "locked", true},
    {"-ERR [login-delay] wait", POP3_ERR, "LOGIN-DELAY", "wait", true},
    {"-ERR [SYS/TEMP]", POP3_ERR, "SYS/TEMP", "", true},
    {"-ERR [SYS/PERM] no", POP3_ERR, "SYS/PERM", "no", false},
    {"-ERR [AUTH] wrong", POP3_ERR, "AUTH", "wrong", false},
    {"-ERR [unclosed", POP3_ERR, "", "[unclosed", false},
    {"-ERR [] empty", POP3_ERR, "", "[] empty", false},
    {"-ERR [a-code-that-is-longer-than-thirty-two] x", POP3_ERR, "",
     "[a-code-that-is-longer-than-thirty-two] x", false},
    {"+ ", POP3_CHALLENGE, "", "", false},
    {"+", POP3_CHALLENGE, "", "", false},
    {"+ cGFzcw==", POP3_CHALLENGE, "", "cGFzcw==", false},
    {"+OKAY", POP3_GARBAGE, "", "+OKAY", false},
    {"-ERROR", POP3_GARBAGE, "", "-ERROR", false},
    {"", POP3_GARBAGE, "", "", false},
    {"220 smtp.example.org ESMTP", POP3_GARBAGE, "", "220 smtp.example.org ESMTP", false},
    {"* OK IMAP4rev1", POP3_GARBAGE, "", "* OK IMAP4rev1", false},
};

START_TEST(test_pop3_reply_read)
{
    struct pop3_reply r = pop3_reply_read(replies[_i].line, strlen(replies[_i].line));
    ck_assert_int_eq(r.status, replies[_i].status);
    ck_assert_str_eq(r.code, replies[_i].code);
    ck_assert_uint_eq(r.n, strlen(replies[_i].text));
    ck_assert_mem_eq(r.text, replies[_i].text, r.n);
    ck_assert_int_eq(pop3_reply_is_temporary(&r), replies[_i].later);
}
END_TEST

static const struct {
    const char *line;
    bool ok;
    uint32_t number;
    const char *rest;
} listings[] = {
    {"1 120", true, 1, "120"},
    {"2 whqtswO00WBw418f9t5JxYwZ", true, 2, "whqtswO00WBw418f9t5JxYwZ"},
    {"3   many  blanks inside  ", true, 3, "many  blanks inside"},
    {"4 \xff\xfe", true, 4, "\xff\xfe"},
    {"5", true, 5, ""},
    {"5 ", true, 5, ""},
    {"4294967295 x", true, 4294967295u, "x"},
    {"0 x", false, 0, ""},
    {"4294967296 x", false, 0, ""},
    {"99999999999999999999 x", false, 0, ""},
    {"-1 x", false, 0, ""},
    {"1x 5", false, 0, ""},
    {"", false, 0, ""},
    {"x", false, 0, ""},
};

START_TEST(test_pop3_listing_read)
{
    uint32_t number = 0;
    const char *rest = NULL;
    size_t n = 0;
    bool ok = pop3_listing_read(listings[_i].line, strlen(listings[_i].line), &number, &rest, &n);
    ck_assert_int_eq(ok, listings[_i].ok);
    if (!ok)
        return;
    ck_assert_uint_eq(number, listings[_i].number);
    ck_assert_uint_eq(n, strlen(listings[_i].rest));
    ck_assert_mem_eq(rest, listings[_i].rest, n);
}
END_TEST

START_TEST(test_pop3_size_read)
{
    uint64_t size = 7;
    ck_assert(pop3_size_read("120", 3, &size) && size == 120);
    ck_assert(pop3_size_read("120 octets", 10, &size) && size == 120);
    ck_assert(!pop3_size_read("-1", 2, &size) && !pop3_size_read("", 0, &size) &&
              !pop3_size_read("12x", 3, &size));
    ck_assert(!pop3_size_read("9223372036854775808", 19, &size));
}
END_TEST

START_TEST(test_pop3_caps_add)
{
    struct pop3_caps caps = {0};
    struct err err = {0};
    static const char *const lines[] = {"TOP",        "uidl",      "SASL PLAIN  LOGIN SCRAM-SHA-256",
                                        "STLS",       "USERS",     "RESP-CODES",
                                        "PIPELINING", "EXPIRE 60", "UTF8 USER",
                                        "SASL",       ""};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert(pop3_caps_add(&caps, lines[i], strlen(lines[i]), &err));
    ck_assert(caps.top && caps.uidl && caps.stls && caps.resp_codes && caps.pipelining && caps.utf8 &&
              !caps.user && !caps.per_user);
    ck_assert_uint_eq(caps.sasl.count, 3);
    ck_assert_str_eq(caps.sasl.items[2], "SCRAM-SHA-256");
    pop3_caps_free(&caps);
}
END_TEST

static const struct {
    const char *line;
    bool expires, per_user;
    uint32_t expire, login_delay;
} limits[] = {
    {"EXPIRE 60", true, false, 60, 0},
    {"EXPIRE 0", true, false, 0, 0},
    {"expire never", true, false, POP3_EXPIRE_NEVER, 0},
    {"EXPIRE 30 USER", true, true, 30, 0},
    {"EXPIRE", false, false, 0, 0},
    {"EXPIRE soon", false, false, 0, 0},
    {"EXPIRE 5x", false, false, 0, 0},
    {"EXPIRE 4294967295", false, false, 0, 0},
    {"LOGIN-DELAY 900", false, false, 0, 900},
    {"LOGIN-DELAY\t900  USER", false, true, 0, 900},
    {"LOGIN-DELAY -1", false, false, 0, 0},
};

START_TEST(test_pop3_limits)
{
    struct pop3_caps caps = {0};
    struct err err = {0};
    ck_assert(pop3_caps_add(&caps, limits[_i].line, strlen(limits[_i].line), &err));
    ck_assert_int_eq(caps.expires, limits[_i].expires);
    ck_assert_int_eq(caps.per_user, limits[_i].per_user);
    ck_assert_uint_eq(caps.expires ? caps.expire : 0, limits[_i].expire);
    ck_assert_uint_eq(caps.login_delay, limits[_i].login_delay);
    pop3_caps_free(&caps);
}
END_TEST

#define TEXT(w, t, l)                                                                                        \
    {                                                                                                        \
        .wire = w, .n = sizeof w - 1, .text = t, .text_n = sizeof t - 1, .left = l                           \
    }
static const struct {
    const char *wire;
    size_t n;
    const char *text;
    size_t text_n, left;
} texts[] = {
    TEXT(".\r\n", "", 0),
    TEXT("a\r\n.\r\n", "a\r\n", 0),
    TEXT("a\r\n.\r\n+OK next", "a\r\n", 8),
    TEXT("..\r\n.\r\n", ".\r\n", 0),
    TEXT("..a\r\n...\r\n.\r\n", ".a\r\n..\r\n", 0),
    TEXT(".a\r\n.\r\n", "a\r\n", 0),
    TEXT(".\rx\r\n.\r\n", "\rx\r\n", 0),
    TEXT(".\r\r\n.\r\n", "\r\r\n", 0),
    TEXT("\r\n\r\n.\r\n", "\r\n\r\n", 0),
    TEXT("a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", 0),
    TEXT("a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", 0),
    TEXT("a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", 0),
    TEXT("a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", 0),
    TEXT("\0\r\n\0.\r\n.\r\n", "\0\r\n\0.\r\n", 0),
};

/* Feeds the text in pieces of `step` bytes; what is left behind the end is given back. */
static size_t feed(const char *wire, size_t n, size_t step, struct str *out)
{
    struct pop3_text t = POP3_TEXT_INIT;
    struct err err;
    size_t at = 0;
    while (at < n && !t.done) {
        const char *run;
        size_t run_n, piece = n - at < step ? n - at : step;
        at += pop3_text_take(&t, wire + at, piece, &run, &run_n);
        ck_assert(str_add(out, run, run_n, &err));
    }
    ck_assert(t.done);
    return n - at;
}

START_TEST(test_pop3_text_at_every_split)
{
    for (size_t step = 1; step <= texts[_i].n; step++) {
        struct str out = STR_INIT(200);
        ck_assert_uint_eq(feed(texts[_i].wire, texts[_i].n, step, &out), texts[_i].left);
        ck_assert_uint_eq(out.len, texts[_i].text_n);
        ck_assert_mem_eq(out.buf, texts[_i].text, out.len);
        str_free(&out);
    }
}
END_TEST

START_TEST(test_pop3_text_open_end)
{
    struct pop3_text t = POP3_TEXT_INIT;
    const char *run;
    size_t n;
    for (const char *p = "a\r\n.\r"; *p; p++)
        pop3_text_take(&t, p, 1, &run, &n);
    ck_assert(!t.done);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pop3_reply");
    TCase *tc = tcase_create("pop3_reply");
    tcase_add_loop_test(tc, test_pop3_reply_read, 0, sizeof replies / sizeof *replies);
    tcase_add_loop_test(tc, test_pop3_listing_read, 0, sizeof listings / sizeof *listings);
    tcase_add_test(tc, test_pop3_size_read);
    tcase_add_test(tc, test_pop3_caps_add);
    tcase_add_loop_test(tc, test_pop3_limits, 0, sizeof limits / sizeof *limits);
    tcase_add_loop_test(tc, test_pop3_text_at_every_split, 0, sizeof texts / sizeof *texts);
    tcase_add_test(tc, test_pop3_text_open_end);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
