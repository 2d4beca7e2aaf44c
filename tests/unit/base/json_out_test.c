/* json_out: what goes in and what must come out. */
#include "unit.h"

#include <string.h>

#include "base/json_out.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
    const char *in, *out;
} strings[] = {
    {"", "\"\""},
    {NULL, "null"},
    {"Ada \xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xae", "\"Ada \xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xae\""},
    {"a\"b\\c/", "\"a\\u0022b\\u005cc/\""},
    {"\r\n\t\x1b\x7f", "\"\\u000d\\u000a\\u0009\\u001b\\u007f\""},
    {"\xc2\x9b", "\"\\u009b\""},          /* C1 CSI */
    {"\xe2\x80\xae", "\"\\u202e\""},      /* turns the line */
    {"a\xff\xc3", "\"a\\ufffd\\ufffd\""}, /* no UTF-8, and cut off */
    {"\xe2\x82", "\"\\ufffd\\ufffd\""},
    {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* a surrogate */
};

START_TEST(test_json_strings)
{
    struct err err;
    struct str out = STR_INIT(1000);
    struct json_out j = json_begin(&out);
    ck_assert(json_text(&j, NULL, strings[_i].in, &err));
    ck_assert_str_eq(out.buf, strings[_i].out);
    str_free(&out);
}
END_TEST

START_TEST(test_json_nests)
{
    struct err err;
    struct str out = STR_INIT(1000);
    struct json_out j = json_begin(&out);
    ck_assert(json_open(&j, NULL, '[', &err) && json_open(&j, NULL, '{', &err) && json_close(&j, '}', &err) &&
              json_open(&j, NULL, '{', &err) && json_number(&j, "n", INT64_MIN, &err) &&
              json_bool(&j, "yes", true, &err) && json_open(&j, "list", '[', &err) &&
              json_text(&j, NULL, "a", &err) && json_number(&j, NULL, 1, &err) && json_close(&j, ']', &err) &&
              json_bool(&j, "no", false, &err) && json_close(&j, '}', &err) && json_close(&j, ']', &err));
    ck_assert_str_eq(out.buf,
                     "[{},{\"n\":-9223372036854775808,\"yes\":true,\"list\":[\"a\",1],\"no\":false}]");
    str_free(&out);
}
END_TEST

START_TEST(test_json_keeps_the_maximum)
{
    struct err err;
    struct str out = STR_INIT(4);
    struct json_out j = json_begin(&out);
    ck_assert(!json_text(&j, NULL, "12345", &err));
    str_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/json_out");
    TCase *tc = tcase_create("json_out");
    tcase_add_loop_test(tc, test_json_strings, 0, COUNT(strings));
    tcase_add_test(tc, test_json_nests);
    tcase_add_test(tc, test_json_keeps_the_maximum);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
