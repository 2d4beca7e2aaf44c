/* verdict - see verdict.h. Each kind of line is one row of a table: its first word and its reader. */
#include "spool/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/escape.h"

#define CODE_MAX 999

static const struct {
    enum verdict verdict;
    const char *word;
} verdict_words[] = {
    {VERDICT_DELIVERED, "delivered"}, {VERDICT_LATER, "later"}, {VERDICT_REFUSED, "refused"}};

static const char *verdict_word(enum verdict verdict)
{
    for (size_t i = 0; i < sizeof verdict_words / sizeof *verdict_words; i++)
        if (verdict_words[i].verdict == verdict)
            return verdict_words[i].word;
    return NULL;
}

/* -- writing -- */

/* At most VERDICT_TEXT_MAX octets of the text, never half a character. */
static bool add_text(struct str *out, const char *text, struct err *err)
{
    size_t keep = strnlen(text, VERDICT_TEXT_MAX + 1);
    if (keep <= VERDICT_TEXT_MAX)
        return escape_add(out, text, err);
    keep = VERDICT_TEXT_MAX - 3;
    while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep--;
    char cut[VERDICT_TEXT_MAX + 1];
    memcpy(cut, text, keep);
    memcpy(cut + keep, "...", sizeof "...");
    return escape_add(out, cut, err);
}

bool verdict_add_recipient(struct str *out, size_t recipient, const struct outcome *o, struct err *err)
{
    const char *word = verdict_word(o->verdict);
    if (!word)
        return err_set(err, ERR_INTERNAL, "An outcome without a verdict was to be written down.");
    return str_addf(out, err, "recipient %zu %s %d %s ", recipient, word, o->code,
                    o->enhanced[0] ? o->enhanced : "-") &&
           add_text(out, o->text ? o->text : "", err) && str_addc(out, '\n', err);
}

bool verdict_add_failure(struct str *out, const struct err *why, struct err *err)
{
    return str_addf(out, err, "failure %s %d ", err_kind_name(why->kind), why->code) &&
           add_text(out, why->what, err) && str_addc(out, '\t', err) && add_text(out, why->hint, err) &&
           str_addc(out, '\n', err);
}

bool verdict_add_dialogue(struct str *out, const char *text, struct err *err)
{
    return str_addz(out, "dialogue ", err) && add_text(out, text, err) && str_addc(out, '\n', err);
}

bool verdict_add_end(struct str *out, struct err *err)
{
    return str_addz(out, "end\n", err);
}

/* -- reading -- */

static bool malformed(struct err *err)
{
    return err_set(err, ERR_PROTOCOL, "A line about a delivery could not be understood.");
}

/* The next word up to one blank, which is overwritten; NULL where there is none. */
static char *next_word(char **at)
{
    char *word = *at, *blank = strchr(word, ' ');
    if (!blank || blank == word)
        return NULL;
    *blank = '\0';
    *at = blank + 1;
    return word;
}

static bool read_code(char **at, int *code_r)
{
    uint64_t code;
    const char *word = next_word(at);
    if (!word || !text_u64(word, CODE_MAX, &code))
        return false;
    *code_r = (int)code;
    return true;
}

static bool read_enhanced(char **at, char enhanced[12])
{
    const char *word = next_word(at);
    if (!word || (strcmp(word, "-") != 0 && strspn(word, "0123456789.") != strlen(word)) ||
        strlen(word) >= 12)
        return false;
    memcpy(enhanced, strcmp(word, "-") == 0 ? "" : word, strcmp(word, "-") == 0 ? 1 : strlen(word) + 1);
    return true;
}

/* The rest of a line, unescaped; "" gives NULL. */
static bool read_text(const char *at, char **text_r, struct err *err)
{
    struct str text = STR_INIT(VERDICT_LINE_MAX);
    bool ok = escape_undo(&text, at, strlen(at), err);
    if (ok && text.len > 0) {
        *text_r = str_steal(&text);
        ok = *text_r || err_nomem(err);
    }
    str_free(&text);
    return ok;
}

static bool read_field(const char *at, char *field, size_t size, struct err *err)
{
    struct str text = STR_INIT(size - 1);
    bool ok = escape_undo(&text, at, strlen(at), err);
    if (ok)
        memcpy(field, text.buf, text.len + 1);
    str_free(&text);
    return ok;
}

static bool read_recipient(char *at, struct verdict_line *line, struct err *err)
{
    uint64_t recipient;
    const char *number = next_word(&at), *word = number ? next_word(&at) : NULL;
    if (!word || !text_u64(number, ENVELOPE_RECIPIENTS_MAX, &recipient))
        return malformed(err);
    for (size_t i = 0; i < sizeof verdict_words / sizeof *verdict_words; i++)
        if (strcmp(verdict_words[i].word, word) == 0)
            line->outcome.verdict = verdict_words[i].verdict;
    if (line->outcome.verdict == VERDICT_NONE || !read_code(&at, &line->outcome.code) ||
        !read_enhanced(&at, line->outcome.enhanced))
        return malformed(err);
    line->recipient = (size_t)recipient;
    return read_text(at, &line->outcome.text, err);
}

static bool read_failure(char *at, struct verdict_line *line, struct err *err)
{
    const char *kind = next_word(&at);
    int code;
    if (!kind || !read_code(&at, &code))
        return malformed(err);
    enum err_kind k = ERR_USAGE;
    while (k <= ERR_INTERNAL && strcmp(err_kind_name(k), kind) != 0)
        k++;
    char *tab = strchr(at, '\t');
    if (k > ERR_INTERNAL || !tab)
        return malformed(err);
    *tab = '\0';
    line->failure.kind = k;
    line->failure.code = code;
    return read_field(at, line->failure.what, sizeof line->failure.what, err) &&
           read_field(tab + 1, line->failure.hint, sizeof line->failure.hint, err);
}

static bool read_dialogue(char *at, struct verdict_line *line, struct err *err)
{
    return read_text(at, &line->text, err);
}

static bool read_end(char *at, struct verdict_line *line, struct err *err)
{
    (void)line;
    return *at == '\0' || malformed(err);
}

static bool parse(char *line, struct verdict_line *line_r, struct err *err)
{
    static const struct {
        const char *first;
        enum verdict_line_kind kind;
        bool (*read)(char *at, struct verdict_line *line, struct err *err);
    } rows[] = {{"recipient ", VERDICT_RECIPIENT, read_recipient},
                {"failure ", VERDICT_FAILURE, read_failure},
                {"dialogue ", VERDICT_DIALOGUE, read_dialogue},
                {"end", VERDICT_END, read_end}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!text_starts(line, rows[i].first))
            continue;
        line_r->kind = rows[i].kind;
        return rows[i].read(line + strlen(rows[i].first), line_r, err);
    }
    return malformed(err);
}

bool verdict_parse(const char *line, size_t n, struct verdict_line *line_r, struct err *err)
{
    if (n > VERDICT_LINE_MAX || memchr(line, '\0', n))
        return malformed(err);
    char *copy = strndup(line, n);
    if (!copy)
        return err_nomem(err);
    struct verdict_line parsed = {0};
    bool ok = parse(copy, &parsed, err);
    free(copy);
    if (ok)
        *line_r = parsed;
    else
        verdict_line_free(&parsed);
    return ok;
}

void verdict_line_free(struct verdict_line *line)
{
    outcome_free(&line->outcome);
    free(line->text);
    *line = (struct verdict_line){0};
}
