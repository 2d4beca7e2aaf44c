/* maildir - the commit order, line ends, and what a crash at any step leaves behind. */
#include "box/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sum.h"
#include "unit.h"

static struct err err;

static void setup(void)
{
    unit_folder_make();
    memset(&err, 0, sizeof err);
}

/* How many files there are in a part, and the name of one of them. */
static int files_in(const char *part, char name[256])
{
    char path[96];
    int count = 0;
    snprintf(path, sizeof path, "%s/box/%s", unit_folder, part);
    DIR *d = opendir(path);
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        count++;
        if (name)
            snprintf(name, 256, "%s", e->d_name);
    }
    closedir(d);
    return count;
}

static void read_in(const char *part, const char *name, struct str *out)
{
    char path[400];
    snprintf(path, sizeof path, "%s/box/%s/%s", unit_folder, part, name);
    str_clear(out);
    ck_assert_msg(fs_read_file(path, out, &err), "%s", err.what);
}

static struct maildir *open_box(void)
{
    char path[96];
    struct maildir *m = NULL;
    snprintf(path, sizeof path, "%s/box", unit_folder);
    ck_assert_msg(maildir_open(path, &m, &err), "%s", err.what);
    return m;
}

static void put(struct sink *s, const char *name, const char *flags, const char *text, size_t n, size_t step)
{
    struct sink_message message = {.name = name, .flags = flags, .mtime = 1234567890, .crlf = true};
    unsigned char sha256[32];
    uint64_t size;
    ck_assert_msg(sink_begin(s, &message, &err), "%s", err.what);
    for (size_t at = 0; at < n; at += step)
        ck_assert(sink_write(s, text + at, n - at < step ? n - at : step, &err));
    ck_assert_msg(sink_end(s, &size, sha256, &err), "%s", err.what);
}

static const struct line_ends_case {
    const char *name, *wire;
    size_t n;
    const char *file;
    size_t file_n;
} line_ends[] = {
#define CASE(label, w, f)                                                                                    \
    {                                                                                                        \
        .name = label, .wire = w, .n = sizeof w - 1, .file = f, .file_n = sizeof f - 1                       \
    }
    CASE("empty", "", ""),
    CASE("all CRLF", "a\r\nb\r\n\r\nc\r\n", "a\nb\n\nc\n"),
    CASE("no end of the last line", "a\r\nb", "a\nb"),
    CASE("only CRLF", "\r\n", "\n"),
    CASE("only LF", "a\nb\n", "a\nb\n"),
    CASE("one bare LF", "a\r\nb\nc\r\n", "a\r\nb\nc\r\n"),
    CASE("bare LF first", "\na\r\n", "\na\r\n"),
    CASE("lone CR", "a\r\nb\rc\r\n", "a\r\nb\rc\r\n"),
    CASE("CR CR LF", "a\r\nb\r\r\nc\r\n", "a\r\nb\r\r\nc\r\n"),
    CASE("CR at the very end", "a\r\nb\r", "a\r\nb\r"),
    CASE("only CR", "\r", "\r"),
    CASE("NUL bytes", "a\0b\r\n\0\r\n", "a\0b\n\0\n"),
    CASE("NUL and a bare LF", "a\0b\r\n\0\n", "a\0b\r\n\0\n"),
#undef CASE
};

START_TEST(test_line_ends)
{
    const struct line_ends_case *c = &line_ends[_i];
    struct str got = STR_INIT(1024);
    for (size_t step = 1; step <= c->n + 1; step++) {
        char name[32];
        struct maildir *m = open_box();
        struct sink *s = maildir_sink(m);
        snprintf(name, sizeof name, "m%zu", step);
        put(s, name, "", c->wire, c->n, step);
        ck_assert(sink_settle(s, &err) && sink_place(s, &err));
        read_in("new", name, &got);
        ck_assert_msg(got.len == c->file_n && memcmp(got.buf, c->file, got.len) == 0, "%s in steps of %zu",
                      c->name, step);
        maildir_close(&m);
    }
    str_free(&got);
}
END_TEST

/* A late bare LF, many blocks behind the beginning: all that was written comes back with its CRs. */
START_TEST(test_late_bare_lf)
{
    size_t n = 300000;
    char *text = malloc(n + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 61 == 59 ? '\r' : i % 61 == 60 ? '\n' : (char)('a' + i % 23);
    text[n - 1] = '\n';
    text[n - 2] = 'x';
    unsigned char sha256[32], expect[32];
    struct sum_sha256 sum;
    sum_sha256_begin(&sum);
    sum_sha256_add(&sum, text, n);
    sum_sha256_end(&sum, expect);
    struct str got = STR_INIT(1 << 20);
    struct maildir *m = open_box();
    struct sink *s = maildir_sink(m);
    struct sink_message message = {.name = "big", .flags = "", .crlf = true};
    uint64_t size;
    ck_assert(sink_begin(s, &message, &err));
    for (size_t at = 0; at < n; at += 1000)
        ck_assert(sink_write(s, text + at, n - at < 1000 ? n - at : 1000, &err));
    ck_assert(sink_end(s, &size, sha256, &err) && sink_settle(s, &err) && sink_place(s, &err));
    ck_assert_uint_eq(size, n);
    ck_assert_mem_eq(sha256, expect, 32);
    read_in("new", "big", &got);
    ck_assert(got.len == n && memcmp(got.buf, text, n) == 0);
    maildir_close(&m);
    str_free(&got);
    free(text);
}
END_TEST

START_TEST(test_flags_and_time)
{
    struct stat st;
    char path[128];
    struct maildir *m = open_box();
    struct sink *s = maildir_sink(m);
    put(s, "one", "FS", "x\r\n", 3, 3);
    put(s, "two", "", "y\r\n", 3, 3);
    ck_assert_int_eq(files_in("new", NULL) + files_in("cur", NULL), 0);
    ck_assert(sink_settle(s, &err));
    ck_assert_int_eq(files_in("tmp", NULL), 2);
    ck_assert(sink_place(s, &err));
    ck_assert_int_eq(files_in("tmp", NULL), 0);
    snprintf(path, sizeof path, "%s/box/cur/one:2,FS", unit_folder);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mtime, 1234567890);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(files_in("new", NULL), 1);
    ck_assert_int_eq(maildir_look(m, "one", &err), MAILDIR_PLACED);
    ck_assert_int_eq(maildir_look(m, "two", &err), MAILDIR_PLACED);
    ck_assert_int_eq(maildir_look(m, "on", &err), MAILDIR_NOWHERE);
    maildir_close(&m);
}
END_TEST

START_TEST(test_drop_amend_abort)
{
    char name[256];
    struct maildir *m = open_box();
    struct sink *s = maildir_sink(m);
    struct sink_message message = {.name = "late", .flags = "", .crlf = true};
    put(s, "kept", "", "x\r\n", 3, 3);
    put(s, "dropped", "", "x\r\n", 3, 3);
    ck_assert(sink_drop(s, &err));
    ck_assert(sink_begin(s, &message, &err) && sink_write(s, "y", 1, &err) && sink_drop(s, &err));
    ck_assert_int_eq(files_in("tmp", name), 1);
    ck_assert_str_eq(name, "kept");
    sink_abort(s);
    ck_assert_int_eq(files_in("tmp", NULL), 0);
    unsigned char sha256[32];
    uint64_t size;
    ck_assert(sink_begin(s, &message, &err));
    message.name = "named";
    ck_assert(sink_amend(s, &message, &err) && sink_end(s, &size, sha256, &err));
    ck_assert(sink_settle(s, &err) && sink_place(s, &err));
    files_in("new", name);
    ck_assert_str_eq(name, "named");
    maildir_close(&m);
}
END_TEST

/* What is settled may be recorded: it stays in tmp/, and the next run finishes or cleans it. */
START_TEST(test_settled_stays)
{
    struct maildir *m = open_box();
    put(maildir_sink(m), "1.MARK-1", "", "x\r\n", 3, 3);
    put(maildir_sink(m), "1.MARK-2", "", "x\r\n", 3, 3);
    ck_assert(sink_settle(maildir_sink(m), &err));
    maildir_close(&m);
    ck_assert_int_eq(files_in("tmp", NULL), 2);
    m = open_box();
    ck_assert_int_eq(maildir_look(m, "1.MARK-1", &err), MAILDIR_IN_TMP);
    ck_assert(maildir_finish(m, "1.MARK-1", "S", &err));
    ck_assert(maildir_clean_tmp(m, ".OTHER-", &err));
    ck_assert_int_eq(files_in("tmp", NULL), 1);
    ck_assert(maildir_clean_tmp(m, ".MARK-", &err));
    ck_assert_int_eq(files_in("tmp", NULL), 0);
    ck_assert_int_eq(maildir_look(m, "1.MARK-1", &err), MAILDIR_PLACED);
    maildir_close(&m);
}
END_TEST

/* A file system without RENAME_NOREPLACE: stopped between link and unlink, the message has both names. */
START_TEST(test_finish_of_a_twin)
{
    char from[128], to[128];
    struct maildir *m = open_box();
    put(maildir_sink(m), "twin", "", "x\r\n", 3, 3);
    ck_assert(sink_settle(maildir_sink(m), &err));
    snprintf(from, sizeof from, "%s/box/tmp/twin", unit_folder);
    snprintf(to, sizeof to, "%s/box/new/twin", unit_folder);
    ck_assert_int_eq(link(from, to), 0);
    ck_assert(maildir_finish(m, "twin", "", &err));
    ck_assert_int_eq(files_in("tmp", NULL), 0);
    ck_assert_int_eq(files_in("new", NULL), 1);
    maildir_close(&m);
}
END_TEST

static const char *const bad_names[] = {"", ".x", "a/b", "../x", "a:2,S", "/abs"};

START_TEST(test_bad_names)
{
    struct maildir *m = open_box();
    struct sink_message message = {.name = bad_names[_i], .flags = ""};
    ck_assert(!sink_begin(maildir_sink(m), &message, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    maildir_close(&m);
}
END_TEST

/* Batches over and under the number from which syncfs is used, stopped or failed at each step. */
static int batch_in_child(int messages, const char *hook)
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("TAPPAL_TEST_STEP", hook, 1);
        fs_read_test_hook("maildir_test");
        struct maildir *m = NULL;
        char path[96], name[16];
        struct err e = {0};
        uint64_t size;
        unsigned char sha256[32];
        snprintf(path, sizeof path, "%s/box", unit_folder);
        bool ok = maildir_open(path, &m, &e);
        for (int i = 0; ok && i < messages; i++) {
            snprintf(name, sizeof name, "m%d.tappal", i);
            struct sink_message message = {.name = name, .flags = i % 2 ? "S" : "", .crlf = true};
            struct sink *s = maildir_sink(m);
            ok = sink_begin(s, &message, &e) && sink_write(s, "a\r\nb\r\n", 6, &e) &&
                 sink_end(s, &size, sha256, &e);
        }
        ok = ok && sink_settle(maildir_sink(m), &e) && sink_place(maildir_sink(m), &e);
        maildir_close(&m);
        _exit(ok ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    return status;
}

START_TEST(test_every_step)
{
    int messages = _i ? 10 : 3, steps = 0;
    struct str got = STR_INIT(64);
    for (int n = 1;; n++) {
        char hook[48];
        snprintf(hook, sizeof hook, "%s:%d%s", n % 2 ? "stop" : "fail", (n + 1) / 2, n % 2 ? "" : ":ENOSPC");
        int status = batch_in_child(messages, hook);
        if (status == 0)
            break;
        steps++;
        ck_assert(n % 2 ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 1);
        for (int i = 0; i < messages; i++) {
            char path[128];
            struct stat st;
            snprintf(path, sizeof path, "%s/box/%s/m%d.tappal%s", unit_folder, i % 2 ? "cur" : "new", i,
                     i % 2 ? ":2,S" : "");
            ck_assert(stat(path, &st) != 0 || st.st_size == 4); /* whole, or not there */
        }
        unit_folder_remove();
        ck_assert_int_eq(mkdir(unit_folder, 0700), 0);
    }
    ck_assert_int_gt(steps, 2 * messages);
    ck_assert_int_eq(files_in("tmp", NULL), 0);
    ck_assert_int_eq(files_in("new", NULL) + files_in("cur", NULL), messages);
    str_free(&got);
}
END_TEST

/* Where the file lies that is to be linked; another file system may have none of that. */
static const struct link_case {
    const char *name, *folder, *text;
    bool symlink, gone, done;
} link_cases[] = {
    {.name = "the same bytes", .text = "one\ntwo\n", .done = true},
    {.name = "one byte less", .text = "one\ntwo", .done = false},
    {.name = "other bytes of that size", .text = "one\ntwO\n", .done = false},
    {.name = "a symbolic link to it", .text = "one\ntwo\n", .symlink = true, .done = false},
    {.name = "it is gone", .text = "", .gone = true, .done = false},
    {.name = "on another file system, which makes it a copy",
     .folder = "/dev/shm",
     .text = "one\ntwo\n",
     .done = true},
    {.name = "there, with other bytes", .folder = "/dev/shm", .text = "one\ntwO\n", .done = false},
    {.name = "there, and gone", .folder = "/dev/shm", .text = "", .gone = true, .done = false},
};

static void make_source(const struct link_case *c, const char *path)
{
    char target[96];
    snprintf(target, sizeof target, "%s/target", unit_folder);
    (void)unlink(path);
    if (!c->gone)
        ck_assert_msg(fs_write_new(c->symlink ? target : path, c->text, strlen(c->text), 0600, &err), "%s",
                      err.what);
    if (c->symlink)
        ck_assert_int_eq(symlink(target, path), 0);
}

START_TEST(test_link)
{
    const struct link_case *c = &link_cases[_i];
    char path[400], name[256];
    unsigned char sha256[SUM_SHA256_BYTES];
    struct stat source, placed;
    struct sum_sha256 sum;
    struct str got = STR_INIT(64);
    bool done = !c->done;
    if (c->folder && access(c->folder, W_OK) != 0)
        return;
    sum_sha256_begin(&sum);
    sum_sha256_add(&sum, "one\ntwo\n", 8);
    sum_sha256_end(&sum, sha256);
    snprintf(path, sizeof path, "%s/%s.source", c->folder ? c->folder : unit_folder,
             strrchr(unit_folder, '/') + 1);
    make_source(c, path);
    struct maildir *m = open_box();
    struct sink_message message = {.name = "1.b.tappal", .flags = "S", .mtime = 1234567890};
    struct maildir_bytes bytes = {8, sha256, 16};
    put(maildir_sink(m), "1.a.tappal", "", "a\r\n", 3, 3);
    ck_assert_msg(maildir_link(m, path, &message, &bytes, &done, &err), "%s: %s", c->name, err.what);
    ck_assert_msg(done == c->done, "%s", c->name);
    ck_assert_int_eq(files_in("tmp", NULL), 1 + c->done);
    ck_assert(sink_settle(maildir_sink(m), &err) && sink_place(maildir_sink(m), &err));
    ck_assert_int_eq(files_in("cur", name), c->done);
    if (c->done) {
        read_in("cur", name, &got);
        ck_assert_str_eq(got.buf, c->text);
        ck_assert_str_eq(name, "1.b.tappal:2,S");
        ck_assert_int_eq(stat(path, &source), 0);
        snprintf(path, sizeof path, "%s/box/cur/%s", unit_folder, name);
        ck_assert_int_eq(stat(path, &placed), 0);
        ck_assert_int_eq(source.st_ino == placed.st_ino && source.st_dev == placed.st_dev,
                         source.st_dev == placed.st_dev);
    }
    snprintf(path, sizeof path, "%s/%s.source", c->folder ? c->folder : unit_folder,
             strrchr(unit_folder, '/') + 1);
    (void)unlink(path);
    str_free(&got);
    maildir_close(&m);
}
END_TEST

START_TEST(test_deliver)
{
    char path[96], name[256];
    struct str got = STR_INIT(64);
    snprintf(path, sizeof path, "%s/box", unit_folder);
    ck_assert(maildir_deliver(path, "a\r\nb\r\n", 6, &err));
    ck_assert_int_eq(files_in("new", name), 1);
    read_in("new", name, &got);
    ck_assert_str_eq(got.buf, "a\nb\n");
    ck_assert(maildir_deliver(path, "a\nb\n", 4, &err));
    ck_assert_int_eq(files_in("new", name), 2);
    read_in("new", name, &got);
    ck_assert_str_eq(got.buf, "a\nb\n");
    str_free(&got);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("maildir");
    TCase *tc = tcase_create("maildir");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, unit_folder_remove);
    tcase_add_loop_test(tc, test_line_ends, 0, sizeof line_ends / sizeof *line_ends);
    tcase_add_test(tc, test_late_bare_lf);
    tcase_add_test(tc, test_flags_and_time);
    tcase_add_test(tc, test_drop_amend_abort);
    tcase_add_test(tc, test_settled_stays);
    tcase_add_test(tc, test_finish_of_a_twin);
    tcase_add_loop_test(tc, test_bad_names, 0, sizeof bad_names / sizeof *bad_names);
    tcase_add_loop_test(tc, test_every_step, 0, 2);
    tcase_add_loop_test(tc, test_link, 0, sizeof link_cases / sizeof *link_cases);
    tcase_add_test(tc, test_deliver);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
