/* journal - reading: from records to their sum. Writing is in journal_write.c. The records:
 *
 *   tappal-journal 1            the first one
 *   attempt T                   a try began at T (seconds since 1970)
 *   end                         it ended in an orderly way
 *   recipient N WORD CODE ENHANCED TEXT     what the server said for recipient N (spool/verdict.h)
 *   failure KIND CODE WHAT TAB HINT         a failure of host, account or this machine (likewise)
 *   reported N                  the refusal of recipient N is reported
 *   doubt T                     the end of the data is about to go out
 *   answered                    the server answered it, though not with an outcome
 *   next T                      due at T
 *   hold WHY, release           by a person, or in doubt twice
 *   warned T                    the delay notice is made
 *   again T                     a person brought it back from failed/: who was refused is tried again
 *   copy-due T                  somebody has it, and the account wants a copy of what it sends
 *   copy-begun VALIDITY NEXT    it is about to be given to an IMAP server, whose folder stood so before
 *   copy-failed WHAT TAB HINT   it could not be made
 *   copy-over HOW               it is made, or there will be none
 *   finished HOW                nothing is left to do but to remove the message
 *
 * An unknown record is as bad as a damaged one: another version wrote it, and guessing costs a message. */
#include "spool/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "base/text.h"
#include "mail/escape.h"
#include "mail/retry.h"
#include "spool/journal_line.h"
#include "spool/verdict.h"

bool journal_init(struct journal *j, size_t recipients, struct err *err)
{
    *j = (struct journal){.count = recipients};
    j->outcomes = calloc(recipients + 1, sizeof *j->outcomes);
    j->reported = calloc(recipients + 1, sizeof *j->reported);
    if (j->outcomes && j->reported)
        return true;
    journal_free(j);
    return err_nomem(err);
}

void journal_free(struct journal *j)
{
    for (size_t i = 0; j->outcomes && i < j->count; i++)
        outcome_free(&j->outcomes[i]);
    free(j->outcomes);
    free(j->reported);
    free(j->held_why);
    free(j->finished_how);
    free(j->last_error);
    free(j->last_hint);
    free(j->copy.said);
    free(j->copy.hint);
    *j = (struct journal){0};
}

size_t journal_count(const struct journal *j, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < j->count; i++)
        count += j->outcomes[i].verdict == verdict;
    return count;
}

size_t journal_count_open(const struct journal *j)
{
    return journal_count(j, VERDICT_NONE) + journal_count(j, VERDICT_LATER);
}

int64_t journal_due(const struct journal *j)
{
    return j->finished ? 0 : j->held ? JOURNAL_NEVER : j->next_try;
}

bool journal_owes_copy(const struct journal *j)
{
    return j->copy.stage == COPY_DUE || j->copy.stage == COPY_BEGUN;
}

bool journal_owes_only_copy(const struct journal *j)
{
    return journal_owes_copy(j) && !j->finished && journal_count_open(j) == 0;
}

/* -- one reader per record; `rest` is what follows the first word -- */

static bool bad(struct err *err)
{
    return err_set(err, ERR_DATA, "The journal of the message holds a record that makes no sense.");
}

static bool set_text(char **field, const char *text, struct err *err)
{
    char *copy = strdup(text);
    if (!copy)
        return err_nomem(err);
    free(*field);
    *field = copy;
    return true;
}

static bool read_time(const char *rest, int64_t *t_r, struct err *err)
{
    uint64_t t;
    if (!text_u64(rest, INT64_MAX, &t))
        return bad(err);
    *t_r = (int64_t)t;
    return true;
}

static bool read_escaped(const char *rest, char **field, struct err *err)
{
    struct str text = STR_INIT(JOURNAL_LINE_MAX);
    bool ok = escape_undo(&text, rest, strlen(rest), err) && set_text(field, text.buf, err);
    str_free(&text);
    return ok;
}

/* One more sign of somebody trying. Behind a pause, or a clock that was set back, the stretch begins anew. */
static void note_try(struct journal *j, int64_t t)
{
    if (t == 0)
        return;
    if (j->tried_last == 0 || t < j->tried_since || t - j->tried_last > RETRY_PAUSE)
        j->tried_since = t;
    j->tried_last = t;
}

static bool attempt(struct journal *j, const char *rest, struct err *err)
{
    if (!read_time(rest, &j->last_attempt, err))
        return false;
    note_try(j, j->last_attempt);
    j->attempts++;
    j->unfinished++;
    j->doubt_in_attempt = false;
    return true;
}

static bool end(struct journal *j, const char *rest, struct err *err)
{
    j->unfinished = 0;
    return *rest == '\0' || bad(err);
}

/* The doubt of this attempt is settled and was none; one of an earlier attempt stays counted. */
static void settle_doubt(struct journal *j)
{
    if (!j->doubt_in_attempt)
        return;
    j->doubt_in_attempt = false;
    j->in_doubt_open = false;
    j->in_doubt--;
}

static bool is_anybody_open(const struct journal *j)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->outcomes[i].verdict == VERDICT_NONE || j->outcomes[i].verdict == VERDICT_LATER)
            return true;
    return false;
}

/* While somebody is left to send to, it takes the record `answered` to end the doubt: this outcome may be that of
 * RCPT, or the first of several whose rest is torn off. */
static bool recipient(struct journal *j, const struct verdict_line *line, struct err *err)
{
    if (line->recipient >= j->count)
        return bad(err);
    struct outcome *known = &j->outcomes[line->recipient];
    free(j->last_error);
    free(j->last_hint);
    j->last_error = j->last_hint = NULL;
    j->last_kind = ERR_NONE;
    if (known->verdict != VERDICT_DELIVERED && !outcome_copy(known, &line->outcome, err))
        return false;
    if (!is_anybody_open(j))
        settle_doubt(j);
    return true;
}

static bool failure(struct journal *j, const struct verdict_line *line, struct err *err)
{
    j->last_kind = line->failure.kind;
    return set_text(&j->last_error, line->failure.what, err) &&
           set_text(&j->last_hint, line->failure.hint, err);
}

static bool reported(struct journal *j, const char *rest, struct err *err)
{
    uint64_t which;
    if (!text_u64(rest, ENVELOPE_RECIPIENTS_MAX, &which) || which >= j->count)
        return bad(err);
    return j->reported[which] = true;
}

static bool doubt(struct journal *j, const char *rest, struct err *err)
{
    int64_t when;
    if (!read_time(rest, &when, err))
        return false;
    j->in_doubt += j->doubt_in_attempt ? 0 : 1;
    j->in_doubt_open = j->doubt_in_attempt = true;
    return true;
}

static bool answered(struct journal *j, const char *rest, struct err *err)
{
    settle_doubt(j);
    return *rest == '\0' || bad(err);
}

static bool next(struct journal *j, const char *rest, struct err *err)
{
    if (!read_time(rest, &j->next_try, err))
        return false;
    note_try(j, j->next_try);
    return true;
}

static bool hold(struct journal *j, const char *rest, struct err *err)
{
    j->held = true;
    return read_escaped(rest, &j->held_why, err);
}

static bool release(struct journal *j, const char *rest, struct err *err)
{
    free(j->held_why);
    j->held_why = NULL;
    j->held = false;
    return *rest == '\0' || bad(err);
}

static bool warned(struct journal *j, const char *rest, struct err *err)
{
    return read_time(rest, &j->warned, err);
}

/* All starts anew, but for whom it is delivered to and what may have arrived. */
static bool again(struct journal *j, const char *rest, struct err *err)
{
    for (size_t i = 0; i < j->count; i++) {
        if (j->outcomes[i].verdict == VERDICT_REFUSED) {
            outcome_free(&j->outcomes[i]);
            j->reported[i] = false;
        }
    }
    j->attempts = j->unfinished = 0;
    j->warned = j->next_try = 0;
    j->tried_since = j->tried_last = 0;
    j->copy.tries = 0;
    bool ok = read_time(rest, &j->again, err);
    j->copy.since = journal_owes_copy(j) ? j->again : j->copy.since;
    return ok;
}

static bool copy_due(struct journal *j, const char *rest, struct err *err)
{
    j->copy.stage = COPY_DUE;
    return read_time(rest, &j->copy.since, err) && next(j, rest, err);
}

static bool copy_begun(struct journal *j, const char *rest, struct err *err)
{
    char first[16] = "";
    size_t n = strcspn(rest, " ");
    uint64_t validity = 0, next = 0;
    if (n < sizeof first)
        memcpy(first, rest, n);
    if (!text_u64(first, UINT32_MAX, &validity) || rest[n] != ' ' ||
        !text_u64(rest + n + 1, UINT32_MAX, &next))
        return bad(err);
    j->copy.stage = COPY_BEGUN;
    j->copy.validity = (uint32_t)validity;
    j->copy.next = (uint32_t)next;
    return true;
}

static bool copy_failed(struct journal *j, const char *rest, struct err *err)
{
    free(j->copy.hint);
    j->copy.hint = NULL;
    j->copy.tries++;
    if (!read_escaped(rest, &j->copy.said, err))
        return false;
    char *tab = strchr(j->copy.said, '\t');
    if (tab)
        *tab = '\0';
    return !tab || !tab[1] || set_text(&j->copy.hint, tab + 1, err);
}

static bool copy_over(struct journal *j, const char *rest, struct err *err)
{
    j->copy.stage = COPY_OVER;
    free(j->copy.hint);
    j->copy.hint = NULL;
    return read_escaped(rest, &j->copy.said, err);
}

static bool finished(struct journal *j, const char *rest, struct err *err)
{
    j->finished = true;
    return read_escaped(rest, &j->finished_how, err);
}

/* The records whose words are also those of the verdict pipe. */
static bool apply_verdict(struct journal *j, const char *record, struct err *err)
{
    struct verdict_line line;
    if (!verdict_parse(record, strlen(record), &line, err))
        return false;
    bool ok = line.kind == VERDICT_RECIPIENT ? recipient(j, &line, err)
              : line.kind == VERDICT_FAILURE ? failure(j, &line, err)
                                             : bad(err);
    verdict_line_free(&line);
    return ok;
}

/* The first word up to a blank, or the whole record. */
static bool is_word(const char *record, const char *word)
{
    size_t n = strcspn(record, " ");
    return n == strlen(word) && memcmp(record, word, n) == 0;
}

static bool apply_record(struct journal *j, const char *record, struct err *err)
{
    static const struct {
        const char *word;
        bool (*read)(struct journal *j, const char *rest, struct err *err);
    } rows[] = {{"attempt", attempt},
                {"end", end},
                {"reported", reported},
                {"doubt", doubt},
                {"answered", answered},
                {"next", next},
                {"hold", hold},
                {"release", release},
                {"warned", warned},
                {"again", again},
                {"finished", finished},
                {"copy-due", copy_due},
                {"copy-begun", copy_begun},
                {"copy-failed", copy_failed},
                {"copy-over", copy_over}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!is_word(record, rows[i].word))
            continue;
        const char *rest = record + strlen(rows[i].word);
        return rows[i].read(j, *rest == ' ' ? rest + 1 : rest, err);
    }
    return apply_verdict(j, record, err);
}

/* -- lines -- */

static void crc_hex(const char *record, size_t n, char out[JOURNAL_CRC_HEX + 1])
{
    uint32_t crc = sum_crc32c(0, record, n);
    const unsigned char octets[] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
                                    (unsigned char)(crc >> 8), (unsigned char)crc};
    text_hex(octets, sizeof octets, out);
}

bool journal_line_add(struct str *out, const char *record, struct err *err)
{
    char crc[JOURNAL_CRC_HEX + 1];
    crc_hex(record, strlen(record), crc);
    return str_addf(out, err, "%s %s\n", crc, record);
}

static bool line_is_sound(const char *line, size_t n)
{
    char crc[JOURNAL_CRC_HEX + 1];
    if (n <= JOURNAL_CRC_HEX + 1 || n > JOURNAL_LINE_MAX || line[JOURNAL_CRC_HEX] != ' ' ||
        memchr(line, '\0', n))
        return false;
    crc_hex(line + JOURNAL_CRC_HEX + 1, n - JOURNAL_CRC_HEX - 1, crc);
    return memcmp(line, crc, JOURNAL_CRC_HEX) == 0;
}

bool journal_line_apply(struct journal *j, const char *line, size_t n, struct err *err)
{
    if (!line_is_sound(line, n))
        return err_set(err, ERR_DATA, "The journal of the message is damaged.");
    char *record = strndup(line + JOURNAL_CRC_HEX + 1, n - JOURNAL_CRC_HEX - 1);
    if (!record)
        return err_nomem(err);
    bool ok = j->good_length > 0
                  ? apply_record(j, record, err)
                  : strcmp(record, JOURNAL_FIRST) == 0 ||
                        err_set(err, ERR_DATA, "The journal of the message is of another version.");
    free(record);
    if (ok)
        j->good_length += n + 1;
    return ok;
}

/* A torn record is a beginning of one. A whole one whose LF has become something else was durable, perhaps:
 * that is damage. */
static bool tail_is_torn(const char *tail, size_t n)
{
    return n == 0 || !line_is_sound(tail, n - 1);
}

bool journal_parse(const char *bytes, size_t n, size_t recipients, struct journal *j_r, struct err *err)
{
    struct journal j;
    if (!journal_init(&j, recipients, err))
        return false;
    j.exists = true;
    bool ok = true;
    size_t at = 0;
    const char *lf;
    while (ok && (lf = memchr(bytes + at, '\n', n - at))) {
        ok = journal_line_apply(&j, bytes + at, (size_t)(lf - bytes) - at, err);
        at = (size_t)(lf - bytes) + 1;
    }
    if (ok && !tail_is_torn(bytes + at, n - at))
        ok = err_set(err, ERR_DATA, "The journal of the message is damaged in its last record.");
    if (ok)
        *j_r = j;
    else
        journal_free(&j);
    return ok;
}
