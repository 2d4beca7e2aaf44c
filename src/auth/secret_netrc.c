/* secret_netrc - ~/.netrc, as ftp(1) wrote it down and fetchmail, curl and msmtp read it.
 *
 *   file    = *( "machine" NAME *pair | "default" *pair | "macdef" NAME LF lines up to an empty one )
 *   pair    = ("login" | "password" | "account") VALUE
 *   VALUE   = word, or "words in quotes"; a backslash takes the next character as it is
 *   "#" where a keyword could stand begins a comment to the end of the line */
#include "auth/secret_source.h"

#include <string.h>

#include "base/fs.h"
#include "base/text.h"

#define WORD_MAX SECRET_MAX

struct scan {
    const char *at, *end;
    struct str word;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_line(struct scan *s)
{
    while (s->at < s->end && *s->at != '\n')
        s->at++;
}

/* The next word into s->word; *more_r false at the end of the file. */
static bool next_word(struct scan *s, bool *more_r, struct err *err)
{
    str_clear(&s->word);
    while (s->at < s->end && is_blank(*s->at))
        s->at++;
    *more_r = s->at < s->end;
    bool quoted = *more_r && *s->at == '"';
    bool ok = true;
    s->at += quoted;
    while (ok && s->at < s->end && (quoted ? *s->at != '"' : !is_blank(*s->at))) {
        if (*s->at == '\\' && s->at + 1 < s->end)
            s->at++;
        ok = str_addc(&s->word, *s->at++, err);
    }
    s->at += quoted && s->at < s->end;
    return ok;
}

static bool next_keyword(struct scan *s, bool *more_r, struct err *err)
{
    for (;;) {
        while (s->at < s->end && is_blank(*s->at))
            s->at++;
        if (s->at == s->end || *s->at != '#')
            return next_word(s, more_r, err);
        skip_line(s);
    }
}

/* A macro ends at an empty line, and so does our interest in it. */
static void skip_macro(struct scan *s)
{
    do {
        skip_line(s);
        s->at += s->at < s->end;
    } while (s->at < s->end && *s->at != '\n' && *s->at != '\r');
}

struct entry {
    bool host_fits, login_fits, has_password;
    struct str *password;
};

static bool read_pair(struct scan *s, const char *login, struct entry *entry, struct err *err)
{
    bool more;
    bool is_login = str_eqz(&s->word, "login"), is_password = str_eqz(&s->word, "password");
    if (!is_login && !is_password && !str_eqz(&s->word, "account"))
        return true;
    if (!next_word(s, &more, err))
        return false;
    if (is_login)
        entry->login_fits = login == NULL || str_eqz(&s->word, login);
    if (!is_password || !entry->host_fits)
        return true;
    str_clear(entry->password);
    entry->has_password = s->word.len > 0;
    return str_add(entry->password, s->word.buf, s->word.len, err);
}

static bool fits(const struct entry *entry)
{
    return entry->host_fits && entry->login_fits && entry->has_password;
}

/* One keyword and what belongs to it. */
static bool read_keyword(struct scan *s, const char *host, const char *login, struct entry *entry,
                         struct err *err)
{
    bool more;
    if (str_eqz(&s->word, "machine")) {
        bool ok = next_word(s, &more, err);
        entry->host_fits = ok && host != NULL && text_eq_nocase(s->word.buf, host);
        entry->login_fits = true;
        entry->has_password = false;
        return ok;
    }
    if (str_eqz(&s->word, "default")) {
        entry->host_fits = entry->login_fits = true;
        entry->has_password = false;
    } else if (str_eqz(&s->word, "macdef")) {
        skip_macro(s);
    } else {
        return read_pair(s, login, entry, err);
    }
    return true;
}

enum secret_answer secret_netrc_find(const char *text, size_t n, const char *host, const char *login,
                                     struct str *out, struct err *err)
{
    struct scan s = {.at = text, .end = text + n};
    struct entry entry = {.password = out};
    bool more = true;
    str_init(&s.word, WORD_MAX);
    bool ok = str_reserve(&s.word, WORD_MAX, err) && str_reserve(out, out->max, err);
    while (ok && more) {
        ok = next_keyword(&s, &more, err);
        bool next_entry = str_eqz(&s.word, "machine") || str_eqz(&s.word, "default");
        if (!ok || (fits(&entry) && (next_entry || !more)))
            break;
        ok = read_keyword(&s, host, login, &entry, err);
    }
    str_wipe(&s.word);
    if (ok && fits(&entry))
        return SECRET_FOUND;
    str_wipe(out);
    return ok ? SECRET_ABSENT : SECRET_FAILED;
}

enum secret_answer secret_ask_netrc(const char *rest, const struct secret_query *query, struct secret *out,
                                    struct err *err)
{
    (void)rest;
    struct str path = STR_INIT(4096), text = STR_INIT(SECRET_SOURCE_MAX);
    enum secret_answer answer = SECRET_FAILED;
    if (secret_file_path("~/.netrc", NULL, &path, err))
        answer = secret_read_file(path.buf, &text, err);
    if (answer == SECRET_FOUND)
        answer = secret_netrc_find(text.buf, text.len, query->host, query->login, &out->bytes, err);
    str_wipe(&text);
    str_free(&path);
    return answer;
}
