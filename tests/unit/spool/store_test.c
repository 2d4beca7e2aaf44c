/* store: what goes in comes out, for one taker at a time; damage is set aside; nothing is left behind. */
#include "queue.h"

#include <errno.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "spool/store_file.h"
#include "spool/store_name.h"

static const char *queue_file(const char *folder, const char *id, const char *suffix)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s/%s%s", queue_path, folder, id, suffix);
    return path;
}

static void finish(struct store *store, struct message *m)
{
    struct err err = {0};
    struct journal_writer *w;
    ck_assert(journal_open(store, m, &w, &err));
    ck_assert(journal_finished(w, "delivered", &err));
    ck_assert_msg(journal_sync(w, &err), "%s", err.what);
    journal_close(&w);
}

/* Makes a file look as old as the tests need it. */
static void age(const char *path, int64_t seconds)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(test_store_puts_and_takes)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1], text[1000];
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    struct message m = queue_take(&store, id);
    ck_assert_str_eq(m.id, id);
    ck_assert_str_eq(m.envelope.sender, "ada@example.org");
    ck_assert_uint_eq(m.envelope.count, 1);
    ck_assert_str_eq(m.envelope.recipients[0].address, "bob@example.test");
    ck_assert_uint_eq(m.facts.size, strlen(QUEUE_TEXT));
    ck_assert_int_eq(pread(m.fd, text, sizeof text, (off_t)m.text_offset), strlen(QUEUE_TEXT) + TRAILER_SIZE);
    ck_assert_mem_eq(text, QUEUE_TEXT, strlen(QUEUE_TEXT));
    ck_assert(store_verify(&m, &err));
    ck_assert(!m.journal.exists);
    ck_assert_uint_eq(m.journal.count, 1);
    store_release(&m);
    ck_assert_uint_eq(queue_entries("tmp"), 0);
    store_close(&store);
}
END_TEST

START_TEST(test_store_folders_are_private)
{
    static const char *const folders[] = {"", "/msg", "/tmp"};
    struct store store = queue_open();
    for (size_t i = 0; i < 3; i++) {
        char path[300];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", queue_path, folders[i]);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0700);
    }
    store_close(&store);
}
END_TEST

START_TEST(test_store_abandoned_leaves_nothing)
{
    struct err err = {0};
    struct store store = queue_open();
    struct envelope e = {.sender = (char[]){"a"}};
    struct store_writer *w;
    ck_assert(envelope_add(&e, "bob@example.test", &err));
    ck_assert(store_begin(&store, &e, &w, &err));
    ck_assert(store_write(w, "text", 4, &err));
    store_writer_free(&w);
    ck_assert_ptr_null(w);
    ck_assert_uint_eq(queue_entries("tmp") + queue_entries("msg"), 0);
    e.sender = NULL;
    envelope_free(&e);
    store_close(&store);
}
END_TEST

/* -- facts of the text -- */

static const struct {
    const char *text;
    struct message_facts facts;
} texts[] = {
    {"", {0}},
    {"\r\n", {.size = 2, .header_size = 2}},
    {"A: b\r\n", {.size = 6, .header_size = 6, .longest_line = 4}},
    {"A: b\r\n\r\n", {.size = 8, .header_size = 8, .longest_line = 4}},
    {"A: b\r\n\r\nlonger line\r\n\r\n\r\n", {.size = 25, .header_size = 8, .longest_line = 11}},
    {"A: \xc3\xa9\r\n\r\nx\r\n", {.size = 12, .header_size = 9, .longest_line = 5, .eight_bit_header = true}},
    {"A: b\r\n\r\n\xff\r\n", {.size = 11, .header_size = 8, .longest_line = 4, .eight_bit_body = true}},
    {"A: b\r\n\r\nno end", {.size = 14, .header_size = 8, .longest_line = 6}},
    {"A: b\n\nx\ry\n", {.size = 10, .header_size = 6, .longest_line = 4}},
    {"\r\r\n\r\n", {.size = 5, .header_size = 5, .longest_line = 1}},
};

START_TEST(test_store_facts_at_every_split)
{
    const struct message_facts *want = &texts[_i].facts;
    size_t n = strlen(texts[_i].text);
    for (size_t a = 0; a <= n; a++) {
        for (size_t b = a; b <= n; b++) {
            struct text_scan scan = {0};
            text_scan_add(&scan, texts[_i].text, a);
            text_scan_add(&scan, texts[_i].text + a, b - a);
            text_scan_add(&scan, texts[_i].text + b, n - b);
            text_scan_end(&scan);
            ck_assert_uint_eq(scan.facts.size, want->size);
            ck_assert_uint_eq(scan.facts.header_size, want->header_size);
            ck_assert_uint_eq(scan.facts.longest_line, want->longest_line);
            ck_assert_int_eq(scan.facts.eight_bit_body, want->eight_bit_body);
            ck_assert_int_eq(scan.facts.eight_bit_header, want->eight_bit_header);
        }
    }
}
END_TEST

/* -- one taker at a time -- */

START_TEST(test_store_lock_is_the_writers_until_it_is_freed)
{
    struct err err = {0};
    struct store store = queue_open();
    struct envelope e = {.sender = (char[]){"a"}};
    struct store_writer *w;
    struct message m;
    char id[STORE_ID_LEN + 1];
    ck_assert(envelope_add(&e, "bob@example.test", &err));
    ck_assert(store_begin(&store, &e, &w, &err) && store_write(w, "x", 1, &err));
    memcpy(id, store_writer_id(w), sizeof id);
    ck_assert_int_eq(store_take(&store, id, &m, &err), TAKE_GONE);
    ck_assert(store_commit(w, &err));
    ck_assert_int_eq(store_take(&store, id, &m, &err), TAKE_BUSY);
    ck_assert_int_eq(store_peek(&store, id, &m, &err), TAKE_GOT);
    store_release(&m);
    store_writer_free(&w);
    ck_assert_int_eq(store_take(&store, id, &m, &err), TAKE_GOT);
    store_release(&m);
    e.sender = NULL;
    envelope_free(&e);
    store_close(&store);
}
END_TEST

START_TEST(test_store_busy_then_gone)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open(), other = queue_open();
    struct message m2;
    queue_put(&store, "bob@example.test", id);
    struct message m = queue_take(&store, id);
    ck_assert_int_eq(store_take(&other, id, &m2, &err), TAKE_BUSY);
    ck_assert(!store_remove(&other, &m2, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    finish(&store, &m);
    ck_assert_msg(store_remove(&store, &m, &err), "%s", err.what);
    ck_assert_int_eq(store_take(&other, id, &m2, &err), TAKE_GONE);
    ck_assert_int_eq(store_peek(&other, id, &m2, &err), TAKE_GONE);
    ck_assert_uint_eq(queue_entries("msg"), 0);
    store_close(&store);
    store_close(&other);
}
END_TEST

/* Who opened the file before its removal or its move gets the lock after it: on an inode of another name. */
START_TEST(test_store_lock_on_a_removed_file_is_none)
{
    char id[STORE_ID_LEN + 1], other[STORE_ID_LEN + 1], from[300];
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    queue_put(&store, "eve@example.test", other);
    int fd = open(queue_file("msg", id, ""), O_RDWR | O_CLOEXEC);
    ck_assert(store_is_same(fd, store.msg, id));
    ck_assert(!store_is_same(fd, store.msg, other));
    ck_assert(!store_is_same(fd, store.tmp, id));
    snprintf(from, sizeof from, "%s", queue_file("msg", other, ""));
    ck_assert_int_eq(rename(from, queue_file("msg", id, "")), 0);
    ck_assert(!store_is_same(fd, store.msg, id));
    close(fd);
    store_close(&store);
}
END_TEST

#define RACE_ROUNDS 2000

/* Puts and removes one message after the other, while its parent snatches at them. */
static void put_and_remove(struct store *store)
{
    for (int i = 0; i < RACE_ROUNDS; i++) {
        struct err err = {0};
        struct message m;
        char id[STORE_ID_LEN + 1];
        queue_put(store, "bob@example.test", id);
        enum store_take took;
        while ((took = store_take(store, id, &m, &err)) == TAKE_BUSY)
            sched_yield();
        ck_assert_int_eq(took, TAKE_GOT);
        finish(store, &m);
        ck_assert(store_remove(store, &m, &err));
    }
}

START_TEST(test_store_taker_never_gets_what_was_removed)
{
    struct store store = queue_open();
    pid_t pid = fork();
    if (pid == 0) {
        put_and_remove(&store);
        _exit(0);
    }
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct err err = {0};
        struct store_item *items;
        size_t count;
        ck_assert(store_list(&store, &items, &count, &err));
        for (size_t i = 0; i < count * 50; i++) {
            struct message m;
            if (store_take(&store, items[i % count].id, &m, &err) != TAKE_GOT)
                continue;
            ck_assert(store_is_same(m.fd, store.msg, m.id));
            store_release(&m);
        }
        free(items);
    }
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(queue_entries("msg"), 0);
    store_close(&store);
}
END_TEST

START_TEST(test_store_is_not_removed_unfinished)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    struct message m = queue_take(&store, id);
    ck_assert(!store_remove(&store, &m, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    m = queue_take(&store, id);
    store_release(&m);
    store_close(&store);
}
END_TEST

START_TEST(test_store_names_that_are_none)
{
    static const char *const names[] = {"",
                                        ".",
                                        "..",
                                        "../msg",
                                        "0123456789abcdefghijklmnopq",
                                        "ABCDEFGHIJ0123456789ABCDEF",
                                        "0123456789abcdefghijklmnow"};
    struct err err = {0};
    struct store store = queue_open();
    struct message m;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_int_eq(store_take(&store, names[i], &m, &err), TAKE_GONE);
    store_close(&store);
}
END_TEST

/* -- damage -- */

static void assert_aside(struct store *store, const char *id, bool with_journal)
{
    struct err err = {0};
    struct message m;
    size_t count;
    ck_assert_int_eq(store_peek(store, id, &m, &err), TAKE_BROKEN);
    ck_assert_int_eq(store_take(store, id, &m, &err), TAKE_BROKEN);
    ck_assert_ptr_nonnull(strstr(err.what, id));
    ck_assert_int_ne(err.hint[0], 0);
    ck_assert_uint_eq(queue_entries("msg"), 0);
    ck_assert_uint_eq(queue_entries("aside"), with_journal ? 2 : 1);
    ck_assert(store_count(store, "aside", &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert(store_count(store, "failed", &count, &err));
    ck_assert_uint_eq(count, 0);
}

START_TEST(test_store_sets_a_damaged_file_aside)
{
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    struct message m = queue_take(&store, id);
    finish(&store, &m);
    store_release(&m);
    ck_assert_int_eq(truncate(queue_file("msg", id, ""), 100), 0);
    assert_aside(&store, id, true);
    store_close(&store);
}
END_TEST

START_TEST(test_store_sets_a_damaged_journal_aside)
{
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    struct message m = queue_take(&store, id);
    finish(&store, &m);
    store_release(&m);
    int fd = open(queue_file("msg", id, ".j"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, "X", 1, 20), 1);
    close(fd);
    assert_aside(&store, id, true);
    store_close(&store);
}
END_TEST

/* Every bit of a message file: found when it is taken, or when its text is verified. */
START_TEST(test_store_flips_are_found)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    struct str bytes = STR_INIT(10000);
    ck_assert(fs_read_file(queue_file("msg", id, ""), &bytes, &err));
    int fd = open(queue_file("msg", id, ""), O_WRONLY | O_CLOEXEC);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        char flipped = (char)(bytes.buf[bit / 8] ^ (1 << bit % 8));
        struct message m;
        ck_assert_int_eq(pwrite(fd, &flipped, 1, (off_t)(bit / 8)), 1);
        enum store_take took = store_peek(&store, id, &m, &err);
        ck_assert_msg(took == TAKE_BROKEN || (took == TAKE_GOT && !store_verify(&m, &err)), "bit %zu", bit);
        store_release(&m);
        ck_assert_int_eq(pwrite(fd, &bytes.buf[bit / 8], 1, (off_t)(bit / 8)), 1);
    }
    close(fd);
    str_free(&bytes);
    store_close(&store);
}
END_TEST

START_TEST(test_store_finds_every_cut)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open();
    struct message m;
    queue_put(&store, "bob@example.test", id);
    struct stat st;
    ck_assert_int_eq(stat(queue_file("msg", id, ""), &st), 0);
    for (off_t n = st.st_size - 1; n > 0; n--) {
        ck_assert_int_eq(truncate(queue_file("msg", id, ""), n), 0);
        ck_assert_int_eq(store_peek(&store, id, &m, &err), TAKE_BROKEN);
    }
    store_close(&store);
}
END_TEST

/* -- the journal on disk -- */

START_TEST(test_store_journal_is_kept_and_its_tail_is_cut)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct journal_writer *w;
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    struct message m = queue_take(&store, id);
    ck_assert(journal_open(&store, &m, &w, &err));
    ck_assert(journal_attempt(w, 100, &err) && journal_in_doubt(w, 101, &err));
    ck_assert(!m.journal.exists && m.journal.attempts == 0);
    ck_assert(journal_sync(w, &err) && journal_sync(w, &err));
    ck_assert(m.journal.exists && m.journal.in_doubt_open);
    struct outcome later = {.verdict = VERDICT_LATER, .code = 450, .text = (char[]){"no\nyet"}};
    ck_assert(journal_outcome(w, 0, &later, &err) && journal_reported(w, 0, &err));
    ck_assert(journal_no_doubt(w, &err) && journal_attempt_end(w, &err) && journal_next(w, 999, &err) &&
              journal_sync(w, &err));
    ck_assert(journal_finished(w, "dropped, for it is not synced", &err));
    ck_assert(!journal_outcome(w, 1, &later, &err) && !journal_reported(w, 1, &err));
    journal_close(&w);
    store_release(&m);

    int fd = open(queue_file("msg", id, ".j"), O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "1234abcd atte", 13), 13);
    close(fd);
    ck_assert_int_eq(store_peek(&store, id, &m, &err), TAKE_GOT);
    ck_assert_uint_eq(m.journal.attempts, 1);
    store_release(&m);
    m = queue_take(&store, id);
    struct stat st;
    ck_assert_int_eq(stat(queue_file("msg", id, ".j"), &st), 0);
    ck_assert_uint_eq((uint64_t)st.st_size, m.journal.good_length);
    ck_assert_int_eq(st.st_mtime, 999);
    ck_assert_uint_eq(m.journal.in_doubt, 0);
    ck_assert_int_eq(m.journal.next_try, 999);
    ck_assert_str_eq(m.journal.outcomes[0].text, "no\nyet");
    ck_assert(m.journal.reported[0] && !m.journal.finished);
    ck_assert(journal_open(&store, &m, &w, &err) && journal_hold(w, "by hand", &err) &&
              journal_sync(w, &err));
    ck_assert(journal_hold(w, NULL, &err) && journal_warned(w, 5, &err));
    ck_assert(journal_sync(w, &err));
    journal_close(&w);
    store_release(&m);
    m = queue_take(&store, id);
    ck_assert(!m.journal.held && m.journal.warned == 5);
    store_release(&m);
    store_close(&store);
}
END_TEST

START_TEST(test_store_journal_needs_the_lock)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct journal_writer *w;
    struct message m;
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", id);
    ck_assert_int_eq(store_peek(&store, id, &m, &err), TAKE_GOT);
    ck_assert(!journal_open(&store, &m, &w, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    ck_assert(!store_set_aside(&store, &m, "failed", &err));
    store_close(&store);
}
END_TEST

/* -- listing -- */

START_TEST(test_store_lists_by_age)
{
    enum { COUNT = 20 };
    struct err err = {0};
    char ids[COUNT][STORE_ID_LEN + 1];
    struct store_item *items;
    size_t count;
    struct journal_writer *w;
    struct store store = queue_open();
    ck_assert(store_list(&store, &items, &count, &err));
    ck_assert_uint_eq(count, 0);
    free(items);
    for (int i = 0; i < COUNT; i++) {
        queue_put(&store, "bob@example.test", ids[i]);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    struct message m = queue_take(&store, ids[3]);
    ck_assert(journal_open(&store, &m, &w, &err) && journal_next(w, 12345, &err) && journal_sync(w, &err));
    journal_close(&w);
    store_release(&m);
    close(open(queue_file("msg", "notes", ".txt"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ck_assert(store_list(&store, &items, &count, &err));
    ck_assert_uint_eq(count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_str_eq(items[i].id, ids[i]);
        ck_assert_int_eq(items[i].due, i == 3 ? 12345 : 0);
        ck_assert_uint_gt(items[i].size, TRAILER_SIZE);
    }
    free(items);
    store_close(&store);
}
END_TEST

/* -- moving and sweeping -- */

START_TEST(test_store_moves_to_failed)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open();
    struct message m;
    queue_put(&store, "bob@example.test", id);
    m = queue_take(&store, id);
    finish(&store, &m);
    ck_assert_msg(store_set_aside(&store, &m, "failed", &err), "%s", err.what);
    ck_assert_int_eq(store_take(&store, id, &m, &err), TAKE_GONE);
    ck_assert_uint_eq(queue_entries("failed"), 2);
    ck_assert_uint_eq(queue_entries("msg"), 0);
    store_close(&store);
}
END_TEST

START_TEST(test_store_sweeps_withdrawn_messages)
{
    struct err err = {0};
    char id[STORE_ID_LEN + 1];
    struct store store = queue_open();
    struct message m;
    queue_put(&store, "bob@example.test", id);
    ck_assert_int_eq(truncate(queue_file("msg", id, ""), 0), 0);
    ck_assert_int_eq(store_peek(&store, id, &m, &err), TAKE_GONE);
    ck_assert_uint_eq(queue_entries("msg"), 1);
    ck_assert_int_eq(store_take(&store, id, &m, &err), TAKE_GONE);
    ck_assert_uint_eq(queue_entries("msg") + queue_entries("aside"), 0);
    store_close(&store);
}
END_TEST

START_TEST(test_store_sweeps_old_unlocked_tmp_files_alone)
{
    static const char old[] = "0123456789abcdefghij000001", locked[] = "0123456789abcdefghij000002",
                      young[] = "0123456789abcdefghij000003", other[] = "somebody-elses";
    static const char *const names[] = {old, locked, young, other};
    struct err err = {0};
    struct store store = queue_open();
    int held = -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int fd = open(queue_file("tmp", names[i], ""), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (names[i] != young)
            age(queue_file("tmp", names[i], ""), 40 * 3600);
        if (names[i] == locked)
            ck_assert_int_eq(flock(held = fd, LOCK_EX), 0);
        else
            close(fd);
    }
    ck_assert(store_clean_tmp(&store, &err));
    ck_assert_int_ne(access(queue_file("tmp", old, ""), F_OK), 0);
    ck_assert_uint_eq(queue_entries("tmp"), 3);
    close(held);
    store_close(&store);
}
END_TEST

/* A journal whose message went to failed/ goes after it; one whose message is nowhere goes. Not at once. */
START_TEST(test_store_sweeps_journals_without_message)
{
    struct err err = {0};
    char moved[STORE_ID_LEN + 1], gone[STORE_ID_LEN + 1], from[300];
    struct store store = queue_open();
    queue_put(&store, "bob@example.test", moved);
    queue_put(&store, "eve@example.test", gone);
    const char *ids[] = {moved, gone};
    for (size_t i = 0; i < 2; i++) {
        struct message m = queue_take(&store, ids[i]);
        finish(&store, &m);
        store_release(&m);
    }
    snprintf(from, sizeof from, "%s/failed", queue_path);
    ck_assert_int_eq(mkdir(from, 0700), 0);
    snprintf(from, sizeof from, "%s", queue_file("msg", moved, ""));
    ck_assert_int_eq(rename(from, queue_file("failed", moved, "")), 0);
    ck_assert_int_eq(unlink(queue_file("msg", gone, "")), 0);

    ck_assert(store_clean_tmp(&store, &err));
    ck_assert_uint_eq(queue_entries("msg"), 2);
    setenv("TAPPAL_TEST_CLOCK", "120", 1);
    clock_read_test_shift();
    int fd = open(queue_file("failed", moved, ""), O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert(store_clean_tmp(&store, &err));
    ck_assert_int_eq(access(queue_file("msg", moved, ".j"), F_OK), 0);
    ck_assert_int_ne(access(queue_file("msg", gone, ".j"), F_OK), 0);
    close(fd);
    ck_assert_msg(store_clean_tmp(&store, &err), "%s", err.what);
    ck_assert_uint_eq(queue_entries("msg"), 0);
    ck_assert_int_eq(access(queue_file("failed", moved, ".j"), F_OK), 0);
    store_close(&store);
}
END_TEST

/* -- the runner -- */

START_TEST(test_store_role)
{
    struct err err = {.kind = ERR_INTERNAL};
    struct store store = queue_open(), other = queue_open();
    ck_assert(store_role_is_free(&store));
    int fd = store_take_role(&store, &err);
    ck_assert_int_ge(fd, 0);
    ck_assert(!store_role_is_free(&other));
    ck_assert_int_eq(store_take_role(&other, &err), -1);
    ck_assert_int_eq(err.kind, ERR_NONE);
    ck_assert(!store_is_stayed_at(&other)); /* a place of its own */
    int stays = store_take_stay(&other, &err);
    ck_assert_int_ge(stays, 0);
    ck_assert(store_is_stayed_at(&store));
    ck_assert_int_eq(store_take_stay(&store, &err), -1);
    close(fd);
    ck_assert(store_role_is_free(&other));
    ck_assert(store_is_stayed_at(&store));
    close(stays);
    ck_assert(!store_is_stayed_at(&store));
    store_close(&store);
    store_close(&other);
}
END_TEST

START_TEST(test_store_wake)
{
    struct err err = {0};
    char byte;
    struct store store = queue_open();
    store_wake(&store);
    int fd = store_open_wake(&store, &err);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, &byte, 1), -1);
    ck_assert_int_eq(errno, EAGAIN);
    for (int i = 0; i < 100000; i++)
        store_wake(&store); /* never waits, however full it is */
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    close(fd);
    store_wake(&store);
    store_close(&store);
}
END_TEST

START_TEST(test_store_that_cannot_be_opened)
{
    struct err err = {0};
    struct store store;
    char path[300];
    snprintf(path, sizeof path, "%s/file", queue_root);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ck_assert(!store_open(path, &store, &err));
    ck_assert_int_eq(err.kind, ERR_LOCAL);
    ck_assert_ptr_nonnull(strstr(err.what, path));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, queue_setup, queue_teardown);
    suite_add_tcase(suite, all);
    tcase_add_test(all, test_store_puts_and_takes);
    tcase_add_test(all, test_store_folders_are_private);
    tcase_add_test(all, test_store_abandoned_leaves_nothing);
    tcase_add_loop_test(all, test_store_facts_at_every_split, 0, sizeof texts / sizeof *texts);
    tcase_add_test(all, test_store_lock_is_the_writers_until_it_is_freed);
    tcase_add_test(all, test_store_busy_then_gone);
    tcase_add_test(all, test_store_lock_on_a_removed_file_is_none);
    tcase_add_test(all, test_store_is_not_removed_unfinished);
    tcase_add_test(all, test_store_names_that_are_none);
    tcase_add_test(all, test_store_sets_a_damaged_file_aside);
    tcase_add_test(all, test_store_sets_a_damaged_journal_aside);
    tcase_add_test(all, test_store_flips_are_found);
    tcase_add_test(all, test_store_finds_every_cut);
    tcase_add_test(all, test_store_journal_is_kept_and_its_tail_is_cut);
    tcase_add_test(all, test_store_journal_needs_the_lock);
    tcase_add_test(all, test_store_lists_by_age);
    tcase_add_test(all, test_store_moves_to_failed);
    tcase_add_test(all, test_store_sweeps_withdrawn_messages);
    tcase_add_test(all, test_store_sweeps_old_unlocked_tmp_files_alone);
    tcase_add_test(all, test_store_sweeps_journals_without_message);
    tcase_add_test(all, test_store_role);
    tcase_add_test(all, test_store_wake);
    tcase_add_test(all, test_store_that_cannot_be_opened);
    TCase *races = tcase_create("races");
    tcase_set_timeout(races, 60);
    tcase_add_checked_fixture(races, queue_setup_fast, queue_teardown);
    suite_add_tcase(suite, races);
    tcase_add_test(races, test_store_taker_never_gets_what_was_removed);
    return unit_run(suite);
}
