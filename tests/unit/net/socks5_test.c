/* SOCKS5 byte by byte, over memory. */
#include "net/socks5.h"

#include <string.h>

#include "drip.h"
#include "unit.h"

static const struct {
    const char *url, *host, *user, *password; /* host NULL: refused */
    unsigned port;
} urls[] = {
    {"socks5://127.0.0.1:9050", "127.0.0.1", "", "", 9050},
    {"SOCKS5H://proxy.example/", "proxy.example", "", "", 1080},
    {"socks5://[::1]:9050", "::1", "", "", 9050},
    {"socks5://[::1]", "::1", "", "", 1080},
    {"socks5://ada:s%3aec%40ret@h:1", "h", "ada", "s:ec@ret", 1},
    {"socks5://ada@h", "h", "ada", "", 1080},
    {"socks5://ada:p@ss@h", "h", "ada", "p@ss", 1080},
    {"http://h:1", NULL, 0, 0, 0},
    {"h:1080", NULL, 0, 0, 0},
    {"socks5://", NULL, 0, 0, 0},
    {"socks5://h:0", NULL, 0, 0, 0},
    {"socks5://h:65536", NULL, 0, 0, 0},
    {"socks5://h:1x", NULL, 0, 0, 0},
    {"socks5://[::1", NULL, 0, 0, 0},
    {"socks5://a%0:b@h", NULL, 0, 0, 0},
    {"socks5://a%00:b@h", NULL, 0, 0, 0},
};

START_TEST(test_socks5_parse)
{
    struct socks5_proxy proxy;
    struct err err = {0};
    bool good = socks5_parse(urls[_i].url, &proxy, &err);
    ck_assert_int_eq(good, urls[_i].host != NULL);
    if (good) {
        ck_assert_str_eq(proxy.host, urls[_i].host);
        ck_assert_str_eq(proxy.user, urls[_i].user);
        ck_assert_str_eq(proxy.password, urls[_i].password);
        ck_assert_uint_eq(proxy.port, urls[_i].port);
    } else {
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert_str_eq(err.what, "The option proxy does not name a SOCKS5 proxy.");
    }
}
END_TEST

#define BYTES(s) s, sizeof s - 1

static const struct {
    const char *url, *host;
    const char *input;
    size_t input_n;
    const char *output;
    size_t output_n;
    const char *what; /* NULL: connected */
} talks[] = {
    {"socks5://p", "mail.example.org",
     BYTES("\5\0\5\0\0\1\0\0\0\0\0\0"
           "220"),
     BYTES("\5\1\0\5\1\0\3\x10mail.example.org\1\xd1"), NULL},
    {"socks5://p", "192.0.2.1",
     BYTES("\5\0\5\0\0\3\4host\0\0"
           "220"),
     BYTES("\5\1\0\5\1\0\1\xc0\0\2\1\1\xd1"), NULL},
    {"socks5://p", "::1",
     BYTES("\5\0\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
           "220"),
     BYTES("\5\1\0\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\xd1"), NULL},
    {"socks5://u:pw@p", "a",
     BYTES("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"
           "220"),
     BYTES("\5\2\0\2\1\1u\2pw\5\1\0\3\1a\1\xd1"), NULL},
    {"socks5://u:pw@p", "a",
     BYTES("\5\0\5\0\0\1\0\0\0\0\0\0"
           "220"),
     BYTES("\5\2\0\2\5\1\0\3\1a\1\xd1"), NULL},
    {"socks5://u:pw@p", "a", BYTES("\5\2\1\1"), BYTES("\5\2\0\2\1\1u\2pw"),
     "refused the user name or password"},
    {"socks5://p", "a", BYTES("\5\xff"), BYTES("\5\1\0"), "refused the user name or password"},
    {"socks5://p", "a", BYTES("\5\2"), BYTES("\5\1\0"), "refused the user name or password"},
    {"socks5://p", "a", BYTES("HTTP/1.0 400"), BYTES("\5\1\0"), "does not speak SOCKS5"},
    {"socks5://p", "a", BYTES("\5\0\5\4\0\1\0\0\0\0\0\0"), BYTES("\5\1\0\5\1\0\3\1a\1\xd1"),
     "the host is unknown"},
    {"socks5://p", "a", BYTES("\5\0\5\5\0\1\0\0\0\0\0\0"), BYTES("\5\1\0\5\1\0\3\1a\1\xd1"),
     "refused the connection"},
    {"socks5://p", "a", BYTES("\5\0\5\xee\0\1\0\0\0\0\0\0"), BYTES("\5\1\0\5\1\0\3\1a\1\xd1"),
     "a reason of its own"},
    {"socks5://p", "a", BYTES("\5\0\5\0\0\2"), BYTES("\5\1\0\5\1\0\3\1a\1\xd1"), "does not speak SOCKS5"},
    {"socks5://p", "a", BYTES("\5\0\5\0\0\1\0\0\0\0\0"), BYTES("\5\1\0\5\1\0\3\1a\1\xd1"),
     "closed the connection"},
    {"socks5://p", "a", BYTES("\5"), BYTES("\5\1\0"), "closed the connection"},
};

START_TEST(test_socks5_talk)
{
    for (size_t step = 1; step <= talks[_i].input_n; step++) {
        struct str out = STR_INIT(1000), rest = STR_INIT(100);
        struct socks5_proxy proxy;
        struct err err = {0};
        struct stream *s = stream_from_memory(talks[_i].input, talks[_i].input_n, &out, &err);
        drip_push(s, step);
        ck_assert(socks5_parse(talks[_i].url, &proxy, &err));
        bool good = socks5_connect(s, &proxy, talks[_i].host, 465, &err);
        ck_assert_int_eq(good, talks[_i].what == NULL);
        ck_assert_uint_eq(out.len, talks[_i].output_n);
        ck_assert_mem_eq(out.buf, talks[_i].output, out.len);
        if (good) { /* what the server says right behind is not swallowed */
            ck_assert(!stream_read_line(s, &rest, &err));
            ck_assert_str_eq(rest.buf, "220");
        } else {
            ck_assert_msg(strstr(err.what, talks[_i].what) != NULL, "%s", err.what);
            ck_assert_int_eq(strncmp(err.what, talks[_i].host, strlen(talks[_i].host)), 0);
            ck_assert_ptr_null(strstr(err.what, "pw"));
        }
        stream_close(&s);
        str_free(&out);
        str_free(&rest);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("socks5");
    TCase *t = tcase_create("socks5");
    tcase_add_loop_test(t, test_socks5_parse, 0, sizeof urls / sizeof *urls);
    tcase_add_loop_test(t, test_socks5_talk, 0, sizeof talks / sizeof *talks);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
