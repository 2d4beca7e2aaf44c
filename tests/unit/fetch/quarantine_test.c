/* quarantine - messages that could not be had wait longer and longer, and survive what the memory survives; and a memory
 * whose messages are numbered anew. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fetch/quarantine.h"

static char path[96];
static struct err err;
static const struct seen_owner owner = {PROTO_IMAP, "ada lovelace@imap.example.org", "INBOX"};

static void setup(void)
{
    unit_folder_make();
    snprintf(path, sizeof path, "%s/a.seen", unit_folder);
    memset(&err, 0, sizeof err);
}

static void must(bool ok)
{
    ck_assert_msg(ok, "%s", err.what);
}

static struct seen *open_it(bool look_only)
{
    struct seen *s = NULL;
    must(seen_open(path, &owner, look_only, &s, &err));
    return s;
}

static struct seen_entry message(uint32_t uid)
{
    struct seen_entry e = {.key = seen_key_uid(uid), .wire = uid, .size = uid, .when = 1700000000};
    memset(e.letter, (int)uid, sizeof e.letter);
    seen_mark_text("emailid", "M1", 2, e.id);
    e.stub = uid % 2;
    return e;
}

START_TEST(test_quarantine_life)
{
    static const int64_t waits[] = {600, 3600, 6 * 3600, 24 * 3600, 24 * 3600};
    struct seen_key key = seen_key_uid(7), other = seen_key_uid(3);
    struct seen *s = open_it(false);
    must(quarantine_add(s, &other, "Another one.", &err));
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        must(quarantine_add(s, &key, "It said:\n\"no \\ thanks\".", &err));
        const struct quarantined *q = quarantine_find(s, &key);
        ck_assert_uint_eq(q->tries, i + 1);
        ck_assert_int_ge(q->next, q->since + waits[i]);
        ck_assert_int_le(q->next, clock_now() + waits[i]);
        ck_assert(quarantine_holds(s, &key) && !quarantine_has_due(s));
    }
    must(seen_sync(s, &err));
    seen_close(&s);

    s = open_it(true);
    const struct quarantined *q = quarantine_each(s, NULL);
    ck_assert_uint_eq(seen_uid(&q->key), 3);
    q = quarantine_each(s, q);
    ck_assert_uint_eq(seen_uid(&q->key), 7);
    ck_assert_uint_eq(q->tries, 5);
    ck_assert_ptr_nonnull(strstr(q->why, "\"no \\ thanks\"."));
    ck_assert_ptr_null(quarantine_each(s, q));
    seen_close(&s);
}
END_TEST

static void is_called(const char *name)
{
    struct seen *s = NULL;
    must(seen_open(path, NULL, true, &s, &err));
    ck_assert_pstr_eq(seen_called(s), name);
    seen_close(&s);
}

/* Whoever has the memory alone knows what the folder is called, as soon as anything is to be told of it. */
START_TEST(test_quarantine_name)
{
    struct seen_key key = seen_key_uid(7);
    struct seen *s = open_it(false);
    must(seen_call(s, "a", &err) && seen_set_validity(s, 1, &err) && seen_sync(s, &err));
    is_called(NULL);
    must(quarantine_add(s, &key, "Broken.", &err) && seen_sync(s, &err));
    is_called("a");
    must(seen_call(s, "Entw\xc3\xbcrfe/a \\ b", &err) && quarantine_add(s, &key, "Broken.", &err) &&
         seen_sync(s, &err));
    is_called("Entw\xc3\xbcrfe/a \\ b");
    must(seen_renumber(s, 1, NULL, 0, &err) && quarantine_add(s, &key, "Broken.", &err) &&
         seen_sync(s, &err));
    is_called("Entw\xc3\xbcrfe/a \\ b");
    seen_close(&s);
}
END_TEST

/* Twice the session ends over it, and it is tried again at once; the third time it has to wait. */
START_TEST(test_quarantine_suspicion)
{
    struct seen_key key = seen_key_uid(7);
    struct seen *s = open_it(false);
    for (int i = 0; i < 2; i++) {
        must(quarantine_suspect(s, &key, "It hung up.", &err));
        ck_assert(quarantine_find(s, &key) && !quarantine_holds(s, &key) && quarantine_has_due(s));
        ck_assert_uint_eq(quarantine_count(s), 0);
    }
    must(quarantine_suspect(s, &key, "It hung up.", &err));
    ck_assert(quarantine_holds(s, &key) && quarantine_count(s) == 1 && !quarantine_has_due(s));
    seen_close(&s);
}
END_TEST

/* A crash between the intent and the file leaves it in quarantine; what is placed has left it. */
START_TEST(test_quarantine_ends)
{
    struct seen_entry e = message(7);
    struct seen_key other = seen_key_uid(8);
    struct seen *s = open_it(false);
    e.name = (char *)(uintptr_t) "1700000000.mark-1-0000000007.tappal";
    must(quarantine_add(s, &e.key, "Broken.", &err) && quarantine_add(s, &other, "Broken.", &err));
    must(seen_intend(s, &e, &err) && seen_dropped(s, &e.key, &err));
    ck_assert_uint_eq(quarantine_count(s), 2);
    must(seen_intend(s, &e, &err) && seen_placed(s, &e.key, &err));
    ck_assert_uint_eq(quarantine_count(s), 1);
    must(quarantine_end(s, &other, &err) && quarantine_end(s, &e.key, &err) && seen_sync(s, &err));
    ck_assert_uint_eq(quarantine_count(s), 0);
    seen_close(&s);
    s = open_it(true);
    ck_assert_uint_eq(quarantine_count(s), 0);
    ck_assert_ptr_nonnull(seen_find(s, &e.key));
    seen_close(&s);
}
END_TEST

static void check_renumbered(const struct seen *s)
{
    struct seen_key two = seen_key_uid(2), nine = seen_key_uid(9), seven = seen_key_uid(7);
    const struct seen_entry *e = seen_find(s, &nine), model = message(2);
    ck_assert_ptr_nonnull(e);
    ck_assert(e->wire == 2 && e->date == -7 && e->state == SEEN_PLACED && !e->stub);
    ck_assert_mem_eq(e->letter, model.letter, sizeof e->letter);
    ck_assert_mem_eq(e->id, model.id, sizeof e->id);
    e = seen_find(s, &two);
    ck_assert_ptr_nonnull(e);
    ck_assert(e->wire == 1 && e->stub);
    ck_assert_ptr_null(seen_find(s, &seven));
    ck_assert(seen_validity(s) == 6 && seen_next(s) == 1 && seen_modseq(s) == 0 && quarantine_count(s) == 0);
}

/* Each step of it fails or is stopped: the memory is the old one, or the new one. */
START_TEST(test_seen_renumber)
{
    static const struct seen_pair pairs[] = {{1, 2, 5}, {2, 9, -7}};
    struct seen *s = open_it(false);
    struct seen_key seven = seen_key_uid(7), eight = seen_key_uid(8);
    must(seen_set_validity(s, 5, &err) && seen_set_next(s, 100, &err) && seen_set_modseq(s, 44, &err));
    for (uint32_t uid = 1; uid <= 8; uid++) {
        struct seen_entry e = message(uid);
        must(seen_keep(s, &e, &err));
    }
    must(seen_gone(s, &seven, &err) && quarantine_add(s, &eight, "Broken.", &err) && seen_sync(s, &err));
    seen_close(&s);

    s = open_it(true); /* for its reader alone */
    must(seen_renumber(s, 6, pairs, 2, &err));
    check_renumbered(s);
    seen_close(&s);
    s = open_it(false);
    ck_assert_uint_eq(seen_validity(s), 5);
    ck_assert_uint_eq(seen_next(s), 100);
    ck_assert(!seen_renumber(s, 6, (struct seen_pair[]){{77, 1, 0}}, 1, &err));
    ck_assert_uint_eq(seen_validity(s), 5);
    must(seen_renumber(s, 6, pairs, 2, &err));
    check_renumbered(s);
    struct seen_entry later = message(50);
    must(seen_keep(s, &later, &err) && seen_sync(s, &err));
    seen_close(&s);
    s = open_it(true);
    check_renumbered(s);
    ck_assert_ptr_nonnull(seen_find(s, &later.key));
    seen_close(&s);
}
END_TEST

/* A login with a blank in it is read as it was written. */
START_TEST(test_seen_blank_in_login)
{
    struct seen_owner moved = {PROTO_IMAP, "ada@imap.example.org", "INBOX"};
    struct seen_entry e = message(1);
    struct seen *s = open_it(false);
    must(seen_keep(s, &e, &err) && seen_sync(s, &err));
    seen_close(&s);
    s = open_it(true);
    ck_assert_ptr_null(seen_moved(s));
    seen_close(&s);
    must(seen_open(path, &moved, false, &s, &err));
    ck_assert_str_eq(seen_moved(s), owner.who);
    must(seen_renumber(s, 1, &(struct seen_pair){1, 1, 0}, 1, &err));
    seen_close(&s);
    must(seen_open(path, &moved, true, &s, &err));
    ck_assert_ptr_null(seen_moved(s));
    seen_close(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quarantine");
    TCase *c = tcase_create("quarantine");
    tcase_add_checked_fixture(c, setup, unit_folder_remove);
    tcase_add_test(c, test_quarantine_life);
    tcase_add_test(c, test_quarantine_name);
    tcase_add_test(c, test_quarantine_suspicion);
    tcase_add_test(c, test_quarantine_ends);
    tcase_add_test(c, test_seen_renumber);
    tcase_add_test(c, test_seen_blank_in_login);
    suite_add_tcase(suite, c);
    return unit_run(suite);
}
