/* fetch_child - one account's process: its lock, its pull, and what it says to the parent. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/fetch.h"
#include "fetch/pull.h"

#define PROGRESS_MS 100 /* more often nobody can read */
#define PATH_MAX_BYTES 4096

struct child {
    const struct fetch_options *options;
    const struct account *account;
    int pipe;
    size_t index;
    int64_t told; /* when progress was last told */
};

/* tell - one line to the parent; without one there is nobody to tell */
static void tell(const struct child *c, char kind, const char *text)
{
    char line[FETCH_LINE_MAX + 64];
    int n = snprintf(line, sizeof line, "%zu %c %.*s\n", c->index, kind, FETCH_LINE_MAX, text);
    while (n > 0 && write(c->pipe, line, (size_t)n) < 0 && errno == EINTR)
        ;
}

static void tell_error(const struct child *c, const struct err *err)
{
    char text[FETCH_LINE_MAX];
    snprintf(text, sizeof text, "%s\t%s", err->what, err->hint);
    tell(c, FETCH_ERROR, text);
    if (!log_to_stderr())
        log_event(LOG_LEVEL_ERROR, "trouble", "account", c->account->name, "kind", err_kind_name(err->kind),
                  "problem", err->what, "hint", err->hint[0] ? err->hint : NULL, NULL);
}

/* -- what the pull reports -- */

static void on_progress(void *arg, const char *folder, uint64_t done, uint64_t total, uint64_t octets)
{
    struct child *c = arg;
    char text[FETCH_LINE_MAX];
    int64_t now = clock_mono_ms();
    if (now - c->told < PROGRESS_MS)
        return;
    c->told = now;
    snprintf(text, sizeof text, "%llu %llu %llu %.300s", (unsigned long long)done, (unsigned long long)total,
             (unsigned long long)octets, folder);
    tell(c, FETCH_PROGRESS, text);
}

static void count(char out[64], uint64_t n, const char *one, const char *many)
{
    snprintf(out, 64, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

static void on_found(void *arg, const char *folder, uint64_t messages, uint64_t octets)
{
    struct child *c = arg;
    char text[FETCH_LINE_MAX], number[64], size[32];
    count(number, messages, "new message", "new messages");
    text_show_size(octets, size);
    if (messages == 0)
        snprintf(text, sizeof text, "%.300s: no new messages", folder);
    else
        snprintf(text, sizeof text, "%.300s: %s, %s", folder, number, size);
    tell(c, FETCH_SUMMARY, text);
}

static void on_trouble(void *arg, const struct err *err)
{
    tell_error(arg, err);
}

static void on_notice(void *arg, const char *text)
{
    tell(arg, FETCH_NOTICE, text);
}

static void on_line(void *arg, char direction, const char *line)
{
    char text[FETCH_LINE_MAX];
    snprintf(text, sizeof text, "%c %s", direction, line);
    tell(arg, FETCH_DIALOGUE, text);
}

static void tell_summary(const struct child *c, const struct pull_result *r)
{
    char text[FETCH_LINE_MAX], messages[64], folders[64], moved[64] = "", deleted[64] = "", removed[64] = "",
                                                          aside[80] = "";
    char size[32];
    count(messages, r->messages, "new message", "new messages");
    count(folders, r->folders, "folder", "folders");
    if (r->removed > 0)
        snprintf(removed, sizeof removed, ", %llu deleted here", (unsigned long long)r->removed);
    if (r->moved > 0)
        snprintf(moved, sizeof moved, ", %llu moved on the server", (unsigned long long)r->moved);
    if (r->deleted > 0)
        snprintf(deleted, sizeof deleted, ", %llu deleted on the server", (unsigned long long)r->deleted);
    if (r->aside > 0)
        snprintf(aside, sizeof aside, ", %llu in quarantine: tappal status", (unsigned long long)r->aside);
    text_show_size(r->octets, size);
    if (r->messages == 0)
        snprintf(text, sizeof text, "no new messages%s%s%s%s", moved, deleted, removed, aside);
    else
        snprintf(text, sizeof text, "%s, %s, %s%s%s%s%s", messages, size, folders, moved, deleted, removed,
                 aside);
    tell(c, FETCH_SUMMARY, text);
}

/* -- the work -- */

/* take_lock - 1 it is ours until the process ends, 0 another run has it, -1 error. A dry run makes no file; where
 * there is none, nobody else is at work. */
static int take_lock(const char *state, bool dry_run, struct err *err)
{
    struct str path = STR_INIT(PATH_MAX_BYTES);
    int fd = -1, got = -1;
    if (fs_join(&path, state, "lock", err)) {
        fd = open(path.buf, O_RDWR | (dry_run ? 0 : O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0)
            got = fs_try_lock(fd, err);
        else if (dry_run && errno == ENOENT)
            got = 1;
        else
            err_errno(err, ERR_LOCAL, "%s could not be opened", path.buf);
    }
    str_free(&path);
    return got;
}

static bool serve(struct child *c, const char *state, struct pull_result *result, struct err *err)
{
    const struct account *a = c->account;
    struct pull pull = {
        .account = a,
        .state_dir = state,
        .dry_run = c->options->dry_run,
        .delete_many = c->options->delete_many,
        .session = {.server = &a->fetch.server,
                    .who = &a->fetch.who,
                    .account = a->name,
                    .config_dir = a->config_dir,
                    .may_prompt = c->options->may_prompt,
                    .watch = c->options->verbose ? on_line : NULL,
                    .watch_arg = c},
        .watch = {.arg = c,
                  .progress = on_progress,
                  .found = on_found,
                  .trouble = on_trouble,
                  .notice = on_notice},
    };
    bool ok = pull_account(&pull, result, err);
    if (!c->options->dry_run && (ok || result->messages > 0))
        tell_summary(c, result);
    return ok;
}

int fetch_child(const struct fetch_options *o, const struct place *place, const struct account *account,
                int pipe, size_t index)
{
    struct child c = {.options = o, .account = account, .pipe = pipe, .index = index};
    struct str state = STR_INIT(PATH_MAX_BYTES);
    struct pull_result result = {0};
    struct err err = {0};
    bool found = o->dry_run ? place_fetch_state_if_there(place, account, &state, &err)
                            : place_fetch_state(place, account, &state, &err);
    int locked = found ? take_lock(state.buf, o->dry_run, &err) : -1;
    if (locked == 0)
        tell(&c, FETCH_NOTICE, "Another tappal-fetch is at work on this account; it is left to that one.");
    else if (locked < 0 || !serve(&c, state.buf, &result, &err))
        tell_error(&c, &err);
    str_free(&state);
    return err_exit_status(err.kind != ERR_NONE ? err.kind : result.trouble.kind);
}
