/* log - see log.h. A line is built whole and written by one call, so that lines of several
 * processes never mix. */
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"

#define LOG_LINE_MAX 16384
#define LOG_VALUE_MAX 2000
#define SYSLOG_SOCKET "/dev/log"

enum log_where { TO_STDERR, TO_SYSLOG, TO_FILE, TO_NONE };

static struct {
    const char *program;
    enum log_where where;
    enum log_level most;
    char file[4096];
} the_log = {.program = "tappal", .where = TO_STDERR, .most = LOG_LEVEL_INFO};

static bool syslog_listens(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool ok = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

void log_open(const char *program, const char *target)
{
    the_log.program = program;
    if (!target)
        the_log.where = !isatty(STDERR_FILENO) && syslog_listens() ? TO_SYSLOG : TO_STDERR;
    else if (strcmp(target, "syslog") == 0)
        the_log.where = TO_SYSLOG;
    else if (strcmp(target, "none") == 0)
        the_log.where = TO_NONE;
    else if (target[0] == '/' && strlen(target) < sizeof the_log.file) {
        the_log.where = TO_FILE;
        memcpy(the_log.file, target, strlen(target) + 1);
    } else
        the_log.where = TO_STDERR;
    if (the_log.where == TO_SYSLOG)
        openlog(program, LOG_PID, LOG_MAIL);
}

void log_set_level(enum log_level most)
{
    the_log.most = most;
}

bool log_to_stderr(void)
{
    return the_log.where == TO_STDERR;
}

static bool needs_quotes(const char *value)
{
    return value[0] == '\0' || value[strcspn(value, " \"=\\")] != '\0';
}

/* add_value - cleaned, and quoted where a reader would otherwise take it for two */
static bool add_value(struct str *line, const char *value, struct err *err)
{
    struct str clean = STR_INIT(LOG_LINE_MAX);
    bool ok = text_add_clean(&clean, value, strlen(value), LOG_VALUE_MAX, err);
    if (ok && !needs_quotes(value)) {
        ok = str_add(line, clean.buf, clean.len, err);
    } else if (ok) {
        ok = str_addc(line, '"', err);
        for (size_t i = 0; ok && i < clean.len; i++) {
            char c = clean.buf[i];
            ok = (c != '"' || str_addc(line, '\\', err)) && str_addc(line, c, err);
        }
        ok = ok && str_addc(line, '"', err);
    }
    str_free(&clean);
    return ok;
}

static bool build(struct str *line, const char *event, va_list ap, struct err *err)
{
    const char *key;
    bool ok = str_addz(line, event, err);
    while (ok && (key = va_arg(ap, const char *)) != NULL) {
        const char *value = va_arg(ap, const char *);
        if (value)
            ok = str_addc(line, ' ', err) && str_addz(line, key, err) && str_addc(line, '=', err) &&
                 add_value(line, value, err);
    }
    return ok;
}

static void write_line(int fd, const char *before, const char *line)
{
    struct err ignored;
    struct str whole = STR_INIT(LOG_LINE_MAX + 256);
    if (str_addf(&whole, &ignored, "%s%s: %s\n", before, the_log.program, line)) {
        ssize_t n = write(fd, whole.buf, whole.len);
        (void)n; /* a log that cannot be written fails nobody */
    }
    str_free(&whole);
}

static void write_file(const char *line)
{
    char before[40];
    /* Without O_NONBLOCK a FIFO that nobody reads would stop us for ever. */
    int fd = open(the_log.file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return;
    clock_iso(clock_now(), before);
    memcpy(before + strlen(before), " ", 2);
    write_line(fd, before, line);
    close(fd);
}

void log_event(enum log_level level, const char *event, ...)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    struct err ignored;
    struct str line = STR_INIT(LOG_LINE_MAX);
    va_list ap;
    if (level > the_log.most)
        return;
    va_start(ap, event);
    build(&line, event, ap, &ignored); /* what fitted is better than nothing */
    va_end(ap);
    if (level == LOG_LEVEL_DEBUG || the_log.where == TO_STDERR)
        write_line(STDERR_FILENO, "", line.buf);
    else if (the_log.where == TO_SYSLOG)
        syslog(LOG_MAIL | priorities[level], "%s", line.buf);
    else if (the_log.where == TO_FILE)
        write_file(line.buf);
    str_free(&line);
}
