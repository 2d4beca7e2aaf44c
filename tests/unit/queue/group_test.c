/* group - whose a message is: looked at once, remembered, forgotten with it. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/group.h"
#include "spool/store_name.h"

static struct store store;
static struct groups groups;

static void setup(void)
{
    struct err err = {0};
    unit_folder_make();
    ck_assert_msg(store_open(unit_folder, &store, &err), "%s", err.what);
    groups = (struct groups){0};
}

static void teardown(void)
{
    groups_free(&groups);
    store_close(&store);
    unit_folder_remove();
}

static void put(const char *config_dir, const char *account, char id[STORE_ID_LEN + 1])
{
    struct err err = {0};
    struct store_writer *w = NULL;
    struct envelope e;
    envelope_init(&e);
    e.accepted = 1;
    e.sender = strdup("ada@example.org");
    e.account = account ? strdup(account) : NULL;
    e.config_dir = config_dir ? strdup(config_dir) : NULL;
    ck_assert(envelope_add(&e, "bob@example.org", &err));
    ck_assert_msg(store_begin(&store, &e, &w, &err) && store_write(w, "x\r\n", 3, &err) &&
                      store_commit(w, &err),
                  "%s", err.what);
    memcpy(id, store_writer_id(w), STORE_ID_LEN + 1);
    store_writer_free(&w);
    envelope_free(&e);
}

static void learn(size_t expected)
{
    struct err err = {0};
    struct store_item *items;
    size_t count;
    ck_assert(store_list_due(&store, &items, &count, &err));
    ck_assert_uint_eq(count, expected);
    ck_assert(groups_learn(&groups, &store, items, count, &err));
    ck_assert_uint_eq(groups.known_count, expected);
    free(items);
}

START_TEST(test_groups)
{
    static const char *const whose[][2] = {{"/a", "work"}, {"/a", "home"}, {"/b", "work"},
                                           {"/a", NULL},   {NULL, NULL},   {"/a", "work"}};
    char ids[6][STORE_ID_LEN + 1];
    const struct group *of[6];
    for (size_t i = 0; i < 6; i++)
        put(whose[i][0], whose[i][1], ids[i]);
    learn(6);
    ck_assert_uint_eq(groups.count, 5);
    for (size_t i = 0; i < 6; i++) {
        of[i] = groups_find(&groups, &store, ids[i]);
        ck_assert_ptr_nonnull(of[i]);
        for (size_t k = 0; k < i; k++)
            ck_assert_int_eq(of[i] == of[k], i == 5 && k == 0);
    }
    ck_assert_str_eq(of[0]->account, "work");
    ck_assert_str_eq(of[0]->config_dir, "/a");
    ck_assert_ptr_null(of[3]->account);
}
END_TEST

/* A message that is known is not opened again: it could not even be read. */
START_TEST(test_once)
{
    char id[STORE_ID_LEN + 1], other[STORE_ID_LEN + 1];
    put("/a", "work", id);
    learn(1);
    const struct group *group = groups_find(&groups, &store, id);
    groups.known[0].given = true;
    int fd = openat(store.msg, id, O_WRONLY | O_TRUNC | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    close(fd);
    put("/a", "home", other);
    learn(2);
    ck_assert_ptr_eq(groups_find(&groups, &store, id), group);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(groups.known[i].given, groups.known[i].group == group);
    ck_assert_int_eq(unlinkat(store.msg, id, 0), 0);
    learn(1);
    ck_assert_ptr_null(groups_find(&groups, &store, id));
}
END_TEST

static void set_due(const char *id, int64_t due)
{
    char journal[STORE_JOURNAL_NAME];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)due}};
    store_journal_name(id, journal);
    int fd = openat(store.msg, journal, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert(fd >= 0 && futimens(fd, times) == 0);
    close(fd);
}

/* What is made due sooner than it was is news to the child that left it; what is put off is not. */
START_TEST(test_sooner)
{
    char id[STORE_ID_LEN + 1];
    int64_t now = clock_now();
    put("/a", "work", id);
    learn(1);
    groups.known[0].given = true;
    set_due(id, now + 60);
    learn(1);
    ck_assert(groups.known[0].given);
    learn(1);
    ck_assert(groups.known[0].given);
    set_due(id, 0);
    learn(1);
    ck_assert(!groups.known[0].given);
    learn(1);
    ck_assert(!groups.known[0].given);
}
END_TEST

/* A child knows what its parent knew, and looks at what came in since. */
START_TEST(test_unknown)
{
    char id[STORE_ID_LEN + 1], late[STORE_ID_LEN + 1], stranger[STORE_ID_LEN + 1];
    put("/a", "work", id);
    learn(1);
    put("/a", "work", late);
    put("/a", "home", stranger);
    ck_assert_ptr_eq(groups_find(&groups, &store, late), groups.items[0]);
    ck_assert_ptr_null(groups_find(&groups, &store, stranger));
    ck_assert_uint_eq(groups.known_count, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("group");
    TCase *tc = tcase_create("group");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_groups);
    tcase_add_test(tc, test_once);
    tcase_add_test(tc, test_sooner);
    tcase_add_test(tc, test_unknown);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
