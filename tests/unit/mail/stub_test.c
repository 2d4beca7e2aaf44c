/* stub - the header stays, what describes the body goes, and the command can be pasted. */
#include "unit.h"

#include <string.h>

#include "mail/stub.h"

static const char tail[] =
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "This message is 52 MB large, more than max_size allows for. Only its header is\r\n"
    "here; the message itself is still on the server. To fetch the whole of it:\r\n\r\n    GET\r\n";

static const struct {
    const char *header, *kept;
} headers[] = {
    {"From: a\r\nSubject: b\r\n c\r\n\r\n", "From: a\r\nSubject: b\r\n c\r\n"},
    {"From: a\nX: b\n\nbody: no\n", "From: a\r\nX: b\r\n"},
    {"Content-Type: multipart/mixed;\r\n boundary=x\r\nFrom: a\r\nmime-version: 1.0\r\nCONTENT-ID: "
     "<x>\r\nLines: 7\r\n\r\n",
     "From: a\r\n"},
    {"From: a\r\nSubject: cut of", "From: a\r\n"},
    {"", ""},
    {"\r\n", ""},
    {"no header at all\r\n", ""},
};

START_TEST(test_stub_make)
{
    struct str out = STR_INIT(65536);
    struct err err = {0};
    size_t kept = strlen(headers[_i].kept);
    ck_assert(stub_make(headers[_i].header, strlen(headers[_i].header), 50u << 20, "GET", &out, &err));
    ck_assert_uint_gt(out.len, kept);
    ck_assert(strncmp(out.buf, headers[_i].kept, kept) == 0);
    ck_assert_str_eq(out.buf + kept, tail);
    str_free(&out);
}
END_TEST

static const struct {
    const char *word, *quoted;
} words[] = {
    {"INBOX/4711", "INBOX/4711"}, {"", "''"},         {"Lists a/1", "'Lists a/1'"},
    {"it's/1", "'it'\\''s/1'"},   {"$(x)", "'$(x)'"}, {"Entw\xc3\xbcrfe/2", "'Entw\xc3\xbcrfe/2'"},
};

START_TEST(test_stub_add_word)
{
    struct str out = STR_INIT(100);
    struct err err = {0};
    ck_assert(stub_add_word(&out, words[_i].word, &err));
    ck_assert_str_eq(out.buf, words[_i].quoted);
    str_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stub");
    TCase *tc = tcase_create("stub");
    tcase_add_loop_test(tc, test_stub_make, 0, sizeof headers / sizeof *headers);
    tcase_add_loop_test(tc, test_stub_add_word, 0, sizeof words / sizeof *words);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
