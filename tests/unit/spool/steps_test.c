/* steps: the store is stopped, and made to fail, at each of its durable steps; then what is on disk is
 * looked at as a restart would see it. A child does the work and is killed, or told that step N failed.
 *
 * What must hold: true means that exactly this message is recoverable, false that nothing was kept,
 * killed one or the other; no two messages are mixed; none goes without a terminal record; nothing
 * stays behind that is not swept. The order of the steps, which only a power cut would show, is
 * compared with the order that doc/INTERNALS promises. */
#include "queue.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "spool/store_name.h"

static const struct {
    const char *what, *error;
} faults[] = {{"stop", ""},        {"short", ""},       {"fail", ":EIO"},  {"fail", ":ENOSPC"},
              {"fail", ":EDQUOT"}, {"fail", ":EACCES"}, {"fail", ":EROFS"}};

/* What a child tells about itself, killed or not. */
static struct {
    char id[STORE_ID_LEN + 1];
    char other[STORE_ID_LEN + 1]; /* of the message that was there before */
    int progress;                 /* how many promises it was given */
} * told;

enum ended { DONE_TRUE, DONE_FALSE, KILLED };
typedef bool act(struct err *err);

static void setup(void)
{
    queue_setup_fast();
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(told, MAP_FAILED);
}

/* A fresh queue for each step. */
static void start_over(void)
{
    queue_teardown();
    queue_setup_fast();
    memset(told, 0, sizeof *told);
}

static void log_name(char path[200])
{
    snprintf(path, 200, "%s/steps", queue_root);
}

/* Runs the act in a child with the fault (NULL: none). Its steps are logged. */
static enum ended run(act *do_it, const char *fault)
{
    char log[200];
    struct err err = {0};
    log_name(log);
    unlink(log);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        setenv("TAPPAL_TEST_STEP_LOG", log, 1);
        if (fault)
            setenv("TAPPAL_TEST_STEP", fault, 1);
        fs_read_test_hook("steps");
        bool ok = do_it(&err);
        _exit(ok ? 0 : err.kind == ERR_LOCAL ? 1 : 2);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        return KILLED;
    }
    ck_assert_int_lt(WEXITSTATUS(status), 2);
    return WEXITSTATUS(status) == 0 ? DONE_TRUE : DONE_FALSE;
}

/* The names of the steps of the last run, in one line. */
static void steps(struct str *out)
{
    char path[200], name[40];
    struct err err;
    log_name(path);
    FILE *log = fopen(path, "re");
    str_clear(out);
    while (log && fscanf(log, "%*d %39s %*s", name) == 1)
        ck_assert(str_addf(out, &err, "%s%s", out->len ? " " : "", name));
    if (log)
        fclose(log);
}

static void assert_steps(const char *want)
{
    struct str got = STR_INIT(10000);
    steps(&got);
    ck_assert_str_eq(got.buf, want);
    str_free(&got);
}

static int last_step(void)
{
    char path[200];
    int n = 0, last = 0;
    log_name(path);
    FILE *log = fopen(path, "re");
    while (log && fscanf(log, "%d %*s %*s", &n) == 1)
        last = n;
    if (log)
        fclose(log);
    return last;
}

/* The act with each fault at each step, until it has no such step any more. */
static void walk(void (*prepare)(void), act *do_it, void (*check)(enum ended))
{
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
        for (int n = 1;; n++) {
            char fault[40];
            snprintf(fault, sizeof fault, "%s:%d%s", faults[f].what, n, faults[f].error);
            start_over();
            prepare();
            enum ended ended = run(do_it, fault);
            check(ended);
            if (last_step() < n)
                break;
        }
    }
}

/* Sweeps, as a runner would a long time later. */
static void sweep(struct store *store)
{
    struct err err = {0};
    setenv("TAPPAL_TEST_CLOCK", "1000000", 1);
    clock_read_test_shift();
    ck_assert_msg(store_clean_tmp(store, &err), "%s", err.what);
    setenv("TAPPAL_TEST_CLOCK", "0", 1);
    clock_read_test_shift();
}

static void assert_whole(struct store *store, const char *id, const char *recipient)
{
    struct err err = {0};
    struct message m = queue_take(store, id);
    ck_assert_str_eq(m.envelope.recipients[0].address, recipient);
    ck_assert_uint_eq(m.envelope.count, 1);
    ck_assert_msg(store_verify(&m, &err), "%s", err.what);
    store_release(&m);
}

/* -- enqueueing -- */

static void prepare_nothing(void)
{
}

static void prepare_other(void)
{
    struct store store = queue_open();
    queue_put(&store, "other@example.test", told->other);
    store_close(&store);
}

static bool enqueue(struct err *err)
{
    struct store store;
    if (!store_open(queue_path, &store, err))
        return false;
    bool ok = queue_try_put(&store, "bob@example.test", QUEUE_TEXT, told->id, err);
    store_close(&store);
    return ok;
}

static bool write_map(const char *path, const char *text)
{
    FILE *map = fopen(path, "we");
    bool ok = map && fputs(text, map) >= 0;
    return map && fclose(map) == 0 && ok;
}

/* A user namespace in which we keep our name: without one no file can be made. */
static bool own_users(void)
{
    char uid[64], gid[64];
    snprintf(uid, sizeof uid, "%u %u 1", (unsigned)getuid(), (unsigned)getuid());
    snprintf(gid, sizeof gid, "%u %u 1", (unsigned)getgid(), (unsigned)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_map("/proc/self/setgroups", "deny") &&
           write_map("/proc/self/uid_map", uid) && write_map("/proc/self/gid_map", gid);
}

/* A mount namespace of our own; false where there is none to be had. */
static bool apart(void)
{
    return (unshare(CLONE_NEWNS) == 0 || own_users()) &&
           mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Hides /proc, so that unnamed files could not be given a name. */
static bool enqueue_named(struct err *err)
{
    if (apart())
        ck_assert_int_eq(mount("none", "/proc", "tmpfs", 0, NULL), 0);
    return enqueue(err);
}

/* However it ended: the other message is there; ours as it was promised. */
static void check_queue(enum ended ended, size_t others)
{
    struct err err = {0};
    struct store_item *items;
    size_t count, whole = 0;
    struct store store = queue_open();
    ck_assert(store_list(&store, &items, &count, &err));
    for (size_t i = 0; i < count; i++) {
        struct message m;
        if (strcmp(items[i].id, told->other) == 0)
            assert_whole(&store, items[i].id, "other@example.test");
        else if (ended == DONE_FALSE) /* what the disk refused to unlink is known to be withdrawn */
            ck_assert_int_eq(store_take(&store, items[i].id, &m, &err), TAKE_GONE);
        else
            assert_whole(&store, items[i].id, "bob@example.test");
        whole += ended != DONE_FALSE || strcmp(items[i].id, told->other) == 0;
        ck_assert(ended != DONE_TRUE || strcmp(items[i].id, told->other) == 0 ||
                  strcmp(items[i].id, told->id) == 0);
    }
    free(items);
    ck_assert(ended == DONE_TRUE ? whole == others + 1 : whole >= others);
    if (ended != KILLED)
        ck_assert_uint_eq(queue_entries("tmp"), 0);
    sweep(&store);
    ck_assert_uint_eq(queue_entries("tmp"), 0);
    ck_assert_uint_eq(queue_entries("msg"), whole);
    ck_assert_uint_eq(queue_entries("aside"), 0);
    store_close(&store);
}

static void check_first(enum ended ended)
{
    check_queue(ended, 0);
}

static void check_second(enum ended ended)
{
    check_queue(ended, 1);
}

START_TEST(test_steps_first_enqueue)
{
    walk(prepare_nothing, enqueue, check_first);
}
END_TEST

START_TEST(test_steps_second_enqueue)
{
    walk(prepare_other, enqueue, check_second);
}
END_TEST

START_TEST(test_steps_enqueue_with_named_files)
{
    walk(prepare_other, enqueue_named, check_second);
}
END_TEST

/* -- delivering -- */

static void prepare_message(void)
{
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", told->id);
    store_close(&store);
}

static bool announce(struct journal_writer *w, struct err *err)
{
    return journal_attempt(w, 100, err) && journal_in_doubt(w, 100, err) && journal_sync(w, err);
}

static bool conclude(struct journal_writer *w, struct err *err)
{
    struct outcome ok = {.verdict = VERDICT_DELIVERED, .code = 250, .text = (char[]){"ok"}};
    return journal_outcome(w, 0, &ok, err) && journal_attempt_end(w, err) &&
           journal_finished(w, "delivered", err) && journal_sync(w, err);
}

static bool deliver(struct err *err)
{
    struct store store;
    struct message m;
    struct journal_writer *w = NULL;
    if (!store_open(queue_path, &store, err) || store_take(&store, told->id, &m, err) != TAKE_GOT)
        return false;
    bool ok = journal_open(&store, &m, &w, err);
    told->progress += ok = ok && announce(w, err);
    told->progress += ok = ok && conclude(w, err);
    journal_close(&w);
    ok = ok && store_remove(&store, &m, err);
    store_release(&m);
    store_close(&store);
    return ok;
}

static void check_journal(const struct journal *j)
{
    if (told->progress == 0) {
        ck_assert_uint_le(j->attempts, 1);
        ck_assert_int_eq(j->outcomes[0].verdict, VERDICT_NONE);
        ck_assert(!j->finished);
    }
    if (told->progress == 1)
        ck_assert(j->attempts == 1 && (j->in_doubt_open || j->outcomes[0].verdict == VERDICT_DELIVERED));
    if (told->progress == 2)
        ck_assert(j->finished && j->outcomes[0].verdict == VERDICT_DELIVERED && j->in_doubt == 0);
}

static void check_delivery(enum ended ended)
{
    struct err err = {0};
    struct message m;
    struct store store = queue_open();
    enum store_take took = store_take(&store, told->id, &m, &err);
    ck_assert_msg(took == TAKE_GOT || took == TAKE_GONE, "%s", err.what);
    if (ended == DONE_TRUE || took == TAKE_GONE)
        ck_assert_int_eq(told->progress, 2);
    if (ended == DONE_TRUE)
        ck_assert_int_eq(took, TAKE_GONE);
    bool finished = took == TAKE_GONE || m.journal.finished;
    if (took == TAKE_GOT) {
        ck_assert(store_verify(&m, &err));
        check_journal(&m.journal);
        if (finished)
            ck_assert_msg(store_remove(&store, &m, &err), "%s", err.what);
    }
    store_release(&m);
    sweep(&store);
    ck_assert_uint_eq(queue_entries("msg") == 0, finished);
    ck_assert_uint_eq(queue_entries("aside"), 0);
    store_close(&store);
}

START_TEST(test_steps_delivery)
{
    walk(prepare_message, deliver, check_delivery);
}
END_TEST

/* An announcement that failed is not one: nothing was sent, so nothing is in doubt. */
static bool only_announce(struct err *err)
{
    struct store store;
    struct message m;
    struct journal_writer *w = NULL;
    if (!store_open(queue_path, &store, err) || store_take(&store, told->id, &m, err) != TAKE_GOT)
        return false;
    bool ok = journal_open(&store, &m, &w, err) && announce(w, err);
    struct err again = {0};
    ck_assert(ok || (!journal_next(w, 5, &again) || !journal_sync(w, &again)));
    journal_close(&w);
    store_release(&m);
    store_close(&store);
    return ok;
}

static void check_announcement(enum ended ended)
{
    struct store store = queue_open();
    struct message m = queue_take(&store, told->id);
    if (ended != KILLED)
        ck_assert_int_eq(m.journal.in_doubt_open, ended == DONE_TRUE);
    store_release(&m);
    store_close(&store);
}

START_TEST(test_steps_failed_announcement)
{
    walk(prepare_message, only_announce, check_announcement);
}
END_TEST

/* -- a disk that is full, then and meanwhile -- */

/* Takes all the room there is, to the last octet of it. */
static void fill_disk(void)
{
    static const char block[4096];
    char path[200];
    snprintf(path, sizeof path, "%s/filler", queue_root);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof block) > 0)
        continue;
    while (write(fd, block, 1) > 0)
        continue;
    close(fd);
}

#define LONG_REPLIES 6 /* more than fits into the block that the journal has already */

/* An attempt at the message; the disk is full before it, or fills up once it is announced. */
static void try_one(struct store *store, const char *id, bool is_full, struct message *m)
{
    static char reply[2000];
    struct err err = {0};
    struct journal_writer *w;
    memset(reply, 'x', sizeof reply - 1);
    *m = queue_take(store, id);
    ck_assert(journal_open(store, m, &w, &err));
    ck_assert_int_eq(announce(w, &err), !is_full);
    ck_assert(!is_full || err.sys == ENOSPC);
    fill_disk();
    for (int i = 0; i < LONG_REPLIES; i++)
        ck_assert(journal_outcome(w, 0, &(struct outcome){.verdict = VERDICT_LATER, .text = reply}, &err));
    ck_assert_int_eq(conclude(w, &err), !is_full);
    journal_close(&w);
}

/* In a child with a disk of its own: an attempt begun has the room for its verdict, one without is not begun. */
static bool deliver_on_a_full_disk(struct err *err)
{
    struct message m;
    if (!apart())
        return true;
    ck_assert_int_eq(mount("none", queue_root, "tmpfs", 0, "size=200k"), 0);
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", told->id);
    queue_put(&store, "eve@example.test", told->other);
    try_one(&store, told->id, false, &m);
    ck_assert(m.journal.attempts == 1 && m.journal.finished);
    store_release(&m);
    try_one(&store, told->other, true, &m);
    ck_assert(m.journal.attempts == 0 && !m.journal.finished);
    store_release(&m);
    ck_assert(!queue_try_put(&store, "joe@example.test", QUEUE_TEXT, NULL, err));
    ck_assert_int_eq(err->sys, ENOSPC);
    ck_assert_uint_eq(queue_entries("tmp"), 0);
    m = queue_take(&store, told->id);
    ck_assert(m.journal.finished && store_remove(&store, &m, err));
    m = queue_take(&store, told->other);
    ck_assert(m.journal.attempts == 0 && !m.journal.in_doubt_open);
    store_release(&m);
    store_close(&store);
    return true;
}

START_TEST(test_steps_full_disk)
{
    ck_assert_int_eq(run(deliver_on_a_full_disk, NULL), DONE_TRUE);
}
END_TEST

/* -- moving to failed/ -- */

static void prepare_tried_message(void)
{
    struct err err = {0};
    prepare_message();
    ck_assert_msg(only_announce(&err), "%s", err.what);
}

static bool set_aside(struct err *err)
{
    struct store store;
    struct message m;
    if (!store_open(queue_path, &store, err) || store_take(&store, told->id, &m, err) != TAKE_GOT)
        return false;
    bool ok = store_set_aside(&store, &m, "failed", err);
    store_close(&store);
    return ok;
}

/* It is here or there, whole, and never here without its journal. */
static void check_set_aside(enum ended ended)
{
    struct err err = {0};
    struct message m;
    struct store store = queue_open();
    enum store_take took = store_take(&store, told->id, &m, &err);
    ck_assert(took == TAKE_GOT || took == TAKE_GONE);
    if (took == TAKE_GOT)
        ck_assert(m.journal.in_doubt_open && ended != DONE_TRUE);
    store_release(&m);
    sweep(&store);
    ck_assert_uint_eq(queue_entries("msg"), took == TAKE_GOT ? 2 : 0);
    ck_assert_uint_eq(queue_entries("failed"), took == TAKE_GOT ? 0 : 2);
    store_close(&store);
}

START_TEST(test_steps_set_aside)
{
    walk(prepare_tried_message, set_aside, check_set_aside);
}
END_TEST

/* -- the order that a power cut relies on -- */

#define NEW_FOLDERS "mkdir syncdir mkdir syncdir mkdir syncdir mkdir syncdir "

START_TEST(test_steps_order)
{
    ck_assert_int_eq(run(enqueue, NULL), DONE_TRUE);
    assert_steps(NEW_FOLDERS "tmpfile write fsync link syncdir");
    ck_assert_int_eq(run(enqueue, "fail:5:EIO"), DONE_FALSE);
    assert_steps("tmpfile write fsync link syncdir truncate fsync unlink syncdir");
    ck_assert_int_eq(run(enqueue, NULL), DONE_TRUE);
    ck_assert_int_eq(run(deliver, NULL), DONE_TRUE);
    assert_steps("create reserve write fsync syncdir write fsync unlink syncdir unlink");
    start_over();
    prepare_tried_message();
    ck_assert_int_eq(run(set_aside, NULL), DONE_TRUE);
    assert_steps("mkdir syncdir rename syncdir syncdir rename syncdir");
    start_over();
    prepare_tried_message();
    ck_assert_int_eq(run(only_announce, NULL), DONE_TRUE);
    assert_steps("reserve write fsync syncdir");
}
END_TEST

START_TEST(test_steps_order_with_named_files)
{
    prepare_other();
    ck_assert_int_eq(run(enqueue_named, NULL), DONE_TRUE);
    struct str got = STR_INIT(1000);
    steps(&got);
    /* where namespaces are not to be had, the unnamed way was walked once more */
    ck_assert(str_eqz(&got, "tmpfile create write fsync rename syncdir") ||
              str_eqz(&got, "tmpfile write fsync link syncdir"));
    str_free(&got);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("steps");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, setup, queue_teardown);
    suite_add_tcase(suite, all);
    tcase_add_test(all, test_steps_first_enqueue);
    tcase_add_test(all, test_steps_second_enqueue);
    tcase_add_test(all, test_steps_enqueue_with_named_files);
    tcase_add_test(all, test_steps_delivery);
    tcase_add_test(all, test_steps_failed_announcement);
    tcase_add_test(all, test_steps_full_disk);
    tcase_add_test(all, test_steps_set_aside);
    tcase_add_test(all, test_steps_order);
    tcase_add_test(all, test_steps_order_with_named_files);
    return unit_run(suite);
}
