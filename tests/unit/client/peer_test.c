/* peer - what a host bears: learned, remembered, forgotten after a day. */
#include "unit.h"

#include <stdio.h>

#include "client/peer.h"

#define NOW 1800000000

static char host[] = "mail.example.org";
static struct endpoint server = {.host = host, .port = 465};

static struct peer load(int64_t now)
{
    struct err err = {0};
    struct peer peer;
    ck_assert_msg(peer_load(unit_folder, &server, now, &peer, &err), "%s", err.what);
    return peer;
}

START_TEST(test_peer_learns)
{
    struct peer peer = load(NOW);
    ck_assert_int_eq(peer.step, PEER_WHOLE);
    ck_assert(peer_may_rise(&peer, NOW));
    peer_rise(&peer, PEER_NEXT_MAIL);
    peer_rise(&peer, PEER_WINDOW);
    peer_rise(&peer, PEER_WHOLE); /* no news */
    peer_free(&peer);
    peer = load(NOW);
    ck_assert_int_eq(peer.step, PEER_WINDOW);
    ck_assert(!peer_may_rise(&peer, NOW));
    peer_free(&peer);
    server.port = 587;
    peer = load(NOW);
    ck_assert_int_eq(peer.step, PEER_WHOLE); /* another port, another host */
    peer_free(&peer);
    server.port = 465;
}
END_TEST

static const struct {
    enum peer_step at, to;
} falls[] = {{PEER_WINDOW, PEER_WHOLE},
             {PEER_NEXT_MAIL, PEER_WHOLE},
             {PEER_WHOLE, PEER_ENVELOPE},
             {PEER_ENVELOPE, PEER_LOCK_STEP},
             {PEER_LOCK_STEP, PEER_LOCK_STEP}};

START_TEST(test_peer_falls)
{
    struct peer peer = load(NOW);
    peer_rise(&peer, PEER_WINDOW);
    peer_fall(&peer, falls[_i].at, NOW);
    ck_assert_int_eq(peer.step, falls[_i].to);
    peer_free(&peer);
    peer = load(NOW + PEER_REST - 1);
    ck_assert_int_eq(peer.step, falls[_i].to);
    ck_assert(!peer_may_rise(&peer, NOW + PEER_REST - 1));
    peer_free(&peer);
    peer = load(NOW + PEER_REST);
    ck_assert_int_eq(peer.step, PEER_WHOLE);
    ck_assert(peer_may_rise(&peer, NOW + PEER_REST));
    peer_free(&peer);
}
END_TEST

static const char *const broken[] = {"", "tappal-peer 1 9 0\n", "tappal-peer 2 4 0\n", "tappal-peer 1 4 -5\n",
                                     "x"};

START_TEST(test_peer_broken_file)
{
    struct peer peer = load(NOW);
    peer_rise(&peer, PEER_WINDOW);
    FILE *f = fopen(peer.path.buf, "w");
    ck_assert_ptr_nonnull(f);
    fputs(broken[_i], f);
    fclose(f);
    peer_free(&peer);
    peer = load(NOW);
    ck_assert_int_eq(peer.step, PEER_WHOLE);
    peer_free(&peer);
}
END_TEST

START_TEST(test_peer_nowhere_to_remember)
{
    struct err err = {0};
    struct peer peer;
    ck_assert(peer_load(NULL, &server, NOW, &peer, &err));
    peer_rise(&peer, PEER_WINDOW);
    ck_assert_int_eq(peer.step, PEER_WINDOW);
    peer_free(&peer);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

int main(void)
{
    Suite *suite = suite_create("peer");
    TCase *tc = tcase_create("peer");
    tcase_add_checked_fixture(tc, unit_folder_make, unit_folder_remove);
    tcase_add_test(tc, test_peer_learns);
    tcase_add_loop_test(tc, test_peer_falls, 0, COUNT(falls));
    tcase_add_loop_test(tc, test_peer_broken_file, 0, COUNT(broken));
    tcase_add_test(tc, test_peer_nowhere_to_remember);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
