/* proc_run - children: one that answers on its stdout, and one that goes on without us. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/strv.h"
#include "base/text.h"

#define READ_CHUNK 4096
#define TICK_MS 50    /* how often a child is looked after where there is no pidfd */
#define MERCY_MS 1000 /* between SIGTERM and SIGKILL */
#define LAST_SIGNAL 64
#define FIRST_OTHER_FD 5 /* 0 to 2, 3 what is kept, 4 the way to report a failed exec */
#define SOME_HIGH_FD 10

extern char **environ;

static void default_signals(void)
{
    sigset_t none;
    for (int sig = 1; sig <= LAST_SIGNAL; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In a child: tells the parent why exec failed, by the pipe that exec would have closed. */
static _Noreturn void exec_failed(int report)
{
    int why = errno;
    ssize_t n = write(report, &why, sizeof why);
    (void)n;
    _exit(127);
}

/* read_report - 0 when exec went well, else its errno */
static int read_report(int fd)
{
    int why = 0;
    ssize_t n;
    while ((n = read(fd, &why, sizeof why)) < 0 && errno == EINTR)
        continue;
    return n == (ssize_t)sizeof why ? why : 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool make_pipe(int fds[2], struct err *err)
{
    return pipe2(fds, O_CLOEXEC) == 0 || err_errno(err, ERR_LOCAL, "A pipe could not be made");
}

/* One run of a child, as its parent sees it. */
struct child {
    const struct proc_run *run;
    pid_t pid;
    int to, from; /* its stdin and stdout, or -1 */
    int pidfd;    /* or -1 */
    size_t sent;
    bool gone;
    int status;
};

static _Noreturn void become(const struct proc_run *run, int in, int out, int report)
{
    default_signals();
    if (!run->keep_tty)
        setsid();
    if (run->input_fd)
        in = *run->input_fd;
    if (in < 0)
        in = open("/dev/null", O_RDONLY);
    if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || (run->with_errors && dup2(1, 2) < 0))
        exec_failed(report);
    execvpe(run->argv[0], run->argv, run->envp ? run->envp : environ);
    exec_failed(report);
}

static bool not_started(const struct proc_run *run, int why, struct err *err)
{
    errno = why;
    err_errno(err, ERR_LOCAL, "%s could not be started", run->shown);
    if (why == ENOENT)
        err_hint(err, "There is no program called %s; look at its spelling, or give its full path.",
                 run->argv[0]);
    return false;
}

static bool start(struct child *child, struct err *err)
{
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    int report[2] = {-1, -1};
    bool ok = false;
    if ((child->run->input && !make_pipe(in, err)) || !make_pipe(out, err) || !make_pipe(report, err))
        goto out;
    child->pid = fork();
    if (child->pid == 0)
        become(child->run, in[0], out[1], report[1]);
    if (child->pid < 0) {
        err_errno(err, ERR_LOCAL, "%s could not be started", child->run->shown);
        goto out;
    }
    close_fd(&report[1]);
    int why = read_report(report[0]);
    if (why != 0) {
        waitpid(child->pid, NULL, 0);
        not_started(child->run, why, err);
        goto out;
    }
    child->to = in[1];
    child->from = out[0];
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    in[1] = out[0] = -1;
    ok = true;
out:
    close_fd(&in[0]);
    close_fd(&in[1]);
    close_fd(&out[0]);
    close_fd(&out[1]);
    close_fd(&report[0]);
    close_fd(&report[1]);
    return ok;
}

static void send_some(struct child *child)
{
    const char *bytes = child->run->input;
    ssize_t n = write(child->to, bytes + child->sent, child->run->input_len - child->sent);
    if (n > 0)
        child->sent += (size_t)n;
    /* a child that does not want its input is no fault: it may know enough */
    if (child->sent == child->run->input_len || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&child->to);
}

/* take_some - reads what is there; false when the child says more than is allowed */
static bool take_some(struct child *child, struct str *out, struct err *err)
{
    char chunk[READ_CHUNK];
    ssize_t n = read(child->from, chunk, sizeof chunk);
    bool ok = true;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&child->from);
    else if (n > 0 && child->run->with_errors && (size_t)n > out->max - out->len)
        ok = str_add(out, chunk, out->max - out->len, err);
    else if (n > 0 && (size_t)n > out->max - out->len)
        ok = err_set(err, ERR_LOCAL, "%s says more than the %zu bytes that are expected of it.",
                     child->run->shown, out->max);
    else if (n > 0)
        ok = str_add(out, chunk, (size_t)n, err);
    explicit_bzero(chunk, sizeof chunk); /* it may have been a password */
    return ok;
}

static void look_after(struct child *child)
{
    pid_t pid = waitpid(child->pid, &child->status, WNOHANG);
    if (pid == child->pid)
        child->gone = true;
}

/* wait_once - sleeps until something happens, at most until the deadline */
static void wait_once(struct child *child, struct pollfd fds[3], int64_t deadline)
{
    int64_t left = deadline - clock_mono_ms();
    int ms = left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
    if (child->pidfd < 0 && ms > TICK_MS)
        ms = TICK_MS;
    fds[0] = (struct pollfd){.fd = child->to, .events = POLLOUT};
    fds[1] = (struct pollfd){.fd = child->from, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = child->pidfd, .events = POLLIN};
    if (poll(fds, 3, ms) < 0)
        fds[0].revents = fds[1].revents = fds[2].revents = 0;
}

/* drain - what a child that has ended left in the pipe. A grandchild (gpg-agent, say) may hold
 * the pipe open for ever, so nobody waits for its end. */
static bool drain(struct child *child, struct str *out, struct err *err)
{
    struct pollfd fd = {.fd = child->from, .events = POLLIN};
    while (child->from >= 0 && poll(&fd, 1, 0) > 0) {
        if (!take_some(child, out, err))
            return false;
    }
    return true;
}

static bool converse(struct child *child, struct str *out, int64_t deadline, struct err *err)
{
    while (!child->gone) {
        struct pollfd fds[3];
        if (clock_mono_ms() >= deadline) {
            char limit[32];
            text_show_duration((uint64_t)(child->run->limit_ms + 999) / 1000, limit);
            return err_set(err, ERR_LOCAL, "%s did not finish within %s and was stopped.", child->run->shown,
                           limit);
        }
        wait_once(child, fds, deadline);
        if (fds[0].revents)
            send_some(child);
        if (fds[1].revents && !take_some(child, out, err))
            return false;
        look_after(child);
    }
    return drain(child, out, err);
}

static void stop(struct child *child)
{
    pid_t whom = child->run->keep_tty ? child->pid : -child->pid;
    int64_t deadline = clock_mono_ms() + MERCY_MS;
    kill(whom, SIGTERM);
    while (!child->gone && clock_mono_ms() < deadline) {
        struct pollfd fd = {.fd = child->pidfd, .events = POLLIN};
        poll(&fd, 1, TICK_MS);
        look_after(child);
    }
    kill(whom, SIGKILL); /* whoever of its group is still there */
    if (!child->gone)
        waitpid(child->pid, &child->status, 0);
}

bool proc_run(const struct proc_run *run, struct str *out, int *status_r, struct err *err)
{
    struct child child = {.run = run, .to = -1, .from = -1, .pidfd = -1};
    if (!start(&child, err))
        return false;
    if (child.to >= 0)
        fcntl(child.to, F_SETFL, O_NONBLOCK);
    fcntl(child.from, F_SETFL, O_NONBLOCK);
    bool ok = converse(&child, out, clock_mono_ms() + run->limit_ms, err);
    if (!ok && !child.gone)
        stop(&child);
    close_fd(&child.to);
    close_fd(&child.from);
    close_fd(&child.pidfd);
    if (ok)
        *status_r = child.status;
    return ok;
}

/* -- a daemon of its own -- */

static bool may_pass(const char *entry)
{
    static const char *const names[] = {"PATH=",
                                        "HOME=",
                                        "LANG=",
                                        "TZ=",
                                        "USER=",
                                        "LOGNAME=",
                                        "DBUS_SESSION_BUS_ADDRESS=",
                                        "CREDENTIALS_DIRECTORY=",
                                        "GNUPGHOME=",
                                        "GPG_AGENT_INFO=",
                                        "SSH_AUTH_SOCK="};
    static const char *const families[] = {"XDG_", "LC_", "PASSWORD_STORE_", "SECRET_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_starts(entry, names[i]))
            return true;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (text_starts(entry, families[i]))
            return true;
    return text_starts(entry, "TAPPAL_") && !proc_called_as_sendmail();
}

static bool chosen_environment(struct strv *out, struct err *err)
{
    for (char **e = environ; *e; e++)
        if (may_pass(*e) && !strv_add(out, *e, err))
            return false;
    return out->count > 0 || strv_add(out, "PATH=/usr/local/bin:/usr/bin:/bin", err);
}

static void close_from(unsigned first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0u, 0) == 0)
        return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    for (long fd = first; fd < (most > 0 && most < 65536 ? most : 65536); fd++)
        close((int)fd);
}

/* settle - in the grandchild: only 0 to 2 on /dev/null, 3 the kept one, 4 the report. High
 * numbers first, so that no dup2 falls on a number still needed. */
static bool settle(int keep_fd, int report)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int high_null = fcntl(null, F_DUPFD_CLOEXEC, SOME_HIGH_FD);
    int high_report = fcntl(report, F_DUPFD_CLOEXEC, SOME_HIGH_FD);
    int high_keep = keep_fd >= 0 ? fcntl(keep_fd, F_DUPFD_CLOEXEC, SOME_HIGH_FD) : -1;
    if (high_null < 0 || high_report < 0 || (keep_fd >= 0 && high_keep < 0))
        return false;
    for (int fd = 0; fd <= 2; fd++)
        if (dup2(high_null, fd) < 0)
            return false;
    if (keep_fd >= 0 ? dup2(high_keep, 3) < 0 : (close(3), false))
        return false;
    if (dup3(high_report, 4, O_CLOEXEC) < 0)
        return false;
    close_from(FIRST_OTHER_FD);
    return true;
}

/* `ulimit -f` was about what its caller writes. */
static void allow_large_files(void)
{
    struct rlimit most;
    if (getrlimit(RLIMIT_FSIZE, &most) != 0)
        return;
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_FSIZE, &most);
}

static _Noreturn void go_alone(char *const argv[], char **env, int keep_fd, int report)
{
    if (setsid() < 0)
        exec_failed(report);
    pid_t pid = fork(); /* the grandchild is no session leader and can never get a terminal */
    if (pid < 0)
        exec_failed(report);
    if (pid > 0)
        _exit(0);
    default_signals();
    allow_large_files();
    umask(077);
    if (chdir("/") != 0 || !settle(keep_fd, report))
        exec_failed(report);
    environ = env;
    execv(argv[0], argv);
    exec_failed(4);
}

bool proc_detach(char *const argv[], int keep_fd, struct err *err)
{
    int report[2] = {-1, -1};
    struct strv env = STRV_INIT;
    bool ok = false;
    if (!chosen_environment(&env, err) || !make_pipe(report, err))
        goto out;
    pid_t pid = fork();
    if (pid == 0)
        go_alone(argv, env.items, keep_fd, report[1]);
    close_fd(&report[1]);
    if (pid < 0) {
        err_errno(err, ERR_LOCAL, "%s could not be started", argv[0]);
        goto out;
    }
    int why = read_report(report[0]);
    waitpid(pid, NULL, 0);
    errno = why;
    ok = why == 0 || err_errno(err, ERR_LOCAL, "%s could not be started", argv[0]);
out:
    close_fd(&report[0]);
    close_fd(&report[1]);
    strv_free(&env);
    return ok;
}
