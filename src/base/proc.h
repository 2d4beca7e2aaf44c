/* proc - children, and the manners of a process that other programs start. */
#ifndef TAPPAL_BASE_PROC_H
#define TAPPAL_BASE_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* First thing in every main(): fds 0 to 2 that are closed are opened on /dev/null, umask 077,
 * SIGPIPE ignored, core dumps and ptrace off (secrets), basename of argv[0] kept. */
void proc_begin(const char *argv0);
const char *proc_name(void);        /* exact basename of argv[0] */
bool proc_called_as_sendmail(void); /* sendmail, mailq or newaliases: callers we do not trust with file names */

/* Absolute path of a sister program ("tappal-deliver"): $TAPPAL_LIBEXEC (not when called as
 * sendmail), else the folder of /proc/self/exe, ../libexec/tappal beside it, ../bin beside it
 * (from libexec), else LIBEXECDIR or BINDIR. */
MUST_USE bool proc_find(const char *program, struct str *path, struct err *err);

struct proc_run {
    char *const *argv;
    char *const *envp;    /* NULL: ours */
    const void *input;    /* written to its stdin, or NULL for /dev/null */
    size_t input_len;
    const int *input_fd;  /* its stdin instead, from where it stands; NULL: none */
    int64_t limit_ms;     /* whole run; then SIGTERM, 1 s, SIGKILL to its process group */
    bool keep_tty;        /* stays in our process group and session, so that it may ask on the terminal */
    bool with_errors;     /* stderr is collected too, and what both say beyond the maximum is passed over */
    const char *shown;    /* how errors call it */
};
/* Runs it, collects stdout into `out` (its maximum is the limit); stderr is ours. status_r is the
 * wait(2) status. False: could not be started, was killed by the limit, or said too much. */
MUST_USE bool proc_run(const struct proc_run *run, struct str *out, int *status_r, struct err *err);

/* Starts argv as a daemon of its own: double fork, setsid, chdir /, umask 077, default signals, fds 0-2 on
 * /dev/null, all others closed but `keep_fd` (-1: none), which becomes fd 3 in the child;
 * environment only from the list of allowed names. Returns at once; the grandchild is not ours. */
MUST_USE bool proc_detach(char *const argv[], int keep_fd, struct err *err);
/* The environment a detached child gets, as proc_detach builds it (PATH, HOME, XDG_*, LANG, LC_*, TZ, USER, LOGNAME,
 * DBUS_SESSION_BUS_ADDRESS, CREDENTIALS_DIRECTORY, GNUPGHOME, GPG_AGENT_INFO, SSH_AUTH_SOCK, PASSWORD_STORE_*,
 * TAPPAL_*, SECRET_*). */

/* How many files this process may have open, at most `wanted`: the soft limit is raised where that takes it. */
size_t proc_files(size_t wanted);

MUST_USE bool proc_random(void *out, size_t n, struct err *err); /* getrandom */

#endif
