/* wake - what netlink has to say for a queue to be tried, and what wakes. */
#include "unit.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <sys/wait.h>
#include <string.h>
#include <unistd.h>

#include "net/wake.h"

#define ROOM 64

/* A netlink message about an address or a route, as the kernel lays it out. */
static size_t put(char *at, unsigned type, unsigned char scope, unsigned char bits, unsigned char kind)
{
    struct nlmsghdr head = {.nlmsg_type = (unsigned short)type};
    struct ifaddrmsg address = {.ifa_scope = scope};
    struct rtmsg route = {.rtm_dst_len = bits, .rtm_type = kind};
    bool is_route = type == RTM_NEWROUTE || type == RTM_DELROUTE;
    head.nlmsg_len = (unsigned)NLMSG_LENGTH(is_route ? sizeof route : sizeof address);
    memcpy(at, &head, sizeof head);
    if (is_route)
        memcpy(at + NLMSG_HDRLEN, &route, sizeof route);
    else
        memcpy(at + NLMSG_HDRLEN, &address, sizeof address);
    return NLMSG_ALIGN(head.nlmsg_len);
}

static const struct {
    unsigned type;
    unsigned char scope, bits, kind;
    bool news;
} cases[] = {
    {RTM_NEWADDR, RT_SCOPE_UNIVERSE, 0, 0, true}, {RTM_NEWADDR, RT_SCOPE_HOST, 0, 0, false},
    {RTM_NEWADDR, RT_SCOPE_LINK, 0, 0, false},    {RTM_DELADDR, RT_SCOPE_UNIVERSE, 0, 0, false},
    {RTM_NEWROUTE, 0, 0, RTN_UNICAST, true},      {RTM_NEWROUTE, 0, 24, RTN_UNICAST, false},
    {RTM_NEWROUTE, 0, 0, RTN_UNREACHABLE, false}, {RTM_DELROUTE, 0, 0, RTN_UNICAST, false},
};

START_TEST(test_wake_network)
{
    _Alignas(struct nlmsghdr) char bytes[2 * ROOM] = {0};
    size_t n = put(bytes, cases[_i].type, cases[_i].scope, cases[_i].bits, cases[_i].kind);
    ck_assert_int_eq(wake_says_network(bytes, n), cases[_i].news);
    for (size_t cut = 0; cut < n; cut++)
        ck_assert(!wake_says_network(bytes, cut));
    /* behind another one */
    size_t first = put(bytes, RTM_DELADDR, 0, 0, 0);
    n = put(bytes + first, cases[_i].type, cases[_i].scope, cases[_i].bits, cases[_i].kind);
    ck_assert_int_eq(wake_says_network(bytes, first + n), cases[_i].news);
}
END_TEST

START_TEST(test_wake_wait)
{
    struct wake w;
    struct err err;
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert(wake_open(&w, &err));
    w.fifo = fds[0];
    ck_assert_int_eq(wake_wait(&w, 1), WAKE_TIME);
    ck_assert_int_eq(write(fds[1], "", 1), 1);
    close(fds[1]);
    ck_assert_int_eq(wake_wait(&w, 600), WAKE_CALLED);
    ck_assert(!wake_is_stopped(&w));
    raise(SIGTERM);
    ck_assert(wake_is_stopped(&w));
    ck_assert_int_eq(wake_wait(&w, 600), WAKE_STOPPED);
    wake_close(&w);
}
END_TEST

/* The machine slept: its two clocks have gone apart since we last looked. A short nap is none. */
START_TEST(test_wake_resumed)
{
    struct wake w;
    struct err err;
    ck_assert(wake_open(&w, &err));
    w.suspended -= 2000;
    ck_assert_int_eq(wake_wait(&w, 1), WAKE_TIME);
    w.suspended -= 20000;
    ck_assert_int_eq(wake_wait(&w, 1), WAKE_RESUMED);
    ck_assert_int_eq(wake_wait(&w, 1), WAKE_TIME);
    wake_close(&w);
}
END_TEST

START_TEST(test_wake_child)
{
    struct wake w;
    struct err err;
    ck_assert(wake_open(&w, &err));
    pid_t child = fork();
    if (child == 0) {
        wake_leave_to_parent(&w);
        raise(SIGTERM);
        _exit(wake_is_stopped(&w) ? 7 : 8);
    }
    int status = 0;
    ck_assert_int_eq(wake_wait(&w, 600), WAKE_CALLED);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), 7); /* it was told to stop, and we were not */
    ck_assert(!wake_is_stopped(&w));
    wake_close(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wake");
    TCase *tc = tcase_create("wake");
    tcase_add_loop_test(tc, test_wake_network, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tc, test_wake_wait);
    tcase_add_test(tc, test_wake_resumed);
    tcase_add_test(tc, test_wake_child);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
