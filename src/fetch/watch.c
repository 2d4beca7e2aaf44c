/* watch - see watch.h. */
#include "fetch/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/text.h"
#include "client/imap_idle.h"
#include "mail/retry.h"

/* What the server tells of: nothing; the INBOX; all folders by NOTIFY; the INBOX, which is all. */
enum teller { TELLER_NONE, TELLER_INBOX, TELLER_NOTIFY, TELLER_ALL };

struct watching {
    const struct watch *w;
    struct pull_line line;
    enum teller teller;
    bool notified;      /* NOTIFY holds for as long as the session, unless the server gives it up */
    size_t told_of;     /* so many folders are in it */
    bool refused;       /* the server does not take it; likewise */
    unsigned failures;  /* in a row */
    bool called;        /* the server's word is why we look */
    unsigned vain;      /* such looks, one soon after the other, that found nothing */
    int64_t looked_ms;  /* when we looked last */
    int64_t armed_ms;   /* when we began to listen */
    struct err trouble; /* why the last look failed */
};

#define AGAIN_MAX 3   /* a server that always says "new" must not keep us running */
#define SOON_MS 10000 /* two looks within that time are one soon after the other */

static bool is_lone_inbox(const struct folders *folders)
{
    return folders->count == 1 && strcmp(folders->items[0].name, "INBOX") == 0;
}

/* hang_up - what the server granted, or refused, goes with the session */
static void hang_up(struct watching *g)
{
    pull_line_close(&g->line);
    g->notified = g->refused = false;
}

/* -- listening -- */

/* ask_notify - of all folders that the last look found; *news_r: it must be looked once more, for what came before */
static bool ask_notify(struct watching *g, bool *news_r, struct err *err)
{
    const struct folders *folders = &g->line.folders;
    g->notified = g->notified && !imap_notify_is_over(g->line.imap) && folders->count == g->told_of;
    if (g->notified || g->refused || !imap_can(g->line.imap, "NOTIFY") || folders->count == 0)
        return true;
    const char **names = calloc(folders->count, sizeof *names);
    if (!names)
        return err_nomem(err);
    for (size_t i = 0; i < folders->count; i++)
        names[i] = folders->items[i].wire;
    bool ok = imap_notify(g->line.imap, names, folders->count, &g->notified, err);
    free(names);
    g->refused = ok && !g->notified;
    g->told_of = folders->count;
    *news_r = g->notified;
    return ok;
}

/* open_inbox - the one folder that IDLE tells of; *news_r: something has come since the last look */
static bool open_inbox(struct watching *g, bool *news_r, struct err *err)
{
    const struct folder *inbox = folders_find(&g->line.folders, "INBOX");
    struct imap_answer answer;
    unsigned tag;
    if (!inbox)
        return true;
    if (!imap_send_select(g->line.imap, "INBOX", true, "", &tag, err) ||
        !imap_await(g->line.imap, tag, NULL, &answer, err))
        return false;
    g->teller = answer.status == IMAP_OK ? TELLER_INBOX : TELLER_NONE;
    *news_r = *news_r || (inbox->next != 0 && imap_box(g->line.imap)->next != inbox->next);
    return true;
}

/* arm - finds out who tells of new mail from now on */
static bool arm(struct watching *g, bool *news_r, struct err *err)
{
    g->teller = TELLER_NONE;
    *news_r = false;
    if (!g->line.imap || !imap_can(g->line.imap, "IDLE"))
        return true;
    if (is_lone_inbox(&g->line.folders)) {
        g->teller = TELLER_ALL; /* it is open since the look */
        return true;
    }
    if (!ask_notify(g, news_r, err) || (!*news_r && !open_inbox(g, news_r, err)))
        return false;
    g->teller = g->notified ? TELLER_NOTIFY : g->teller;
    return true;
}

/* -- waiting -- */

/* is_alike - are flags or deletions kept alike here and there? Then each change is news, and nobody tells of ours. */
static bool is_alike(const struct fetch_conf *conf)
{
    return conf->flags != SYNC_OFF || conf->deletions != SYNC_OFF;
}

static int64_t pause_of(const struct watching *g)
{
    const struct fetch_conf *conf = &g->w->account->fetch;
    return conf->every ? conf->every : g->teller == TELLER_ALL && !is_alike(conf) ? WATCH_REST : WATCH_EVERY;
}

static void say_state(const struct watching *g, const char *doing, int64_t seconds)
{
    char text[128], duration[32];
    text_show_duration((uint64_t)seconds, duration);
    snprintf(text, sizeof text, "%s%s", doing, seconds > 0 ? duration : "");
    g->w->state(g->w->arg, text);
}

/* sleep_on - until something happens or the time is over; says meanwhile that we live. The end of a child, such as a
 * password's command, is nothing that happens. */
static enum wake_why sleep_on(struct watching *g, int fd, const char *doing, int64_t shown, int64_t seconds)
{
    struct wake *wake = g->w->wake;
    enum wake_why why = WAKE_TIME;
    int64_t until = clock_mono_ms() + 1000 * seconds, left = seconds;
    wake->peer = fd;
    while (left > 0 && (why == WAKE_TIME || why == WAKE_CALLED)) {
        say_state(g, doing, shown);
        why = wake_wait(wake, left < WATCH_BEAT ? left : WATCH_BEAT);
        left = (until - clock_mono_ms() + 999) / 1000;
    }
    wake->peer = -1;
    return why == WAKE_CALLED ? WAKE_TIME : why;
}

/* listen - until the server speaks of something new, the next look is due, or we are to stop; false: the session is
 * over */
static bool listen_on(struct watching *g, bool *stop_r, struct err *err)
{
    struct imap *imap = g->line.imap;
    const char *doing =
        g->teller == TELLER_INBOX ? "waiting for new mail in the INBOX" : "waiting for new mail";
    int64_t end = clock_mono_ms() + 1000 * pause_of(g);
    unsigned ended = 0;
    for (bool look = false; !look;) {
        struct imap_idle idle = {.changes = is_alike(&g->w->account->fetch)};
        enum wake_why why = WAKE_HEARD;
        bool granted;
        int64_t until = clock_mono_ms() + 1000 * WATCH_RENEW;
        until = until < end ? until : end;
        if (!imap_idle_begin(imap, &idle, &granted, err))
            return false;
        if (!granted || ended > AGAIN_MAX) {
            g->teller = TELLER_NONE;
            return true;
        }
        while (why == WAKE_HEARD && !look && !idle.over) {
            if (!imap_idle_hear(imap, &idle, err))
                return false;
            look = imap_has_stirred(imap);
            int64_t rest = (until - clock_mono_ms() + 999) / 1000;
            if (!look && !idle.over)
                why = rest > 0 ? sleep_on(g, imap_idle_fd(imap), doing, 0, rest) : WAKE_TIME;
        }
        ended += idle.over;
        if (!imap_idle_end(imap, &idle, WATCH_CHECK, err))
            return false;
        *stop_r = why == WAKE_STOPPED;
        g->called = look || imap_has_stirred(imap);
        look = g->called || clock_mono_ms() >= end || why > WAKE_HEARD;
    }
    return true;
}

/* wait_for_more - after a look that went well; true: look again */
static bool wait_for_more(struct watching *g)
{
    struct err err = {0};
    bool news = false, stop = false;
    if (g->vain > AGAIN_MAX && sleep_on(g, -1, "looking again in ", WATCH_BUSY, WATCH_BUSY) == WAKE_STOPPED)
        return false;
    bool ok = arm(g, &news, &err);
    news = news || (ok && g->line.imap && imap_has_stirred(g->line.imap));
    if (ok && news) {
        g->called = true;
        return true;
    }
    g->armed_ms = clock_mono_ms();
    if (ok && g->teller != TELLER_NONE)
        ok = listen_on(g, &stop, &err);
    if (stop)
        return false;
    if (ok && g->teller != TELLER_NONE)
        return true;
    /* Nothing is said of a session that is over: the next look connects anew, and says so if it cannot. */
    bool soon = !ok && clock_mono_ms() - g->armed_ms > WATCH_SHORT;
    int64_t pause = ok || pause_of(g) < WATCH_BUSY ? pause_of(g) : WATCH_BUSY;
    hang_up(g);
    return soon || sleep_on(g, -1, "looking again in ", pause, pause) != WAKE_STOPPED;
}

static bool wait_after_failure(struct watching *g)
{
    uint32_t random = 0;
    struct err ignored;
    (void)!proc_random(&random, sizeof random, &ignored);
    bool refused = g->trouble.kind == ERR_AUTH;
    int64_t pause = refused ? retry_after_refusal(++g->failures, random) : retry_after(++g->failures, random);
    hang_up(g);
    enum wake_why why = sleep_on(g, -1, "trying again in ", pause, pause);
    if (why == WAKE_NETWORK && !refused)
        g->failures = 0;
    return why != WAKE_STOPPED;
}

void watch_run(const struct watch *watch)
{
    struct watching g = {.w = watch};
    bool on = true;
    while (on) {
        g.trouble = (struct err){0};
        if (g.line.imap)
            (void)imap_has_stirred(g.line.imap); /* the look is the answer to it */
        bool soon = g.called && clock_mono_ms() - g.looked_ms < SOON_MS;
        enum watch_end end = watch->look(watch->arg, &g.line, &g.trouble);
        g.vain = soon && end == WATCH_NOTHING ? g.vain + 1 : 0;
        g.looked_ms = clock_mono_ms();
        g.called = false;
        if (wake_is_stopped(watch->wake))
            break;
        if (end == WATCH_FAILED) {
            on = wait_after_failure(&g);
            continue;
        }
        g.failures = 0;
        if (end == WATCH_GOOD || end == WATCH_NOTHING) {
            on = wait_for_more(&g);
            continue;
        }
        hang_up(&g);
        on = sleep_on(&g, -1, "another run is at work; looking again in ", WATCH_BUSY, WATCH_BUSY) !=
             WAKE_STOPPED;
    }
    hang_up(&g);
}
