/* term - see term.h. */
#include "queue/term.h"

#include <string.h>

#include "base/log.h"
#include "mail/retry.h"

/* A person who brought it back from failed/ gave it a new start. */
static int64_t began(const struct message *m)
{
    return m->journal.again > 0 ? m->journal.again : m->envelope.accepted;
}

static bool is_stretch(int64_t since, int64_t last, int64_t enough, int64_t now)
{
    return now - last <= RETRY_PAUSE && now - since >= enough;
}

/* Its journal tells of its own tries; behind an open breaker others were tried for it. */
bool term_is_tried(const struct message *m, const struct line *line, int64_t now)
{
    const int64_t half = line->config->give_up_after / 2;
    const int64_t enough = half < RETRY_ENOUGH ? half : RETRY_ENOUGH;
    const struct journal *j = &m->journal;
    const struct breaker *b = &line->breaker;
    return (j->tried_last > 0 && is_stretch(j->tried_since, j->tried_last, enough, now)) ||
           (b->failures > 0 && is_stretch(b->since, b->last, enough, now));
}

bool term_is_over(const struct message *m, const struct line *line, int64_t now)
{
    const uint32_t term = line->config->give_up_after;
    return term > 0 && now >= began(m) + term && term_is_tried(m, line, now);
}

int64_t term_long_since(const struct message *m, const struct config *config)
{
    return began(m) + config->warn_after;
}

bool term_is_long(const struct message *m, const struct config *config, int64_t now)
{
    return config->warn_after > 0 && now >= term_long_since(m, config);
}

bool term_give_up(const struct message *m, struct journal_writer *w, const char *why, struct err *err)
{
    const struct journal *j = &m->journal;
    struct outcome silent = {.verdict = VERDICT_REFUSED, .enhanced = "4.4.7"};
    bool ok = true;

    silent.text = strdup(j->last_error != NULL ? j->last_error : why);
    if (silent.text == NULL) {
        return err_nomem(err);
    }
    for (size_t i = 0; ok && i < j->count; i++) {
        struct outcome last = j->outcomes[i];
        last.verdict = VERDICT_REFUSED;
        if (j->outcomes[i].verdict == VERDICT_LATER) {
            ok = journal_outcome(w, i, &last, err);
        } else if (j->outcomes[i].verdict == VERDICT_NONE) {
            ok = journal_outcome(w, i, &silent, err);
        }
    }
    log_event(LOG_LEVEL_ERROR, "given up", "id", m->id, "problem", silent.text, NULL);
    outcome_free(&silent);
    return ok;
}
