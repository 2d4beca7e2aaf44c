/* term - see term.h. */
#include "queue/term.h"

#include <string.h>

#include "base/log.h"
#include "mail/retry.h"

#define WORDS_MAX 4096

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

/* What failed last, and what can be done about it. */
static bool last_words(const struct message *m, const char *why, char **text_r, struct err *err)
{
    const struct journal *j = &m->journal;
    struct str text = STR_INIT(WORDS_MAX);
    bool has_hint = j->last_error != NULL && j->last_hint != NULL && j->last_hint[0] != '\0';
    bool ok = str_addz(&text, j->last_error != NULL ? j->last_error : why, err) &&
              (!has_hint || (str_addc(&text, ' ', err) && str_addz(&text, j->last_hint, err)));
    if (ok) {
        *text_r = str_steal(&text);
        ok = *text_r != NULL || err_nomem(err);
    }
    str_free(&text);
    return ok;
}

bool term_give_up(const struct message *m, struct journal_writer *w, const char *why, struct err *err)
{
    const struct journal *j = &m->journal;
    const bool is_ours =
        j->last_error != NULL && j->last_kind == ERR_CONFIG; /* whatever a server said before */
    struct outcome silent = {.verdict = VERDICT_REFUSED, .enhanced = "4.4.7"};
    bool ok = last_words(m, why, &silent.text, err);

    for (size_t i = 0; ok && i < j->count; i++) {
        struct outcome last = j->outcomes[i];
        last.verdict = VERDICT_REFUSED;
        if (j->outcomes[i].verdict == VERDICT_LATER && !is_ours) {
            ok = journal_outcome(w, i, &last, err);
        } else if (verdict_is_open(j->outcomes[i].verdict)) {
            ok = journal_outcome(w, i, &silent, err);
        }
    }
    if (ok) {
        log_event(LOG_LEVEL_ERROR, "given up", "id", m->id, "problem", silent.text, NULL);
    }
    outcome_free(&silent);
    return ok;
}
