/* wake - see wake.h. */
#include "net/wake.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 8192
#define SETTLE 1         /* seconds from the first word of a network until there is a name server as well */
#define SUSPEND_MS 10000 /* a shorter sleep changes nothing */

/* -- what netlink says -- */

/* What NLMSG_DATA gives, without its cast that forgets const. */
static const void *data_of(const struct nlmsghdr *h)
{
    return (const char *)h + NLMSG_HDRLEN;
}

static bool is_news(const struct nlmsghdr *h)
{
    if (h->nlmsg_type == RTM_NEWADDR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg))) {
        const struct ifaddrmsg *address = data_of(h);
        return address->ifa_scope < RT_SCOPE_LINK;
    }
    if (h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg))) {
        const struct rtmsg *route = data_of(h);
        return route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST;
    }
    return false;
}

bool wake_says_network(const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *h = (const void *)at;
        size_t step = NLMSG_ALIGN((size_t)h->nlmsg_len);
        if (h->nlmsg_len < sizeof *h || h->nlmsg_len > n)
            return false;
        if (is_news(h))
            return true;
        if (step >= n)
            return false;
        at += step;
        n -= step;
    }
    return false;
}

static int open_route(void)
{
    struct sockaddr_nl us = {.nl_family = AF_NETLINK,
                             .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                                          RTMGRP_IPV6_ROUTE};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&us, sizeof us) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Words that were lost because nobody read them may have been the ones. */
static bool read_route(int fd)
{
    _Alignas(struct nlmsghdr) char chunk[CHUNK];
    bool news = false;
    ssize_t n;
    while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0 || (n < 0 && errno == ENOBUFS))
        news = n < 0 || wake_says_network(chunk, (size_t)n) || news;
    return news;
}

/* -- opening -- */

static int64_t ms_of(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t suspended_ms(void)
{
    return ms_of(CLOCK_BOOTTIME) - ms_of(CLOCK_MONOTONIC);
}

static int open_signals(const int *signals, size_t count)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
}

bool wake_open(struct wake *w_r, struct err *err)
{
    struct wake w = {.fifo = -1,
                     .peer = -1,
                     .signals = open_signals((const int[]){SIGTERM, SIGINT, SIGHUP}, 3),
                     .children = open_signals((const int[]){SIGCHLD}, 1),
                     .timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
                     .route = -1,
                     .suspended = suspended_ms()};
    if (w.signals < 0 || w.children < 0 || w.timer < 0) {
        err_errno(err, ERR_LOCAL, "This process cannot wait for anything");
        wake_close(&w);
        return false;
    }
    w.route = open_route();
    *w_r = w;
    return true;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void wake_leave_to_parent(struct wake *w)
{
    sigset_t set;
    close_fd(&w->fifo);
    close_fd(&w->children);
    close_fd(&w->timer);
    close_fd(&w->route);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void wake_close(struct wake *w)
{
    wake_leave_to_parent(w);
    close_fd(&w->signals);
}

/* -- waiting -- */

static void drain(int fd)
{
    char chunk[512];
    while (read(fd, chunk, sizeof chunk) > 0)
        continue;
}

static void set_timer(const struct wake *w, int64_t seconds)
{
    struct itimerspec t = {.it_value = {.tv_sec = (time_t)(seconds > 0 ? seconds : 1)}};
    timerfd_settime(w->timer, 0, &t, NULL);
}

bool wake_is_stopped(const struct wake *w)
{
    struct pollfd p = {.fd = w->signals, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* The machine's own clock says how long it slept, whatever woke it. */
static bool has_resumed(struct wake *w)
{
    int64_t now = suspended_ms();
    bool resumed = now - w->suspended > SUSPEND_MS;
    w->suspended = now;
    return resumed;
}

static enum wake_why later_of(enum wake_why a, enum wake_why b)
{
    return a > b ? a : b;
}

/* What happened while we slept once; the timer is behind the others, so that it ends the settling. */
static enum wake_why look(struct wake *w, const struct pollfd *p)
{
    enum wake_why why = WAKE_TIME;
    if (p[1].revents != 0) {
        drain(w->fifo);
        why = WAKE_CALLED;
    }
    if (p[4].revents != 0) {
        drain(w->children);
        why = WAKE_CALLED;
    }
    if (p[5].revents != 0)
        why = WAKE_HEARD;
    if (p[2].revents != 0 && read_route(w->route))
        why = WAKE_NETWORK;
    if (has_resumed(w))
        why = later_of(why, WAKE_RESUMED);
    return p[0].revents != 0 ? WAKE_STOPPED : why;
}

enum wake_why wake_wait(struct wake *w, int64_t seconds)
{
    enum wake_why why = WAKE_TIME;
    struct pollfd p[] = {{.fd = w->signals, .events = POLLIN},  {.fd = w->fifo, .events = POLLIN},
                         {.fd = w->route, .events = POLLIN},    {.fd = w->timer, .events = POLLIN},
                         {.fd = w->children, .events = POLLIN}, {.fd = w->peer, .events = POLLIN}};
    set_timer(w, seconds);
    while (poll(p, sizeof p / sizeof *p, -1) >= 0 || errno == EINTR) {
        enum wake_why now = look(w, p);
        if (now == WAKE_NETWORK && why != WAKE_NETWORK) {
            set_timer(w, SETTLE);
            p[5].fd = -1; /* the server's words can wait as well */
        }
        why = later_of(why, now);
        if (p[3].revents != 0 || (why != WAKE_TIME && why != WAKE_NETWORK))
            break;
    }
    drain(w->timer);
    return why;
}
