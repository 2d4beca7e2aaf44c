/* pop3_reply - see pop3_reply.h. */
#include "wire/pop3_reply.h"

#include <string.h>

#include "base/text.h"

static bool word_is(const char *line, size_t n, const char *word)
{
    size_t len = strlen(word);
    return n >= len && text_eqn_nocase(line, word, len) &&
           (n == len || line[len] == ' ' || line[len] == '\t');
}

static void skip_blanks(const char **at, size_t *n)
{
    while (*n > 0 && (**at == ' ' || **at == '\t')) {
        (*at)++;
        (*n)--;
    }
}

static void read_code(struct pop3_reply *r)
{
    const char *close = r->n > 2 && r->text[0] == '[' ? memchr(r->text, ']', r->n) : NULL;
    size_t len = close ? (size_t)(close - r->text) - 1 : 0;
    if (len == 0 || len >= sizeof r->code)
        return;
    for (size_t i = 0; i < len; i++) {
        char c = r->text[1 + i];
        r->code[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    r->text += len + 2;
    r->n -= len + 2;
    skip_blanks(&r->text, &r->n);
}

struct pop3_reply pop3_reply_read(const char *line, size_t n)
{
    struct pop3_reply r = {.status = POP3_GARBAGE, .text = line, .n = n};
    if (word_is(line, n, "+OK"))
        r.status = POP3_OK;
    else if (word_is(line, n, "-ERR"))
        r.status = POP3_ERR;
    else if (word_is(line, n, "+"))
        r.status = POP3_CHALLENGE;
    static const size_t words[] = {[POP3_OK] = 3, [POP3_ERR] = 4, [POP3_CHALLENGE] = 1, [POP3_GARBAGE] = 0};
    size_t word = words[r.status];
    r.text += word;
    r.n -= word;
    skip_blanks(&r.text, &r.n);
    if (r.status == POP3_OK || r.status == POP3_ERR)
        read_code(&r);
    return r;
}

bool pop3_reply_is_temporary(const struct pop3_reply *reply)
{
    return strcmp(reply->code, "IN-USE") == 0 || strcmp(reply->code, "LOGIN-DELAY") == 0 ||
           strcmp(reply->code, "SYS/TEMP") == 0;
}

void pop3_caps_free(struct pop3_caps *caps)
{
    strv_free(&caps->sasl);
    *caps = (struct pop3_caps){0};
}

/* add_words - up to POP3_SASL_MAX of them in all: no server has so many ways to sign in */
static bool add_words(struct strv *out, const char *at, size_t n, struct err *err)
{
    for (skip_blanks(&at, &n); n > 0 && out->count < POP3_SASL_MAX; skip_blanks(&at, &n)) {
        size_t len = 0;
        while (len < n && at[len] != ' ' && at[len] != '\t' && at[len] != '\0')
            len++;
        if (len == 0)
            break; /* a NUL: nothing that we know follows it */
        if (!strv_addn(out, at, len, err))
            return false;
        at += len;
        n -= len;
    }
    return true;
}

/* digits - a decimal number of at most `max` at the beginning; how long it is, 0 for none */
static size_t digits(const char *at, size_t n, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t len = 0;
    for (; len < n && at[len] >= '0' && at[len] <= '9'; len++) {
        uint64_t digit = (uint64_t)(at[len] - '0');
        if (value > (max - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    *out = value;
    return len;
}

/* add_limit - "EXPIRE days|NEVER [USER]", "LOGIN-DELAY seconds [USER]" (RFC 2449, 6.6 and 6.7); what is not so says
 * nothing */
static bool add_limit(const char *at, size_t n, uint32_t *limit_r, bool *per_user)
{
    uint64_t value = POP3_EXPIRE_NEVER;
    skip_blanks(&at, &n);
    size_t len = word_is(at, n, "NEVER") ? strlen("NEVER") : digits(at, n, POP3_EXPIRE_NEVER - 1, &value);
    if (len == 0 || (len < n && at[len] != ' ' && at[len] != '\t'))
        return false;
    at += len;
    n -= len;
    skip_blanks(&at, &n);
    *per_user = *per_user || word_is(at, n, "USER");
    *limit_r = (uint32_t)value;
    return true;
}

bool pop3_caps_add(struct pop3_caps *caps, const char *line, size_t n, struct err *err)
{
    struct {
        const char *name;
        bool *flag;
    } known[] = {
        {"STLS", &caps->stls},
        {"USER", &caps->user},
        {"UIDL", &caps->uidl},
        {"TOP", &caps->top},
        {"PIPELINING", &caps->pipelining},
        {"RESP-CODES", &caps->resp_codes},
        {"UTF8", &caps->utf8},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (word_is(line, n, known[i].name))
            *known[i].flag = true;
    if (word_is(line, n, "EXPIRE"))
        caps->expires = add_limit(line + 6, n - 6, &caps->expire, &caps->per_user);
    if (word_is(line, n, "LOGIN-DELAY") && !add_limit(line + 11, n - 11, &caps->login_delay, &caps->per_user))
        caps->login_delay = 0;
    return !word_is(line, n, "SASL") || add_words(&caps->sasl, line + 4, n - 4, err);
}

bool pop3_listing_read(const char *line, size_t n, uint32_t *number_r, const char **rest_r, size_t *rest_n_r)
{
    uint64_t number;
    skip_blanks(&line, &n);
    size_t len = digits(line, n, UINT32_MAX, &number);
    if (len == 0 || number == 0 || (len < n && line[len] != ' ' && line[len] != '\t'))
        return false;
    line += len;
    n -= len;
    skip_blanks(&line, &n);
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
        n--;
    *number_r = (uint32_t)number;
    *rest_r = line;
    *rest_n_r = n;
    return true;
}

bool pop3_size_read(const char *rest, size_t n, uint64_t *size_r)
{
    uint64_t size;
    size_t len = digits(rest, n, INT64_MAX, &size);
    if (len == 0 || (len < n && rest[len] != ' ' && rest[len] != '\t'))
        return false;
    *size_r = size;
    return true;
}

/* give - a run of the text; a CR that was held back goes out alone */
static size_t give(const char *run, size_t n, size_t taken, const char **run_r, size_t *run_n_r)
{
    *run_r = run;
    *run_n_r = n;
    return taken;
}

size_t pop3_text_take(struct pop3_text *t, const char *in, size_t n, const char **run_r, size_t *run_n_r)
{
    size_t i = 0;
    if (t->done || n == 0)
        return give(in, 0, 0, run_r, run_n_r);
    if (t->at == POP3_AT_LINE && in[0] == '.') {
        t->at = POP3_AT_DOT; /* stuffed, or the end: either way it is no text */
        return give(in, 0, 1, run_r, run_n_r);
    }
    if (t->at == POP3_AT_DOT && in[0] == '\r') {
        t->at = POP3_AT_DOT_CR;
        return give(in, 0, 1, run_r, run_n_r);
    }
    if (t->at == POP3_AT_DOT_CR && in[0] == '\n') {
        t->done = true;
        return give(in, 0, 1, run_r, run_n_r);
    }
    if (t->at == POP3_AT_DOT_CR) {
        t->at = POP3_AT_TEXT; /* a stuffed line after all, and its CR is text */
        return give("\r", 1, 0, run_r, run_n_r);
    }
    while (i < n) {
        if (t->at == POP3_AT_CR && in[i] == '\n') {
            t->at = POP3_AT_LINE;
            if (++i < n && in[i] == '.')
                break;
            continue;
        }
        const char *cr = memchr(in + i, '\r', n - i);
        t->at = cr ? POP3_AT_CR : POP3_AT_TEXT;
        i = cr ? (size_t)(cr - in) + 1 : n;
    }
    return give(in, i, i, run_r, run_n_r);
}
