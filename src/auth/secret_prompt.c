/* secret_prompt - a question on /dev/tty with echo off.
 *
 * The terminal must get its echo back whatever happens. So the signals that could end or stop us are
 * blocked while it is off, and seen by a signalfd: when one is pending, the echo is restored first,
 * then the signal is let through. After a stop (^Z) the question is asked again. */
#include "auth/secret_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

enum outcome { GOT_LINE, GOT_SIGNAL, GOT_NOTHING };

static void watched_signals(sigset_t *set)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaddset(set, signals[i]);
}

/* Waits for a line or a signal. The signal stays pending. */
static enum outcome read_line(int tty, int signals, struct str *line)
{
    struct pollfd fds[2] = {{.fd = tty, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return GOT_NOTHING;
    if (fds[1].revents != 0)
        return GOT_SIGNAL;
    ssize_t n = read(tty, line->buf, line->max);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? GOT_SIGNAL : GOT_NOTHING;
    line->len = (size_t)n;
    line->buf[n] = '\0';
    return n > 0 ? GOT_LINE : GOT_NOTHING;
}

static bool write_tty(int tty, const char *z)
{
    return write(tty, z, strlen(z)) == (ssize_t)strlen(z);
}

/* Asks once, with the signals of `set` blocked and the echo off for just that long. */
static enum outcome ask_once(int tty, const char *question, struct str *line)
{
    sigset_t set, before;
    struct termios normal, quiet;
    enum outcome outcome = GOT_NOTHING;
    watched_signals(&set);
    if (tcgetattr(tty, &normal) != 0)
        return GOT_NOTHING;
    sigprocmask(SIG_BLOCK, &set, &before);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    quiet = normal;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    if (signals >= 0 && tcsetattr(tty, TCSAFLUSH, &quiet) == 0) {
        outcome = write_tty(tty, question) ? read_line(tty, signals, line) : GOT_NOTHING;
        tcsetattr(tty, TCSAFLUSH, &normal);
        if (!write_tty(tty, "\n"))
            outcome = GOT_NOTHING;
    }
    if (signals >= 0)
        close(signals);
    sigprocmask(SIG_SETMASK, &before, NULL); /* a pending signal acts here */
    return outcome;
}

static enum secret_answer no_terminal(const char *hint, struct err *err)
{
    err_set(err, ERR_SECRET, "The password has to be typed, and there is no terminal to ask on.");
    err_hint(err, "%s", hint);
    return SECRET_FAILED;
}

enum secret_answer secret_prompt(const char *question, struct secret *out, struct err *err)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return no_terminal("Keep it in the keyring or in a file (password_from), or run this on a terminal; "
                           "tappal auth login "
                           "takes --password-from-stdin.",
                           err);
    struct str line = STR_INIT(SECRET_SOURCE_MAX);
    enum secret_answer answer = SECRET_FAILED;
    enum outcome outcome = GOT_NOTHING;
    if (str_reserve(&line, line.max, err)) {
        do
            outcome = ask_once(tty, question, &line);
        while (outcome == GOT_SIGNAL);
        if (outcome == GOT_LINE)
            answer = secret_take_line(&line, "The terminal", out, err);
        else
            err_set(err, ERR_SECRET, "No password was typed.");
    }
    str_wipe(&line);
    close(tty);
    return answer;
}

enum secret_answer secret_ask_prompt(const char *rest, const struct secret_query *query, struct secret *out,
                                     struct err *err)
{
    (void)rest;
    if (!query->may_prompt) {
        no_terminal(
            "Keep it in the keyring or in a file (password_from), or run tappal queue run or tappal-fetch "
            "ACCOUNT on a terminal.",
            err);
        return SECRET_LOCKED;
    }
    struct str question = STR_INIT(1024);
    enum secret_answer answer = SECRET_FAILED;
    if (str_addf(&question, err,
                 "Password of %s at %s: ", query->login != NULL ? query->login : "the account",
                 query->host != NULL ? query->host : "the server"))
        answer = secret_prompt(question.buf, out, err);
    str_free(&question);
    return answer;
}
