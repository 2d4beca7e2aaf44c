/* aliases: files as people have them, and what a name comes to. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "conf/aliases.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const struct {
    const char *file, *name, *out, *faults;
} cases[] = {
    {"", "root", "root|", ""},
    {"root: ada@example.org\n", "root", "ada@example.org|", ""},
    {"root: ada@example.org", "ROOT", "ada@example.org|", ""},
    {"root:ada@example.org\r\n", "bob", "bob|", ""},
    {"# a comment\n\n  # another\nRoot : ada@example.org, bob # and why\n", "root", "ada@example.org|bob|",
     ""},
    {"root: ada@example.org,\n\tbob@example.test\n# between\n , eve@example.test\nx: y\n", "root",
     "ada@example.org|bob@example.test|eve@example.test|", ""},
    {"postmaster: root\nroot: ada\nada: ada@example.org\n", "postmaster", "ada@example.org|", ""},
    {"\"a b\": c@d\n", "a b", "c@d|", ""},
    {"root: Ada <ada@example.org>, \"x y\"@example.org\n", "root", "ada@example.org|\"x y\"@example.org|",
     ""},
    /* default */
    {"root: ada@example.org\ndefault: bob@example.test\n", "www-data", "bob@example.test|", ""},
    {"root: ada@example.org\ndefault: bob@example.test\n", "root", "ada@example.org|", ""},
    {"root: staff\ndefault: bob@example.test\n", "root", "bob@example.test|", ""},
    {"default: bob\n", "root", "bob|", ""},
    {"default: root\n", "root", "root|", ""},
    /* loops */
    {"a: b\nb: a\n", "a", "", ""},
    {"a: b, x@y\nb: a\n", "a", "x@y|", ""},
    {"a: a\n", "a", "a|", ""},
    {"a: a, x@y\n", "a", "a|x@y|", ""},
    {"a: \\a, x@y\n", "a", "a|x@y|", ""},
    {"a: b, c\nb: d\nc: d\nd: x@y\n", "a", "x@y|", ""},
    /* what is never done */
    {"a: |/bin/sh, \"|/bin/sh -c x\", x@y\n", "a", "x@y|",
     "1: \"|/bin/sh\" is a command; tappal runs none for an address.\n"
     "1: \"\"|/bin/sh -c x\"\" is a command; tappal runs none for an address.\n"},
    {"\na: |\"/usr/bin/procmail x\"\n", "a", "",
     "2: \"|\"/usr/bin/procmail x\"\" is a command; tappal runs none for an address.\n"},
    {"a: /var/mail/a, \"/dev/null\"\n", "a", "",
     "1: \"/var/mail/a\" is a file; tappal writes none for an address.\n"
     "1: \"\"/dev/null\"\" is a file; tappal writes none for an address.\n"},
    {"a: \\/dev/null, \\|x\n", "a", "",
     "1: \"\\/dev/null\" is a file; tappal writes none for an address.\n"
     "1: \"\\|x\" is a command; tappal runs none for an address.\n"},
    {"a: :include:/etc/list\n", "a", "",
     "1: \":include:/etc/list\" is a list to include, which tappal does not support.\n"},
    /* faults */
    {"x y z\nb: c@d\n", "b", "c@d|", "1: \"x y z\" is not an alias: its name and a colon are missing.\n"},
    {": x@y\nb: c@d\n", "b", "c@d|", "1: \": x@y\" is not an alias: its name and a colon are missing.\n"},
    {"\\a: x@y\n", "a", "a|", "1: \"\\a: x@y\" is not an alias: its name and a colon are missing.\n"},
    {"a\001: x@y\n", "a", "a|", "1: \"a\\x01: x@y\" is not an alias: its name and a colon are missing.\n"},
    {"a: two words, c@d\n", "a", "c@d|", "1: \"two words\" is not a mail address.\n"},
    {"a: b@c\nA: d@e\n", "a", "b@c|", "2: \"a\" has an entry already, which counts.\n"},
    {"a:\n", "a", "", ""},
};

START_TEST(test_aliases)
{
    struct aliases a;
    struct err err;
    struct strv out = STRV_INIT;
    struct str shown = STR_INIT(10000);
    ck_assert(aliases_parse(cases[_i].file, strlen(cases[_i].file), &a, &err));
    for (int again = 0; again < 2; again++) { /* a second question is answered as the first */
        str_clear(&shown);
        strv_free(&out);
        ck_assert(aliases_expand(&a, cases[_i].name, &out, &err));
        for (size_t i = 0; i < out.count; i++)
            ck_assert(str_addf(&shown, &err, "%s|", out.items[i]));
        ck_assert_str_eq(shown.buf, cases[_i].out);
    }
    str_clear(&shown);
    for (size_t i = 0; i < a.faults.count; i++)
        ck_assert(str_addf(&shown, &err, "%s\n", a.faults.items[i]));
    ck_assert_str_eq(shown.buf, cases[_i].faults);
    strv_free(&out);
    str_free(&shown);
    aliases_free(&a);
}
END_TEST

START_TEST(test_aliases_one_more_byte)
{
    for (size_t n = 0; n <= strlen(cases[_i].file); n++) {
        struct aliases a;
        struct err err;
        struct strv out = STRV_INIT;
        char *copy = malloc(n + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, cases[_i].file, n);
        ck_assert(aliases_parse(copy, n, &a, &err) && aliases_expand(&a, cases[_i].name, &out, &err));
        strv_free(&out);
        aliases_free(&a);
        free(copy);
    }
}
END_TEST

START_TEST(test_aliases_many)
{
    struct str text = STR_INIT(ALIASES_FILE_MAX);
    struct strv out = STRV_INIT;
    struct aliases a;
    struct err err;
    for (int i = 0; i < 20000; i++)
        ck_assert(str_addf(&text, &err, "n%d: n%d\nx y\n", i, i + 1));
    ck_assert(aliases_parse(text.buf, text.len, &a, &err));
    ck_assert_uint_eq(a.count, 20000);
    ck_assert_uint_eq(a.faults.count, ALIASES_FAULTS_MAX);
    ck_assert(aliases_expand(&a, "n0", &out, &err));
    ck_assert_uint_eq(out.count, 1);
    ck_assert_str_eq(out.items[0], "n20000");
    aliases_free(&a);
    strv_free(&out);
    str_free(&text);
}
END_TEST

START_TEST(test_aliases_file)
{
    char path[] = "/tmp/aliases-XXXXXX";
    struct aliases a;
    struct err err;
    int fd = mkstemp(path);
    ck_assert(fd >= 0 && fs_write_all(fd, "root: a@b\n", 10, path, &err));
    ck_assert(aliases_read(path, &a, &err));
    ck_assert_uint_eq(a.count, 1);
    aliases_free(&a);
    ck_assert_int_eq(fchmod(fd, 0622), 0); /* others could send the mail for root where they like */
    ck_assert(!aliases_read(path, &a, &err) && err.kind == ERR_CONFIG);
    close(fd);
    unlink(path);
    ck_assert(!aliases_read(path, &a, &err) && err.kind == ERR_CONFIG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("aliases");
    TCase *tc = tcase_create("aliases");
    tcase_add_loop_test(tc, test_aliases, 0, COUNT(cases));
    tcase_add_loop_test(tc, test_aliases_one_more_byte, 0, COUNT(cases));
    tcase_add_test(tc, test_aliases_many);
    tcase_add_test(tc, test_aliases_file);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
