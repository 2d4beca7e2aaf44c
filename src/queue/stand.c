/* stand - see stand.h. The parent opens no connection and takes no message: it looks at the queue, knows whose each
 * message is (queue/group), and starts a child where an account has something to do and none is at it. */
#include "queue/stand.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "queue/group.h"
#include "queue/round.h"

#define RESCAN 60 /* seconds to sleep at most, and until a child comes again for what the last one left */
#define LOOK_AGAIN                                                                                           \
    900 /* seconds until all messages of an account that fails are looked at: are they to be given up? */
#define ROLE_RETRY 5
#define FAR 31536000 /* nothing is ever due in a year: it is held */
#define CHILDREN_MAX 32
#define CHILD_LIMIT 21600 /* seconds: each phase of a dialogue has its own limit, so this one is never met */
#define CHILD_GRACE 600   /* to end behind the message that it is at */

struct stand {
    const struct runner_options *options;
    struct store *store;
    struct wake wake;
    struct groups groups;
    int role;         /* or the place of one who stays; -1: none */
    size_t children;  /* at work */
    int64_t next_due; /* of what is not due yet */
    bool waits;       /* there is something that is due, or will be */
};

/* -- a child -- */

static int run_child(struct stand *s, const struct group *group, bool glance)
{
    struct round r = {
        .options = s->options,
        .store = s->store,
        .wake = &s->wake,
        .woken = group->woken,
        .only = group,
        .groups = &s->groups,
        .glance = glance,
        .waiter = {.fd = -1},
    };
    struct err err = {0};
    /* What says that somebody stands here is the parent's. */
    wake_leave_to_parent(&s->wake);
    if (s->role >= 0) {
        close(s->role);
    }
    round_begin(&r);
    bool ok = round_run(&r, &err);
    if (!ok) {
        log_event(LOG_LEVEL_ERROR, "round", "problem", err.what, "hint", err.hint, NULL);
    }
    round_end(&r);
    return ok ? 0 : err_exit_status(err.kind);
}

/* All that is there now is the child's. */
static void give(struct stand *s, const struct group *group)
{
    for (size_t i = 0; i < s->groups.known_count; i++) {
        struct known *known = &s->groups.known[i];
        known->given = known->given || known->group == group;
    }
}

static void start(struct stand *s, struct group *group)
{
    const int64_t now = clock_now();
    const bool glance = group->account != NULL && now >= group->looked && now < group->looked + LOOK_AGAIN;
    pid_t child = fork();
    if (child == 0) {
        _exit(run_child(s, group, glance));
    }
    if (child < 0) {
        log_event(LOG_LEVEL_ERROR, "round", "problem", strerror(errno), NULL);
        return; /* the next look tries again */
    }
    group->child = child;
    group->began = now;
    group->looked = glance ? group->looked : now;
    group->woken = false;
    s->children++;
    give(s, group);
}

static void reap(struct stand *s, struct group *group, int options)
{
    int status = 0;
    pid_t got = group->child > 0 ? waitpid(group->child, &status, options) : 0;
    if (got == 0 || (got < 0 && errno == EINTR)) {
        return;
    }
    if (got > 0 && WIFSIGNALED(status)) {
        log_event(LOG_LEVEL_ERROR, "child", "account", group->account, "problem", strsignal(WTERMSIG(status)),
                  NULL);
    }
    group->child = 0;
    s->children--;
}

static void reap_all(struct stand *s)
{
    for (size_t i = 0; i < s->groups.count; i++) {
        reap(s, s->groups.items[i], WNOHANG);
    }
}

/* The whole job is limited, whatever hangs. */
static void limit_all(const struct stand *s)
{
    for (size_t i = 0; i < s->groups.count; i++) {
        const struct group *group = s->groups.items[i];
        int64_t age = clock_now() - group->began;
        if (group->child > 0 && age > CHILD_LIMIT) {
            kill(group->child, age > CHILD_LIMIT + CHILD_GRACE ? SIGKILL : SIGTERM);
        }
    }
}

static void end_all(struct stand *s)
{
    for (size_t i = 0; i < s->groups.count; i++) {
        if (s->groups.items[i]->child > 0) {
            kill(s->groups.items[i]->child, SIGTERM);
        }
    }
    for (size_t i = 0; i < s->groups.count; i++) {
        while (s->groups.items[i]->child > 0) {
            reap(s, s->groups.items[i], 0);
        }
    }
}

/* -- looking -- */

/* Is there anything for a new child that the last one did not see, or left a while ago? */
static bool is_news(const struct known *known, const struct store_item *item, int64_t now)
{
    const struct group *group = known->group;
    return !known->given || item->due > group->began || now < group->began || now >= group->began + RESCAN;
}

static bool is_ours(const struct stand *s, const struct group *group)
{
    const char *only = s->options->account;
    return only == NULL || group->account == NULL || strcmp(group->account, only) == 0;
}

static void find_due(struct stand *s, const struct store_item *items, bool woken)
{
    const int64_t now = clock_now();
    s->next_due = JOURNAL_NEVER;
    s->waits = false;
    for (size_t i = 0; i < s->groups.count; i++) {
        s->groups.items[i]->due = false;
    }
    for (size_t i = 0; i < s->groups.known_count; i++) {
        struct group *group = s->groups.known[i].group;
        group->woken = group->woken || woken;
        s->waits = s->waits || items[i].due < now + FAR;
        if (items[i].due > now && items[i].due < s->next_due) {
            s->next_due = items[i].due;
        }
        group->due = group->due || group->woken ||
                     (items[i].due <= now && is_news(&s->groups.known[i], &items[i], now));
    }
}

static bool look(struct stand *s, bool woken, struct err *err)
{
    struct store_item *items = NULL;
    size_t count;
    bool ok = store_list_due(s->store, &items, &count, err) &&
              groups_learn(&s->groups, s->store, items, count, err);
    if (ok) {
        find_due(s, items, woken);
    }
    for (size_t i = 0; ok && i < s->groups.count && s->children < CHILDREN_MAX; i++) {
        struct group *group = s->groups.items[i];
        if (group->due && group->child == 0 && is_ours(s, group)) {
            start(s, group);
        }
    }
    free(items);
    return ok;
}

/* -- standing -- */

/* Another runner is soon done, or stands, and we take its place once it is gone. False in *go_on_r: told to stop. */
static bool wait_for_role(struct stand *s, bool *go_on_r, struct err *err)
{
    struct err why = {0};
    *go_on_r = true;
    while (*go_on_r && (s->role = store_take_role(s->store, &why)) < 0) {
        if (why.kind != ERR_NONE) {
            *err = why;
            return false;
        }
        *go_on_r = wake_wait(&s->wake, ROLE_RETRY) != WAKE_STOPPED;
    }
    return true;
}

static int64_t seconds_to_next(const struct stand *s)
{
    int64_t seconds = s->next_due - clock_now();
    return seconds < 1 ? 1 : seconds < RESCAN ? seconds : RESCAN;
}

static bool is_gone(const struct store *store)
{
    struct stat st;
    return fstat(store->msg, &st) == 0 && st.st_nlink == 0;
}

/* One who only stays has no more to do: nothing waits, or another one stands, or there is no queue any more. */
static bool is_over(const struct stand *s)
{
    return s->options->stay &&
           ((!s->waits && s->children == 0) || is_gone(s->store) || store_is_watched(s->store));
}

/* A look that this machine spoils is said, and not the last one. */
static void serve(struct stand *s)
{
    bool woken = false, go_on = true;
    while (go_on) {
        struct err err = {0};
        if (!is_gone(s->store) && !look(s, woken, &err)) {
            log_event(LOG_LEVEL_ERROR, "round", "problem", err.what, "hint", err.hint, NULL);
            s->next_due = JOURNAL_NEVER;
        }
        if (is_over(s)) {
            return;
        }
        enum wake_why why = wake_wait(&s->wake, seconds_to_next(s));
        reap_all(s);
        limit_all(s);
        woken = why == WAKE_NETWORK || why == WAKE_RESUMED;
        go_on = why != WAKE_STOPPED;
    }
}

/* One is enough; and where the queue is taken away, nobody is left behind. */
static bool take_stay(struct stand *s, bool *go_on_r, struct err *err)
{
    struct err why = {0};
    s->role = store_take_stay(s->store, &why);
    *go_on_r = s->role >= 0;
    if (!*go_on_r && why.kind != ERR_NONE) {
        *err = why;
        return false;
    }
    s->wake.fifo = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->wake.fifo >= 0) {
        inotify_add_watch(s->wake.fifo, s->store->path, IN_DELETE | IN_ONLYDIR);
    }
    return true;
}

/* Only who has the role listens at the FIFO: what one runner reads there another does not hear. */
static bool take_place(struct stand *s, bool *go_on_r, struct err *err)
{
    *go_on_r = true;
    if (s->options->stay) {
        return take_stay(s, go_on_r, err);
    }
    if (!store_clean_tmp(s->store, err)) {
        return false;
    }
    if (s->options->account != NULL) {
        return true;
    }
    return wait_for_role(s, go_on_r, err) &&
           (!*go_on_r || (s->wake.fifo = store_open_wake(s->store, err)) >= 0);
}

bool stand(const struct runner_options *options, struct store *store, struct err *err)
{
    struct stand s = {.options = options, .store = store, .role = -1};
    bool go_on;
    if (!wake_open(&s.wake, err)) {
        return false;
    }
    bool ok = take_place(&s, &go_on, err);
    if (ok && go_on) {
        notify_service("READY=1");
        serve(&s);
        notify_service("STOPPING=1");
        end_all(&s);
    }
    if (s.role >= 0) {
        close(s.role);
    }
    wake_close(&s.wake);
    groups_free(&s.groups);
    return ok;
}
