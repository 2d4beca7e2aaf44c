/* status_fetch - see status_fetch.h. */
#include "cmd/status_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "cmd/say.h"
#include "fetch/outage.h"
#include "fetch/pull.h"
#include "fetch/quarantine.h"
#include "mail/mutf7.h"
#include "mail/stub.h"

#define SAID_MAX 20 /* messages that are named one by one */
#define JUST_NOW 10 /* seconds */

/* name - of its folder, as `tappal fetch --uid` takes it */
static bool name(const struct seen_owner *owner, const char *called, struct str *folder, struct err *err)
{
    return called ? str_addz(folder, called, err) : mutf7_show(owner->folder, '\0', folder, err);
}

static bool add(void *arg, const struct seen_owner *owner, const char *called, const struct quarantined *q,
                struct err *err)
{
    struct fetch_status *s = arg;
    char uid[SEEN_KEY_TEXT];
    struct str folder = STR_INIT(65536);
    struct aside *items = realloc(s->items, (s->count + 1) * sizeof *items);
    if (!items)
        return err_nomem(err);
    s->items = items;
    seen_key_text(owner->protocol, &q->key, uid);
    bool ok = name(owner, called, &folder, err);
    struct aside *a = &s->items[s->count];
    *a = (struct aside){.tries = q->tries, .since = q->since, .next = q->next};
    a->folder = ok ? str_steal(&folder) : NULL;
    a->uid = strdup(uid);
    a->why = strdup(q->why);
    s->count++;
    str_free(&folder);
    return ok && ((a->folder && a->uid && a->why) || err_nomem(err));
}

bool fetch_status_load(const struct place *place, const struct account *account,
                       struct fetch_status *status_r, struct err *err)
{
    struct str path = STR_INIT(4096);
    *status_r = (struct fetch_status){.on = account->fetch.on};
    bool ok = !account->fetch.on || (place_fetch_state_if_there(place, account, &path, err) &&
                                     quarantine_look(path.buf, add, status_r, err));
    if (ok && account->fetch.on) {
        trouble_recall(path.buf, &status_r->trouble);
        fetched_recall(path.buf, &status_r->fetched);
        status_r->running = pull_is_running(path.buf);
        status_r->offline = outage_untold(path.buf, clock_now());
    }
    str_free(&path);
    return ok;
}

void fetch_status_free(struct fetch_status *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->items[i].folder);
        free(s->items[i].uid);
        free(s->items[i].why);
    }
    free(s->items);
    *s = (struct fetch_status){0};
}

/* add_word - what --uid takes for it */
static bool add_word(const struct aside *a, struct str *out, struct err *err)
{
    struct str word = STR_INIT(65536 + SEEN_KEY_TEXT);
    bool ok = str_addf(&word, err, "%s/%s", a->folder, a->uid) && stub_add_word(out, word.buf, err);
    str_free(&word);
    return ok;
}

static void say_aside(const struct aside *a)
{
    char times[32] = "once", wait[32];
    int64_t now = clock_now();
    struct str word = STR_INIT(4 * 65536);
    struct err ignored;
    if (a->tries > 1)
        snprintf(times, sizeof times, "%u times", a->tries);
    text_show_duration(a->next > now ? (uint64_t)(a->next - now) : 0, wait);
    if (add_word(a, &word, &ignored) && a->next > now)
        say("    %s: %s (tried %s, again in %s)", word.buf, a->why, times, wait);
    else
        say("    %s: %s (tried %s, again with the next fetching)", word.buf, a->why, times);
    str_free(&word);
}

static void show_ago(int64_t when, char out[48])
{
    char ago[32];
    int64_t now = clock_now();
    text_show_duration(now > when ? (uint64_t)(now - when) : 0, ago);
    snprintf(out, 48, "%s%s", now < when + JUST_NOW ? "just now" : ago, now < when + JUST_NOW ? "" : " ago");
}

static void say_fetched(const struct fetch_status *s)
{
    const struct fetched *f = &s->fetched;
    char when[48], mail[48];
    const char *how = s->trouble.why.kind == ERR_NONE ? "fetched" : "last fetched without trouble";
    unsigned long long n = f->messages;
    show_ago(f->when, when);
    show_ago(f->mail_when, mail);
    if (s->running)
        say("  being fetched now");
    if (f->when == 0 && f->mail_when == 0 && s->running)
        return;
    if (f->when == 0 && f->mail_when == 0)
        say("  not fetched yet");
    else if (f->when == 0)
        say("  not fetched to the end yet; the last new mail came %s", mail);
    else if (f->mail_when == f->when)
        say("  %s %s, %llu new message%s", how, when, n, n == 1 ? "" : "s");
    else if (f->mail_when > 0)
        say("  %s %s; the last new mail came %s", how, when, mail);
    else
        say("  %s %s, no new messages", how, when);
}

/* show_length - " for 5 min"; nothing of what has just begun */
static void show_length(int64_t since, char out[48])
{
    char lasts[32];
    int64_t now = clock_now();
    text_show_duration(now > since ? (uint64_t)(now - since) : 0, lasts);
    snprintf(out, 48, "%s%s", now < since + JUST_NOW ? "" : " for ", now < since + JUST_NOW ? "" : lasts);
}

static void say_trouble(const struct trouble *t)
{
    char length[48];
    show_length(t->since, length);
    say("  trouble with fetching%s: %s", length, t->why.what);
    if (t->why.hint[0])
        say("  hint: %s", t->why.hint);
}

static void say_offline(int64_t since)
{
    char length[48];
    show_length(since, length);
    say("  no network%s", length);
}

static void say_quarantine(const char *account, const struct fetch_status *s)
{
    struct str command = STR_INIT(4 * 65536);
    struct err ignored;
    say("  %zu message%s in quarantine: could not be fetched, and stay%s on the server", s->count,
        s->count == 1 ? "" : "s", s->count == 1 ? "s" : "");
    for (size_t i = 0; i < s->count && i < SAID_MAX; i++)
        say_aside(&s->items[i]);
    if (s->count > SAID_MAX)
        say("    and %zu more: tappal status --json", s->count - SAID_MAX);
    if (stub_add_word(&command, account, &ignored) && str_addz(&command, " --uid ", &ignored) &&
        add_word(&s->items[0], &command, &ignored))
        say("  hint: To try one at once: tappal fetch %s", command.buf);
    str_free(&command);
}

void fetch_status_say(const char *account, const struct fetch_status *s)
{
    if (!s->on)
        return;
    if (s->trouble.why.kind != ERR_NONE)
        say_trouble(&s->trouble);
    if (s->offline != 0)
        say_offline(s->offline);
    say_fetched(s);
    if (s->count > 0)
        say_quarantine(account, s);
}

static bool add_trouble(struct json_out *j, const struct trouble *t, struct err *err)
{
    return t->why.kind == ERR_NONE
               ? json_text(j, "fetch_failure", NULL, err)
               : json_open(j, "fetch_failure", '{', err) &&
                     json_text(j, "kind", err_kind_name(t->why.kind), err) &&
                     json_text(j, "error", t->why.what, err) && json_text(j, "hint", t->why.hint, err) &&
                     json_number(j, "since", t->since, err) && json_close(j, '}', err);
}

static bool add_time(struct json_out *j, const char *key, int64_t when, struct err *err)
{
    return when == 0 ? json_text(j, key, NULL, err) : json_number(j, key, when, err);
}

static bool add_fetched(struct json_out *j, const struct fetched *f, struct err *err)
{
    return add_time(j, "fetched", f->when, err) && add_time(j, "new_mail", f->mail_when, err) &&
           json_number(j, "new_messages", (int64_t)f->messages, err);
}

bool fetch_status_json(struct json_out *j, const struct fetch_status *s, struct err *err)
{
    bool ok = json_bool(j, "fetching", s->running, err) && add_trouble(j, &s->trouble, err) &&
              add_time(j, "offline", s->offline, err) && add_fetched(j, &s->fetched, err) &&
              json_open(j, "quarantine", '[', err);
    for (size_t i = 0; ok && i < s->count; i++) {
        const struct aside *a = &s->items[i];
        ok = json_open(j, NULL, '{', err) && json_text(j, "folder", a->folder, err) &&
             json_text(j, "uid", a->uid, err) && json_text(j, "reason", a->why, err) &&
             json_number(j, "tries", a->tries, err) && json_number(j, "since", a->since, err) &&
             json_number(j, "next_try", a->next, err) && json_close(j, '}', err);
    }
    return ok && json_close(j, ']', err);
}
