/* smtp_command - no address ends its line; EHLO's answer in all spellings. */
#include "unit.h"

#include <string.h>

#include "wire/smtp_command.h"

static const struct {
    const char *address, *line; /* NULL: refused */
} addresses[] = {
    {"ada@example.org", "RCPT TO:<ada@example.org>"},
    {"\"odd one\"@example.org", "RCPT TO:<\"odd one\"@example.org>"},
    {"\"a>b\"@example.org", "RCPT TO:<\"a>b\"@example.org>"},
    {"\"a\\\"b\"@example.org", "RCPT TO:<\"a\\\"b\"@example.org>"},
    {"ada@[127.0.0.1]", "RCPT TO:<ada@[127.0.0.1]>"},
    {"postmaster", "RCPT TO:<postmaster>"},
    {"j\xc3\xbcrgen@example.org", "RCPT TO:<j\xc3\xbcrgen@example.org>"},
    {"", NULL},
    {"ada@example.org>", NULL},
    {"<ada@example.org", NULL},
    {"ada@example.org> SIZE=1", NULL},
    {"ada lovelace@example.org", NULL},
    {"ada@example.org\r\nDATA", NULL},
    {"ada@example.org\nDATA", NULL},
    {"\"a\rb\"@example.org", NULL},
    {"ada\t@example.org", NULL},
    {"ada\x7f@example.org", NULL},
    {"\"open@example.org", NULL},
    {"\"open\\\"@example.org", NULL},
    {"\"a\"b\" c@example.org", NULL},
    {"j\xfcrgen@example.org", NULL},
};

START_TEST(test_smtp_command_rcpt)
{
    struct err err = {0};
    struct str out = STR_INIT(2000);
    bool ok = smtp_command_rcpt(&out, addresses[_i].address, 0, NULL, &err);
    ck_assert_int_eq(ok, addresses[_i].line != NULL);
    ck_assert_int_eq(err.kind, ok ? ERR_NONE : ERR_DATA);
    ck_assert_str_eq(out.buf, ok ? addresses[_i].line : "");
    str_free(&out);
}
END_TEST

START_TEST(test_smtp_command_address_too_long)
{
    struct err err = {0};
    char address[SMTP_ADDRESS_MAX + 2];
    memset(address, 'a', sizeof(address));
    address[SMTP_ADDRESS_MAX + 1] = '\0';
    ck_assert(!smtp_address_check(address, &err));
    address[SMTP_ADDRESS_MAX] = '\0';
    ck_assert(smtp_address_check(address, &err));
}
END_TEST

static const struct {
    struct smtp_mail mail;
    const char *line;
} mails[] = {
    {{.sender = ""}, "MAIL FROM:<>"},
    {{.sender = "a@example.org"}, "MAIL FROM:<a@example.org>"},
    {{.sender = "a@example.org", .say_size = true, .size = 0}, "MAIL FROM:<a@example.org> SIZE=0"},
    {{.sender = "a@example.org", .say_size = true, .size = 5000000000, .eight_bit = true, .smtputf8 = true},
     "MAIL FROM:<a@example.org> SIZE=5000000000 BODY=8BITMIME SMTPUTF8"},
    {{.sender = "a@example.org> SIZE=1"}, NULL},
    {{.sender = "a@example.org", .ret = RET_FULL, .envid = "a+b=c d\xc3\xbc\r\n", .require_tls = true},
     "MAIL FROM:<a@example.org> REQUIRETLS RET=FULL ENVID=a+2Bb+3Dc+20d+C3+BC+0D+0A"},
    {{.sender = "a@example.org", .ret = RET_HDRS}, "MAIL FROM:<a@example.org> RET=HDRS"},
};

START_TEST(test_smtp_command_mail)
{
    struct err err = {0};
    struct str out = STR_INIT(2000);
    bool ok = smtp_command_mail(&out, &mails[_i].mail, &err);
    ck_assert_int_eq(ok, mails[_i].line != NULL);
    ck_assert_str_eq(out.buf, ok ? mails[_i].line : "");
    str_free(&out);
}
END_TEST

static const struct {
    const char *name;
    bool ok;
} names[] = {
    {"[127.0.0.1]", true}, {"mail.example.org", true}, {"", false},
    {"a b", false},        {"a\r\nMAIL", false},       {"\xc3\xbc.example", false},
};

START_TEST(test_smtp_command_ehlo)
{
    struct err err = {0};
    struct str out = STR_INIT(2000);
    ck_assert_int_eq(smtp_command_ehlo(&out, "EHLO", names[_i].name, &err), names[_i].ok);
    ck_assert_int_eq(err.kind, names[_i].ok ? ERR_NONE : ERR_CONFIG);
    str_free(&out);
}
END_TEST

static void parse(const char *const *lines, struct smtp_caps *caps)
{
    struct err err = {0};
    struct smtp_reply r;
    smtp_reply_init(&r);
    for (; *lines != NULL; lines++) {
        ck_assert_int_ne(smtp_reply_add(&r, *lines, strlen(*lines), &err), SMTP_REPLY_BROKEN);
    }
    ck_assert(smtp_caps_parse(&r, caps, &err));
    smtp_reply_free(&r);
}

START_TEST(test_smtp_caps)
{
    static const char *const lines[] = {"250-mail.example.org PIPELINING",
                                        "250-size 10240000",
                                        "250-8bitMIME",
                                        "250-STARTTLS",
                                        "250-AUTH PLAIN  LOGIN SCRAM-SHA-256",
                                        "250-AUTH=plain CRAM-MD5",
                                        "250-",
                                        "250 SMTPUTF8",
                                        NULL};
    struct smtp_caps caps;
    parse(lines, &caps);
    ck_assert(caps.starttls && caps.eight_bit && caps.smtputf8);
    ck_assert(!caps.pipelining); /* the first line is the server's name and greeting */
    ck_assert_uint_eq(caps.size_max, 10240000);
    ck_assert_uint_eq(caps.auth.count, 4);
    ck_assert(strv_has(&caps.auth, "CRAM-MD5") && strv_has(&caps.auth, "SCRAM-SHA-256"));
    smtp_caps_free(&caps);
}
END_TEST

static const struct {
    unsigned notify;
    const char *orcpt, *line;
} asked[] = {
    {0, NULL, "RCPT TO:<a@example.org>"},
    {NOTIFY_NEVER, NULL, "RCPT TO:<a@example.org> NOTIFY=NEVER"},
    {NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, "rfc822;A+b@example.org",
     "RCPT TO:<a@example.org> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;A+2Bb@example.org"},
    {0, "no type", "RCPT TO:<a@example.org>"},
};

START_TEST(test_smtp_command_dsn)
{
    struct err err = {0};
    struct str out = STR_INIT(2000);
    ck_assert(smtp_command_rcpt(&out, "a@example.org", asked[_i].notify, asked[_i].orcpt, &err));
    ck_assert_str_eq(out.buf, asked[_i].line);
    str_free(&out);
}
END_TEST

START_TEST(test_smtp_caps_more)
{
    static const char *const lines[] = {
        "250-x",          "250-LIMITS MAILMAX=20 FOO=1 rcptmax=100 RCPTDOMAINMAX=",
        "250-DSN",        "250-Chunking",
        "250 REQUIRETLS", NULL};
    struct smtp_caps caps;
    parse(lines, &caps);
    ck_assert(caps.dsn && caps.chunking && caps.require_tls);
    ck_assert_uint_eq(caps.mail_max, 20);
    ck_assert_uint_eq(caps.rcpt_max, 100);
    ck_assert_uint_eq(caps.rcpt_domain_max, 0);
    smtp_caps_free(&caps);
}
END_TEST

START_TEST(test_smtp_caps_odd)
{
    static const char *const lines[] = {"250-x",         "250-SIZE", "250-SIZE 99999999999999999999999",
                                        "250-SIZE -1",   "250-AUTH", "250-PIPELININGS",
                                        "250 STARTTLS2", NULL};
    struct smtp_caps caps;
    parse(lines, &caps);
    ck_assert(!caps.starttls && !caps.pipelining);
    ck_assert_uint_eq(caps.size_max, 0);
    ck_assert_uint_eq(caps.auth.count, 0);
    smtp_caps_free(&caps);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

int main(void)
{
    Suite *suite = suite_create("smtp_command");
    TCase *tc = tcase_create("smtp_command");
    tcase_add_loop_test(tc, test_smtp_command_rcpt, 0, COUNT(addresses));
    tcase_add_test(tc, test_smtp_command_address_too_long);
    tcase_add_loop_test(tc, test_smtp_command_mail, 0, COUNT(mails));
    tcase_add_loop_test(tc, test_smtp_command_dsn, 0, COUNT(asked));
    tcase_add_test(tc, test_smtp_caps_more);
    tcase_add_loop_test(tc, test_smtp_command_ehlo, 0, COUNT(names));
    tcase_add_test(tc, test_smtp_caps);
    tcase_add_test(tc, test_smtp_caps_odd);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
