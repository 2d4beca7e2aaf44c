/* imap_known - what is remembered of a server counts for the same login and greeting only, and never when damaged. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "client/imap_known.h"

static char path[64];
static struct err err;
static const struct endpoint server = {
    .protocol = PROTO_IMAP, .host = (char *)(uintptr_t) "imap.example.org", .port = 993};

static void setup(void)
{
    snprintf(path, sizeof path, "/tmp/tappal-known-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void teardown(void)
{
    unlink(path);
}

static void greeting_of(const char *line, struct str *out)
{
    struct imap_reply r = imap_reply_read(line, strlen(line));
    str_clear(out);
    ck_assert(imap_known_greeting(&r, out, &err));
}

static struct imap_known load(const char *login)
{
    struct imap_known known;
    ck_assert(imap_known_load(&known, path, &server, login, &err));
    return known;
}

static void keep(const char *login, const char *line, const char *after)
{
    struct imap_known known = load(login);
    struct str greeting = STR_INIT(1000);
    struct strv words = STRV_INIT, more = STRV_INIT;
    greeting_of(line, &greeting);
    ck_assert(strv_add(&words, "IMAP4rev1", &err) && strv_add(&words, "SASL-IR", &err));
    ck_assert(imap_capabilities_add(&more, after, strlen(after), &err));
    imap_known_keep(&known, &greeting, &words, &more);
    strv_free(&words);
    strv_free(&more);
    str_free(&greeting);
    imap_known_free(&known);
}

static bool fits(const char *login, const char *line, int64_t now)
{
    struct imap_known known = load(login);
    struct str greeting = STR_INIT(1000);
    greeting_of(line, &greeting);
    bool fit = imap_known_fits(&known, &greeting, now);
    str_free(&greeting);
    imap_known_free(&known);
    return fit;
}

static const char hello[] = "* OK [CAPABILITY IMAP4rev1 SASL-IR] mail7 ready";

START_TEST(test_known_greetings)
{
    static const struct {
        const char *line, *fixed;
    } cases[] = {
        {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] host17 ready", "CAPABILITY IMAP4rev1 AUTH=PLAIN"},
        {"* OK Gimap ready for requests from 192.0.2.1 a1b2", "OK Gimap ready for requests from # #"},
        {"* OK [XYZ 1] hello  there", "OK hello  there"},
        {"* OK", "OK"},
        {"* OK \x1b[2J hm", "OK \\x1b[2J hm"},
    };
    struct str out = STR_INIT(1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        greeting_of(cases[i].line, &out);
        if (i != 4) /* how it is made clean is text_add_clean's business */
            ck_assert_str_eq(out.buf, cases[i].fixed);
        ck_assert_ptr_null(strchr(out.buf, '\x1b'));
    }
    str_free(&out);
}
END_TEST

START_TEST(test_known_fits)
{
    ck_assert(!fits("ada", hello, 1000));
    keep("ada", hello, "IMAP4rev1 UIDPLUS");
    ck_assert(fits("ada", hello, 1000));
    ck_assert(fits("ada", "* OK [CAPABILITY IMAP4rev1 SASL-IR] mail8 ready", 1000));
    ck_assert(!fits("ada", "* OK [CAPABILITY IMAP4rev1] mail7 ready", 1000));
    ck_assert(!fits("ada", "* OK mail7 ready", 1000));
    ck_assert(!fits("eve", hello, 1000));
    keep("ada", hello, ""); /* a server that says nothing of itself */
    ck_assert(!fits("ada", hello, 1000));
}
END_TEST

START_TEST(test_known_fall)
{
    keep("ada", hello, "IMAP4rev1");
    struct imap_known known = load("ada");
    imap_known_fall(&known, 5000);
    imap_known_free(&known);
    ck_assert(!fits("ada", hello, 5000));
    ck_assert(!fits("ada", hello, 5000 + IMAP_KNOWN_REST - 1));
    ck_assert(fits("ada", hello, 5000 + IMAP_KNOWN_REST));
    ck_assert(fits("ada", hello, 4999)); /* a clock that was set back must not hold it */
}
END_TEST

/* Cut at every byte: nothing is known. */
START_TEST(test_known_damage)
{
    struct str text = STR_INIT(10000);
    keep("ada", hello, "IMAP4rev1 ID");
    ck_assert(fs_read_file(path, &text, &err));
    for (size_t n = 0; n < text.len; n++) {
        ck_assert(fs_replace(path, text.buf, n, 0600, &err));
        ck_assert(!fits("ada", hello, 1000));
    }
    str_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("imap_known");
    TCase *tc = tcase_create("imap_known");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_known_greetings);
    tcase_add_test(tc, test_known_fits);
    tcase_add_test(tc, test_known_fall);
    tcase_add_test(tc, test_known_damage);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
