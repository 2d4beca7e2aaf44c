/* doubt - see doubt.h. */
#include "queue/doubt.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/retry.h"
#include "queue/giveback.h"
#include "queue/hook.h"

/* But for the person who releases it, which makes it due at once: who says so knows that it has not arrived. Nor for
 * years, where the clock was wrong then. */
bool doubt_waits(const struct journal *j)
{
    int64_t now = clock_now();
    return j->in_doubt_open && now < j->last_attempt + RETRY_IN_DOUBT && now < j->next_try &&
           now >= j->last_attempt - STORE_AHEAD_MAX;
}

static bool is_to_be_held(const struct line *line, const struct journal *j)
{
    return j->in_doubt > 1 || line->account->send.in_doubt == DOUBT_HOLD;
}

static void tell_person(const struct line *line, const struct message *m, const char *why)
{
    char hint[128];
    snprintf(hint, sizeof(hint), "If it has not arrived: tappal queue release %s; if it has: remove.", m->id);
    log_event(LOG_LEVEL_ERROR, "held", "id", m->id, "account", line->account->name, "problem", why, NULL);
    hook_tell(line->config, line->account->name, HOOK_HELD, why, hint);
}

bool doubt_record(struct store *store, const struct lines *lines, const struct line *line,
                  const struct doubt_of *of, struct journal_writer *w, struct err *err)
{
    const struct message *m = of->message;
    if (!is_to_be_held(line, &m->journal)) {
        return journal_next(w, of->since + RETRY_IN_DOUBT, err);
    }
    const char *why =
        m->journal.in_doubt > 1
            ? "The server had the whole message, twice, and did not answer: it may be delivered."
            : "The server had the whole message, and did not answer: it may be delivered.";
    /* The second time, whoever has no answer now may have got it the first time. */
    const size_t *to = m->journal.in_doubt > 1 ? NULL : of->to;
    if (giveback_has_sender(m) && !giveback_doubtful(store, lines, line, m, to, of->to_count, err)) {
        return false;
    }
    tell_person(line, m, why);
    return journal_hold(w, why, err);
}
