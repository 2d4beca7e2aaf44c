/* fetch_show - the parent's side: lines from the children, and on a terminal one line of progress for all. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "cmd/fetch.h"
#include "cmd/say.h"

#define CHECK_MS 1000
#define COLUMNS 80
#define BUFFER_MAX 65536

struct show {
    const struct fetch_display *d;
    char (*progress)[200]; /* what each account is at, or "" */
    bool drawn;
};

static size_t columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : COLUMNS;
}

static void clear_progress(struct show *s)
{
    if (s->drawn)
        fputs("\r\033[K", stderr);
    s->drawn = false;
}

static void draw_progress(struct show *s)
{
    struct str line = STR_INIT(BUFFER_MAX);
    struct err ignored;
    if (!s->d->options->progress)
        return;
    for (size_t i = 0; i < s->d->count; i++)
        if (s->progress[i][0] && !str_addf(&line, &ignored, "%s%s: %s", line.len ? " | " : "",
                                           s->d->accounts[i]->name, s->progress[i]))
            break;
    size_t most = columns() - 1, n = line.len < most ? line.len : most;
    while (n > 0 && n < line.len && (line.buf[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    fprintf(stderr, "\r%.*s\033[K", (int)n, line.buf);
    fflush(stderr);
    s->drawn = true;
    str_free(&line);
}

static void take_progress(struct show *s, size_t index, const char *text)
{
    unsigned long long done, total, octets;
    int at = 0;
    char size[32];
    if (sscanf(text, "%llu %llu %llu %n", &done, &total, &octets, &at) != 3 || at == 0)
        return;
    text_show_size(octets, size);
    snprintf(s->progress[index], sizeof s->progress[index], "%s %llu/%llu, %s", text + at, done, total, size);
    draw_progress(s);
}

static void show_error(const char *account, const char *text)
{
    struct err err = {.kind = ERR_LOCAL};
    const char *tab = strchr(text, '\t');
    snprintf(err.what, sizeof err.what, "%.*s", (int)(tab ? tab - text : (long)strlen(text)), text);
    snprintf(err.hint, sizeof err.hint, "%s", tab ? tab + 1 : "");
    say_error(account, &err);
}

static void show_line(struct show *s, const char *line)
{
    char kind;
    int at = 0;
    size_t index;
    if (sscanf(line, "%zu %c%n", &index, &kind, &at) != 2 || index >= s->d->count || line[at] != ' ')
        return;
    const char *text = line + at + 1, *account = s->d->accounts[index]->name;
    s->d->heard[index] = clock_mono_ms();
    if (kind == FETCH_PROGRESS) {
        take_progress(s, index, text);
        return;
    }
    clear_progress(s);
    if (kind == FETCH_ERROR)
        show_error(account, text);
    else if (kind == FETCH_SUMMARY && !s->d->options->quiet)
        say("%s: %s", account, text);
    else if (kind == FETCH_NOTICE && !s->d->options->quiet)
        say_warning("%s: %s", account, text);
    else if (kind == FETCH_DIALOGUE)
        fprintf(stderr, "%s %s\n", account, text);
    fflush(stdout);
}

/* take_lines - shows the whole lines of the buffer, keeps the rest */
static void take_lines(struct show *s, struct str *buffer)
{
    char *begin = buffer->buf, *end;
    while ((end = memchr(begin, '\n', (size_t)(buffer->buf + buffer->len - begin)))) {
        *end = '\0';
        show_line(s, begin);
        begin = end + 1;
    }
    str_drop(buffer, (size_t)(begin - buffer->buf));
}

void fetch_show(const struct fetch_display *d, int pipe)
{
    struct show s = {.d = d, .progress = calloc(d->count + 1, sizeof *s.progress)};
    struct str buffer = STR_INIT(BUFFER_MAX);
    struct pollfd wait = {.fd = pipe, .events = POLLIN};
    struct err ignored;
    ssize_t n = 1;
    char block[8192];
    while (s.progress && n != 0) {
        if (poll(&wait, 1, CHECK_MS) > 0) {
            n = read(pipe, block, sizeof block);
            if (n < 0 && errno != EINTR && errno != EAGAIN)
                break;
            if (n > 0 && str_add(&buffer, block, (size_t)n, &ignored))
                take_lines(&s, &buffer);
            n = n < 0 ? 1 : n;
        }
        d->check(d->arg);
    }
    clear_progress(&s);
    free(s.progress);
    str_free(&buffer);
}
