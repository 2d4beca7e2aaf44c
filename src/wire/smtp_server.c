/* smtp_server - see smtp_server.h. */
#include "wire/smtp_server.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* -- replies -- */

static bool refuse(struct err *err, int code, const char *enhanced, const char *text)
{
    err_set(err, ERR_PROTOCOL, "%s", text);
    err->code = code;
    snprintf(err->enhanced, sizeof err->enhanced, "%s", enhanced);
    return false;
}

static bool bad_syntax(struct err *err, const char *text)
{
    return refuse(err, 501, "5.5.4", text);
}

/* -- words -- */

struct line {
    const char *at, *end;
};

static void skip_blanks(struct line *l)
{
    while (l->at < l->end && (*l->at == ' ' || *l->at == '\t'))
        l->at++;
}

/* The next word, up to a blank or the end; empty at the end. */
static size_t next_word(struct line *l, const char **word_r)
{
    skip_blanks(l);
    *word_r = l->at;
    while (l->at < l->end && *l->at != ' ' && *l->at != '\t')
        l->at++;
    return (size_t)(l->at - *word_r);
}

static bool is_word(const char *word, size_t n, const char *wanted)
{
    return n == strlen(wanted) && text_eqn_nocase(word, wanted, n);
}

static bool read_number(const char *digits, size_t n, uint64_t *out)
{
    char z[21];
    if (n == 0 || n >= sizeof z || memchr(digits, '\0', n) != NULL)
        return false;
    memcpy(z, digits, n);
    z[n] = '\0';
    return text_u64(z, UINT64_MAX, out);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* xtext decoded into `out`. What comes out has no control characters, and is UTF-8 (RFC 6533 lets octets over 127
 * stand in it). */
static bool read_xtext(const char *text, size_t n, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '+') {
            int high = i + 1 < n ? hex_digit(text[i + 1]) : -1, low = i + 2 < n ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '=') {
            return false;
        }
        if (len + 1 >= size)
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return len > 0 && !text_has_control(out, len) && text_is_utf8(out, len);
}

/* -- paths -- */

/* How long the path at l->at is: up to its ">", which no quote hides, or up to a blank. */
static size_t path_length(const struct line *l)
{
    bool quoted = false;
    const char *p = l->at;
    for (; p < l->end; p++) {
        if (quoted && *p == '\\' && p + 1 < l->end)
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && *l->at == '<' ? *p == '>' : !quoted && (*p == ' ' || *p == '\t'))
            return (size_t)(p - l->at) + (*p == '>' ? 1 : 0);
    }
    return (size_t)(p - l->at);
}

/* "FROM:<ada@example.org>". The null path only where it may stand. */
static bool read_path(struct line *l, const char *keyword, bool may_be_null, char path[ADDR_SPEC_SIZE],
                      struct err *err)
{
    char text[SMTP_SERVER_LINE_MAX + 1];
    struct err why;
    skip_blanks(l);
    const size_t left = (size_t)(l->end - l->at);
    if (left < strlen(keyword) || !text_eqn_nocase(l->at, keyword, strlen(keyword)))
        return bad_syntax(err, may_be_null ? "MAIL is followed by FROM:<address>."
                                           : "RCPT is followed by TO:<address>.");
    l->at += strlen(keyword);
    skip_blanks(l);
    size_t n = path_length(l);
    memcpy(text, l->at, n);
    text[n] = '\0';
    l->at += n;
    if (!addr_one(text, path, &why))
        return refuse(err, 501, may_be_null ? "5.1.7" : "5.1.3", why.what);
    if (path[0] == '\0' && !(may_be_null && strcmp(text, "<>") == 0))
        return refuse(err, 501, may_be_null ? "5.1.7" : "5.1.3", "There is no address.");
    return true;
}

/* -- parameters -- */

struct parameter {
    const char *name;
    bool of_mail; /* else of RCPT */
    bool has_value;
    bool (*read)(const char *value, size_t n, struct smtp_request *r);
};

static bool read_size(const char *value, size_t n, struct smtp_request *r)
{
    return read_number(value, n, &r->size);
}

/* What the text is made of is seen when it comes. */
static bool read_body(const char *value, size_t n, struct smtp_request *r)
{
    (void)r;
    return is_word(value, n, "7BIT") || is_word(value, n, "8BITMIME");
}

static bool read_smtputf8(const char *value, size_t n, struct smtp_request *r)
{
    (void)value;
    (void)r;
    return n == 0;
}

static bool read_ret(const char *value, size_t n, struct smtp_request *r)
{
    r->ret = is_word(value, n, "FULL") ? RET_FULL : is_word(value, n, "HDRS") ? RET_HDRS : RET_UNSET;
    return r->ret != RET_UNSET;
}

static bool read_envid(const char *value, size_t n, struct smtp_request *r)
{
    return read_xtext(value, n, r->envid, sizeof r->envid) && text_is_ascii(r->envid, strlen(r->envid));
}

static bool read_notify(const char *value, size_t n, struct smtp_request *r)
{
    char list[64];
    if (n >= sizeof list || memchr(value, '\0', n) != NULL)
        return false;
    memcpy(list, value, n);
    list[n] = '\0';
    return envelope_notify_parse(list, &r->notify);
}

/* addr-type ";" xtext: the type is an atom, and stands in front as it is. */
static bool read_orcpt(const char *value, size_t n, struct smtp_request *r)
{
    const char *semicolon = memchr(value, ';', n);
    size_t type = semicolon != NULL ? (size_t)(semicolon - value) : 0;
    if (type == 0 || type > 40 || n - type < 2)
        return false;
    for (size_t i = 0; i < type; i++)
        if (!(value[i] == '-' || (value[i] >= '0' && value[i] <= '9') ||
              (text_lower(value[i]) >= 'a' && text_lower(value[i]) <= 'z')))
            return false;
    memcpy(r->orcpt, value, type + 1);
    return read_xtext(semicolon + 1, n - type - 1, r->orcpt + type + 1, sizeof r->orcpt - type - 1);
}

static const struct parameter parameters[] = {
    {"SIZE", true, true, read_size},          {"BODY", true, true, read_body},
    {"SMTPUTF8", true, false, read_smtputf8}, {"RET", true, true, read_ret},
    {"ENVID", true, true, read_envid},        {"NOTIFY", false, true, read_notify},
    {"ORCPT", false, true, read_orcpt},
};

static bool refuse_parameter(struct err *err, int code, const char *name, size_t n, const char *why)
{
    char shown[64], text[160];
    text_clean(shown, sizeof shown, name, n);
    snprintf(text, sizeof text, "The parameter %s %s.", shown, why);
    return refuse(err, code, "5.5.4", text);
}

static bool read_parameter(const char *word, size_t n, unsigned *seen, struct smtp_request *r,
                           struct err *err)
{
    const char *equals = memchr(word, '=', n);
    const size_t name = equals != NULL ? (size_t)(equals - word) : n;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        const struct parameter *p = &parameters[i];
        if (p->of_mail != (r->verb == SMTP_VERB_MAIL) || !is_word(word, name, p->name))
            continue;
        if ((*seen & 1u << i) != 0)
            return refuse_parameter(err, 501, word, name, "stands twice");
        *seen |= 1u << i;
        const char *value = equals != NULL ? equals + 1 : word + n;
        if (p->has_value != (equals != NULL) || !p->read(value, (size_t)(word + n - value), r))
            return refuse_parameter(err, 501, word, name, "has no value that can be understood");
        return true;
    }
    return refuse_parameter(err, 555, word, name, "is not known here");
}

static bool read_address_command(struct line *l, struct smtp_request *r, struct err *err)
{
    const bool mail = r->verb == SMTP_VERB_MAIL;
    const char *word;
    unsigned seen = 0;
    size_t n;
    if (!read_path(l, mail ? "FROM:" : "TO:", mail, r->path, err))
        return false;
    if (l->at < l->end && *l->at != ' ' && *l->at != '\t')
        return bad_syntax(err, "A blank belongs behind the address.");
    while ((n = next_word(l, &word)) > 0)
        if (!read_parameter(word, n, &seen, r, err))
            return false;
    return true;
}

/* -- the other commands -- */

static bool read_bdat(struct line *l, struct smtp_request *r, struct err *err)
{
    const char *word;
    size_t n = next_word(l, &word);
    uint64_t size;
    if (!read_number(word, n, &size))
        return bad_syntax(err, "BDAT is followed by a number of octets.");
    r->size = size;
    n = next_word(l, &word);
    r->last = is_word(word, n, "LAST");
    return ((n == 0 || r->last) && next_word(l, &word) == 0) ||
           bad_syntax(err, "Nothing but LAST may follow the number of octets.");
}

static bool read_nothing(struct line *l, struct smtp_request *r, struct err *err)
{
    const char *word;
    (void)r;
    return next_word(l, &word) == 0 || bad_syntax(err, "Nothing may follow this command.");
}

static bool read_anything(struct line *l, struct smtp_request *r, struct err *err)
{
    (void)l;
    (void)r;
    (void)err;
    return true;
}

static bool read_name(struct line *l, struct smtp_request *r, struct err *err)
{
    const char *word;
    (void)r;
    return next_word(l, &word) > 0 || bad_syntax(err, "The name of the client is missing.");
}

static const struct command {
    const char *name;
    bool (*read)(struct line *l, struct smtp_request *r, struct err *err);
} commands[] = {
    [SMTP_VERB_HELO] = {"HELO", read_name},
    [SMTP_VERB_EHLO] = {"EHLO", read_name},
    [SMTP_VERB_MAIL] = {"MAIL", read_address_command},
    [SMTP_VERB_RCPT] = {"RCPT", read_address_command},
    [SMTP_VERB_DATA] = {"DATA", read_nothing},
    [SMTP_VERB_BDAT] = {"BDAT", read_bdat},
    [SMTP_VERB_RSET] = {"RSET", read_nothing},
    [SMTP_VERB_NOOP] = {"NOOP", read_anything},
    [SMTP_VERB_VRFY] = {"VRFY", read_anything},
    [SMTP_VERB_HELP] = {"HELP", read_anything},
    [SMTP_VERB_QUIT] = {"QUIT", read_nothing},
};

static bool read_command(const char *line, size_t n, struct smtp_request *r, struct err *err)
{
    struct line l = {.at = line, .end = line + n};
    const char *word;
    if (n > SMTP_SERVER_LINE_MAX)
        return refuse(err, 500, "5.5.6", "The line is too long.");
    if (memchr(line, '\0', n) != NULL)
        return refuse(err, 500, "5.5.2", "The line has a NUL in it.");
    const size_t verb = next_word(&l, &word);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (is_word(word, verb, commands[i].name)) {
            r->verb = (enum smtp_verb)i;
            return commands[i].read(&l, r, err);
        }
    }
    return refuse(err, 500, "5.5.1", "This command is not known here.");
}

/* -- their order -- */

static bool may_stand(const struct smtp_server *s, const struct smtp_request *r, struct err *err)
{
    switch (r->verb) {
    case SMTP_VERB_MAIL:
        return !s->mail || refuse(err, 503, "5.5.1", "MAIL was said already.");
    case SMTP_VERB_RCPT:
        return (s->mail && !s->chunks) ||
               refuse(err, 503, "5.5.1", "RCPT comes behind MAIL and before the text.");
    case SMTP_VERB_DATA:
    case SMTP_VERB_BDAT:
        if (!s->mail || (s->chunks && r->verb == SMTP_VERB_DATA))
            return refuse(err, 503, "5.5.1", "The text comes behind MAIL and RCPT, by DATA or by BDAT.");
        return s->rcpt || refuse(err, 554, "5.5.1", "No recipient was accepted.");
    default:
        return true;
    }
}

bool smtp_server_read(struct smtp_server *s, const char *line, size_t n, struct smtp_request *r_r,
                      struct err *err)
{
    *r_r = (struct smtp_request){.verb = SMTP_VERB_NOOP};
    if (read_command(line, n, r_r, err) && may_stand(s, r_r, err)) {
        s->faults = 0;
        return true;
    }
    if (++s->faults >= SMTP_SERVER_FAULTS_MAX)
        return refuse(err, 421, "4.7.0", "These are too many commands that cannot be understood.");
    return false;
}

void smtp_server_did(struct smtp_server *s, const struct smtp_request *r)
{
    s->mail = s->mail || r->verb == SMTP_VERB_MAIL;
    s->rcpt = s->rcpt || r->verb == SMTP_VERB_RCPT;
    s->chunks = s->chunks || r->verb == SMTP_VERB_BDAT;
}

void smtp_server_reset(struct smtp_server *s)
{
    *s = (struct smtp_server){.faults = s->faults};
}

/* -- the text behind DATA -- */

/* One octet of which is known that it belongs to the text. */
static bool put(struct smtp_text *t, char c, struct str *out, struct err *err)
{
    if (c == '\r')
        t->at = SMTP_TEXT_CR;
    else
        t->at = c == '\n' && (t->lf || t->at == SMTP_TEXT_CR) ? SMTP_TEXT_START : SMTP_TEXT_IN_LINE;
    return str_addc(out, c, err);
}

static bool add_octet(struct smtp_text *t, char c, struct str *out, struct err *err)
{
    switch (t->at) {
    case SMTP_TEXT_START:
        if (c == '.') {
            t->at = SMTP_TEXT_DOT;
            return true;
        }
        break;
    case SMTP_TEXT_DOT: /* taken off; the end, if nothing else stands in the line */
        t->ended = c == '\n' && t->lf;
        if (c == '\r')
            t->at = SMTP_TEXT_DOT_CR;
        if (t->ended || c == '\r')
            return true;
        break;
    case SMTP_TEXT_DOT_CR:
        t->ended = c == '\n';
        if (t->ended)
            return true;
        if (!put(t, '\r', out, err))
            return false;
        break;
    default:
        break;
    }
    return put(t, c, out, err);
}

/* The octets up to the next one that may end a line. */
static size_t plain_run(const char *bytes, size_t n)
{
    size_t run = 0;
    while (run < n && bytes[run] != '\r' && bytes[run] != '\n')
        run++;
    return run;
}

bool smtp_text_add(struct smtp_text *t, const char *bytes, size_t n, struct str *out, size_t *taken_r,
                   struct err *err)
{
    size_t i = 0;
    while (i < n && !t->ended) {
        size_t run = t->at == SMTP_TEXT_IN_LINE ? plain_run(bytes + i, n - i) : 0;
        if (run > 0 ? !str_add(out, bytes + i, run, err) : !add_octet(t, bytes[i], out, err))
            return false;
        i += run > 0 ? run : 1;
    }
    *taken_r = i;
    return true;
}
