/* resolve - a name's addresses, within a deadline.
 *
 * The child writes one struct answer into a pipe. It dies with us (PR_SET_PDEATHSIG): it holds copies of
 * our fds, and with them our locks. */
#include "net/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/dial.h"

struct answer {
    int gai; /* what getaddrinfo said */
    int sys; /* errno behind EAI_SYSTEM */
    struct resolved found;
};

/* -- names that need no look-up -- */

static void add_address(struct resolved *out, const struct sockaddr *name, socklen_t size)
{
    if (out->count == RESOLVE_MAX || size > sizeof out->at[0].name)
        return;
    memcpy(&out->at[out->count].name, name, size);
    out->at[out->count++].size = size;
}

static int look_up(const char *host, uint16_t port, int flags, struct resolved *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags}, *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    out->count = 0;
    int status = getaddrinfo(host, service, &hints, &found);
    for (struct addrinfo *a = found; status == 0 && a; a = a->ai_next)
        add_address(out, a->ai_addr, a->ai_addrlen);
    if (found)
        freeaddrinfo(found);
    return status;
}

static bool unknown(const char *host, struct err *err)
{
    err_set(err, ERR_NO_HOST, "There is no host named %s.", host);
    return err_hint(err, "Check the spelling of the server's name (host) in the account's file.");
}

/* 1 answered, 0 must be looked up, -1 there is none. */
static int answer_at_once(const char *host, uint16_t port, struct resolved *out, struct err *err)
{
    if (dial_is_ip(host)) {
        if (look_up(host, port, AI_NUMERICHOST, out) == 0 && out->count > 0)
            return 1;
        err_set(err, ERR_CONFIG, "\"%s\" is not an IP address.", host);
        return -1;
    }
    if (text_eq_nocase(host, "localhost") || text_ends(host, ".localhost")) {
        struct resolved v4;
        bool both = look_up("::1", port, AI_NUMERICHOST, out) == 0;
        if (look_up("127.0.0.1", port, AI_NUMERICHOST, &v4) == 0 && v4.count > 0)
            add_address(out, (struct sockaddr *)&v4.at[0].name, v4.at[0].size);
        return both || out->count > 0;
    }
    if (text_eq_nocase(host, "invalid") || text_ends(host, ".invalid")) {
        unknown(host, err);
        return -1;
    }
    return 0;
}

/* -- the child -- */

static _Noreturn void be_the_child(int fd, pid_t parent, const char *host, uint16_t port)
{
    struct answer answer = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    answer.gai = look_up(host, port, 0, &answer.found);
    answer.sys = errno;
    ssize_t put = write(fd, &answer, sizeof answer);
    _exit(put == (ssize_t)sizeof answer ? 0 : 1);
}

bool resolve_begin(struct resolving *r, const char *host, uint16_t port, struct resolved *out,
                   struct err *err)
{
    int ends[2];
    *r = (struct resolving){.fd = -1};
    *out = (struct resolved){0};
    int known = answer_at_once(host, port, out, err);
    if (known != 0)
        return known > 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, ERR_LOCAL, "No pipe could be made to look up %s", host);
    pid_t parent = getpid();
    r->child = fork();
    if (r->child == 0) {
        close(ends[0]);
        be_the_child(ends[1], parent, host, port);
    }
    close(ends[1]);
    r->fd = ends[0];
    if (r->child > 0)
        return true;
    err_errno(err, ERR_LOCAL, "No process could be started to look up %s", host);
    r->child = 0;
    resolve_cancel(r);
    return false;
}

void resolve_cancel(struct resolving *r)
{
    if (r->child > 0) {
        kill(r->child, SIGKILL);
        while (waitpid(r->child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (r->fd >= 0)
        close(r->fd);
    *r = (struct resolving){.fd = -1};
}

/* -- the answer -- */

/* Reads the whole of it: 1, or 0 where the time is over, or -1 where the child said too little. */
static int read_answer(int fd, int64_t deadline_ms, struct answer *answer)
{
    size_t got = 0;
    while (got < sizeof *answer) {
        int64_t left = deadline_ms ? deadline_ms - clock_mono_ms() : -1;
        if (deadline_ms && left <= 0)
            return 0;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready <= 0)
            continue;
        ssize_t n = read(fd, (char *)answer + got, sizeof *answer - got);
        if (n == 0 || (n < 0 && errno != EINTR))
            return -1;
        got += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

static bool no_resolver(const char *host, int sys, struct err *err)
{
    err_set(err, ERR_NETWORK, "The address of %s could not be looked up: no name server answered.", host);
    err->sys = sys;
    return err_hint(err,
                    "Is this machine online? If other names can be looked up, try again in some minutes.");
}

static bool judge(const struct answer *answer, const char *host, struct err *err)
{
    switch (answer->gai) {
    case 0:
        return answer->found.count > 0 || unknown(host, err);
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
        return unknown(host, err);
    case EAI_AGAIN:
        return no_resolver(host, ENETUNREACH, err);
    case EAI_MEMORY:
        return err_nomem(err);
    case EAI_SYSTEM:
        errno = answer->sys;
        return err_errno(err, ERR_NETWORK, "The address of %s could not be looked up", host);
    default:
        return err_set(err, ERR_NETWORK, "The address of %s could not be looked up: %s.", host,
                       gai_strerror(answer->gai));
    }
}

bool resolve_end(struct resolving *r, const char *host, int64_t deadline_ms, struct resolved *out,
                 struct err *err)
{
    struct answer answer;
    if (r->child == 0)
        return true;
    int got = read_answer(r->fd, deadline_ms, &answer);
    resolve_cancel(r);
    if (got == 0)
        return no_resolver(host, ETIMEDOUT, err);
    if (got < 0)
        return err_set(err, ERR_LOCAL, "The process that looks up %s ended without an answer.", host);
    if (!judge(&answer, host, err))
        return false;
    *out = answer.found;
    if (out->count > RESOLVE_MAX)
        return err_set(err, ERR_INTERNAL, "The look-up of %s gave a broken answer.", host);
    return true;
}
