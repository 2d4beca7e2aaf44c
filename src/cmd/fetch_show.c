/* fetch_show - the parent's side: lines from the children become sentences for a person, events for a program, and
 * on a terminal a line of progress for each account that is at work, below everything else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/notify.h"
#include "base/text.h"
#include "cmd/fetch.h"
#include "cmd/fetch_words.h"
#include "cmd/say.h"

#define COLUMNS 80
#define COLUMNS_LEAST 12 /* less is not believed */
#define ROWS 24
#define BUFFER_MAX 65536
#define PLAIN_MS 60000 /* where there is no terminal, progress is a line now and then */
#define EVENT_MS 1000  /* the same for a program */
#define STATUS_MAX 2000

struct account_show {
    struct fetch_at at;
    int64_t heard;            /* clock_mono_ms */
    int64_t plain;            /* when progress was last a line of its own */
    char state[128];          /* what --watch waits for, or "" */
    struct fetch_found found; /* in all folders: what is new */
    bool trouble;             /* was told since the last look began */
};

struct fetch_show {
    const struct fetch_job *job;
    struct account_show *accounts;
    struct str buffer;
    size_t drawn; /* lines of progress on the terminal, above the cursor */
    size_t width; /* of the longest account's name */
};

/* -- the lines at the bottom of a terminal -- */

static struct winsize terminal_size(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < COLUMNS_LEAST)
        size = (struct winsize){.ws_col = COLUMNS, .ws_row = ROWS};
    if (size.ws_row < 2)
        size.ws_row = ROWS;
    return size;
}

static void clear_progress(struct fetch_show *s)
{
    if (s->drawn > 0)
        fprintf(stderr, "\r\033[%zuA\033[J", s->drawn);
    s->drawn = 0;
}

static bool draw_one(const struct fetch_show *s, size_t index, size_t columns, struct str *out,
                     struct err *err)
{
    const struct account_show *a = &s->accounts[index];
    const char *name = s->job->accounts[index]->name;
    bool bold = s->job->options.bold;
    char text[FETCH_WORDS_MAX];
    size_t width = s->width < columns / 3 ? s->width : columns / 3;
    size_t room = columns - 1 > width + 2 ? columns - 1 - width - 2 : 0;
    if (a->at.folder[0])
        fetch_words_progress(&a->at, clock_mono_ms(), room, text);
    else
        snprintf(text, sizeof text, "%s", a->state);
    return str_addf(out, err, "%s%-*.*s%s  %.*s\033[K\n", bold ? "\033[1m" : "", (int)width,
                    (int)fetch_words_fit(name, width), name, bold ? "\033[0m" : "",
                    (int)fetch_words_fit(text, room), text);
}

static void draw_progress(struct fetch_show *s)
{
    struct str out = STR_INIT(BUFFER_MAX);
    struct winsize size = terminal_size();
    struct err ignored;
    size_t lines = 0;
    if (!s->job->options.progress)
        return;
    for (size_t i = 0; i < s->job->count && lines + 1 < size.ws_row; i++)
        if (s->accounts[i].at.folder[0] || s->accounts[i].state[0])
            lines += draw_one(s, i, size.ws_col, &out, &ignored);
    if (lines < s->drawn)
        clear_progress(s);
    if (s->drawn > 0)
        fprintf(stderr, "\r\033[%zuA", s->drawn);
    fwrite(out.buf, 1, out.len, stderr);
    fflush(stderr);
    s->drawn = lines;
    str_free(&out);
}

/* -- lines -- */

static void take_progress(struct fetch_show *s, size_t index, const char *text)
{
    struct account_show *a = &s->accounts[index];
    int64_t now = clock_mono_ms();
    if (!fetch_at_take(&a->at, text, now))
        return;
    a->state[0] = '\0';
    draw_progress(s);
    if (s->job->options.progress || s->job->options.quiet || s->job->options.verbose)
        return;
    a->plain = a->plain ? a->plain : now;
    if (now - a->plain < (s->job->options.json ? EVENT_MS : PLAIN_MS))
        return;
    a->plain = now;
    char words[FETCH_WORDS_MAX];
    fetch_words_progress(&a->at, now, SIZE_MAX, words);
    if (s->job->options.json)
        fetch_json_progress(s->job->accounts[index]->name, &a->at);
    else
        say("%s: %s", s->job->accounts[index]->name, words);
}

static void take_done(struct fetch_show *s, size_t index, const char *text)
{
    struct account_show *a = &s->accounts[index];
    const char *name = s->job->accounts[index]->name;
    struct fetch_done done;
    char words[FETCH_WORDS_MAX];
    a->at = (struct fetch_at){0};
    if (!fetch_done_take(&done, text))
        return;
    bool nothing = done.messages + done.linked + done.moved + done.deleted + done.removed == 0;
    bool mute = nothing && done.aside == 0 && a->trouble; /* what could not be seen may be new */
    a->trouble = false;
    if (s->job->options.watch && nothing)
        return;
    fetch_words_done(&done, words);
    if (s->job->options.json)
        fetch_json_done(name, &done);
    else if (!s->job->options.quiet && !mute)
        say("%s: %s", name, words);
}

static void take_found(struct fetch_show *s, size_t index, const char *text)
{
    struct account_show *a = &s->accounts[index];
    const char *name = s->job->accounts[index]->name;
    struct fetch_found found;
    char words[FETCH_WORDS_MAX];
    if (!fetch_found_take(&found, text))
        return;
    a->found.messages += found.messages;
    a->found.octets += found.octets;
    if (s->job->options.json)
        fetch_json_found(name, &found);
    if (s->job->options.json || s->job->options.check || s->job->options.quiet)
        return;
    fetch_words_found(&found, words);
    say("%s: %s: %s", name, found.folder, words);
}

static int show_error(struct fetch_show *s, size_t index, const struct err *err)
{
    const char *name = s->job->accounts[index]->name;
    clear_progress(s);
    if (!s->job->options.json)
        return say_error(name, err);
    fetch_json_error(name, err);
    fflush(stdout);
    return err_exit_status(err->kind);
}

static void take_error(struct fetch_show *s, size_t index, const char *text)
{
    struct err err = {.kind = ERR_LOCAL};
    char *at;
    long kind = strtol(text, &at, 10);
    const char *tab = strchr(at + (*at == '\t'), '\t'), *what = at + (*at == '\t');
    err.kind = kind > ERR_NONE && kind <= ERR_INTERNAL ? (enum err_kind)kind : ERR_LOCAL;
    snprintf(err.what, sizeof err.what, "%.*s", (int)(tab ? tab - what : (long)strlen(what)), what);
    snprintf(err.hint, sizeof err.hint, "%s", tab ? tab + 1 : "");
    s->accounts[index].at = (struct fetch_at){0};
    s->accounts[index].trouble = true;
    show_error(s, index, &err);
}

/* tell_manager - one line for `systemctl status` */
static void tell_manager(const struct fetch_show *s)
{
    struct str text = STR_INIT(STATUS_MAX);
    struct err ignored;
    bool ok = str_addz(&text, "STATUS=", &ignored);
    for (size_t i = 0; ok && i < s->job->count; i++)
        ok = str_addf(&text, &ignored, "%s%s: %s", i ? "; " : "", s->job->accounts[i]->name,
                      s->accounts[i].state[0] ? s->accounts[i].state : "looking");
    notify_service(text.buf);
    str_free(&text);
}

static void take_state(struct fetch_show *s, size_t index, const char *text)
{
    struct account_show *a = &s->accounts[index];
    a->at = (struct fetch_at){0};
    if (strcmp(a->state, text) == 0)
        return;
    snprintf(a->state, sizeof a->state, "%s", text);
    tell_manager(s);
    if (s->job->options.json)
        fetch_json_state(s->job->accounts[index]->name, text);
    draw_progress(s);
}

static void show_text(struct fetch_show *s, size_t index, char kind, const char *text)
{
    const char *account = s->job->accounts[index]->name;
    clear_progress(s);
    if (kind == FETCH_DONE)
        take_done(s, index, text);
    else if (kind == FETCH_FOUND)
        take_found(s, index, text);
    else if (kind == FETCH_ERROR)
        take_error(s, index, text);
    else if (kind == FETCH_NOTICE && s->job->options.json)
        fetch_json_notice(account, text);
    else if (kind == FETCH_NOTICE && !s->job->options.quiet)
        say_warning("%s: %s", account, text);
    else if (kind == FETCH_DIALOGUE)
        fprintf(stderr, "%s %s\n", account, text);
    fflush(stdout);
    draw_progress(s);
}

static void take_line(struct fetch_show *s, const char *line)
{
    char kind;
    int at = 0;
    size_t index;
    if (sscanf(line, "%zu %c%n", &index, &kind, &at) != 2 || index >= s->job->count || line[at] != ' ')
        return;
    s->accounts[index].heard = clock_mono_ms();
    if (kind == FETCH_PROGRESS)
        take_progress(s, index, line + at + 1);
    else if (kind == FETCH_STATE)
        take_state(s, index, line + at + 1);
    else
        show_text(s, index, kind, line + at + 1);
}

/* take_lines - shows the whole lines of the buffer, keeps the rest */
static void take_lines(struct fetch_show *s)
{
    char *begin = s->buffer.buf, *end;
    while ((end = memchr(begin, '\n', (size_t)(s->buffer.buf + s->buffer.len - begin)))) {
        *end = '\0';
        take_line(s, begin);
        begin = end + 1;
    }
    str_drop(&s->buffer, (size_t)(begin - s->buffer.buf));
}

bool fetch_show_take(struct fetch_show *s, int pipe)
{
    struct err ignored;
    char block[8192];
    ssize_t n;
    while ((n = read(pipe, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && str_add(&s->buffer, block, (size_t)n, &ignored))
            take_lines(s);
    return n < 0 && errno == EAGAIN;
}

/* -- the whole -- */

bool fetch_show_open(const struct fetch_job *job, struct fetch_show **show_r, struct err *err)
{
    struct fetch_show *s = calloc(1, sizeof *s);
    if (!s || !(s->accounts = calloc(job->count + 1, sizeof *s->accounts))) {
        free(s);
        return err_nomem(err);
    }
    s->job = job;
    str_init(&s->buffer, BUFFER_MAX);
    for (size_t i = 0; i < job->count; i++)
        if (strlen(job->accounts[i]->name) > s->width)
            s->width = strlen(job->accounts[i]->name);
    *show_r = s;
    return true;
}

/* say_check - what --check found, of each account */
static void say_check(const struct fetch_show *s)
{
    char words[FETCH_WORDS_MAX];
    for (size_t i = 0; i < s->job->count; i++) {
        fetch_words_found(&s->accounts[i].found, words);
        if (s->accounts[i].found.messages > 0)
            say("%s: %s", s->job->accounts[i]->name, words);
    }
}

void fetch_show_close(struct fetch_show **show)
{
    struct fetch_show *s = *show;
    *show = NULL;
    if (!s)
        return;
    clear_progress(s);
    if (s->job->options.check && !s->job->options.json && !s->job->options.quiet)
        say_check(s);
    str_free(&s->buffer);
    free(s->accounts);
    free(s);
}

int64_t fetch_show_heard(const struct fetch_show *show, size_t index)
{
    return show->accounts[index].heard;
}

void fetch_show_restarted(struct fetch_show *show, size_t index)
{
    show->accounts[index].heard = clock_mono_ms();
}

uint64_t fetch_show_found(const struct fetch_show *show)
{
    uint64_t found = 0;
    for (size_t i = 0; i < show->job->count; i++)
        found += show->accounts[i].found.messages;
    return found;
}

int fetch_show_error(struct fetch_show *show, size_t index, const struct err *err)
{
    return show_error(show, index, err);
}
