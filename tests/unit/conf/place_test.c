/* place, person: whose folders count, and who may read and write what. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/text.h"
#include "conf/person.h"
#include "conf/place.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define GOOD_SEND "[account]\naddress = ada@example.org\n[send]\nhost = smtp.example.org\n"
#define GOOD_FETCH                                                                                           \
    "[account]\naddress = ada@example.org\n[fetch]\nhost = imap.example.org\nmaildir = ~/Mail\n"

static void make_root(void)
{
    static const char *const variables[] = {"TAPPAL_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME"};
    unit_folder_make();
    for (size_t i = 0; i < COUNT(variables); i++)
        unsetenv(variables[i]);
    setenv("HOME", unit_folder, 1);
    proc_begin("tappal");
}

static struct place find(const char *option)
{
    struct err err = {0};
    struct place place;
    ck_assert_msg(place_find(option, &place, &err), "%s", err.what);
    return place;
}

/* below - what a path is under the temporary folder, or the path itself */
static const char *below(const char *path)
{
    return path && text_starts(path, unit_folder) ? path + strlen(unit_folder) : path;
}

START_TEST(test_place_home_and_xdg)
{
    struct err err;
    char path[100];
    ck_assert(fs_make_dirs("conf", &err));
    struct place place = find(NULL);
    ck_assert_str_eq(place.home, unit_folder);
    ck_assert_str_eq(below(place.config_dir), "/.config/tappal");
    ck_assert_str_eq(place.machine_dir, "/etc/tappal");
    ck_assert_str_eq(below(place.state_dir), geteuid() == 0 ? "/var/lib/tappal" : "/.local/state/tappal");
    ck_assert_ptr_nonnull(place.mail_name);
    place_free(&place);
    snprintf(path, sizeof path, "%s/conf", unit_folder);
    setenv("XDG_CONFIG_HOME", path, 1);
    snprintf(path, sizeof path, "%s/not/yet", unit_folder);
    setenv("XDG_STATE_HOME", path, 1);
    place = find(NULL);
    ck_assert_str_eq(below(place.config_dir), "/conf/tappal");
    ck_assert_str_eq(below(place.state_dir), "/not/yet/tappal");
    place_free(&place);
}
END_TEST

START_TEST(test_place_named_outright)
{
    char path[100];
    snprintf(path, sizeof path, "%s/named", unit_folder);
    setenv("TAPPAL_CONFIG", path, 1);
    struct place place = find(NULL);
    ck_assert_str_eq(below(place.config_dir), "/named");
    ck_assert_ptr_null(place.machine_dir);
    place_free(&place);
    place = find("other//");
    ck_assert_str_eq(below(place.config_dir), "/other");
    place_free(&place);
    proc_begin("/usr/sbin/sendmail"); /* callers that may not name files */
    place = find("other");
    ck_assert_str_eq(below(place.config_dir), "/.config/tappal");
    ck_assert_str_eq(place.machine_dir, "/etc/tappal");
    place_free(&place);
}
END_TEST

/* sudo and su -m leave another person's variables in place */
START_TEST(test_place_what_is_not_ours_does_not_count)
{
    static const char *const others[] = {"/", "//", "relative", ""};
    for (size_t i = 0; i < COUNT(others); i++) {
        setenv("XDG_STATE_HOME", others[i], 1);
        setenv("XDG_CONFIG_HOME", others[i], 1);
        setenv("TAPPAL_CONFIG", others[i], 1);
        struct place place = find(NULL);
        ck_assert_str_eq(below(place.config_dir), "/.config/tappal");
        ck_assert_str_ne(place.state_dir, "/tappal");
        place_free(&place);
    }
    if (geteuid() != 0)
        return;
    char path[100];
    snprintf(path, sizeof path, "%s/ada", unit_folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(chown(path, 65534, 65534), 0);
    setenv("HOME", path, 1);
    setenv("TAPPAL_CONFIG", path, 1);
    struct place place = find(NULL);
    ck_assert_str_ne(place.home, path);
    ck_assert_ptr_null(strstr(place.config_dir, "/ada"));
    place_free(&place);
}
END_TEST

START_TEST(test_place_uid_without_passwd_entry)
{
    struct err err = {0};
    struct str path = STR_INIT(1000);
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(unit_folder, 0755), 0);
    ck_assert_int_eq(setresuid(54321, 54321, 54321), 0);
    unsetenv("HOME");
    struct place place = find(NULL);
    ck_assert_ptr_null(place.home);
    ck_assert_ptr_null(place.config_dir);
    ck_assert_ptr_null(place.state_dir);
    ck_assert_str_eq(place.user_name, "uid54321");
    ck_assert(!place_queue(&place, &path, &err));
    ck_assert_int_eq(err.kind, ERR_LOCAL);
    ck_assert_ptr_nonnull(strstr(err.hint, "XDG_STATE_HOME"));
    place_free(&place);
    ck_assert_int_eq(chdir("/"), 0);
    str_free(&path);
}
END_TEST

START_TEST(test_place_folders)
{
    struct err err = {0};
    struct stat st;
    struct str path = STR_INIT(1000);
    struct account account = {.name = (char[]){"work"}, .config_dir = (char[]){"/c"}};
    setenv("XDG_STATE_HOME", unit_folder, 1);
    struct place place = find(NULL);
    ck_assert(place_queue(&place, &path, &err));
    ck_assert_str_eq(below(path.buf), "/tappal/queue");
    ck_assert_int_eq(stat(path.buf, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    ck_assert_int_eq(chmod(path.buf, 0755), 0);
    ck_assert(place_queue(&place, &path, &err));
    ck_assert_int_eq(stat(path.buf, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    ck_assert(place_fetch_state(&place, &account, &path, &err));
    ck_assert_str_eq(below(path.buf), "/tappal/fetch/work-facd442e"); /* sha256("/c") */
    ck_assert(place_account_mark(&place, &account, ".delivered", &path, &err));
    ck_assert_str_eq(below(path.buf), "/tappal/accounts/work-facd442e.delivered");
    if (geteuid() == 0) {
        ck_assert(place_queue(&place, &path, &err));
        ck_assert_int_eq(chown(path.buf, 65534, 65534), 0);
        ck_assert(!place_queue(&place, &path, &err));
        ck_assert_int_eq(err.kind, ERR_LOCAL);
        ck_assert_ptr_nonnull(strstr(err.what, "belongs to nobody"));
    }
    str_free(&path);
    place_free(&place);
}
END_TEST

START_TEST(test_place_which_configuration_counts)
{
    struct err err = {0};
    struct config config;
    struct place place = find(NULL);
    free(place.machine_dir);
    place.machine_dir = NULL;
    ck_assert(!place_load(&place, &config, &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.hint, "tappal account add"));

    ck_assert(fs_make_dirs(".config/tappal/accounts", &err) && fs_make_dirs("machine/accounts", &err));
    unit_write("machine/accounts/site.ini", GOOD_SEND);
    place.machine_dir = strdup("machine");
    ck_assert(place_load(&place, &config, &err));
    ck_assert_str_eq(config.accounts[0].name, "site");
    conf_free(&config);

    unit_write(".config/tappal/accounts/mine.ini", GOOD_FETCH); /* fetches only */
    ck_assert(place_load(&place, &config, &err));
    ck_assert_str_eq(config.accounts[0].name, "mine");
    conf_free(&config);
    ck_assert(place_load_sending(&place, &config, &err));
    ck_assert_str_eq(config.accounts[0].name, "site");
    conf_free(&config);

    unit_write(".config/tappal/accounts/mine.ini", "broken\n"); /* never the machine's then */
    ck_assert(!place_load(&place, &config, &err));
    ck_assert(!place_load_sending(&place, &config, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "mine.ini:1: "));
    place_free(&place);
}
END_TEST

START_TEST(test_place_an_account_for_others_is_passed_over)
{
    struct err err = {0};
    struct config config;
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(unit_folder, 0755), 0);
    ck_assert(fs_make_dirs("m/accounts", &err));
    ck_assert_int_eq(chmod("m", 0755) | chmod("m/accounts", 0755), 0);
    unit_write("m/tappal.ini", "[tappal]\ndefault = secret\n");
    unit_write("m/accounts/all.ini", GOOD_SEND);
    unit_write("m/accounts/secret.ini", GOOD_SEND);
    ck_assert_int_eq(chmod("m/accounts/all.ini", 0644) | chmod("m/tappal.ini", 0644), 0);
    ck_assert_int_eq(setresuid(54321, 54321, 54321), 0);
    ck_assert_msg(conf_load("m", &config, &err), "%s", err.what);
    ck_assert_uint_eq(config.count, 1);
    ck_assert_str_eq(config.accounts[0].name, "all");
    conf_free(&config);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

static const struct {
    mode_t mode;
    bool good;
} secrets[] = {
    {0600, true}, {0400, true}, {0640, false}, {0604, false}, {0620, false}, {0602, false}, {0666, false},
};

START_TEST(test_place_secret_file)
{
    struct err err = {0};
    unit_write("secret", "x\n");
    ck_assert_int_eq(symlink("secret", "link"), 0);
    ck_assert_int_eq(chmod("secret", secrets[_i].mode), 0);
    int fd = open("link", O_RDONLY | O_CLOEXEC);
    ck_assert(place_check_secret_file(fd, "secret", &err) == secrets[_i].good);
    if (!secrets[_i].good)
        ck_assert_str_eq(err.hint, "Keep it to yourself: chmod 600 secret");
    close(fd);
}
END_TEST

START_TEST(test_person_expands)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"a@b", "a@b"}, {"%U@%M", "ada@mail.example.org"}, {"x+%H%%", "x+box%"}, {"%u", NULL}, {"%", NULL}};
    static const struct {
        const char *in, *out;
    } paths[] = {{"/a", "/a"}, {"~/a", "/h/a"}, {"~//a", "/h/a"},
                 {"~", "/h/"}, {"a", NULL},     {"~bob/a", NULL}};
    const struct person person = {.home = (char[]){"/h"},
                                  .user_name = (char[]){"ada"},
                                  .host_name = (char[]){"box"},
                                  .mail_name = (char[]){"mail.example.org"}};
    struct err err = {0};
    struct str out = STR_INIT(100);
    for (size_t i = 0; i < COUNT(rows); i++) {
        ck_assert(person_expand_names(&person, rows[i].in, &out, &err) == (rows[i].out != NULL));
        if (rows[i].out)
            ck_assert_str_eq(out.buf, rows[i].out);
    }
    for (size_t i = 0; i < COUNT(paths); i++) {
        ck_assert(person_expand_path(&person, paths[i].in, &out, &err) == (paths[i].out != NULL));
        if (paths[i].out)
            ck_assert_str_eq(out.buf, paths[i].out);
    }
    ck_assert(!person_expand_path(&(struct person){.user_name = (char[]){"x"}}, "~/a", &out, &err));
    str_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf/place");
    TCase *tc = tcase_create("place");
    tcase_add_checked_fixture(tc, make_root, unit_folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_place_home_and_xdg);
    tcase_add_test(tc, test_place_named_outright);
    tcase_add_test(tc, test_place_what_is_not_ours_does_not_count);
    tcase_add_test(tc, test_place_folders);
    tcase_add_test(tc, test_place_which_configuration_counts);
    tcase_add_loop_test(tc, test_place_secret_file, 0, COUNT(secrets));
    tcase_add_test(tc, test_person_expands);
    suite_add_tcase(suite, tc);
    /* these become another user, and so cannot tidy up after themselves: their parent does */
    TCase *as_other = tcase_create("as another user");
    tcase_add_unchecked_fixture(as_other, make_root, unit_folder_remove);
    tcase_add_test(as_other, test_place_uid_without_passwd_entry);
    tcase_add_test(as_other, test_place_an_account_for_others_is_passed_over);
    suite_add_tcase(suite, as_other);
    return unit_run(suite);
}
