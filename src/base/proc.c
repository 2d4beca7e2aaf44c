/* proc - see proc.h: how a program begins, and where its sisters are. Children are in
 * proc_run.c. */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"

#define PROGRAM_PATH_MAX 4096

/* The leak checker traces its own process, which must stay traceable for it. */
#if defined(__SANITIZE_ADDRESS__)
#define BUILT_FOR_TRACING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUILT_FOR_TRACING 1
#endif
#endif

static const char *program_name = "tappal";

/* A closed fd 2 would be given to the next file opened, and the next warning written into it. */
static void open_standard_fds(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
            abort();
}

void proc_begin(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    if (argv0)
        program_name = slash ? slash + 1 : argv0;
    open_standard_fds();
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write past `ulimit -f` is an error to be told, not an end without a word */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifndef BUILT_FOR_TRACING
    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
#endif
}

size_t proc_files(size_t wanted)
{
    struct rlimit most;
    if (getrlimit(RLIMIT_NOFILE, &most) != 0)
        return wanted;
    if (most.rlim_cur < wanted) {
        most.rlim_cur = most.rlim_max < wanted ? most.rlim_max : wanted;
        (void)!setrlimit(RLIMIT_NOFILE, &most);
        (void)!getrlimit(RLIMIT_NOFILE, &most);
    }
    return most.rlim_cur < wanted ? (size_t)most.rlim_cur : wanted;
}

const char *proc_name(void)
{
    return program_name;
}

bool proc_called_as_sendmail(void)
{
    static const char *const names[] = {"sendmail", "mailq", "newaliases"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(program_name, names[i]) == 0)
            return true;
    return false;
}

/* try_folder - "DIR/BELOW/PROGRAM" if it can be run */
static bool try_folder(const char *dir, const char *below, const char *program, struct str *path)
{
    struct err ignored;
    str_clear(path);
    return dir && str_addf(path, &ignored, "%s%s/%s", dir, below, program) && access(path->buf, X_OK) == 0;
}

/* The path of the folder that `path` is in; false above the root. */
static bool cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return slash;
}

bool proc_find(const char *program, struct str *path, struct err *err)
{
    char self[PROGRAM_PATH_MAX];
    const char *named = proc_called_as_sendmail() ? NULL : getenv("TAPPAL_LIBEXEC");
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    if (try_folder(named, "", program, path) || (cut_last(self) && try_folder(self, "", program, path)) ||
        (cut_last(self) &&
         (try_folder(self, "/libexec/tappal", program, path) || try_folder(self, "/bin", program, path))) ||
        (cut_last(self) && try_folder(self, "/bin", program, path)) ||
        try_folder(LIBEXECDIR, "", program, path) || try_folder(BINDIR, "", program, path))
        return true;
    err_set(err, ERR_LOCAL, "The program %s cannot be found; this installation of tappal is incomplete.",
            program);
    return err_hint(err, "It should be in %s. Install tappal again, or name its folder in TAPPAL_LIBEXEC.",
                    LIBEXECDIR);
}

bool proc_random(void *out, size_t n, struct err *err)
{
    char *at = out;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, ERR_LOCAL, "The kernel gives no random numbers");
        at += got;
        n -= (size_t)got;
    }
    return true;
}
