/* fetch_child - one account's process: its lock, its pulls, and what it says to the parent. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/fetch.h"
#include "fetch/fetched.h"
#include "fetch/outage.h"
#include "fetch/pull.h"
#include "fetch/trouble.h"
#include "fetch/watch.h"
#include "queue/hook.h"

#define PROGRESS_MS 100 /* more often nobody can read */
#define PATH_MAX_BYTES 4096
#define SAID_MAX 100

struct child {
    const struct fetch_job *job;
    const struct fetch_options *options;
    const struct account *account;
    int pipe;
    size_t index;
    int64_t told;     /* when progress was last told */
    struct wake wake; /* with --watch */
    int64_t asked;    /* when it was last asked whether to stop */
    bool stopped;
    struct err trouble; /* of the last look, as it was told: not to be said again and again */
    struct strv said;   /* with --watch: what was told of folders and messages */
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
    snprintf(text, sizeof text, "%d\t%s\t%s", err->kind, err->what, err->hint);
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

static void on_found(void *arg, const struct pull_found *f)
{
    char text[FETCH_LINE_MAX];
    snprintf(text, sizeof text, "%llu %llu %llu %llu %llu %.300s", (unsigned long long)f->messages,
             (unsigned long long)f->octets, (unsigned long long)f->linked, (unsigned long long)f->moved,
             (unsigned long long)f->deleted, f->folder);
    tell(arg, FETCH_FOUND, text);
}

/* on_trouble - with --watch each is told once, not at each look */
static void on_trouble(void *arg, const struct err *err)
{
    struct child *c = arg;
    struct err ignored;
    if (c->options->watch && strv_has(&c->said, err->what))
        return;
    if (c->options->watch && (c->said.count == SAID_MAX || !strv_add(&c->said, err->what, &ignored)))
        strv_free(&c->said);
    tell_error(c, err);
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

/* is_stopped - has --watch been told to end? Asked often, hence not of the kernel each time. */
static bool is_stopped(void *arg)
{
    struct child *c = arg;
    int64_t now = clock_mono_ms();
    if (!c->options->watch || c->stopped || now - c->asked < PROGRESS_MS)
        return c->stopped;
    c->asked = now;
    return c->stopped = wake_is_stopped(&c->wake);
}

/* -- one message -- */

static bool bad_uid(const char *text, struct err *err)
{
    err_set(err, ERR_USAGE, "\"%.200s\" names no message.", text);
    return err_hint(err, "It is the folder and the number of a message in it: INBOX/4711. By POP3 it is "
                         "INBOX and 32 hex digits.");
}

/* only_one - what --uid asks for, as an account of its own: that folder, and nothing is changed on the server */
static bool only_one(const char *text, struct account *account, struct pull *pull, struct str *folder,
                     struct strv *folders, struct err *err)
{
    const char *slash = strrchr(text, '/');
    bool pop3 = account->fetch.server.protocol == PROTO_POP3;
    uint64_t uid = 0;
    if (!slash || slash == text || (!pop3 && (!text_u64(slash + 1, UINT32_MAX, &uid) || uid == 0)) ||
        (pop3 && strlen(slash + 1) != 32))
        return bad_uid(text, err);
    if (!str_add(folder, text, (size_t)(slash - text), err) || !strv_add(folders, folder->buf, err))
        return false;
    account->fetch.folders = *folders;
    account->fetch.subscribed = account->fetch.mark_seen = TOGGLE_NO;
    account->fetch.flags = account->fetch.deletions = SYNC_OFF;
    account->fetch.keep = KEEP_YES;
    account->fetch.move_to = NULL;
    account->fetch.max_size = 0;
    pull->only_folder = folder->buf;
    pull->only_key = slash + 1;
    pull->only_uid = (uint32_t)uid;
    return true;
}

static void tell_done(const struct child *c, const struct pull_result *r)
{
    char text[FETCH_LINE_MAX];
    snprintf(text, sizeof text, "%llu %llu %llu %llu %llu %llu %llu %llu", (unsigned long long)r->messages,
             (unsigned long long)r->octets, (unsigned long long)r->folders, (unsigned long long)r->linked,
             (unsigned long long)r->moved, (unsigned long long)r->deleted, (unsigned long long)r->removed,
             (unsigned long long)r->aside);
    tell(c, FETCH_DONE, text);
}

/* -- one look at the server -- */

static bool serve(struct child *c, const char *state, struct pull_line *line, struct pull_result *result,
                  struct err *err)
{
    struct account changed = *c->account;
    const struct account *a = c->options->uid ? &changed : c->account;
    struct str folder = STR_INIT(PATH_MAX_BYTES);
    struct strv folders = STRV_INIT;
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
                  .notice = on_notice,
                  .stopped = is_stopped},
    };
    bool ok = (!c->options->uid || only_one(c->options->uid, &changed, &pull, &folder, &folders, err)) &&
              pull_account_over(&pull, line, result, err);
    str_free(&folder);
    strv_free(&folders);
    if (!c->options->dry_run && (ok || result->messages + result->linked > 0))
        tell_done(c, result);
    return ok;
}

/* look - *taken_r: another run is at work */
static bool look(struct child *c, const char *state, struct pull_line *line, struct pull_result *result,
                 bool *taken_r, struct err *err)
{
    int fd;
    bool locked;
    *taken_r = false;
    if (!pull_lock(state, c->options->dry_run, &fd, &locked, err))
        return false;
    *taken_r = !locked;
    bool ok = *taken_r || serve(c, state, line, result, err);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* -- what failed -- */

/* remember - how the run ended, for `tappal status`; one message that a person asked for is no run */
static void remember(const struct child *c, const char *state, const struct err *why)
{
    struct err ignored;
    if (!c->options->dry_run && !c->options->uid)
        (void)!trouble_note(state, clock_now(), why, &ignored);
}

/* remember_time - likewise: when it was, and what came */
static void remember_time(const struct child *c, const char *state, bool ok, const struct pull_result *result)
{
    if (!c->options->dry_run && !c->options->uid)
        fetched_note(state, clock_now(), ok && result->trouble.kind == ERR_NONE, result->messages);
}

static void tell_outage(const struct child *c, const char *state, const struct err *err)
{
    struct err why = *err, ignored;
    int64_t since, now = clock_now();
    bool tell_it = false;
    char duration[32];
    if (!outage_note(state, now, &since, &tell_it, &ignored) || !tell_it)
        return;
    text_show_duration((uint64_t)(now - since), duration);
    err_prefix(&why, "There has been no network for %s: ", duration);
    tell_error(c, &why);
    remember(c, state, &why);
    hook_tell(c->job->config, c->account->name, HOOK_CANNOT_FETCH, why.what, why.hint);
}

/* fail - says why, unless that is no news; the exit status */
static int fail(struct child *c, const char *state, const struct err *err)
{
    bool outage = outage_is(err), watched = c->options->terminal || c->options->verbose;
    if (outage && !watched && !c->options->dry_run)
        tell_outage(c, state, err);
    else if (strcmp(c->trouble.what, err->what) != 0) {
        tell_error(c, err);
        if (c->options->watch && err->kind == ERR_AUTH)
            hook_tell(c->job->config, c->account->name, HOOK_NEEDS_LOGIN, err->what, err->hint);
    }
    if (!outage)
        remember(c, state, err);
    c->trouble = *err;
    return outage ? err_exit_status(ERR_REFUSED_TEMP) : err_exit_status(err->kind);
}

/* hold - it was said when it began; a person who sits there may be told again */
static int hold(const struct child *c, const struct err *err)
{
    char text[FETCH_LINE_MAX];
    snprintf(text, sizeof text, "%s (%s)", err->what, err->hint);
    if (c->options->terminal || c->options->verbose)
        tell(c, FETCH_NOTICE, text);
    return err_exit_status(err->kind);
}

static int fetch_once(struct child *c, const char *state)
{
    struct pull_line line = {0};
    struct pull_result result = {0};
    struct err err = {0};
    bool taken;
    bool ok = look(c, state, &line, &result, &taken, &err);
    pull_line_close(&line);
    if (taken)
        tell(c, FETCH_NOTICE, "Another tappal-fetch is at work on this account; it is left to that one.");
    else
        remember_time(c, state, ok, &result);
    if (!ok && result.held)
        return hold(c, &err);
    if (!ok)
        return fail(c, state, &err);
    if (!c->options->dry_run)
        outage_over(state);
    if (!taken)
        remember(c, state, &result.trouble);
    return err_exit_status(result.trouble.kind);
}

/* -- again and again -- */

struct watched {
    struct child *child;
    const char *state;
};

static enum watch_end look_again(void *arg, struct pull_line *line, struct err *err)
{
    struct watched *w = arg;
    struct pull_result result = {0};
    bool taken;
    bool ok = look(w->child, w->state, line, &result, &taken, err);
    if (!taken)
        remember_time(w->child, w->state, ok, &result);
    if (!ok && !w->child->stopped && !result.held)
        fail(w->child, w->state, err);
    if (!ok)
        return WATCH_FAILED;
    if (taken)
        return WATCH_TAKEN;
    outage_over(w->state);
    remember(w->child, w->state, &result.trouble);
    w->child->trouble = (struct err){0};
    return result.messages + result.linked > 0 ? WATCH_GOOD : WATCH_NOTHING;
}

static void on_state(void *arg, const char *text)
{
    tell(((struct watched *)arg)->child, FETCH_STATE, text);
}

static int fetch_on(struct child *c, const char *state)
{
    struct err err = {0};
    struct watched w = {.child = c, .state = state};
    struct watch watch = {
        .account = c->account, .wake = &c->wake, .arg = &w, .look = look_again, .state = on_state};
    if (!wake_open(&c->wake, &err)) {
        tell_error(c, &err);
        return err_exit_status(err.kind);
    }
    watch_run(&watch);
    wake_close(&c->wake);
    strv_free(&c->said);
    return 0;
}

int fetch_child(const struct fetch_job *job, size_t index, int pipe)
{
    const struct account *account = job->accounts[index];
    struct child c = {.job = job, .options = &job->options, .account = account, .pipe = pipe, .index = index};
    struct str state = STR_INIT(PATH_MAX_BYTES);
    struct err err = {0};
    int status;
    if (!(job->options.dry_run ? place_fetch_state_if_there(job->place, account, &state, &err)
                               : place_fetch_state(job->place, account, &state, &err))) {
        tell_error(&c, &err);
        status = err_exit_status(err.kind);
    } else {
        status = job->options.watch ? fetch_on(&c, state.buf) : fetch_once(&c, state.buf);
    }
    str_free(&state);
    return status;
}
