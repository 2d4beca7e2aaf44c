/* imap_search - see imap_search.h. */
#include "wire/imap_search.h"

#include <string.h>

bool imap_search_is_wide(const char *program)
{
    for (; *program; program++)
        if ((unsigned char)*program >= 0x80)
            return true;
    return false;
}

/* word_end - of a quoted string, or of what stands between blanks and parentheses */
static const char *word_end(const char *at)
{
    if (*at != '"')
        return at + strcspn(at, " ()\"");
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

/* add_literal - the word's octets, its quotes and escapes undone */
static bool add_literal(struct str *out, const char *at, const char *end, struct err *err)
{
    struct str word = STR_INIT((size_t)(end - at) + 1);
    bool quoted = *at == '"', ok = true;
    if (quoted) {
        at++;
        end -= end > at && end[-1] == '"';
    }
    for (; ok && at < end; at++) {
        if (quoted && *at == '\\' && at + 1 < end)
            at++;
        ok = str_addc(&word, *at, err);
    }
    ok = ok && str_addf(out, err, "{%zu+}\r\n", word.len) && str_add(out, word.buf, word.len, err);
    str_free(&word);
    return ok;
}

static bool is_wide(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at < 0x80)
        at++;
    return at < end;
}

bool imap_search_add(struct str *out, const char *program, bool literals, struct err *err)
{
    for (const char *at = program; *at;) {
        const char *end = word_end(at);
        end = end == at ? at + 1 : end;
        if (!(literals && is_wide(at, end) ? add_literal(out, at, end, err)
                                           : str_add(out, at, (size_t)(end - at), err)))
            return false;
        at = end;
    }
    return true;
}
