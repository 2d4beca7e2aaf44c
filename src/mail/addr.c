/* addr - reading address lists (RFC 5322, 3.4 and 4.4).
 *
 *   address-list = [member] *( ("," / ";") [member] )
 *   member       = [phrase] "<" [route ":"] addr-spec ">" / addr-spec / phrase ":" address-list ";"
 *   addr-spec    = local [ "@" domain ]
 *   local        = 1*( word / "." )       two words in a row need a dot between them
 *   word         = atom / quoted-string
 *   domain       = atom *( "." atom ) [ "." ] / "[" literal "]"
 * Comments and folding may stand between any two of these. */
#include "mail/addr.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What fits an encoded word of 75 octets: 60 of base64 between "=?utf-8?B?" and "?=". */
#define ENCODED_WORD_OCTETS 45

static const char not_closed[] = "a quote or comment is not closed";

/* A local part while it is read: its octets without quotes. */
struct local {
    char text[ADDR_LOCAL_MAX + 1];
    size_t len;
    bool too_long;
    bool any;        /* at least one word or dot, an empty "" too */
    bool after_word; /* the last thing was a word: another one makes it a phrase */
    bool phrase;     /* two words without a dot between them */
    bool blanks;     /* blanks or comments inside */
    size_t start, end;
};

static bool is_end(const struct addr_parser *p)
{
    return p->pos >= p->len;
}

static char peek(const struct addr_parser *p)
{
    return is_end(p) ? '\0' : p->text[p->pos];
}

static bool is_control(char c)
{
    return (unsigned char)c < 32 || c == 127;
}

static bool is_atom_char(char c)
{
    return !is_control(c) && c != ' ' && strchr("()<>[]:;@\\,.\"", c) == NULL;
}

static bool bad(const char *text, size_t n, const char *why, struct err *err)
{
    char shown[128];
    text_clean(shown, sizeof shown, text, n);
    return err_set(err, ERR_DATA, "\"%s\" is not a mail address: %s.", shown, why);
}

/* Steps over one "(...)", nested ones included. False: it is never closed. */
static bool skip_comment(struct addr_parser *p)
{
    size_t depth = 0;
    while (!is_end(p)) {
        char c = p->text[p->pos++];
        if (c == '\\' && !is_end(p))
            p->pos++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return true;
    }
    return false;
}

/* Steps over one quoted string. False: it is never closed. */
static bool skip_quoted(struct addr_parser *p)
{
    for (p->pos++; !is_end(p);) {
        char c = p->text[p->pos++];
        if (c == '"')
            return true;
        p->pos += c == '\\' && !is_end(p) ? 1 : 0;
    }
    return false;
}

/* Comments, blanks, and line ends that are followed by a blank. */
static bool skip_blanks(struct addr_parser *p)
{
    for (;;) {
        char c = peek(p);
        size_t line_end = p->len - p->pos >= 2 && c == '\r' && p->text[p->pos + 1] == '\n' ? 2
                          : c == '\n'                                                      ? 1
                                                                                           : 0;
        size_t behind = p->pos + line_end;
        if (line_end > 0 && behind < p->len && (p->text[behind] == ' ' || p->text[behind] == '\t')) {
            p->pos = behind;
        } else if (!is_end(p) && (c == ' ' || c == '\t')) {
            p->pos++;
        } else if (!is_end(p) && c == '(') {
            if (!skip_comment(p))
                return false;
        } else {
            return true;
        }
    }
}

static void local_add(struct local *l, const char *bytes, size_t n)
{
    if (n > ADDR_LOCAL_MAX - l->len) {
        l->too_long = true;
        return;
    }
    memcpy(l->text + l->len, bytes, n);
    l->len += n;
}

/* The rest of a quoted string, behind its opening quote. */
static bool read_quoted(struct addr_parser *p, struct local *l)
{
    while (!is_end(p)) {
        char c = p->text[p->pos++];
        if (c == '"')
            return true;
        if (c == '\\' && !is_end(p))
            c = p->text[p->pos++];
        if (c == '\r' || c == '\n')
            continue; /* folding: the blank behind it stays */
        if (is_control(c) && c != '\t')
            return false;
        local_add(l, &c, 1);
    }
    return false;
}

static void read_atom(struct addr_parser *p, struct local *l)
{
    size_t from = p->pos;
    while (!is_end(p) && is_atom_char(p->text[p->pos]))
        p->pos++;
    local_add(l, p->text + from, p->pos - from);
}

/* Words and dots, up to the first thing that is neither. */
static bool read_local(struct addr_parser *p, struct local *l)
{
    *l = (struct local){.any = false};
    if (!skip_blanks(p))
        return false;
    l->start = l->end = p->pos;
    while (!is_end(p)) {
        char c = peek(p);
        bool word = c == '"' || is_atom_char(c);
        if (!word && c != '.')
            break;
        l->blanks = l->blanks || l->end != p->pos;
        l->phrase = l->phrase || (word && l->after_word);
        l->any = true;
        l->after_word = word;
        if (c == '"') {
            p->pos++;
            if (!read_quoted(p, l))
                return false;
        } else if (word) {
            read_atom(p, l);
        } else {
            p->pos++;
            local_add(l, ".", 1);
        }
        l->end = p->pos;
        if (!skip_blanks(p))
            return false;
    }
    return true;
}

static bool is_domain_char(char c)
{
    return is_atom_char(c) && ((unsigned char)c >= 128 || c == '-' || c == '_' || (c >= '0' && c <= '9') ||
                               (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
static const char *read_literal(struct addr_parser *p, char *domain, size_t *len)
{
    size_t from = p->pos++;
    while (!is_end(p) && (unsigned char)peek(p) < 128 &&
           (is_domain_char(peek(p)) || peek(p) == ':' || peek(p) == '.'))
        p->pos++;
    if (peek(p) != ']')
        return "its [address] is not closed";
    p->pos++;
    if (p->pos - from > ADDR_DOMAIN_MAX)
        return "its domain is longer than 255 octets";
    *len = p->pos - from;
    memcpy(domain, p->text + from, *len);
    return NULL;
}

/* Behind the "@". What is wrong with it, or NULL. `end_r` is where it ends. */
static const char *read_domain(struct addr_parser *p, char domain[ADDR_DOMAIN_MAX + 1], size_t *end_r)
{
    size_t len = 0;
    bool dot = true;
    if (!skip_blanks(p))
        return not_closed;
    if (peek(p) == '[') {
        const char *why = read_literal(p, domain, &len);
        domain[len] = '\0';
        *end_r = p->pos;
        return why;
    }
    while (!is_end(p) && (is_domain_char(peek(p)) || (peek(p) == '.' && !dot))) {
        if (len == ADDR_DOMAIN_MAX)
            return "its domain is longer than 255 octets";
        dot = peek(p) == '.';
        domain[len++] = p->text[p->pos++];
        *end_r = p->pos;
        if (dot || is_end(p) || !is_domain_char(peek(p))) {
            if (!skip_blanks(p))
                return not_closed;
            if (!dot && peek(p) != '.')
                break;
        }
    }
    len -= len > 0 && dot ? 1 : 0; /* the root's dot, which SMTP does not know */
    domain[len] = '\0';
    if (len == 0)
        return "nothing that is a domain stands behind its @";
    return text_is_utf8(domain, len) ? NULL : "its domain is not valid UTF-8";
}

static bool is_dot_atom(const struct local *l)
{
    for (size_t i = 0; i < l->len; i++) {
        bool dot = l->text[i] == '.';
        if (dot ? i == 0 || i + 1 == l->len || l->text[i - 1] == '.' : !is_atom_char(l->text[i]))
            return false;
    }
    return l->len > 0;
}

/* The local part as the wire wants it; quoted with as few backslashes as can be. */
static size_t write_local(const struct local *l, char out[2 * ADDR_LOCAL_MAX + 3])
{
    size_t n = 0;
    bool quoted = !is_dot_atom(l);
    if (quoted)
        out[n++] = '"';
    for (size_t i = 0; i < l->len; i++) {
        if (l->text[i] == '"' || l->text[i] == '\\')
            out[n++] = '\\';
        out[n++] = l->text[i];
    }
    if (quoted)
        out[n++] = '"';
    out[n] = '\0';
    return n;
}

/* Puts together what was read. What is wrong with it, or NULL. */
static const char *finish(struct addr *a, const struct local *l, const char *domain)
{
    char written[2 * ADDR_LOCAL_MAX + 3];
    if (!l->any)
        return "nothing stands before its @";
    if (l->phrase || (l->blanks && domain == NULL))
        return "these are several words";
    if (l->too_long || write_local(l, written) > ADDR_LOCAL_MAX)
        return "it is longer than 254 octets";
    if (memchr(l->text, '\t', l->len) != NULL || !text_is_utf8(l->text, l->len))
        return "the part before its @ is not valid UTF-8";
    int n = snprintf(a->spec, sizeof a->spec, "%s%s%s", written, domain != NULL ? "@" : "",
                     domain != NULL ? domain : "");
    return n < (int)sizeof a->spec ? NULL : "it is longer than 254 octets";
}

/* From the "@" that may follow a local part. */
static const char *read_spec_tail(struct addr_parser *p, const struct local *l, struct addr *a)
{
    char domain[ADDR_DOMAIN_MAX + 1];
    a->start = l->start;
    a->end = l->end;
    if (peek(p) != '@')
        return finish(a, l, NULL);
    p->pos++;
    const char *why = read_domain(p, domain, &a->end);
    if (why != NULL || !skip_blanks(p))
        return why != NULL ? why : not_closed;
    return finish(a, l, domain);
}

/* "@relay.example,@other.example:", which nobody has meant since 1989, is passed over. */
static bool skip_route(struct addr_parser *p)
{
    if (peek(p) != '@')
        return true;
    while (!is_end(p) && peek(p) != ':' && peek(p) != '>')
        p->pos++;
    if (peek(p) != ':')
        return false;
    p->pos++;
    return skip_blanks(p);
}

/* Behind "<". */
static const char *read_angle(struct addr_parser *p, struct addr *a)
{
    struct local l;
    if (!skip_blanks(p) || !skip_route(p))
        return "what stands in its < > is not an address";
    a->start = a->end = p->pos;
    a->spec[0] = '\0';
    const char *why = NULL;
    if (peek(p) != '>')
        why = !read_local(p, &l) ? not_closed : read_spec_tail(p, &l, a);
    if (why != NULL)
        return why;
    if (peek(p) != '>')
        return "its < is not closed by >";
    p->pos++;
    return skip_blanks(p) ? NULL : not_closed;
}

/* Behind what was bad: the next comma that stands in no quotes. From where reading stopped, so that
 * no octet is looked at twice, however many members are bad. */
static void skip_member(struct addr_parser *p)
{
    bool quoted = false;
    for (; !is_end(p); p->pos++) {
        char c = peek(p);
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            p->pos++;
            return;
        }
    }
}

/* Whether this member has its address in < >. Then all before it is only a name, and people write
 * anything into names: dots, brackets, the address itself. Steps onto the "<" if so. False: a quote
 * or comment is not closed. */
static bool find_angle(struct addr_parser *p, bool *found_r)
{
    struct addr_parser ahead = *p;
    *found_r = false;
    while (!is_end(&ahead) && strchr(",;:", peek(&ahead)) == NULL) {
        char c = ahead.text[ahead.pos];
        if (c == '<') {
            *found_r = true;
            p->pos = ahead.pos;
            return true;
        }
        if (c == '(' ? !skip_comment(&ahead) : c == '"' && !skip_quoted(&ahead)) {
            p->pos = p->len;
            return false;
        }
        ahead.pos += c == '(' || c == '"' ? 0 : 1;
    }
    return true;
}

static bool is_separator(char c)
{
    return c == ',' || c == ';';
}

void addr_begin(struct addr_parser *p, const char *text, size_t n)
{
    *p = (struct addr_parser){.text = text, .len = n};
}

/* Steps over separators and empty members; false: a comment is not closed. */
static bool skip_separators(struct addr_parser *p)
{
    while (skip_blanks(p)) {
        if (is_end(p) || !is_separator(peek(p)))
            return true;
        p->in_group = p->in_group && peek(p) != ';';
        p->pos++;
    }
    return false;
}

/* One member, or the name of a group (then *name_r). What is wrong with it, or NULL. */
static const char *read_member(struct addr_parser *p, struct addr *a, bool *name_r)
{
    struct local l;
    bool angle = false;
    const char *why = NULL;
    if (!find_angle(p, &angle))
        return not_closed;
    if (angle) {
        p->pos++;
        why = read_angle(p, a);
    } else if (!read_local(p, &l)) {
        return not_closed;
    } else if (peek(p) == ':' && l.any && !p->in_group) {
        p->pos++;
        p->in_group = *name_r = true;
        return NULL;
    } else {
        why = read_spec_tail(p, &l, a);
    }
    if (why == NULL && !is_end(p) && !is_separator(p->text[p->pos]))
        return "something stands behind it that does not belong there";
    return why;
}

enum addr_event addr_next(struct addr_parser *p, struct addr *addr_r, struct err *err)
{
    bool group_name = true;
    while (group_name) {
        group_name = false;
        size_t from = p->pos;
        const char *why = not_closed;
        if (skip_separators(p)) {
            if (is_end(p))
                return ADDR_END;
            from = p->pos;
            why = read_member(p, addr_r, &group_name);
        }
        if (why != NULL) {
            skip_member(p);
            bool comma = p->pos > from && p->text[p->pos - 1] == ',';
            addr_r->start = from;
            addr_r->end = p->pos - (comma ? 1 : 0);
            (void)bad(p->text + from, addr_r->end - from, why, err);
            return ADDR_BAD;
        }
    }
    return ADDR_GOT;
}

bool addr_one(const char *text, char spec_r[ADDR_SPEC_SIZE], struct err *err)
{
    struct addr_parser p;
    struct addr a, more;
    addr_begin(&p, text, strlen(text));
    spec_r[0] = '\0';
    switch (addr_next(&p, &a, err)) {
    case ADDR_END:
        return true;
    case ADDR_BAD:
        return false;
    case ADDR_GOT:
        break;
    }
    if (addr_next(&p, &more, err) != ADDR_END)
        return bad(text, strlen(text), "one address is wanted", err);
    memcpy(spec_r, a.spec, ADDR_SPEC_SIZE);
    return true;
}

const char *addr_domain(const char *spec)
{
    const char *at = strrchr(spec, '@');
    return at != NULL && !text_ends(at, "\"") ? at + 1 : NULL;
}

bool addr_qualify(char spec[ADDR_SPEC_SIZE], const char *domain, struct err *err)
{
    size_t n = strlen(spec);
    if (addr_domain(spec) != NULL)
        return true;
    int tail = snprintf(spec + n, ADDR_SPEC_SIZE - n, "@%s", domain);
    if (tail >= (int)(ADDR_SPEC_SIZE - n)) {
        spec[n] = '\0';
        return err_set(err, ERR_DATA, "The address \"%s\" with the domain \"%s\" is longer than 254 octets.",
                       spec, domain);
    }
    return true;
}

/* The octets of the UTF-8 character that begins with c. */
static size_t char_length(char c)
{
    unsigned char u = (unsigned char)c;
    return u < 0xC0 ? 1 : u < 0xE0 ? 2 : u < 0xF0 ? 3 : 4;
}

/* Encoded words (RFC 2047) of at most 75 octets, each of whole characters, a line for each. */
static bool add_encoded(struct str *out, const char *name, struct err *err)
{
    while (*name != '\0') {
        size_t n = 0;
        while (name[n] != '\0' && n + char_length(name[n]) <= ENCODED_WORD_OCTETS)
            n += char_length(name[n]);
        if (!str_addz(out, "=?utf-8?B?", err) || !text_add_base64(out, name, n, err) ||
            !str_addz(out, "?=\r\n ", err))
            return false;
        name += n;
    }
    return true;
}

static bool add_quoted(struct str *out, const char *name, struct err *err)
{
    if (!str_addc(out, '"', err))
        return false;
    for (; *name != '\0'; name++)
        if ((strchr("\"\\", *name) != NULL && !str_addc(out, '\\', err)) || !str_addc(out, *name, err))
            return false;
    return str_addz(out, "\" ", err);
}

/* Atoms and blanks need no quotes. */
static bool is_plain_phrase(const char *name)
{
    for (; *name != '\0'; name++)
        if (*name != ' ' && !is_atom_char(*name))
            return false;
    return true;
}

bool addr_add_mailbox(struct str *out, const char *name, const char *spec, struct err *err)
{
    size_t n = name != NULL ? strlen(name) : 0;
    if (n == 0 || n > ADDR_NAME_MAX || !text_is_utf8(name, n) || text_has_control(name, n))
        return str_addz(out, spec, err);
    bool named = !text_is_ascii(name, n) ? add_encoded(out, name, err)
                 : is_plain_phrase(name) ? str_addz(out, name, err) && str_addc(out, ' ', err)
                                         : add_quoted(out, name, err);
    return named && str_addf(out, err, "<%s>", spec);
}
