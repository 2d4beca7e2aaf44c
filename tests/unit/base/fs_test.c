/* fs, proc, log: on real files in a folder of their own, with real children. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/strv.h"
#include "base/text.h"

static void assert_content(const char *path, const char *content)
{
    struct err err = {0};
    struct str s = STR_INIT(100000);
    ck_assert_msg(fs_read_file(path, &s, &err), "%s", err.what);
    ck_assert_str_eq(s.buf, content);
    str_free(&s);
}

START_TEST(test_fs_replace_and_write_new)
{
    struct err err = {0};
    struct stat st;
    ck_assert(fs_write_new("a.ini", "one", 3, 0600, &err));
    ck_assert(!fs_write_new("a.ini", "two", 3, 0600, &err));
    ck_assert_int_eq(err.sys, EEXIST);
    ck_assert_int_eq(err.kind, ERR_LOCAL);
    assert_content("a.ini", "one");
    ck_assert(fs_replace("a.ini", "three", 5, 0600, &err));
    assert_content("a.ini", "three");
    ck_assert_int_eq(stat("a.ini", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(unit_folder_count(), 1); /* no temporary file stays */
    ck_assert(!fs_replace("missing/x", "", 0, 0600, &err));
    ck_assert_int_eq(err.sys, ENOENT);
}
END_TEST

START_TEST(test_fs_make_dirs)
{
    struct err err = {0};
    struct stat st;
    struct str path = STR_INIT(1000);
    ck_assert(fs_make_dirs("x/y//z/", &err));
    ck_assert(fs_make_dirs("x/y/z", &err));
    ck_assert_int_eq(stat("x/y/z", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    ck_assert(fs_write_new("x/file", "", 0, 0600, &err));
    ck_assert(!fs_make_dirs("x/file/deeper", &err));
    ck_assert(fs_make_dirs("/", &err));
    ck_assert(fs_join(&path, unit_folder, "new/a", &err) && fs_make_dirs(path.buf, &err));
    ck_assert_int_eq(access(path.buf, F_OK), 0);
    ck_assert(fs_join(&path, "/", "a", &err));
    ck_assert_str_eq(path.buf, "/a");
    str_free(&path);
}
END_TEST

START_TEST(test_fs_links_and_renames)
{
    struct err err = {0};
    int dir = fs_open_dir(".", &err);
    int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    ck_assert(fs_write_all(fd, "text", 4, "m", &err) && fs_sync(fd, "m", &err) && fs_datasync(fd, "m", &err));
    ck_assert(fs_link_fd(fd, dir, "m", &err));
    ck_assert(!fs_link_fd(fd, dir, "m", &err) && err.sys == EEXIST);
    ck_assert(fs_link(dir, "m", dir, "n", &err));
    ck_assert(!fs_rename_new(dir, "m", dir, "n", &err) && err.sys == EEXIST);
    ck_assert(fs_rename_new(dir, "m", dir, "o", &err));
    ck_assert(fs_rename(dir, "n", dir, "p", &err));
    ck_assert(fs_truncate(fd, 2, "o", &err));
    ck_assert(fs_sync_dir(dir, ".", &err));
    assert_content("o", "te");
    ck_assert(fs_unlink(dir, "o", &err) && fs_unlink(dir, "o", &err));
    ck_assert_int_eq(symlink("p", "link"), 0);
    ck_assert_int_eq(fs_create(dir, "link", 0600, &err), -1);
    ck_assert_int_eq(fs_create(dir, "p", 0600, &err), -1);
    ck_assert_int_eq(err.sys, EEXIST);
    close(fd);
    close(dir);
}
END_TEST

START_TEST(test_fs_read_has_a_limit)
{
    struct err err = {0};
    struct str s = STR_INIT(4);
    ck_assert(fs_write_new("four", "1234", 4, 0600, &err) && fs_write_new("five", "12345", 5, 0600, &err));
    ck_assert(fs_read_file("four", &s, &err));
    ck_assert_str_eq(s.buf, "1234");
    str_clear(&s);
    ck_assert(!fs_read_file("five", &s, &err));
    ck_assert_int_eq(err.kind, ERR_DATA);
    str_clear(&s);
    ck_assert(!fs_read_file("none", &s, &err));
    ck_assert_int_eq(err.sys, ENOENT);
    str_free(&s);
}
END_TEST

START_TEST(test_fs_locks)
{
    struct err err = {0};
    int a = fs_create(AT_FDCWD, "lock", 0600, &err);
    int b = open("lock", O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(fs_try_lock(a, &err), 1);
    ck_assert_int_eq(fs_try_lock(b, &err), 0);
    ck_assert(!fs_lock_wait(b, clock_mono_ms() + 30, &err));
    ck_assert_int_eq(err.sys, EWOULDBLOCK);
    close(a);
    ck_assert(fs_lock_wait(b, clock_mono_ms() + 5000, &err));
    ck_assert_int_eq(fs_try_lock(-1, &err), -1);
    close(b);
}
END_TEST

/* run_step - fs_replace in a child with the hook set; its wait status */
static int run_step(const char *hook)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct err err;
        setenv("TAPPAL_TEST_STEP", hook, 1);
        fs_read_test_hook("prog");
        _exit(fs_replace("f", "newer", 5, 0600, &err) ? 0 : err.sys);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

START_TEST(test_fs_step_stops_at_each_step)
{
    struct err err;
    char hook[32];
    int n = 1;
    ck_assert(fs_write_new("f", "old", 3, 0600, &err));
    for (;; n++) { /* create write fsync rename syncdir */
        snprintf(hook, sizeof hook, "stop:%d:prog", n);
        int status = run_step(hook);
        if (WIFEXITED(status))
            break;
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        assert_content("f", n <= 4 ? "old" : "newer");
    }
    ck_assert_int_eq(n, 6);
}
END_TEST

START_TEST(test_fs_step_fails_and_leaves_nothing)
{
    struct err err;
    char hook[32];
    ck_assert(fs_write_new("f", "old", 3, 0600, &err));
    for (int n = 1; n <= 5; n++) {
        snprintf(hook, sizeof hook, "fail:%d:ENOSPC", n);
        ck_assert_int_eq(WEXITSTATUS(run_step(hook)), ENOSPC);
        assert_content("f", n <= 4 ? "old" : "newer");
        ck_assert_int_eq(unit_folder_count(), 1);
    }
    ck_assert_int_eq(run_step("fail:2:EIO:other"), 0);
    ck_assert_int_eq(run_step("nonsense"), 0);
}
END_TEST

START_TEST(test_fs_step_short_write)
{
    struct err err = {0};
    struct str log = STR_INIT(1000);
    setenv("TAPPAL_TEST_STEP_LOG", "log", 1);
    ck_assert(fs_write_new("f", "old", 3, 0600, &err));
    ck_assert(WIFSIGNALED(run_step("short:2:prog")));
    assert_content("f", "old");
    ck_assert(fs_read_file("log", &log, &err));
    ck_assert_str_eq(log.buf, "1 create prog\n2 write prog\n");
    str_free(&log);
}
END_TEST

/* run_sh - a shell command; its output in `out` */
static bool run_sh(const char *command, const char *input, int64_t limit_ms, struct str *out, int *status,
                   struct err *err)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", command);
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, copy, NULL};
    str_clear(out);
    return proc_run(&(struct proc_run){.argv = argv,
                                       .input = input,
                                       .input_len = input ? strlen(input) : 0,
                                       .limit_ms = limit_ms,
                                       .shown = "The helper"},
                    out, status, err);
}

START_TEST(test_proc_run)
{
    signal(SIGPIPE, SIG_IGN); /* as proc_begin does */
    struct err err = {0};
    struct str out = STR_INIT(1000);
    int status = -1;
    ck_assert(run_sh("cat; exit 3", "hello", 20000, &out, &status, &err));
    ck_assert_str_eq(out.buf, "hello");
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert(run_sh("cat", NULL, 20000, &out, &status, &err)); /* stdin is /dev/null */
    ck_assert_str_eq(out.buf, "");
    ck_assert(run_sh("kill -9 $$", NULL, 20000, &out, &status, &err));
    ck_assert(WIFSIGNALED(status));
    ck_assert(run_sh("exec 0<&-; echo x", "never read", 20000, &out, &status, &err));
    ck_assert_str_eq(out.buf, "x\n");
    ck_assert(!run_sh("yes", NULL, 20000, &out, &status, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "more than the 1000 bytes"));
    str_free(&out);
}
END_TEST

START_TEST(test_proc_run_ends)
{
    struct err err = {0};
    struct str out = STR_INIT(1000);
    int status = -1;
    ck_assert(!run_sh("trap '' TERM; sleep 60 & wait; sleep 60", NULL, 100, &out, &status, &err));
    ck_assert_str_eq(err.what, "The helper did not finish within 1 s and was stopped.");
    int64_t before = clock_mono_ms();
    ck_assert(run_sh("sleep 30 & echo $!", NULL, 25000, &out, &status, &err)); /* a daemon keeps the pipe */
    ck_assert_int_lt(clock_mono_ms() - before, 25000);
    ck_assert_int_eq(kill((pid_t)strtol(out.buf, NULL, 10), SIGKILL), 0);
    str_free(&out);
}
END_TEST

START_TEST(test_proc_run_not_there)
{
    struct err err = {0};
    struct str out = STR_INIT(1000);
    int status = -1;
    char *const argv[] = {(char[]){"/tappal/no-such-program"}, NULL};
    ck_assert(!proc_run(&(struct proc_run){.argv = argv, .limit_ms = 1000, .shown = "The helper"}, &out,
                        &status, &err));
    ck_assert_str_eq(err.what, "The helper could not be started: No such file or directory.");
    ck_assert_int_eq(err.sys, ENOENT);
    str_free(&out);
}
END_TEST

static bool wait_for_file(const char *path)
{
    for (int i = 0; i < 1000 && access(path, F_OK) != 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return access(path, F_OK) == 0;
}

START_TEST(test_proc_detach)
{
    struct err err = {0};
    struct str out = STR_INIT(10000);
    char command[300];
    int verdicts[2];
    snprintf(command, sizeof command,
             "cd %s; exec >&3; ls /proc/$$/fd; pwd; echo term=$TERM home=$HOME lib=$TAPPAL_LIBEXEC; umask; "
             "exec 3>&- >&-; ps -o sid= -p $$ | tr -d ' ' >sid; echo $$ >pid; mv pid done",
             unit_folder);
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, command, NULL};
    setenv("TERM", "vt100", 1);
    setenv("HOME", "/h", 1);
    setenv("TAPPAL_LIBEXEC", "/l", 1);
    ck_assert_int_eq(pipe2(verdicts, O_CLOEXEC), 0);
    int stray = open("/dev/null", O_RDONLY); /* not close-on-exec: must not get through */
    ck_assert(proc_detach(argv, verdicts[1], &err));
    close(verdicts[1]);
    close(stray);
    ck_assert(fs_read_all(verdicts[0], &out, "pipe", &err));
    char expect[400];
    snprintf(expect, sizeof expect, "0\n1\n2\n3\n%s\nterm= home=/h lib=/l\n0077\n", unit_folder);
    ck_assert_str_eq(out.buf, expect);
    ck_assert(wait_for_file("done"));
    close(verdicts[0]);
    str_clear(&out);
    ck_assert(fs_read_file("sid", &out, &err));
    uint64_t sid = 0;
    str_cut(&out, out.len - 1);
    ck_assert(text_u64(out.buf, INT32_MAX, &sid));
    ck_assert_int_ne((pid_t)sid, getsid(0));
    str_free(&out);
    ck_assert(!proc_detach((char *const[]){(char[]){"/no/such"}, NULL}, -1, &err));
    ck_assert_int_eq(err.sys, ENOENT);
}
END_TEST

START_TEST(test_proc_find)
{
    struct err err = {0};
    struct str path = STR_INIT(4096);
    struct str want = STR_INIT(4096);
    int fd = open("tappal-x", O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    close(fd);
    setenv("TAPPAL_LIBEXEC", unit_folder, 1);
    proc_begin("/usr/bin/tappal-y");
    ck_assert_str_eq(proc_name(), "tappal-y");
    ck_assert(proc_find("tappal-x", &path, &err));
    ck_assert(fs_join(&want, unit_folder, "tappal-x", &err));
    ck_assert_str_eq(path.buf, want.buf);
    proc_begin("/usr/sbin/sendmail");
    ck_assert(proc_called_as_sendmail());
    ck_assert(!proc_find("tappal-x", &path, &err));
    ck_assert_int_eq(err.kind, ERR_LOCAL);
    proc_begin("sendmail2");
    ck_assert(!proc_called_as_sendmail());
    str_free(&path);
    str_free(&want);
}
END_TEST

START_TEST(test_log_file)
{
    struct err err = {0};
    struct str file = STR_INIT(100);
    struct str text = STR_INIT(10000);
    ck_assert(fs_join(&file, unit_folder, "log", &err));
    log_open("tappal-test", file.buf);
    ck_assert(!log_to_stderr());
    log_event(LOG_LEVEL_INFO, "sent", "id", "x1", "none", NULL, "reply", "250 \"ok\"\r\n", "empty", "", NULL);
    log_event(LOG_LEVEL_DEBUG, "hidden", NULL);
    log_event(LOG_LEVEL_ERROR, "second", NULL);
    ck_assert(fs_read_file("log", &text, &err));
    ck_assert_ptr_null(strstr(text.buf, "hidden"));
    ck_assert_ptr_nonnull(strstr(text.buf, "Z tappal-test: second\n"));
    char *line = strchr(text.buf, ' ') + 1;
    *strchr(line, '\n') = '\0';
    ck_assert_str_eq(line - 2, "Z tappal-test: sent id=x1 reply=\"250 \\\"ok\\\"\\x0d\\x0a\" empty=\"\"");
    str_free(&file);
    str_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/fs");
    TCase *tc = tcase_create("fs");
    tcase_add_checked_fixture(tc, unit_folder_make, unit_folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_fs_replace_and_write_new);
    tcase_add_test(tc, test_fs_make_dirs);
    tcase_add_test(tc, test_fs_links_and_renames);
    tcase_add_test(tc, test_fs_read_has_a_limit);
    tcase_add_test(tc, test_fs_locks);
    tcase_add_test(tc, test_fs_step_stops_at_each_step);
    tcase_add_test(tc, test_fs_step_fails_and_leaves_nothing);
    tcase_add_test(tc, test_fs_step_short_write);
    tcase_add_test(tc, test_proc_run);
    tcase_add_test(tc, test_proc_run_ends);
    tcase_add_test(tc, test_proc_run_not_there);
    tcase_add_test(tc, test_proc_detach);
    tcase_add_test(tc, test_proc_find);
    tcase_add_test(tc, test_log_file);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
