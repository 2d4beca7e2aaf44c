/* happy - connects to the first of several addresses that answers (RFC 8305, "Happy Eyeballs").
 *
 * Each attempt starts 250 ms after the one before, or at once when that has failed; all go on side by
 * side until one is connected. When none is, the most telling failure makes the sentence: "refused"
 * says that the host is there, which "timed out" does not, and "no route" is our own end. */
#include "net/happy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define ATTEMPT_DELAY_MS 250   /* RFC 8305 section 8: Connection Attempt Delay */
#define ATTEMPT_LIMIT_MS 30000 /* for one address */

struct attempt {
    int fd; /* -1: not begun, or failed */
    int64_t until;
};

struct race {
    const struct happy_target *target;
    const struct resolved *addresses;
    struct attempt attempts[RESOLVE_MAX];
    size_t begun;
    int worst; /* errno of the most telling failure so far */
    size_t worst_at;
    struct sockaddr_storage source;
    socklen_t source_size; /* 0: any */
};

void happy_interleave(struct resolved *addresses)
{
    for (size_t i = 1; i < addresses->count; i++) {
        sa_family_t last = addresses->at[i - 1].name.ss_family;
        size_t next = i;
        while (next < addresses->count && addresses->at[next].name.ss_family == last)
            next++;
        if (next == addresses->count)
            return;
        struct resolved one = {.count = 1, .at[0] = addresses->at[next]};
        memmove(&addresses->at[i + 1], &addresses->at[i], (next - i) * sizeof addresses->at[0]);
        addresses->at[i] = one.at[0];
    }
}

/* -- one attempt -- */

static int rank(int sys)
{
    switch (sys) {
    case ECONNREFUSED:
        return 5;
    case ETIMEDOUT:
        return 4;
    case EHOSTUNREACH:
    case EACCES:
    case EPERM:
        return 3;
    case ENETUNREACH:
        return 2;
    default:
        return sys ? 1 : 0;
    }
}

static void lost(struct race *race, size_t i, int sys)
{
    if (race->attempts[i].fd >= 0)
        close(race->attempts[i].fd);
    race->attempts[i].fd = -1;
    if (rank(sys) > rank(race->worst)) {
        race->worst = sys;
        race->worst_at = i;
    }
}

static int open_socket(const struct race *race, sa_family_t family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    if (race->source_size > 0 && bind(fd, (const struct sockaddr *)&race->source, race->source_size) < 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

static void begin_next(struct race *race)
{
    size_t i = race->begun++;
    struct attempt *a = &race->attempts[i];
    const struct sockaddr_storage *name = &race->addresses->at[i].name;
    a->until = clock_mono_ms() + ATTEMPT_LIMIT_MS;
    a->fd = open_socket(race, name->ss_family);
    if (a->fd < 0 || (connect(a->fd, (const struct sockaddr *)name, race->addresses->at[i].size) < 0 &&
                      errno != EINPROGRESS))
        lost(race, i, errno);
}

/* Looks at the attempts that poll marked: the fd that is connected, or -1. */
static int harvest(struct race *race, const struct pollfd *polled)
{
    for (size_t i = 0; i < race->begun; i++) {
        int sys = 0;
        socklen_t size = sizeof sys;
        int fd = race->attempts[i].fd;
        if (fd < 0)
            continue;
        if (polled[i].revents == 0) {
            if (clock_mono_ms() >= race->attempts[i].until)
                lost(race, i, ETIMEDOUT);
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &size) < 0 || sys != 0) {
            lost(race, i, sys ? sys : errno);
        } else {
            race->attempts[i].fd = -1;
            return fd;
        }
    }
    return -1;
}

/* -- all attempts -- */

/* When poll must wake: the next attempt's turn, or the end of the time. Counts those under way. */
static int64_t next_event(const struct race *race, int64_t turn, int64_t deadline_ms, size_t *open_r)
{
    int64_t at = deadline_ms ? deadline_ms : INT64_MAX;
    *open_r = 0;
    for (size_t i = 0; i < race->begun; i++)
        if (race->attempts[i].fd >= 0) {
            ++*open_r;
            at = race->attempts[i].until < at ? race->attempts[i].until : at;
        }
    if (race->begun < race->addresses->count && turn < at)
        at = turn;
    return at;
}

static int run(struct race *race, int64_t deadline_ms, void (*while_waiting)(void *), void *arg)
{
    struct pollfd polled[RESOLVE_MAX];
    int64_t turn = 0;
    for (;;) {
        size_t open = 0;
        int64_t at = next_event(race, turn, deadline_ms, &open);
        int64_t now = clock_mono_ms();
        if (race->begun < race->addresses->count && (open == 0 || now >= turn)) {
            begin_next(race);
            turn = now + ATTEMPT_DELAY_MS;
            continue;
        }
        if (open == 0)
            return -1;
        if (while_waiting)
            while_waiting(arg);
        while_waiting = NULL;
        for (size_t i = 0; i < race->begun; i++)
            polled[i] = (struct pollfd){.fd = race->attempts[i].fd, .events = POLLOUT};
        now = clock_mono_ms();
        int wait = at <= now ? 0 : at - now > INT_MAX ? INT_MAX : (int)(at - now);
        if (poll(polled, race->begun, wait) < 0 && errno != EINTR) {
            race->worst = errno;
            return -1;
        }
        int fd = harvest(race, polled);
        if (fd >= 0)
            return fd;
        if (deadline_ms && clock_mono_ms() >= deadline_ms) {
            race->worst = rank(race->worst) > rank(ETIMEDOUT) ? race->worst : ETIMEDOUT;
            return -1;
        }
    }
}

/* -- source_ip -- */

static bool bad_source(const char *source_ip, const char *why, struct err *err)
{
    err_set(err, ERR_CONFIG, "source_ip = %s cannot be used: %s.", source_ip, why);
    return err_hint(err, "Give an address of this machine, or leave source_ip out.");
}

/* Leaves only addresses of the source's family, and tries the source out once. */
static bool set_source(struct race *race, struct resolved *addresses, struct err *err)
{
    const char *source_ip = race->target->source_ip;
    struct resolved source;
    struct resolving r;
    if (!source_ip)
        return true;
    if (!resolve_begin(&r, source_ip, 0, &source, err) || r.child > 0) {
        resolve_cancel(&r);
        return bad_source(source_ip, "it is not an IP address", err);
    }
    sa_family_t family = source.at[0].name.ss_family;
    size_t kept = 0;
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses->at[i].name.ss_family == family)
            addresses->at[kept++] = addresses->at[i];
    addresses->count = kept;
    if (kept == 0)
        return bad_source(source_ip, "the server has no address of its kind (IPv4, IPv6)", err);
    race->source = source.at[0].name;
    race->source_size = source.at[0].size;
    int fd = open_socket(race, family);
    if (fd < 0)
        return bad_source(source_ip, strerror(errno), err);
    close(fd);
    return true;
}

/* -- sentences -- */

static void show_addresses(const struct race *race, char *out, size_t size)
{
    char address[INET6_ADDRSTRLEN + 20] = "?";
    size_t n = race->addresses->count;
    (void)getnameinfo((const struct sockaddr *)&race->addresses->at[race->worst_at].name,
                      race->addresses->at[race->worst_at].size, address, sizeof address, NULL, 0,
                      NI_NUMERICHOST);
    if (n == 1 && strcmp(address, race->target->host) == 0)
        *out = '\0';
    else if (n == 1)
        snprintf(out, size, " (%s)", address);
    else
        snprintf(out, size, " (%s and %zu more)", address, n - 1);
}

static bool explain(const struct race *race, struct err *err)
{
    const char *host = race->target->host, *hint = race->target->port_hint ? race->target->port_hint : "";
    unsigned port = race->target->port;
    char shown[96];
    show_addresses(race, shown, sizeof shown);
    switch (race->worst) {
    case ECONNREFUSED:
        err_set(err, ERR_NETWORK, "%s%s refused the connection on port %u.", host, shown, port);
        err_hint(err, "Nothing listens there: is the port right?%s", hint);
        break;
    case ETIMEDOUT:
        err_set(err, ERR_NETWORK, "%s%s did not answer on port %u in time.", host, shown, port);
        err_hint(err, "A firewall on the way may drop the connection, or the server is down.%s", hint);
        break;
    case EHOSTUNREACH:
    case ENETUNREACH:
        err_set(err, ERR_NETWORK, "There is no way to %s%s from here: the network is unreachable.", host,
                shown);
        err_hint(err, "Is this machine online?");
        break;
    case EACCES:
    case EPERM: /* our own end: nothing is known about the server */
        err_set(err, ERR_LOCAL, "This machine does not allow the connection to %s%s on port %u.", host, shown,
                port);
        err_hint(err, "A rule of its firewall, or of the sandbox that this program runs in, forbids it.");
        break;
    default:
        errno = race->worst;
        err_errno(err, ERR_NETWORK, "No connection to %s%s on port %u", host, shown, port);
    }
    err->sys = race->worst;
    return false;
}

int happy_connect(const struct happy_target *target, struct resolved *addresses, int64_t deadline_ms,
                  void (*while_waiting)(void *), void *arg, struct err *err)
{
    struct race race = {.target = target, .addresses = addresses};
    for (size_t i = 0; i < RESOLVE_MAX; i++)
        race.attempts[i].fd = -1;
    if (!set_source(&race, addresses, err))
        return -1;
    happy_interleave(addresses);
    int fd = run(&race, deadline_ms, while_waiting, arg);
    if (fd < 0)
        explain(&race, err);
    for (size_t i = 0; i < race.begun; i++)
        if (race.attempts[i].fd >= 0)
            close(race.attempts[i].fd);
    return fd;
}
