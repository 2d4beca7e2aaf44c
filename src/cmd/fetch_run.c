/* fetch_run - the parent of the children that fetch: starts them, ends those that hang, and with --watch starts them
 * again and tells the service manager. It sleeps until a child speaks, a signal comes, or somebody is overdue. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/notify.h"
#include "base/text.h"
#include "cmd/fetch.h"
#include "cmd/say.h"

#define SILENCE_MS (20 * 60 * 1000) /* longer than any wait for a server: a child this silent hangs */
#define RESTART_MS 60000            /* before a child of --watch that died is started again */
#define LEAVE_MS 20000              /* what children have to make durable what they hold */
#define TURN_MS 1000                /* between two looks at the children where somebody waits for the end */
#define IDLE_MS (10 * 60 * 1000)    /* the same with --watch: nobody is to be woken for nothing */

struct child {
    pid_t pid; /* 0: none */
    bool hung;
    int status;       /* exit status, once it has ended */
    int64_t again_ms; /* when to start it again; 0: never */
};

struct run {
    const struct fetch_job *job;
    struct fetch_show *show;
    struct child *children;
    size_t alive;
    int pipe[2], signals;
    int64_t silence;  /* SILENCE_MS, or what a test says */
    int64_t watchdog; /* ms; 0: none */
    int64_t stop_ms;  /* when we were told to stop; 0: not yet */
    bool killed;      /* those who did not leave in time */
};

/* -- starting and ending -- */

static int be_child(const struct run *r, size_t index, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    close(r->pipe[0]);
    close(r->signals);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return EXIT_FAILURE;
    sigprocmask(SIG_SETMASK, &none, NULL);
    return fetch_child(r->job, index, r->pipe[1]);
}

static bool start(struct run *r, size_t index, struct err *err)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return err_errno(err, ERR_LOCAL, "A process for the account \"%s\" could not be started",
                         r->job->accounts[index]->name);
    if (pid == 0)
        _exit(be_child(r, index, parent));
    r->children[index] = (struct child){.pid = pid};
    r->alive++;
    fetch_show_restarted(r->show, index);
    return true;
}

static void end_hung(struct run *r)
{
    for (size_t i = 0; i < r->job->count; i++) {
        struct child *c = &r->children[i];
        if (c->pid == 0 || c->hung || clock_mono_ms() - fetch_show_heard(r->show, i) < r->silence)
            continue;
        c->hung = true;
        kill(c->pid, SIGKILL);
    }
}

/* judge - its exit status; a child that ended in no orderly way is an error of its own */
static int judge(const struct run *r, size_t index, int status)
{
    struct err err = {0};
    if (WIFEXITED(status) || r->killed)
        return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (r->children[index].hung)
        err_set(&err, ERR_NETWORK, "Fetching was stopped, since nothing had happened for %d minutes.",
                SILENCE_MS / 60000);
    else
        err_set(&err, ERR_LOCAL, "Fetching was ended by signal %d.", WTERMSIG(status));
    err_hint(&err, "Nothing is lost; the next run goes on where this one stopped.");
    return fetch_show_error(r->show, index, &err);
}

static void reap(struct run *r)
{
    int status;
    for (size_t i = 0; i < r->job->count; i++) {
        struct child *c = &r->children[i];
        if (c->pid == 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
            continue;
        (void)fetch_show_take(r->show, r->pipe[0]); /* what it said comes before what we say of it */
        c->status = judge(r, i, status);
        c->pid = 0;
        r->alive--;
        c->again_ms = r->job->options.watch && r->stop_ms == 0 ? clock_mono_ms() + RESTART_MS : 0;
    }
}

static void start_again(struct run *r)
{
    struct err err;
    for (size_t i = 0; i < r->job->count; i++) {
        struct child *c = &r->children[i];
        if (c->again_ms == 0 || clock_mono_ms() < c->again_ms)
            continue;
        c->again_ms = 0;
        if (!start(r, i, &err)) {
            fetch_show_error(r->show, i, &err);
            c->again_ms = clock_mono_ms() + RESTART_MS;
        }
    }
}

static void stop(struct run *r)
{
    if (r->stop_ms == 0) {
        notify_service("STOPPING=1");
        r->stop_ms = clock_mono_ms();
    }
    for (size_t i = 0; i < r->job->count; i++) {
        r->children[i].again_ms = 0;
        if (r->children[i].pid > 0)
            kill(r->children[i].pid, SIGTERM);
    }
}

static void end_late(struct run *r)
{
    if (r->stop_ms == 0 || r->killed || clock_mono_ms() - r->stop_ms < LEAVE_MS)
        return;
    r->killed = true; /* what was under way is fetched again the next time */
    for (size_t i = 0; i < r->job->count; i++)
        if (r->children[i].pid > 0)
            kill(r->children[i].pid, SIGKILL);
}

/* -- waiting -- */

static int64_t pause_of(const struct run *r)
{
    int64_t pause = r->job->options.watch && r->stop_ms == 0 ? IDLE_MS : TURN_MS;
    if (r->watchdog > 0 && r->watchdog < pause)
        pause = r->watchdog;
    if (r->silence < pause)
        pause = r->silence;
    for (size_t i = 0; i < r->job->count; i++)
        if (r->children[i].again_ms != 0 && r->children[i].again_ms - clock_mono_ms() < pause)
            pause = r->children[i].again_ms - clock_mono_ms();
    return pause > 0 ? pause : 0;
}

static void take_signals(struct run *r)
{
    struct signalfd_siginfo info;
    while (read(r->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            stop(r);
    reap(r);
}

static void turn(struct run *r)
{
    struct pollfd p[] = {{.fd = r->pipe[0], .events = POLLIN}, {.fd = r->signals, .events = POLLIN}};
    (void)!poll(p, 2, (int)pause_of(r));
    if (p[0].revents != 0)
        (void)fetch_show_take(r->show, r->pipe[0]);
    take_signals(r);
    end_hung(r);
    end_late(r);
    start_again(r);
    if (r->watchdog > 0)
        notify_service("WATCHDOG=1");
}

static bool is_awaited(const struct run *r)
{
    bool awaited = r->alive > 0;
    for (size_t i = 0; i < r->job->count; i++)
        awaited = awaited || r->children[i].again_ms != 0;
    return awaited;
}

/* -- the run -- */

/* Without --watch TERM and its like end us at once, and our children with us: nothing is lost by that. */
static bool prepare(struct run *r, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (r->job->options.watch) {
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
    }
    r->children = calloc(r->job->count, sizeof *r->children);
    if (!r->children)
        return err_nomem(err);
    if (pipe2(r->pipe, O_CLOEXEC) != 0 || fcntl(r->pipe[0], F_SETFL, O_NONBLOCK) != 0 ||
        sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return err_errno(err, ERR_LOCAL, "A pipe for the accounts' processes could not be made");
    return fetch_show_open(r->job, &r->show, err);
}

static int64_t test_silence(void)
{
    const char *seconds = getenv("TAPPAL_TEST_SILENCE");
    uint64_t n;
    return seconds && text_u64(seconds, SILENCE_MS / 1000, &n) ? (int64_t)n * 1000 : SILENCE_MS;
}

static int conclude(const struct run *r, const struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < r->job->count; i++)
        status = status ? status : r->children[i].status;
    if (status == 0 && err->kind != ERR_NONE)
        status = say_error(NULL, err);
    if (r->job->options.watch && r->stop_ms != 0)
        return 0;
    return status == 0 && r->job->options.check && fetch_show_found(r->show) == 0 ? EXIT_FAILURE : status;
}

int fetch_run(const struct fetch_job *job)
{
    struct run r = {.job = job, .pipe = {-1, -1}, .signals = -1, .silence = test_silence()};
    struct err err = {0};
    int status;
    if (prepare(&r, &err)) {
        for (size_t i = 0; err.kind == ERR_NONE && i < job->count; i++)
            if (!start(&r, i, &err))
                break;
        r.watchdog = job->options.watch ? notify_watchdog_ms() : 0;
        if (job->options.watch)
            notify_service("READY=1");
        while (is_awaited(&r))
            turn(&r);
        (void)fetch_show_take(r.show, r.pipe[0]);
        status = conclude(&r, &err);
    } else {
        status = say_error(NULL, &err);
    }
    fetch_show_close(&r.show);
    free(r.children);
    for (int i = 0, fds[] = {r.pipe[0], r.pipe[1], r.signals}; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return status;
}
