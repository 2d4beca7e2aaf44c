/* term - see term.h. */
#include "queue/term.h"

#include <string.h>

#include "base/log.h"

/* A person who brought it back from failed/ gave it a new start. */
static int64_t began(const struct message *m)
{
    return m->journal.again > 0 ? m->journal.again : m->envelope.accepted;
}

bool term_is_over(const struct message *m, const struct config *config, int64_t now)
{
    return config->give_up_after > 0 && now >= began(m) + config->give_up_after;
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
