/* report - the whole text of one report, and what changes it. */
#include "unit.h"

#include <string.h>

#include "mail/report.h"

static char ok[] = "ok@example.org", gone[] = "gone@example.org", old[] = "rfc822;old@example.org",
            jurgen[] = "j\xc3\xbcrgen@example.org", ada[] = "ada@example.org", envid[] = "QQ1",
            words[] = "No such user / caf\xc3\xa9";
static struct recipient recipients[] = {
    {.address = ok}, {.address = gone, .orcpt = old}, {.address = jurgen}};
static struct envelope envelope = {.sender = ada, .recipients = recipients, .count = 3, .envid = envid};
static struct outcome outcomes[] = {
    {.verdict = VERDICT_DELIVERED, .code = 250},
    {.verdict = VERDICT_REFUSED, .code = 550, .enhanced = "5.1.1", .text = words},
    {.verdict = VERDICT_REFUSED, .code = 554},
};
static const bool about_gone[] = {false, true, false}, about_jurgen[] = {false, false, true};
static const char text[] = "Subject: x\r\n\r\nHello\r\n";

static struct report plain(void)
{
    return (struct report){
        .id = "id0",
        .host = "host.example.org",
        .from = "ada@example.org",
        .date = "Sun, 22 Nov 2026 03:04:05 +0100",
        .arrived = "Sun, 22 Nov 2026 03:00:00 +0100",
        .tried = "Sun, 22 Nov 2026 03:04:00 +0100",
        .remote = "smtp.example.org",
        .envelope = &envelope,
        .outcomes = outcomes,
        .about = about_gone,
        .text = text,
        .text_len = sizeof(text) - 1,
    };
}

static const char expected[] = "Date: Sun, 22 Nov 2026 03:04:05 +0100\r\n"
                               "From: Mail Delivery <ada@example.org>\r\n"
                               "To: <ada@example.org>\r\n"
                               "Subject: Undelivered mail\r\n"
                               "Message-ID: <report.id0.1@host.example.org>\r\n"
                               "Auto-Submitted: auto-replied\r\n"
                               "MIME-Version: 1.0\r\n"
                               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                               " boundary=\"=_report_id0\"\r\n"
                               "Content-Transfer-Encoding: 8bit\r\n"
                               "\r\n"
                               "--=_report_id0\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\n"
                               "Content-Transfer-Encoding: 8bit\r\n"
                               "\r\n"
                               "This is tappal, the mail program on host.example.org.\r\n"
                               "\r\n"
                               "Your message could not be delivered to:\r\n"
                               "\r\n"
                               "  gone@example.org\r\n"
                               "    The server smtp.example.org said:\r\n"
                               "    550 5.1.1 No such user / caf\xc3\xa9\r\n"
                               "\r\n"
                               "It will not be tried again. The message is below.\r\n"
                               "\r\n"
                               "--=_report_id0\r\n"
                               "Content-Type: message/delivery-status\r\n"
                               "\r\n"
                               "Original-Envelope-Id: QQ1\r\n"
                               "Reporting-MTA: dns; host.example.org\r\n"
                               "Arrival-Date: Sun, 22 Nov 2026 03:00:00 +0100\r\n"
                               "\r\n"
                               "Original-Recipient: rfc822;old@example.org\r\n"
                               "Final-Recipient: rfc822; gone@example.org\r\n"
                               "Action: failed\r\n"
                               "Status: 5.1.1\r\n"
                               "Remote-MTA: dns; smtp.example.org\r\n"
                               "Diagnostic-Code: smtp; 550 5.1.1 No such user / caf??\r\n"
                               "Last-Attempt-Date: Sun, 22 Nov 2026 03:04:00 +0100\r\n"
                               "\r\n"
                               "--=_report_id0\r\n"
                               "Content-Type: message/rfc822\r\n"
                               "\r\n"
                               "Subject: x\r\n"
                               "\r\n"
                               "Hello\r\n"
                               "\r\n"
                               "--=_report_id0--\r\n";

START_TEST(test_report_whole)
{
    struct err err = {0};
    struct str out = STR_INIT(REPORT_MAX);
    struct report r = plain();
    ck_assert(report_write(&r, &out, &err));
    ck_assert_str_eq(out.buf, expected);
    str_free(&out);
}
END_TEST

static void check_has(const struct report *r, const char *const *parts)
{
    struct err err = {0};
    struct str out = STR_INIT(REPORT_MAX);
    ck_assert(report_write(r, &out, &err));
    for (; *parts != NULL; parts++) {
        ck_assert_msg(strstr(out.buf, *parts) != NULL, "no %s in: %s", *parts, out.buf);
    }
    str_free(&out);
}

START_TEST(test_report_utf8)
{
    struct report r = plain();
    static const char *const parts[] = {"report-type=global-delivery-status;",
                                        "Content-Type: message/global-delivery-status\r\n",
                                        "Final-Recipient: utf-8; j\xc3\xbcrgen@example.org\r\n",
                                        "Status: 5.0.0\r\n",
                                        "Message-ID: <report.id0.2@",
                                        "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n",
                                        NULL};
    r.about = about_jurgen;
    r.utf8_header = r.eight_bit = true;
    check_has(&r, parts);
}
END_TEST

START_TEST(test_report_header_only)
{
    struct report r = plain();
    static const char *const parts[] = {"Content-Type: text/rfc822-headers\r\n",
                                        "The whole message is kept in /queue/failed/id0\r\n", NULL};
    r.header_only = true;
    r.kept = "/queue/failed/id0";
    check_has(&r, parts);
}
END_TEST

START_TEST(test_report_notify)
{
    static const struct {
        unsigned notify;
        bool wanted[5]; /* by kind */
    } cases[] = {{NOTIFY_UNSET, {true, true, false, true, false}},
                 {NOTIFY_NEVER, {false, false, false, false, false}},
                 {NOTIFY_SUCCESS, {false, false, false, false, true}},
                 {NOTIFY_DELAY | NOTIFY_FAILURE, {true, true, true, true, false}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct recipient r = {.notify = cases[i].notify};
        for (enum report_kind kind = REPORT_REFUSED; kind <= REPORT_RELAYED; kind++) {
            ck_assert_int_eq(report_is_wanted(&r, kind), cases[i].wanted[kind]);
        }
    }
}
END_TEST

START_TEST(test_report_kinds)
{
    static const struct {
        enum report_kind kind;
        const char *parts[6];
    } cases[] = {
        {REPORT_EXPIRED,
         {"Subject: Undelivered mail\r\n", "    It never answered\r\n", "It has been tried for 5 d. ",
          "Action: failed\r\nStatus: 4.4.7\r\nDiagnostic-Code: x-tappal; It never answered\r\n"}},
        {REPORT_DELAYED,
         {"Subject: Delayed mail\r\n", "Message-ID: <delay.id0.1@", "Action: delayed\r\nStatus: 4.4.7\r\n",
          "Will-Retry-Until: Fri, 27 Nov 2026 03:00:00 +0100\r\n\r\n"}},
        {REPORT_DOUBTFUL,
         {"Subject: Mail that may have been delivered\r\n", "  gone@example.org\r\n\r\n",
          "If it has not arrived: tappal queue release id0\r\n",
          "Action: delayed\r\nStatus: 4.4.2\r\nLast-Attempt-Date: "}},
        {REPORT_RELAYED, {"Subject: Mail handed on\r\n", "Action: relayed\r\nStatus: 2.0.0\r\n"}},
    };
    char answer[] = "It never answered";
    struct outcome silent[3] = {{.verdict = VERDICT_REFUSED}, {.verdict = VERDICT_REFUSED, .text = answer}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct report r = plain();
        r.kind = cases[i].kind;
        r.outcomes = silent;
        r.waited = r.kind == REPORT_EXPIRED ? "5 d" : NULL;
        r.until = r.kind == REPORT_DELAYED ? "Fri, 27 Nov 2026 03:00:00 +0100" : NULL;
        check_has(&r, cases[i].parts);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tc = tcase_create("report");
    tcase_add_test(tc, test_report_whole);
    tcase_add_test(tc, test_report_utf8);
    tcase_add_test(tc, test_report_header_only);
    tcase_add_test(tc, test_report_notify);
    tcase_add_test(tc, test_report_kinds);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
