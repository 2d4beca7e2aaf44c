/* tunnel - a command whose stdin and stdout are the connection.
 *
 * Two pipes rather than a socketpair: some shells take a socket on stdin for rshd and read their start-up
 * files. A command that cannot be executed says so through a third pipe that a successful exec closes. */
#include "net/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 500 /* to end by itself when its stdin is closed, and again after SIGTERM */

struct tunnel {
    pid_t child;
    int pidfd; /* -1: the kernel has none */
};

static void wait_a_while(const struct tunnel *t)
{
    struct pollfd p = {.fd = t->pidfd, .events = POLLIN};
    (void)poll(&p, 1, GRACE_MS);
}

static bool reaped(const struct tunnel *t, int flags)
{
    pid_t got;
    while ((got = waitpid(t->child, NULL, flags)) < 0 && errno == EINTR)
        ;
    return got != 0;
}

static void tunnel_end(void *arg)
{
    struct tunnel *t = arg;
    wait_a_while(t);
    if (!reaped(t, WNOHANG)) {
        kill(-t->child, SIGTERM);
        wait_a_while(t);
        if (!reaped(t, WNOHANG)) {
            kill(-t->child, SIGKILL);
            (void)reaped(t, 0);
        }
    }
    if (t->pidfd >= 0)
        close(t->pidfd);
    free(t);
}

static _Noreturn void be_the_command(char *const argv[], int in, int out, int report)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    setpgid(0, 0);
    sigaction(SIGPIPE, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
        execvp(argv[0], argv);
    int sys = errno;
    ssize_t put = write(report, &sys, sizeof sys);
    _exit(put > 0 ? 127 : 126);
}

static void close_pipe(int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
}

/* Forks; true once the command runs, which the closing of the report pipe tells. */
static bool start(const struct strv *argv, const int to[2], const int from[2], const int report[2],
                  pid_t *child_r)
{
    int sys = 0;
    ssize_t said;
    *child_r = fork();
    if (*child_r == 0)
        be_the_command(argv->items, to[0], from[1], report[1]);
    close(report[1]);
    if (*child_r < 0)
        return false;
    while ((said = read(report[0], &sys, sizeof sys)) < 0 && errno == EINTR)
        ;
    if (said <= 0)
        return true;
    waitpid(*child_r, NULL, 0);
    errno = sys;
    return false;
}

struct stream *tunnel_open(const struct strv *argv, const char *peer, struct err *err)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1}, report[2] = {-1, -1};
    struct stream *s = NULL;
    struct tunnel *t = calloc(1, sizeof *t);
    if (!t) {
        err_nomem(err);
        return NULL;
    }
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0) {
        err_errno(err, ERR_LOCAL, "No pipe could be made for the tunnel command");
        goto out;
    }
    bool started = start(argv, to, from, report, &t->child);
    report[1] = -1;
    if (!started) {
        err_errno(err, ERR_CONFIG, "The tunnel command %s could not be started", argv->items[0]);
        err_hint(err, "Check the option tunnel: it is run without a shell.");
        goto out;
    }
    t->pidfd = (int)syscall(SYS_pidfd_open, t->child, 0);
    s = stream_from_fds(from[0], to[1], peer, err);
    from[0] = to[1] = -1;
    if (s)
        stream_at_close(s, tunnel_end, t);
    else
        tunnel_end(t);
    t = NULL;
out:
    close_pipe(to);
    close_pipe(from);
    close_pipe(report);
    free(t);
    return s;
}
