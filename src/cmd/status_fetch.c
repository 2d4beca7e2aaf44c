/* status_fetch - see status_fetch.h. */
#include "cmd/status_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/say.h"
#include "fetch/quarantine.h"
#include "mail/mutf7.h"

#define SAID_MAX 20 /* messages that are named one by one */

static bool add(void *arg, const struct seen_owner *owner, const struct quarantined *q, struct err *err)
{
    struct fetch_status *s = arg;
    char uid[SEEN_KEY_TEXT];
    struct str folder = STR_INIT(65536);
    struct aside *items = realloc(s->items, (s->count + 1) * sizeof *items);
    if (!items)
        return err_nomem(err);
    s->items = items;
    seen_key_text(owner->protocol, &q->key, uid);
    bool ok = mutf7_show(owner->folder, '\0', &folder, err);
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
    *status_r = (struct fetch_status){0};
    bool ok = !account->fetch.on || (place_fetch_state_if_there(place, account, &path, err) &&
                                     quarantine_look(path.buf, add, status_r, err));
    if (ok && account->fetch.on)
        trouble_recall(path.buf, &status_r->trouble);
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

static void say_aside(const struct aside *a)
{
    char times[32] = "once", wait[32];
    int64_t now = clock_now();
    if (a->tries > 1)
        snprintf(times, sizeof times, "%u times", a->tries);
    text_show_duration(a->next > now ? (uint64_t)(a->next - now) : 0, wait);
    if (a->next > now)
        say("    %s, UID %s: %s (tried %s, again in %s)", a->folder, a->uid, a->why, times, wait);
    else
        say("    %s, UID %s: %s (tried %s, again with the next fetching)", a->folder, a->uid, a->why, times);
}

static void say_trouble(const struct trouble *t)
{
    char since[32];
    text_show_duration(clock_now() > t->since ? (uint64_t)(clock_now() - t->since) : 0, since);
    say("  trouble with fetching for %s: %s", since, t->why.what);
    if (t->why.hint[0])
        say("  hint: %s", t->why.hint);
}

void fetch_status_say(const struct fetch_status *s)
{
    if (s->trouble.why.kind != ERR_NONE)
        say_trouble(&s->trouble);
    if (s->count == 0)
        return;
    say("  %zu message%s in quarantine: could not be fetched, and stay%s on the server", s->count,
        s->count == 1 ? "" : "s", s->count == 1 ? "s" : "");
    for (size_t i = 0; i < s->count && i < SAID_MAX; i++)
        say_aside(&s->items[i]);
    if (s->count > SAID_MAX)
        say("    and %zu more: tappal status --json", s->count - SAID_MAX);
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

bool fetch_status_json(struct json_out *j, const struct fetch_status *s, struct err *err)
{
    bool ok = add_trouble(j, &s->trouble, err) && json_open(j, "quarantine", '[', err);
    for (size_t i = 0; ok && i < s->count; i++) {
        const struct aside *a = &s->items[i];
        ok = json_open(j, NULL, '{', err) && json_text(j, "folder", a->folder, err) &&
             json_text(j, "uid", a->uid, err) && json_text(j, "reason", a->why, err) &&
             json_number(j, "tries", a->tries, err) && json_number(j, "since", a->since, err) &&
             json_number(j, "next_try", a->next, err) && json_close(j, '}', err);
    }
    return ok && json_close(j, ']', err);
}
