/* queue_explain - `tappal queue explain`: why a message is where it is, which account sends it and why that one, what
 * was said last, and when it is tried next. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/queue_desk.h"
#include "cmd/say.h"
#include "cmd/waker.h"
#include "queue/term.h"

#define LINE_MAX_BYTES 8192
#define SHOWN_BYTES 2048

static bool say_clean(const char *label, const char *theirs, struct err *err)
{
    struct str line = STR_INIT(LINE_MAX_BYTES);
    bool ok = text_add_clean(&line, theirs, strlen(theirs), SHOWN_BYTES, err);
    if (ok)
        say("%-11s %s", label, line.buf);
    str_free(&line);
    return ok;
}

/* -- which account -- */

/* How the choice would be made today; what was named when the message came in is not asked again. */
static const char *why_this_one(const struct line *line, const struct envelope *e)
{
    struct err ignored;
    bool fits = conf_choose_sender(line->config, e->sender, e->header_from, &ignored) == line->account;
    const char *address = line->account->address;
    if (!fits)
        return "it was named when the message came in";
    if (address && text_eq_nocase(address, e->sender))
        return "its address is the sender's";
    if (address && e->header_from && text_eq_nocase(address, e->header_from))
        return "its address is in From";
    if (line->config->count == 1)
        return "it is the only one";
    return "it fits the sender, or is the default";
}

static bool explain_account(struct queue_desk *desk, const struct message *m, struct line **line_r,
                            struct err *err)
{
    struct err why;
    if (!lines_find(&desk->lines, &m->envelope, line_r, &why)) {
        *line_r = NULL;
        return say_clean("account", why.what, err) && (!why.hint[0] || say_clean("hint", why.hint, err));
    }
    const struct account *account = (*line_r)->account;
    say("%-11s %s, since %s", "account", account->name, why_this_one(*line_r, &m->envelope));
    return say_clean("configured", account->file, err) &&
           (!account->send.server.host || say_clean("server", account->send.server.host, err));
}

/* state: the sentence that was said before; what stands in it is not said again. */
static bool explain_breaker(const struct line *line, const struct message *m, const char *state,
                            struct err *err)
{
    const char *hint = m->journal.last_hint;
    const struct breaker *b = &line->breaker;
    char times[2][48];
    if (b->failures == 0)
        return true;
    clock_rfc5322(b->since, times[0]);
    clock_rfc5322(b->next, times[1]);
    say("%-11s fails since %s, %u time%s; next probe %s", "the account", times[0], b->failures,
        b->failures == 1 ? "" : "s", times[1]);
    return (strstr(state, b->why.what) || say_clean("because", b->why.what, err)) &&
           (!b->why.hint[0] || (hint && strcmp(hint, b->why.hint) == 0) ||
            say_clean("hint", b->why.hint, err));
}

/* -- the message -- */

static bool explain_replies(const struct message *m, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < m->envelope.count; i++) {
        const struct outcome *o = &m->journal.outcomes[i];
        struct str line = STR_INIT(LINE_MAX_BYTES);
        const char *address = m->envelope.recipients[i].address;
        ok = o->verdict == VERDICT_NONE ||
             (text_add_clean(&line, address, strlen(address), SHOWN_BYTES, err) &&
              str_addz(&line, ": ", err) && queue_add_reply(&line, o, err));
        if (ok && line.len > 0)
            say("%-11s %s", "last reply", line.buf);
        str_free(&line);
    }
    return ok;
}

static void explain_term(const struct line *line, const struct message *m)
{
    char until[48];
    int64_t began = m->journal.again > 0 ? m->journal.again : m->envelope.accepted;
    if (line->config->give_up_after == 0)
        return;
    clock_rfc5322(began + line->config->give_up_after, until);
    bool paused = clock_now() >= began + line->config->give_up_after;
    say("%-11s %s%s", "tried until", until,
        paused ? ", and for some hours more, since the machine slept or its clock was set" : "");
}

static bool explain_state(struct queue_desk *desk, const struct message *m, struct str *state,
                          struct err *err)
{
    bool ok = queue_why(m, &desk->reason, state, err);
    if (ok)
        say("%-11s %s", "state", state->buf);
    if (ok && m->journal.held && m->journal.in_doubt_open)
        say("%-11s if it has not arrived: tappal queue release %s; if it has: tappal queue remove %s", "hint",
            m->id, m->id);
    const struct journal_copy *copy = &m->journal.copy;
    if (ok && journal_owes_only_copy(&m->journal))
        return !copy->hint || say_clean("hint", copy->hint, err);
    return ok && (!m->journal.last_hint || !m->journal.last_hint[0] ||
                  say_clean("hint", m->journal.last_hint, err));
}

static bool explain(struct queue_desk *desk, const struct queue_found *f, const struct message *m,
                    struct err *err)
{
    struct line *line;
    struct str state = STR_INIT(LINE_MAX_BYTES);
    say("%-11s %s", "message", m->id);
    bool ok = explain_account(desk, m, &line, err);
    if (ok && f->failed)
        say("%-11s kept in failed/, not tried again; tappal queue retry brings it back", "state");
    else
        ok = ok && explain_state(desk, m, &state, err) && (!line || explain_breaker(line, m, state.buf, err));
    ok = ok && explain_replies(m, err);
    if (ok && !f->failed && line && !m->journal.held) {
        explain_term(line, m);
        say("%-11s %s", "woken by", waker_name(waker_find(&desk->place, &desk->store)));
    }
    str_free(&state);
    return ok;
}

bool queue_explain(struct queue_desk *desk, const struct queue_found *f, struct err *err)
{
    struct message m;
    enum store_take took = store_peek(f->store, f->id, &m, err);
    bool ok = took == TAKE_GOT ? explain(desk, f, &m, err) : took == TAKE_GONE && queue_no_longer(f->id, err);
    store_release(&m);
    return ok;
}
