/* secret: the netrc grammar, first lines, the order of sources and their four answers; commands and files as
 * they are. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/secret_source.h"
#include "base/fs.h"

/* -- netrc -- */

static const struct netrc_case {
    const char *text, *host, *login;
    const char *expect; /* NULL: absent */
} netrcs[] = {
    {"machine mail.example.org login ada password sesame", "mail.example.org", "ada", "sesame"},
    {"machine mail.example.org\n\tlogin ada\n\tpassword sesame\n", "mail.example.org", "ada", "sesame"},
    {"machine mail.example.org\r\nlogin ada\r\npassword sesame\r\n", "mail.example.org", "ada", "sesame"},
    {"machine MAIL.example.org login ada password sesame", "mail.example.org", "ada", "sesame"},
    {"machine mail.example.org password sesame login ada", "mail.example.org", "ada", "sesame"},
    {"machine mail.example.org password sesame", "mail.example.org", "ada", "sesame"},
    {"machine mail.example.org login bob password no machine mail.example.org login ada password yes",
     "mail.example.org", "ada", "yes"},
    {"machine mail.example.org password no login bob\nmachine mail.example.org login ada password yes",
     "mail.example.org", "ada", "yes"},
    {"machine a password one machine b password two", "b", "ada", "two"},
    {"machine a password one machine b password two", "a", "ada", "one"},
    {"machine a password one machine b password two", "c", "ada", NULL},
    {"machine a password one default login ada password other", "c", "ada", "other"},
    {"machine a password one default login bob password other", "c", "ada", NULL},
    {"machine a login ada password \"two words\"", "a", "ada", "two words"},
    {"machine a login ada password \"with \\\" quote\"", "a", "ada", "with \" quote"},
    {"machine a login ada password back\\\\slash", "a", "ada", "back\\slash"},
    {"machine a login ada password com,ma", "a", "ada", "com,ma"},
    {"machine a login ada password #hash", "a", "ada", "#hash"},
    {"# machine a password old\nmachine a login ada password new # comment\n", "a", "ada", "new"},
    {"machine a login machine password password", "a", "machine", "password"},
    {"macdef init\nmachine a password trap\n\nmachine a login ada password real", "a", "ada", "real"},
    {"machine a\nmacdef init\npassword trap\n\nmachine a login ada password real", "a", "ada", "real"},
    {"machine a account staff login ada password x", "a", "ada", "x"},
    {"machine a port 993 login ada password x", "a", "ada", "x"},
    {"machine a login ada password", "a", "ada", NULL},
    {"machine a login ada password \"\"", "a", "ada", NULL},
    {"machine a login ada password \"open", "a", "ada", "open"},
    {"machine", "a", "ada", NULL},
    {"", "a", "ada", NULL},
    {"machine a login Ada password x", "a", "ada", NULL},
    {"machine a password x", NULL, "ada", NULL},
    {"machine a login bob password x", "a", NULL, "x"},
};

START_TEST(test_netrc)
{
    const struct netrc_case *c = &netrcs[_i];
    struct err err = {0};
    struct str out = STR_INIT(SECRET_MAX);
    enum secret_answer answer = secret_netrc_find(c->text, strlen(c->text), c->host, c->login, &out, &err);
    ck_assert_int_eq(answer, c->expect != NULL ? SECRET_FOUND : SECRET_ABSENT);
    if (c->expect != NULL)
        ck_assert_str_eq(out.buf, c->expect);
    for (size_t n = 0; n < strlen(c->text); n++) { /* the file cut anywhere, in memory of just that size */
        char *part = malloc(n + 1);
        memcpy(part, c->text, n);
        (void)secret_netrc_find(part, n, c->host, c->login, &out, &err);
        free(part);
    }
    str_wipe(&out);
}
END_TEST

/* -- first lines -- */

static const struct line_case {
    const char *text;
    size_t n; /* 0: strlen */
    const char *expect;
} lines[] = {
    {"sesame", 0, "sesame"},
    {"sesame\n", 0, "sesame"},
    {"sesame\r\n", 0, "sesame"},
    {"sesame\nsecond line\n", 0, "sesame"},
    {" blanks stay \n", 0, " blanks stay "},
    {"\n", 0, NULL},
    {"\nsesame", 0, NULL},
    {"", 0, NULL},
    {"a\0b\n", 4, NULL},
    {"a\n\0b", 4, "a"},
};

START_TEST(test_take_line)
{
    const struct line_case *c = &lines[_i];
    struct err err = {0};
    struct str text = STR_INIT(SECRET_SOURCE_MAX);
    struct secret secret;
    secret_init(&secret);
    ck_assert(str_add(&text, c->text, c->n != 0 ? c->n : strlen(c->text), &err));
    enum secret_answer answer = secret_take_line(&text, "The test", &secret, &err);
    ck_assert_int_eq(answer, c->expect != NULL ? SECRET_FOUND : SECRET_FAILED);
    if (c->expect != NULL)
        ck_assert_str_eq(secret.bytes.buf, c->expect);
    else
        ck_assert_int_eq(err.kind, ERR_SECRET);
    ck_assert_uint_eq(text.len, 0);
    secret_wipe(&secret);
}
END_TEST

/* -- sources -- */

static char folder[] = "/tmp/tappal-secret-XXXXXX";

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (long)strlen(text));
    close(fd);
}

static const struct source_case {
    const char *sources[3]; /* %s: the test's folder */
    enum secret_answer expect;
    const char *password; /* FOUND */
    const char *part;     /* else: part of the sentence or hint */
    enum err_kind kind;
} sources[] = {
    {.sources = {"command printf sesame"}, .password = "sesame"},
    {.sources = {"command printf 'two words'"}, .password = "two words"},
    {.sources = {"command sh: printf 'se%%s' same; exit 0"}, .password = "sesame"},
    {.sources = {"command printf %%s $HOME;x"}, .password = "$HOME;x"}, /* no shell */
    {.sources = {"command false"}, .expect = SECRET_FAILED, .part = "exit status 1", .kind = ERR_SECRET},
    {.sources = {"command sh: printf sesame; exit 3"},
     .expect = SECRET_FAILED,
     .part = "exit status 3",
     .kind = ERR_SECRET},
    {.sources = {"command sh: kill -9 $$"}, .expect = SECRET_FAILED, .part = "signal 9", .kind = ERR_SECRET},
    {.sources = {"command true"}, .expect = SECRET_FAILED, .part = "empty password", .kind = ERR_SECRET},
    {.sources = {"command head -c 70000 /dev/zero"},
     .expect = SECRET_FAILED,
     .part = "65536",
     .kind = ERR_SECRET},
    {.sources = {"command /no/such/program"},
     .expect = SECRET_FAILED,
     .part = "could not be started",
     .kind = ERR_SECRET},
    {.sources = {"command cat"},
     .expect = SECRET_FAILED,
     .part = "empty password",
     .kind = ERR_SECRET}, /* stdin is /dev/null */
    {.sources = {"command"}, .expect = SECRET_FAILED, .part = "names no command", .kind = ERR_CONFIG},
    {.sources = {"command 'open"},
     .expect = SECRET_FAILED,
     .part = "password_from = command",
     .kind = ERR_CONFIG},
    {.sources = {"file %s/good"}, .password = "from a file"},
    {.sources = {"file good"}, .password = "from a file"}, /* in the configuration's folder */
    {.sources = {"file %s/link"}, .password = "from a file"},
    {.sources = {"file %s/readable"}, .expect = SECRET_FAILED, .part = "readable"},
    {.sources = {"file %s/fifo"}, .expect = SECRET_FAILED, .part = "plain file", .kind = ERR_SECRET},
    {.sources = {"file %s"}, .expect = SECRET_FAILED, .part = "plain file", .kind = ERR_SECRET},
    {.sources = {"file %s/none"}, .expect = SECRET_ABSENT, .part = "the file ", .kind = ERR_AUTH},
    {.sources = {"file %s/none", "command printf second"}, .password = "second"},
    {.sources = {"command false", "command printf second"},
     .expect = SECRET_FAILED,
     .part = "exit status",
     .kind = ERR_SECRET},
    {.sources = {"credential mail"}, .password = "from a credential"},
    {.sources = {"credential none", "file good"}, .password = "from a file"},
    {.sources = {"credential ../good"}, .expect = SECRET_FAILED, .part = "plain name", .kind = ERR_CONFIG},
    {.sources = {"netrc"}, .password = "from netrc"},
    {.sources = {"prompt"}, .expect = SECRET_LOCKED, .part = "no terminal", .kind = ERR_SECRET},
    {.sources = {"file none", "credential none"},
     .expect = SECRET_ABSENT,
     .part = "tappal auth login work",
     .kind = ERR_AUTH},
    {.sources = {"pigeon"}, .expect = SECRET_FAILED, .part = "no known source", .kind = ERR_CONFIG},
};

START_TEST(test_sources)
{
    const struct source_case *c = &sources[_i];
    struct err err = {0};
    struct strv written = STRV_INIT;
    struct secret secret;
    struct secret_query query = {.account = "work",
                                 .host = "mail.example.org",
                                 .service = "imap",
                                 .login = "ada",
                                 .config_dir = folder};
    secret_init(&secret);
    for (int i = 0; i < 3 && c->sources[i] != NULL; i++) {
        struct str s = STR_INIT(4096);
        for (const char *at = c->sources[i]; *at != '\0'; at++) {
            bool folder_here = at[0] == '%' && at[1] == 's';
            ck_assert(folder_here ? str_addz(&s, folder, &err) : str_addc(&s, *at, &err));
            at += folder_here || (at[0] == '%' && at[1] == '%');
        }
        ck_assert(strv_add(&written, s.buf, &err));
        str_free(&s);
    }
    enum secret_answer answer = secret_get(&written, &query, &secret, &err);
    ck_assert_msg(answer == c->expect, "%s: %d %s", c->sources[0], answer, err.what);
    if (c->expect == SECRET_FOUND)
        ck_assert_str_eq(secret.bytes.buf, c->password);
    else
        ck_assert_msg(strstr(err.what, c->part) != NULL || strstr(err.hint, c->part) != NULL, "%s / %s",
                      err.what, err.hint);
    if (c->kind != 0)
        ck_assert_msg(err.kind == c->kind, "%d: %s", (int)err.kind, err.what);
    secret_wipe(&secret);
    strv_free(&written);
}
END_TEST

static void make_folder(void)
{
    char path[200];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file("good", "from a file\n", 0600);
    write_file("readable", "from a file\n", 0644);
    write_file("mail", "from a credential", 0400);
    write_file(".netrc", "machine mail.example.org login ada password \"from netrc\"\n", 0600);
    snprintf(path, sizeof path, "%s/link", folder);
    ck_assert_int_eq(symlink("good", path), 0);
    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    setenv("HOME", folder, 1);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
}

static void remove_folder(void)
{
    static const char *const names[] = {"good", "readable", "mail", ".netrc", "link", "fifo"};
    char path[200];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
    Suite *suite = suite_create("secret");
    TCase *pure = tcase_create("pure"), *files = tcase_create("sources");
    tcase_add_loop_test(pure, test_netrc, 0, COUNT(netrcs));
    tcase_add_loop_test(pure, test_take_line, 0, COUNT(lines));
    tcase_add_unchecked_fixture(files, make_folder, remove_folder);
    tcase_add_loop_test(files, test_sources, 0, COUNT(sources));
    suite_add_tcase(suite, pure);
    suite_add_tcase(suite, files);
    return unit_run(suite);
}
