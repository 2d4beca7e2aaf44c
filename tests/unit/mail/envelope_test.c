/* envelope: one way to write it, and only that is read; no address can forge a line. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/envelope.h"
#include "mail/escape.h"

static char plain_sender[] = "ada@example.org";
static char odd[] = "a\nrecipient: evil@example.test\r\\x0a\x7f\x01\xc3\xa9";
static char empty[] = "";
static char work[] = "work", config[] = "/home/ada/.config/tappal", envid[] = "QQ 314159";

static struct recipient one[] = {{.address = (char[]){"bob@example.test"}}};
static struct recipient three[] = {
    {.address = (char[]){"bob@example.test"}, .notify = NOTIFY_SUCCESS | NOTIFY_DELAY},
    {.address = odd, .orcpt = (char[]){"rfc822;b+2B@example.test"}},
    {.address = empty, .notify = NOTIFY_NEVER, .orcpt = empty, .unusable = (char[]){"no\naddress"}},
};

static const struct {
    struct envelope e;
    const char *text; /* NULL: only the round trip is looked at */
} cases[] = {
    {.e = {.accepted = 1763780000, .uid = 1000, .sender = plain_sender, .recipients = one, .count = 1},
     .text = "tappal-message 1\naccepted: 1763780000\nuid: 1000\nsender: ada@example.org\n"
             "recipient: bob@example.test\n\n"},
    {.e = {.accepted = 0, .uid = 0, .sender = empty, .recipients = one, .count = 1, .is_report = true},
     .text = "tappal-message 1\naccepted: 0\nuid: 0\nsender: \nreport: yes\nrecipient: bob@example.test\n\n"},
    {.e = {.accepted = INT64_MAX,
           .uid = UINT32_MAX,
           .config_dir = config,
           .account = work,
           .header_from = plain_sender,
           .sender = odd,
           .ret = RET_HDRS,
           .envid = envid,
           .is_report = true,
           .require_tls = true,
           .recipients = three,
           .count = 3},
     .text = "tappal-message 1\naccepted: 9223372036854775807\nuid: 4294967295\n"
             "config_dir: /home/ada/.config/tappal\naccount: work\nheader_from: ada@example.org\n"
             "sender: a\\x0arecipient: evil@example.test\\x0d\\x5cx0a\\x7f\\x01\xc3\xa9\n"
             "ret: hdrs\nenvid: QQ 314159\nreport: yes\nrequire_tls: yes\n"
             "recipient: bob@example.test\nnotify: success,delay\n"
             "recipient: a\\x0arecipient: evil@example.test\\x0d\\x5cx0a\\x7f\\x01\xc3\xa9\n"
             "orcpt: rfc822;b+2B@example.test\nrecipient: \nnotify: never\norcpt: \nunusable: "
             "no\\x0aaddress\n\n"},
    {.e = {.sender = plain_sender,
           .account = empty,
           .ret = RET_FULL,
           .envid = empty,
           .recipients = three,
           .count = 1}},
};

static void same_text(const char *a, const char *b)
{
    ck_assert_int_eq(!a, !b);
    if (a)
        ck_assert_str_eq(a, b);
}

static void same_envelope(const struct envelope *a, const struct envelope *b)
{
    ck_assert_int_eq(a->accepted, b->accepted);
    ck_assert_uint_eq(a->uid, b->uid);
    same_text(a->config_dir, b->config_dir);
    same_text(a->account, b->account);
    same_text(a->header_from, b->header_from);
    same_text(a->sender, b->sender);
    same_text(a->envid, b->envid);
    ck_assert_int_eq(a->ret, b->ret);
    ck_assert_int_eq(a->is_report, b->is_report);
    ck_assert_int_eq(a->require_tls, b->require_tls);
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        same_text(a->recipients[i].address, b->recipients[i].address);
        same_text(a->recipients[i].orcpt, b->recipients[i].orcpt);
        same_text(a->recipients[i].unusable, b->recipients[i].unusable);
        ck_assert_uint_eq(a->recipients[i].notify, b->recipients[i].notify);
    }
}

START_TEST(test_envelope_round_trip)
{
    struct err err = {0};
    struct envelope read;
    struct str text = STR_INIT(10000);
    ck_assert_msg(envelope_write(&cases[_i].e, &text, &err), "%s", err.what);
    if (cases[_i].text)
        ck_assert_str_eq(text.buf, cases[_i].text);
    ck_assert_msg(envelope_read(text.buf, text.len, &read, &err), "%s", err.what);
    same_envelope(&cases[_i].e, &read);
    envelope_free(&read);
    str_free(&text);
}
END_TEST

/* If it can be read at all, it is what would be written. */
static bool reads_as_written(const char *bytes, size_t n)
{
    struct err err = {0};
    struct envelope e;
    struct str again = STR_INIT(10000);
    if (!envelope_read(bytes, n, &e, &err)) {
        ck_assert_int_eq(err.kind, ERR_DATA);
        return false;
    }
    ck_assert(envelope_write(&e, &again, &err));
    ck_assert_uint_eq(again.len, n);
    ck_assert_mem_eq(again.buf, bytes, n);
    envelope_free(&e);
    str_free(&again);
    return true;
}

START_TEST(test_envelope_cut_and_flipped)
{
    struct err err = {0};
    struct str text = STR_INIT(10000);
    ck_assert(envelope_write(&cases[_i].e, &text, &err));
    for (size_t n = 0; n < text.len; n++)
        ck_assert(!reads_as_written(text.buf, n));
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        text.buf[bit / 8] ^= (char)(1 << bit % 8);
        reads_as_written(text.buf, text.len);
        text.buf[bit / 8] ^= (char)(1 << bit % 8);
    }
    str_free(&text);
}
END_TEST

#define HEAD "tappal-message 1\naccepted: 1\nuid: 1\n"
static const char *const damaged[] = {
    "",
    "\n",
    "tappal-message 2\naccepted: 1\nuid: 1\nsender: a\nrecipient: b\n\n",
    HEAD "sender: a\n\n",
    HEAD "recipient: b\n\n",
    HEAD "sender: a\nrecipient: b\n",
    HEAD "sender: a\nrecipient: b\n\nx",
    HEAD "sender: a\nrecipient: b\n\n\n",
    HEAD "sender: a\r\nrecipient: b\n\n",
    HEAD "sender:a\nrecipient: b\n\n",
    HEAD "Sender: a\nrecipient: b\n\n",
    HEAD "sender: a\nsender: a\nrecipient: b\n\n",
    HEAD "sender: a\naccount: x\nrecipient: b\n\n",
    HEAD "sender: a\nreport: no\nrecipient: b\n\n",
    HEAD "sender: a\nret: none\nrecipient: b\n\n",
    HEAD "sender: a\nrecipient: b\nnotify: delay,success\n\n",
    HEAD "sender: a\nrecipient: b\nnotify: \n\n",
    HEAD "sender: a\nrecipient: b@x.test\nrecipient: b@X.test\n\n",
    HEAD "sender: a\nrecipient: b\norcpt: c\nnotify: never\n\n",
    HEAD "sender: a\\x0\nrecipient: b\n\n",
    HEAD "sender: a\\x00\nrecipient: b\n\n",
    HEAD "sender: a\\x41\nrecipient: b\n\n",
    HEAD "sender: a\\x0A\nrecipient: b\n\n",
    HEAD "sender: a\\\nrecipient: b\n\n",
    HEAD "sender: a\tb\nrecipient: b\n\n",
    "tappal-message 1\naccepted: 01\nuid: 1\nsender: a\nrecipient: b\n\n",
    "tappal-message 1\naccepted: -1\nuid: 1\nsender: a\nrecipient: b\n\n",
    "tappal-message 1\naccepted: \nuid: 1\nsender: a\nrecipient: b\n\n",
    "tappal-message 1\naccepted: 9223372036854775808\nuid: 1\nsender: a\nrecipient: b\n\n",
    "tappal-message 1\naccepted: 1\nuid: 4294967296\nsender: a\nrecipient: b\n\n",
    "tappal-message 1\nuid: 1\naccepted: 1\nsender: a\nrecipient: b\n\n",
};

START_TEST(test_envelope_damage_is_found)
{
    ck_assert_msg(!reads_as_written(damaged[_i], strlen(damaged[_i])), "%s", damaged[_i]);
}
END_TEST

START_TEST(test_envelope_nul_is_found)
{
    static const char nul[] = HEAD "sender: a\0b\nrecipient: b\n\n";
    static const char in_number[] = "tappal-message 1\naccepted: 1\nuid: 1\0\nsender: a\nrecipient: b\n\n";
    ck_assert(!reads_as_written(nul, sizeof nul - 1));
    ck_assert(!reads_as_written(in_number, sizeof in_number - 1));
}
END_TEST

START_TEST(test_envelope_adds_once)
{
    static const struct {
        const char *address;
        size_t count;
    } adds[] = {{"Bob@example.test", 1},
                {"bob@example.test", 2},
                {"bob@EXAMPLE.test", 2},
                {"bob", 3},
                {"BOB", 4},
                {"\"a@b\"@c.test", 5},
                {"\"a@B\"@c.test", 6},
                {"\"a@b\"@C.TEST", 6},
                {"", 7},
                {"", 7},
                {"@", 8},
                {"Bob@example.test", 8}};
    struct err err = {0};
    struct envelope e;
    envelope_init(&e);
    for (size_t i = 0; i < sizeof adds / sizeof *adds; i++) {
        ck_assert(envelope_add(&e, adds[i].address, &err));
        ck_assert_uint_eq(e.count, adds[i].count);
    }
    ck_assert_str_eq(e.recipients[1].address, "bob@example.test");
    envelope_free(&e);
    ck_assert_uint_eq(e.count, 0);
}
END_TEST

START_TEST(test_envelope_thousands)
{
    struct err err = {0};
    struct envelope e;
    envelope_init(&e);
    char address[64];
    for (int i = 0; i <= ENVELOPE_RECIPIENTS_MAX; i++) {
        snprintf(address, sizeof address, "u%d@example.test", i);
        ck_assert_int_eq(envelope_add(&e, address, &err), i < ENVELOPE_RECIPIENTS_MAX);
    }
    ck_assert_int_eq(err.kind, ERR_DATA);
    ck_assert(envelope_add(&e, "u77@example.test", &err));
    ck_assert_uint_eq(e.count, ENVELOPE_RECIPIENTS_MAX);
    envelope_free(&e);
}
END_TEST

START_TEST(test_envelope_without_recipient_is_not_written)
{
    struct err err = {0};
    struct str text = STR_INIT(1000);
    struct envelope e = {.sender = plain_sender};
    ck_assert(!envelope_write(&e, &text, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    str_free(&text);
}
END_TEST

START_TEST(test_outcome_copies)
{
    struct err err = {0};
    struct outcome a = {.verdict = VERDICT_REFUSED, .code = 550, .enhanced = "5.1.1", .text = (char[]){"no"}},
                   b = {0};
    ck_assert(outcome_copy(&b, &a, &err) && outcome_copy(&b, &a, &err));
    ck_assert_str_eq(b.text, "no");
    ck_assert_str_eq(b.enhanced, "5.1.1");
    outcome_free(&b);
    ck_assert(!b.text && b.verdict == VERDICT_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("envelope");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 30);
    suite_add_tcase(suite, all);
    tcase_add_loop_test(all, test_envelope_round_trip, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(all, test_envelope_cut_and_flipped, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(all, test_envelope_damage_is_found, 0, sizeof damaged / sizeof *damaged);
    tcase_add_test(all, test_envelope_nul_is_found);
    tcase_add_test(all, test_envelope_adds_once);
    tcase_add_test(all, test_envelope_thousands);
    tcase_add_test(all, test_envelope_without_recipient_is_not_written);
    tcase_add_test(all, test_outcome_copies);
    return unit_run(suite);
}
