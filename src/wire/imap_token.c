/* imap_token - see imap_token.h. */
#include "wire/imap_token.h"

#include <string.h>

#include "base/text.h"

/* number64 - at most 63 bits (RFC 9051); how many bytes it takes, 0 where there is none or it is too great */
static size_t number64(const char *at, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = at;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    *out = value;
    return (size_t)(p - at);
}

static struct imap_token token(enum imap_kind kind, const char *bytes, const char *end)
{
    return (struct imap_token){.kind = kind, .bytes = bytes, .n = (size_t)(end - bytes)};
}

static struct imap_token bad(struct imap_text *text)
{
    text->at = text->end;
    return token(IMAP_BAD, text->end, text->end);
}

static struct imap_token next_quoted(struct imap_text *text)
{
    const char *begin = text->at + 1, *p = begin;
    while (p < text->end && *p != '"')
        p += *p == '\\' && text->end - p > 1 ? 2 : 1;
    if (p >= text->end)
        return bad(text);
    text->at = p + 1;
    return token(IMAP_QUOTED, begin, p);
}

static struct imap_token next_literal(struct imap_text *text)
{
    uint64_t size = 0;
    const char *p = text->at + (*text->at == '~' ? 2 : 1);
    size_t len = number64(p, text->end, &size);
    p += len;
    if (p < text->end && *p == '+')
        p++;
    if (len == 0 || p >= text->end || *p != '}')
        return bad(text);
    p++;
    struct imap_token t = {.kind = IMAP_LITERAL_DUE, .bytes = text->end, .size = size};
    if (p < text->end) {
        if (text->end - p < 2 || p[0] != '\r' || p[1] != '\n' || (uint64_t)(text->end - p - 2) < size)
            return bad(text);
        t.kind = IMAP_LITERAL;
        t.bytes = p + 2;
        t.n = (size_t)size;
        p += 2 + size;
    }
    text->at = p;
    return t;
}

static bool ends_atom(char c)
{
    return c == ' ' || c == '(' || c == ')' || c == '"';
}

/* next_atom - up to a blank, a bracket or a quote; but a section ("BODY[HEADER.FIELDS (DATE)]") is whole */
static struct imap_token next_atom(struct imap_text *text)
{
    const char *begin = text->at, *p = begin;
    while (p < text->end && !ends_atom(*p)) {
        if (*p == '[' && p - begin >= 4 &&
            (text_eqn_nocase(begin, "BODY", 4) || text_eqn_nocase(begin, "BINA", 4))) {
            const char *close = memchr(p, ']', (size_t)(text->end - p));
            if (!close)
                return bad(text);
            p = close;
        }
        p++;
    }
    text->at = p;
    return token(IMAP_ATOM, begin, p);
}

struct imap_token imap_next(struct imap_text *text)
{
    while (text->at < text->end && *text->at == ' ')
        text->at++;
    if (text->at == text->end)
        return token(IMAP_END, text->end, text->end);
    const char *p = text->at;
    switch (*p) {
    case '(':
    case ')':
        text->at++;
        return token(*p == '(' ? IMAP_OPEN : IMAP_CLOSE, p, p + 1);
    case '"':
        return next_quoted(text);
    case '{':
        return next_literal(text);
    case '~':
        if (text->end - p > 1 && p[1] == '{')
            return next_literal(text);
        return next_atom(text);
    default:
        return next_atom(text);
    }
}

bool imap_skip(struct imap_text *text, struct imap_token first, struct imap_token *due_r)
{
    int depth = 0;
    for (struct imap_token t = first;; t = imap_next(text)) {
        if (t.kind == IMAP_OPEN)
            depth++;
        else if (t.kind == IMAP_CLOSE)
            depth--;
        *due_r = t;
        if (t.kind == IMAP_LITERAL_DUE || t.kind == IMAP_BAD || t.kind == IMAP_END || depth < 0 ||
            depth > IMAP_DEPTH_MAX)
            return false;
        if (depth == 0)
            return true;
    }
}

bool imap_token_is(const struct imap_token *t, const char *atom)
{
    size_t n = strlen(atom);
    return t->kind == IMAP_ATOM && t->n == n && text_eqn_nocase(t->bytes, atom, n);
}

bool imap_token_is_string(const struct imap_token *t)
{
    return t->kind == IMAP_ATOM || t->kind == IMAP_QUOTED || t->kind == IMAP_LITERAL;
}

bool imap_token_u64(const struct imap_token *t, uint64_t max, uint64_t *out)
{
    uint64_t value;
    if (t->kind != IMAP_ATOM || t->n == 0 || number64(t->bytes, t->bytes + t->n, &value) != t->n ||
        value > max)
        return false;
    *out = value;
    return true;
}

bool imap_token_text(const struct imap_token *t, struct str *out, struct err *err)
{
    if (t->kind != IMAP_QUOTED)
        return str_add(out, t->bytes, t->n, err);
    for (size_t i = 0; i < t->n; i++) {
        if (t->bytes[i] == '\\' && i + 1 < t->n)
            i++;
        if (!str_addc(out, t->bytes[i], err))
            return false;
    }
    return true;
}

int imap_literal_at_end(const char *line, size_t n, uint64_t *size_r)
{
    const char *end = line + n, *p = end;
    if (n == 0 || p[-1] != '}')
        return 0;
    while (p > line && *--p != '{')
        ;
    if (*p != '{')
        return 0;
    const char *from = p + 1;
    size_t len = number64(from, end, size_r);
    if (len > 0 && (from + len == end - 1 || (from + len == end - 2 && end[-2] == '+')))
        return 1;
    /* "{...}" is also what an odd atom may end with; but "{-1}", "{}" and "{99999999999999999999}" are
     * lengths, and to guess what follows them would be to lose the thread. */
    for (; from < end - 1; from++)
        if ((*from < '0' || *from > '9') && *from != '-' && *from != '+')
            return 0;
    return -1;
}

bool imap_add_quoted(struct str *out, const char *bytes, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] == '\0' || bytes[i] == '\r' || bytes[i] == '\n')
            return err_set(err, ERR_DATA, "A line end or NUL cannot be sent to an IMAP server.");
    bool ok = str_addc(out, '"', err);
    for (size_t i = 0; ok && i < n; i++) {
        bool escape = bytes[i] == '"' || bytes[i] == '\\';
        ok = (!escape || str_addc(out, '\\', err)) && str_addc(out, bytes[i], err);
    }
    return ok && str_addc(out, '"', err);
}
