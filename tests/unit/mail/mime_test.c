/* mime - what is repaired, how, and what is not: each message given whole, and octet by octet. */
#include "mail/mime.h"

#include <string.h>

#include "unit.h"

#define U "\xc3\xbc" /* one letter beyond ASCII, in UTF-8 */
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
#define MIXED "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"

/* `out` NULL: it goes out as it is. */
static const struct {
    const char *name, *in, *out;
    bool wide;         /* octets over 127 are taken */
    const char *stuck; /* why there are some left */
} cases[] = {
    {"ASCII", "A: b\r\n\r\n- c \r\n", NULL, false, NULL},
    {"no MIME fields", "A: b\r\n\r\n" U "\r\n", "A: b\r\nMIME-Version: 1.0\r\n" QP "\r\n=C3=BC\r\n", false,
     NULL},
    {"8bit becomes quoted-printable, where it stood",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nA: b\r\n\r\n" U " \r\n-\t\r\n=\r\n.\r\n",
     "MIME-Version: 1.0\r\n" QP "A: b\r\n\r\n=C3=BC=20\r\n=2D=09\r\n=3D\r\n.\r\n", false, NULL},
    {"8bit where it is taken", "A: b\r\n\r\n" U "\r\n", NULL, true, NULL},
    {"no end of line", "MIME-Version: 1\r\n\r\n" U " ", "MIME-Version: 1\r\n" QP "\r\n=C3=BC=20", false,
     NULL},
    {"one part of two",
     MIXED "Content-Transfer-Encoding: 8bit\r\n\r\nvor\r\n--b\r\n\r\na-\r\n--b\r\nC: d\r\n\r\n" U
           "\r\n--b--\r\nnach\r\n",
     MIXED "Content-Transfer-Encoding: 7bit\r\n\r\nvor\r\n--b\r\n\r\na-\r\n--b\r\nC: d\r\n" QP
           "\r\n=C3=BC\r\n--b--\r\nnach\r\n",
     false, NULL},
    {"a closing boundary without line end", MIXED "\r\n--b\r\n\r\n" U "\r\n--b--",
     MIXED "\r\n--b\r\n" QP "\r\n=C3=BC\r\n--b--", false, NULL},
    {"base64 stays",
     MIXED "\r\n--b\r\nContent-Transfer-Encoding: BASE64\r\n\r\nYWJj\r\n--b\r\n\r\n" U "\r\n--b--\r\n",
     MIXED "\r\n--b\r\nContent-Transfer-Encoding: BASE64\r\n\r\nYWJj\r\n--b\r\n" QP "\r\n=C3=BC\r\n--b--\r\n",
     false, NULL},
    {"a multipart in a multipart; the longer boundary counts",
     MIXED "\r\n--b\r\nContent-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n--b1\r\n\r\n" U
           "\r\n--b1--\r\n--b\r\n\r\n" U "\r\n--b--\r\n",
     MIXED "\r\n--b\r\nContent-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n--b1\r\n" QP
           "\r\n=C3=BC\r\n--b1--\r\n--b\r\n" QP "\r\n=C3=BC\r\n--b--\r\n",
     false, NULL},
    {"a message in a message",
     "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nE: f\r\n\r\n" U "\r\n",
     "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\nMIME-Version: 1.0\r\n\r\nE: f\r\n"
     "MIME-Version: 1.0\r\n" QP "\r\n=C3=BC\r\n",
     false, NULL},
    {"comments and folding",
     "Content-Type: (a \\) b) Multipart/Mixed\r\n ;\r\n boundary=\"a\\b c\"; x=y\r\n\r\n--ab c\r\n\r\n" U
     "\r\n",
     "Content-Type: (a \\) b) Multipart/Mixed\r\n ;\r\n boundary=\"a\\b c\"; x=y\r\n\r\n--ab c\r\n" QP
     "\r\n=C3=BC\r\n",
     false, NULL},
    {"a part without a body", MIXED "\r\n--b\r\nA: b\r\n--b\r\n\r\n" U "\r\n",
     MIXED "\r\n--b\r\nA: b\r\n--b\r\n" QP "\r\n=C3=BC\r\n", false, NULL},
    {"multipart/signed", "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n" U "\r\n--b--\r\n",
     NULL, false, "it is signed or encrypted"},
    {"S/MIME", "Content-Type: application/pkcs7-mime\r\n\r\n" U "\r\n", NULL, false,
     "it is signed or encrypted"},
    {"DKIM", "DKIM-Signature: v=1\r\n\r\n" U "\r\n", NULL, false, "it is signed or encrypted"},
    {"clear-signed", "A: b\r\n\r\nx\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n" U "\r\n", NULL, false,
     "it is signed or encrypted"},
    {"two types", "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n" U "\r\n", NULL, false,
     "it is signed or encrypted"},
    {"base64 that is none", "Content-Transfer-Encoding: base64\r\n\r\n" U "\r\n", NULL, false,
     "a part of it says that it is encoded, and is not"},
    {"message/partial", "Content-Type: message/partial\r\n\r\n" U "\r\n", NULL, false,
     "a part of it is of a kind that may not be encoded"},
    {"multipart without boundary", "Content-Type: multipart/mixed\r\n\r\n" U "\r\n", NULL, false,
     "a part of it is of a kind that may not be encoded"},
    {"a header within", MIXED "\r\n--b\r\nA: " U "\r\n\r\nx\r\n--b--\r\n", NULL, false,
     "such octets stand outside of its parts"},
    {"an epilogue", MIXED "\r\n--b--\r\n" U "\r\n", NULL, false, "such octets stand outside of its parts"},
    {"signed beside not signed",
     MIXED
     "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b\r\n\r\n" U
     "\r\n--b--\r\n",
     MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b\r\n" QP
           "\r\n=C3=BC\r\n--b--\r\n",
     false, NULL},
};

static void feed(struct mime *m, const char *in, size_t n, size_t step)
{
    struct err err;
    for (size_t at = 0; at < n; at += step)
        ck_assert(mime_add(m, in + at, n - at < step ? n - at : step, &err));
    ck_assert(mime_end(m, &err));
    mime_free(m);
}

static void check(const char *in, size_t n, size_t step, struct mime_plan *plan, struct str *out)
{
    struct mime m;
    mime_survey(&m, plan);
    feed(&m, in, n, step);
    mime_repair(&m, plan, out);
    feed(&m, in, n, step);
}

START_TEST(test_mime_case)
{
    const char *in = cases[_i].in, *want = cases[_i].out != NULL ? cases[_i].out : in;
    for (size_t step = 1; step <= strlen(in); step += step < 90 ? 1 : strlen(in)) {
        struct mime_plan plan = {.ascii = !cases[_i].wide};
        struct str out = STR_INIT(10000);
        check(in, strlen(in), step, &plan, &out);
        ck_assert_msg(strcmp(out.buf, want) == 0, "%s: %s", cases[_i].name, out.buf);
        ck_assert_int_eq(plan.repairs, cases[_i].out != NULL);
        ck_assert_pstr_eq(plan.stuck, cases[_i].stuck);
        ck_assert_int_eq(plan.eight_bit, strstr(want, U) != NULL);
        str_free(&out);
    }
}
END_TEST

static const struct {
    size_t octets;
    const char *end;
    bool repairs;
} lengths[] = {{998, "\r\n", false}, {999, "\r\n", true}, {998, "\r\nx\r\n", false}, {5000, "", true}};

START_TEST(test_mime_long_lines)
{
    char in[6000] = "A: b\r\n\r\nx\r\n";
    size_t head = strlen(in);
    memset(in + head, 'x', lengths[_i].octets);
    strncat(in, lengths[_i].end, 100);
    for (size_t step = 1; step < 1200; step += 97) {
        struct mime_plan plan = {.ascii = false};
        struct str out = STR_INIT(20000);
        check(in, strlen(in), step, &plan, &out);
        ck_assert_int_eq(plan.repairs, lengths[_i].repairs);
        ck_assert(strstr(out.buf, "quoted-printable") == NULL || strstr(out.buf, "\r\nxxxx") != NULL);
        str_free(&out);
    }
}
END_TEST

START_TEST(test_mime_depth)
{
    struct str in = STR_INIT(100000), out = STR_INIT(200000);
    struct mime_plan plan = {.ascii = true};
    struct err err;
    for (size_t i = 0; i < MIME_DEPTH_MAX + 1; i++)
        ck_assert(
            str_addf(&in, &err, "Content-Type: multipart/mixed; boundary=b%zuc\r\n\r\n--b%zuc\r\n", i, i));
    ck_assert(str_addz(&in, "\r\n" U "\r\n", &err));
    check(in.buf, in.len, in.len, &plan, &out);
    ck_assert_pstr_ne(plan.stuck, NULL);
    ck_assert_str_eq(in.buf, out.buf);
    str_free(&in);
    str_free(&out);
}
END_TEST

/* A digest of many messages is not deep. */
START_TEST(test_mime_digest)
{
    struct str in = STR_INIT(100000), out = STR_INIT(200000);
    struct mime_plan plan = {.ascii = true};
    struct err err;
    ck_assert(str_addz(&in, "Content-Type: multipart/digest; boundary=b\r\n\r\n", &err));
    for (size_t i = 0; i < 3 * MIME_DEPTH_MAX; i++)
        ck_assert(str_addz(&in, "--b\r\n\r\nSubject: x\r\n\r\n" U "\r\n", &err));
    check(in.buf, in.len, in.len, &plan, &out);
    ck_assert_pstr_eq(plan.stuck, NULL);
    ck_assert_ptr_eq(strstr(out.buf, U), NULL);
    str_free(&in);
    str_free(&out);
}
END_TEST

START_TEST(test_mime_header_limit)
{
    struct str in = STR_INIT(4u << 20), out = STR_INIT(16u << 20);
    struct mime_plan plan = {.ascii = true};
    struct err err;
    while (in.len <= MIME_HEADER_MAX)
        ck_assert(str_addz(&in, "A: " LONG "\r\n", &err));
    ck_assert(str_addz(&in, "\r\n" U "\r\n", &err));
    check(in.buf, in.len, 4096, &plan, &out);
    ck_assert_pstr_ne(plan.stuck, NULL);
    ck_assert_str_eq(in.buf, out.buf);
    str_free(&in);
    str_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mime");
    TCase *tc = tcase_create("mime");
    tcase_add_loop_test(tc, test_mime_case, 0, sizeof cases / sizeof cases[0]);
    tcase_add_loop_test(tc, test_mime_long_lines, 0, sizeof lengths / sizeof lengths[0]);
    tcase_add_test(tc, test_mime_depth);
    tcase_add_test(tc, test_mime_digest);
    tcase_add_test(tc, test_mime_header_limit);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
