/* rewrite - messages as programs hand them over, and as they go out; each split at every octet. */
#include "mail/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define ADDED "Date: D\r\nFrom: f@g\r\nMessage-ID: M\r\n"
#define HAS "Date: d\r\nFrom: a@b\r\nMessage-ID: m\r\n"
#define IN "Date: d\nFrom: a@b\nMessage-ID: m\n"
#define MIME(set)                                                                                            \
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=" set "\r\nContent-Transfer-Encoding: 8bit\r\n"

static const struct {
    const char *in, *out;
    const char *set_from;
    size_t n; /* of `in` where it holds NULs */
    bool dot_stays;
} cases[] = {
    /* the shapes of a message */
    {"", .out = ADDED "\r\n"},
    {IN "\nhello\n", .out = HAS "\r\nhello\r\n"},
    {IN, .out = HAS "\r\n"},
    {"To: x", .out = ADDED "To: x\r\n\r\n"},
    {"hello world\n", .out = ADDED "\r\nhello world\r\n"},
    {"hello", .out = ADDED "\r\nhello\r\n"},
    {"\nhello\n", .out = ADDED "\r\nhello\r\n"},
    {" hello\n", .out = ADDED "\r\n hello\r\n"},
    {IN "hello world\nSubject: y\n", .out = HAS "\r\nhello world\r\nSubject: y\r\n"},
    {"From ada Sun Nov 22\n" IN "\nx", .out = HAS "\r\nx\r\n"},
    {"\xef\xbb\xbf" IN "Bcc: g@h\n\nx", .out = HAS "\r\nx\r\n"},
    {">From ada\nFrom ada\n" IN "\nFrom x\n", .out = HAS "\r\nFrom x\r\n"},
    {"To: x\nFrom ada\n", .out = ADDED "To: x\r\n\r\nFrom ada\r\n"},
    /* line ends */
    {"To: x\r\n\r\nhello\r\n", .out = ADDED "To: x\r\n\r\nhello\r\n"},
    {"To: x\r\n\r\na\nb\r\nc\r\n\n", .out = ADDED "To: x\r\n\r\na\r\nb\r\nc\r\n\r\n"},
    {"To: x\n\r\na\rb\r\r\nc\r", .out = ADDED "To: x\r\n\r\na b \r\nc\r\n"},
    {"To: x\n\n\r\r\r", .out = ADDED "To: x\r\n\r\n  \r\n"},
    {"To: x\0y\n\n\0.\n", .out = ADDED "To: x y\r\n\r\n .\r\n", .n = 12},
    {"S: a\r\n b\r\nTo: x\n\n", .out = ADDED "S: a\r\n b\r\nTo: x\r\n\r\n"},
    /* the lone dot */
    {"To: x\n\na\n.\nb\n", .out = ADDED "To: x\r\n\r\na\r\n"},
    {"To: x\n\na\r\n.\r\nb\r\n", .out = ADDED "To: x\r\n\r\na\r\n"},
    {"To: x\n\na\n.", .out = ADDED "To: x\r\n\r\na\r\n"},
    {"To: x\n.\nb\n", .out = ADDED "To: x\r\n\r\n"},
    {".\n", .out = ADDED "\r\n"},
    {"To: x\n\n..\n.a\n.\ra\n. \n.", .out = ADDED "To: x\r\n\r\n..\r\n.a\r\n. a\r\n. \r\n"},
    {"To: x\n\na\n.\nb\n", .out = ADDED "To: x\r\n\r\na\r\n.\r\nb\r\n", .dot_stays = true},
    {".", .out = ADDED "\r\n.\r\n", .dot_stays = true},
    /* what goes */
    {IN "Bcc: x,\n y\nTo: z\nbcc : q\n\nBcc: stays\n", .out = HAS "To: z\r\n\r\nBcc: stays\r\n"},
    /* what comes */
    {"From: a@b\n\n", .out = "Date: D\r\nMessage-ID: M\r\nFrom: a@b\r\n\r\n"},
    {"date:x\nMESSAGE-ID:y\n\n", .out = "From: f@g\r\ndate:x\r\nMESSAGE-ID:y\r\n\r\n"},
    {"Resent-To: x\nResent-Bcc: y\nDate: d\n\n",
     .out = "Resent-Date: D\r\nResent-From: f@g\r\nResent-Message-ID: M\r\nResent-To: x\r\nDate: d\r\n\r\n"},
    /* From */
    {"Date: d\nMessage-ID: m\nFrom: root (Cron Daemon)\n\n",
     .out = "Date: d\r\nMessage-ID: m\r\nFrom: root@host.example (Cron Daemon)\r\n\r\n"},
    {"Date: d\nMessage-ID: m\nFrom: A\n <root>, b@c\n\n",
     .out = "Date: d\r\nMessage-ID: m\r\nFrom: A\r\n <root@host.example>, b@c\r\n\r\n"},
    {"Date: d\nMessage-ID: m\nFrom: two words\n\n",
     .out = "Date: d\r\nMessage-ID: m\r\nFrom: two words\r\n\r\n"},
    {"Date: d\nMessage-ID: m\nFrom: Ada <root> (x)\n\n",
     .out = "Date: d\r\nMessage-ID: m\r\nFrom: Ada <s@t> (x)\r\n\r\n", .set_from = "s@t"},
    {"Date: d\nMessage-ID: m\nFrom: two words\n\n", .out = "Date: d\r\nMessage-ID: m\r\nFrom: s@t\r\n\r\n",
     .set_from = "s@t"},
    /* octets over 127 */
    {IN "\nk\xc3\xa4se\n", .out = HAS MIME("utf-8") "\r\nk\xc3\xa4se\r\n"},
    {IN "\nk\xe4se\n", .out = HAS MIME("unknown-8bit") "\r\nk\xe4se\r\n"},
    {IN "Content-Type: text/plain\n\nk\xe4se\n", .out = HAS "Content-Type: text/plain\r\n\r\nk\xe4se\r\n"},
    {IN "mime-version: 1.0\n\nk\xe4se\n", .out = HAS "mime-version: 1.0\r\n\r\nk\xe4se\r\n"},
    {IN "Subject: k\xc3\xa4se\n\nx\n", .out = HAS "Subject: k\xc3\xa4se\r\n\r\nx\r\n"},
    /* octets of the user's own header stay */
    {IN "X:  odd \t \n\tfolding  \nY:\n\n", .out = HAS "X:  odd \t \r\n\tfolding  \r\nY:\r\n\r\n"},
};

static const struct rewrite_fixes fixes = {
    .date = "D", .from = "f@g", .message_id = "M", .domain = "host.example"};

static void write_out(struct rewrite *r, const char *set_from, struct str *out)
{
    struct rewrite_fixes f = fixes;
    struct err err;
    f.set_from = set_from;
    ck_assert(rewrite_ready(r));
    ck_assert(rewrite_header(r, &f, out, &err));
    ck_assert(str_add(out, r->body.buf, r->body.len, &err));
}

static size_t length_of(int i)
{
    return cases[i].n > 0 ? cases[i].n : strlen(cases[i].in);
}

START_TEST(test_rewrite_every_split)
{
    const size_t n = length_of(_i);
    for (size_t at = 0; at <= n; at++) {
        struct rewrite r;
        struct str out = STR_INIT(10000);
        struct err err;
        rewrite_begin(&r, !cases[_i].dot_stays);
        ck_assert(rewrite_add(&r, cases[_i].in, at, &err));
        ck_assert(rewrite_add(&r, cases[_i].in + at, n - at, &err));
        ck_assert(rewrite_end(&r, &err));
        write_out(&r, cases[_i].set_from, &out);
        ck_assert_str_eq(out.buf, cases[_i].out);
        str_free(&out);
        rewrite_free(&r);
    }
}
END_TEST

START_TEST(test_rewrite_one_by_one)
{
    struct rewrite r;
    struct str out = STR_INIT(10000);
    struct err err;
    rewrite_begin(&r, !cases[_i].dot_stays);
    for (size_t at = 0; at < length_of(_i); at++)
        ck_assert(rewrite_add(&r, cases[_i].in + at, 1, &err));
    ck_assert(rewrite_end(&r, &err));
    write_out(&r, cases[_i].set_from, &out);
    ck_assert_str_eq(out.buf, cases[_i].out);
    str_free(&out);
    rewrite_free(&r);
}
END_TEST

/* What went out is not changed when it comes in again, but for Bcc it cannot have any more. */
START_TEST(test_rewrite_twice_is_once)
{
    struct rewrite r;
    struct str out = STR_INIT(10000);
    struct err err;
    rewrite_begin(&r, false);
    ck_assert(rewrite_add(&r, cases[_i].out, strlen(cases[_i].out), &err));
    ck_assert(rewrite_end(&r, &err));
    write_out(&r, cases[_i].set_from, &out);
    ck_assert_str_eq(out.buf, cases[_i].out);
    str_free(&out);
    rewrite_free(&r);
}
END_TEST

/* n octets of c, in pieces */
static bool add_many(struct rewrite *r, char c, size_t n, struct err *err)
{
    static char piece[REWRITE_CHUNK_MAX];
    memset(piece, c, sizeof piece);
    while (n > 0) {
        size_t k = n < sizeof piece ? n : sizeof piece;
        if (!rewrite_add(r, piece, k, err))
            return false;
        n -= k;
    }
    return true;
}

START_TEST(test_rewrite_header_limit)
{
    struct rewrite r;
    struct err err;
    rewrite_begin(&r, true);
    ck_assert(rewrite_add(&r, "X:", 2, &err));
    ck_assert(add_many(&r, 'x', REWRITE_HEADER_MAX - 4, &err));
    ck_assert(rewrite_add(&r, "\n\n", 2, &err) == false);
    ck_assert_int_eq(err.kind, ERR_DATA);
    ck_assert_str_eq(err.what, "The header of the message is larger than 1048576 bytes.");
    rewrite_free(&r);
}
END_TEST

/* A text that is one line without end, as `base64 -w0` makes it, is no header. */
START_TEST(test_rewrite_endless_first_line)
{
    static const char firsts[] = {'x', ' '};
    for (size_t i = 0; i < sizeof firsts; i++) {
        struct rewrite r;
        struct err err;
        rewrite_begin(&r, true);
        ck_assert(add_many(&r, firsts[i], REWRITE_HEADER_MAX + REWRITE_CHUNK_MAX, &err));
        ck_assert(r.in_body && rewrite_ready(&r));
        ck_assert_uint_eq(r.header.len, 0);
        ck_assert_uint_eq(r.body.len, REWRITE_HEADER_MAX + REWRITE_CHUNK_MAX);
        rewrite_free(&r);
    }
}
END_TEST

START_TEST(test_rewrite_look_ahead)
{
    struct rewrite r;
    struct err err;
    struct str out = STR_INIT(10000);
    rewrite_begin(&r, true);
    ck_assert(rewrite_add(&r, IN "\n", strlen(IN "\n"), &err));
    ck_assert(!rewrite_ready(&r));
    ck_assert(add_many(&r, 'x', REWRITE_AHEAD_MAX - 1, &err) && !rewrite_ready(&r));
    ck_assert(rewrite_add(&r, "\xc3", 1, &err) && rewrite_ready(&r)); /* half a character is no fault */
    ck_assert(rewrite_header(&r, &fixes, &out, &err));
    ck_assert_str_eq(out.buf, HAS MIME("utf-8") "\r\n");
    rewrite_free(&r);
    str_clear(&out);

    rewrite_begin(&r, true);
    ck_assert(rewrite_add(&r, "MIME-Version: 1.0\n\n", 19, &err));
    ck_assert(rewrite_ready(&r));
    rewrite_free(&r);
    str_free(&out);
}
END_TEST

static const struct {
    const char *header, *recipients, *from; /* "!": unusable */
} heads[] = {
    {"To: a@b, Joe <c@d>\nCc: g: e@f;\nBcc: h@i\nFrom: j@k\n", "a@b c@d e@f h@i ", "j@k"},
    {"to: a@b\nTo: c@d\nReply-To: no@x\nFrom: Root <root>, x@y\n", "a@b c@d ", "root"},
    {"To: undisclosed-recipients:;\nBcc: a@b\n", "a@b ", ""},
    {"To: a@b\nCc: two words, c@d\n", "a@b two words! c@d ", ""},
    {"To: a@b\nCc: <>\nBcc: a@b, x y, x y\n", "a@b <>! x y! ", ""},
    {"To: no@x\nFrom: no@x\nResent-To: a@b\nSubject: s\nResent-Cc: c@d\nResent-Bcc: e@f\nResent-From: j@k\n",
     "a@b c@d e@f ", "j@k"},
    {"Resent-To: a@b\nResent-Date: x\nResent-To: no@x\nTo: no@x\n", "a@b ", ""},
    {"Resent-To: a@b\nReceived: x\nResent-Cc: no@x\n", "a@b ", ""},
    {"Received: x\nResent-To: a@b\nTo: no@x\n", "a@b ", ""},
    {"Subject: x\n", "", ""},
};

START_TEST(test_rewrite_recipients)
{
    struct rewrite r;
    struct rewrite_found found;
    struct err err;
    struct str shown = STR_INIT(1000);
    struct envelope e;
    envelope_init(&e);
    rewrite_begin(&r, true);
    ck_assert(rewrite_add(&r, heads[_i].header, strlen(heads[_i].header), &err) && rewrite_end(&r, &err));
    ck_assert(rewrite_recipients(&r, &e, &err));
    for (size_t i = 0; i < e.count; i++)
        ck_assert(
            str_addf(&shown, &err, "%s%s ", e.recipients[i].address, e.recipients[i].unusable ? "!" : ""));
    ck_assert_str_eq(shown.buf, heads[_i].recipients);
    rewrite_look(&r, &found);
    ck_assert_str_eq(found.from, heads[_i].from);
    envelope_free(&e);
    str_free(&shown);
    rewrite_free(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite");
    TCase *tc = tcase_create("rewrite");
    int n = sizeof cases / sizeof cases[0];
    tcase_add_loop_test(tc, test_rewrite_every_split, 0, n);
    tcase_add_loop_test(tc, test_rewrite_one_by_one, 0, n);
    tcase_add_loop_test(tc, test_rewrite_twice_is_once, 0, n);
    tcase_add_test(tc, test_rewrite_header_limit);
    tcase_add_test(tc, test_rewrite_endless_first_line);
    tcase_add_test(tc, test_rewrite_look_ahead);
    tcase_add_loop_test(tc, test_rewrite_recipients, 0, (int)(sizeof heads / sizeof heads[0]));
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
