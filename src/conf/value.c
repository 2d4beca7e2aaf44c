/* value - one option's text into its place; value_show.c has the way back. Quotes, commas and the rule about ` ;` and
 * ` #` are here, because what they mean depends on the option's type. */
#include "conf/value_impl.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strv.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/options.h"

#define VALUE_MAX 16384

bool value_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* -- quotes and comments -- */

/* A comment behind a value is read as part of it by some programs and dropped by others. */
static bool comment_behind(struct err *err)
{
    err_set(err, ERR_CONFIG, "A `;` or `#` behind a blank looks like a comment behind the value.");
    return err_hint(
        err,
        "Put the comment on a line of its own; if it belongs to the value, put \"...\" around the value.");
}

bool value_starts_comment(const char *s, const char *at)
{
    return (*at == ';' || *at == '#') && (at == s || value_is_blank(at[-1]));
}

/* take_quoted - the text between double quotes at *at; a quote inside is doubled */
static bool take_quoted(const char **at, struct str *out, struct err *err)
{
    const char *s = *at + 1;
    for (; *s && (*s != '"' || s[1] == '"'); s++) {
        if (*s == '"')
            s++;
        if (!str_addc(out, *s, err))
            return false;
    }
    *at = *s ? s + 1 : s;
    if (*s == '"')
        return true;
    err_set(err, ERR_CONFIG, "A double quote is opened and never closed.");
    return err_hint(err,
                    "Close it at the end of the value; a quote that belongs to the value is written twice.");
}

/* take_plain - text without quotes up to `stop` or the end, blanks at its end dropped */
static bool take_plain(const char **at, char stop, struct str *out, struct err *err)
{
    const char *start = *at;
    const char *s = start;
    for (; *s && *s != stop; s++)
        if (value_starts_comment(start, s))
            return comment_behind(err);
    *at = s;
    while (s > start && value_is_blank(s[-1]))
        s--;
    return str_add(out, start, (size_t)(s - start), err);
}

/* take_item - a quoted or plain text up to `stop` (0: the end of the line) */
static bool take_item(const char **at, char stop, struct str *out, struct err *err)
{
    str_clear(out);
    if (**at != '"')
        return take_plain(at, stop, out, err);
    if (!take_quoted(at, out, err))
        return false;
    *at = skip_blanks(*at);
    if (**at == '\0' || **at == stop)
        return true;
    if (**at == ';' || **at == '#')
        return comment_behind(err);
    err_set(err, ERR_CONFIG, "Something follows the closing double quote.");
    return err_hint(err,
                    "Put the quotes around the whole value; a quote that belongs to it is written twice.");
}

/* -- lists -- */

bool value_takes_the_rest(const char *s)
{
    static const char *const words[] = {"command", "file"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_starts(s, words[i]) && value_is_blank(s[strlen(words[i])]))
            return true;
    return false;
}

static bool check_source(const char *item, struct err *err)
{
    static const char *const words[] = {"keyring", "command", "file", "credential", "netrc", "prompt", NULL};
    char word[16];
    size_t n = strcspn(item, " \t");
    size_t known = 0;
    snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), item);
    while (words[known] && strcmp(words[known], word) != 0)
        known++;
    if (!words[known]) { /* what stands there may be the password itself: it is not repeated */
        const char *near = text_nearest(word, words);
        err_set(err, ERR_CONFIG, "This is no place that a password can come from.");
        return near
                   ? err_hint(err, "Did you mean `%s`?", near)
                   : err_hint(err,
                              "Known are: keyring, command ARGV, file PATH, credential NAME, netrc, prompt.");
    }
    bool needs_more = known >= 1 && known <= 3;
    bool has_more = *skip_blanks(item + n) != '\0';
    if (needs_more == has_more)
        return true;
    if (has_more)
        return err_set(err, ERR_CONFIG, "Nothing may follow `%s`.", word);
    err_set(err, ERR_CONFIG, "`%s` needs something behind it.", word);
    return err_hint(err, known == 1   ? "Write the command and its arguments: command pass show mail"
                         : known == 2 ? "Write the path of the file: file ~/.config/tappal/secrets/work"
                                      : "Write the credential's name: credential mail");
}

static bool add_source(struct strv *list, const char *item, struct err *err)
{
    return check_source(item, err) && strv_add(list, item, err);
}

static bool set_list(struct strv *list, const char *raw, bool sources, struct err *err)
{
    struct str item = STR_INIT(VALUE_MAX);
    const char *at = raw;
    bool ok = true;
    for (bool more = true; ok && more;) {
        at = skip_blanks(at);
        if (sources && value_takes_the_rest(at)) {
            ok = add_source(list, at, err);
            break;
        }
        ok = take_item(&at, ',', &item, err);
        if (ok && item.len == 0) {
            ok = err_set(err, ERR_CONFIG, "There is an empty item in the list.");
            err_hint(err, "Look for a comma too many.");
        }
        ok = ok && (sources ? add_source(list, item.buf, err) : strv_add(list, item.buf, err));
        more = *at == ',';
        at += more;
    }
    str_free(&item);
    return ok;
}

/* check_argv - a comment sign outside of quotes; `sh:` takes the whole line */
static bool check_argv(const char *raw, struct err *err)
{
    char quote = '\0';
    if (text_starts(raw, "sh:"))
        return true;
    for (const char *s = raw; *s; s++) {
        if (quote ? *s == quote : (*s == '"' || *s == '\''))
            quote = quote ? '\0' : *s;
        else if (!quote && value_starts_comment(raw, s))
            return comment_behind(err);
    }
    return true;
}

static bool set_argv(struct strv *list, const char *raw, struct err *err)
{
    strv_free(list);
    return check_argv(raw, err) && text_split_argv(raw, list, err) &&
           (list->count > 0 || err_set(err, ERR_CONFIG, "There is no command."));
}

/* set_deliver - `command ARGV`, or `lmtp SOCKET RECIPIENT` */
static bool set_deliver(struct strv *list, const char *raw, const struct person *person, struct err *err)
{
    struct strv argv = STRV_INIT;
    struct str path = STR_INIT(VALUE_MAX);
    size_t n = strcspn(raw, " \t");
    const bool lmtp = n == strlen("lmtp") && text_starts(raw, "lmtp");
    bool ok = lmtp || (n == strlen("command") && text_starts(raw, "command"));
    if (!ok) {
        err_set(err, ERR_CONFIG, "`deliver` is `command` or `lmtp`, not `%.*s`.", (int)n, raw);
        err_hint(err,
                 "Write it like this: deliver = command maildrop, or: deliver = lmtp /run/dovecot/lmtp ada");
    }
    ok = ok && set_argv(&argv, skip_blanks(raw + n), err);
    if (ok && lmtp && argv.count != 2) {
        ok = err_set(err, ERR_CONFIG, "`deliver = lmtp` needs the path of a socket and one recipient.");
        err_hint(err, "Write it like this: deliver = lmtp /run/dovecot/lmtp ada@example.org");
    }
    strv_free(list);
    ok = ok && strv_add(list, lmtp ? "lmtp" : "command", err);
    if (ok && lmtp)
        ok = person_expand_path(person, argv.items[0], &path, err) && strv_add(list, path.buf, err) &&
             strv_add(list, argv.items[1], err);
    for (size_t i = 0; ok && !lmtp && i < argv.count; i++)
        ok = strv_add(list, argv.items[i], err);
    strv_free(&argv);
    str_free(&path);
    return ok;
}

/* -- single values -- */

static bool set_text(char **field, const char *value, struct err *err)
{
    char *copy = strdup(value);
    if (!copy)
        return err_nomem(err);
    free(*field);
    *field = copy;
    return true;
}

static bool bad_address(const char *value, struct err *err)
{
    err_set(err, ERR_CONFIG, "`%s` is not a mail address.", value);
    return err_hint(err, "Write it like this: ada@example.org");
}

static bool set_address(char **field, const char *value, const struct person *person, struct err *err)
{
    struct str full = STR_INIT(VALUE_MAX);
    bool ok = person_expand_names(person, value, &full, err);
    const char *at = strrchr(full.buf, '@');
    if (ok && (!at || at == full.buf || at[1] == '\0' || full.buf[strcspn(full.buf, " \t<>,;")] != '\0'))
        ok = bad_address(full.buf, err);
    ok = ok && set_text(field, full.buf, err);
    str_free(&full);
    return ok;
}

static bool set_domain(char **field, const char *value, struct err *err)
{
    if (value[strcspn(value, " \t@/,")] != '\0') {
        err_set(err, ERR_CONFIG, "`%s` is not the name of a domain or host.", value);
        return err_hint(err, "Write only the name, like this: mail.example.org");
    }
    return set_text(field, value, err);
}

static bool set_ip(char **field, const char *value, struct err *err)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1)
        return set_text(field, value, err);
    err_set(err, ERR_CONFIG, "`%s` is not an IP address.", value);
    return err_hint(err, "Write one of this machine's addresses, like 192.0.2.7 or 2001:db8::7.");
}

/* The value is never shown: a proxy's password may be in it. */
static bool set_proxy(char **field, const char *value, struct err *err)
{
    static const char scheme[] = "socks5://";
    const char *host = value + strlen(scheme);
    const char *at = text_starts(value, scheme) ? strrchr(host, '@') : NULL;
    if (at)
        host = at + 1;
    uint64_t port;
    const char *colon = text_starts(value, scheme) ? strrchr(host, ':') : NULL;
    if (colon && colon > host && text_u64(colon + 1, UINT16_MAX, &port) && port > 0 && !strchr(value, ' '))
        return set_text(field, value, err);
    err_set(err, ERR_CONFIG, "This is not the address of a SOCKS proxy.");
    return err_hint(
        err, "Write socks5://host:port or socks5://user:password@host:port; the server's name is always "
             "looked up by the proxy.");
}

static const struct conf_word *find_word(const struct conf_word *words, const char *value)
{
    for (; words && words->word; words++)
        if (strcmp(words->word, value) == 0)
            return words;
    return NULL;
}

static bool set_path(const struct conf_option *option, char **field, const char *value,
                     const struct person *person, struct err *err)
{
    struct str full = STR_INIT(VALUE_MAX);
    if (find_word(option->words, value) || text_starts(value, "pkcs11:"))
        return set_text(field, value, err);
    bool ok = person_expand_path(person, value, &full, err) && set_text(field, full.buf, err);
    str_free(&full);
    return ok;
}

static bool parse_port(const char *value, uint16_t *port, struct err *err)
{
    uint64_t n = 0;
    if (!text_u64(value, UINT16_MAX, &n) || n == 0) {
        err_set(err, ERR_CONFIG, "`%s` is not a port.", value);
        return err_hint(
            err, "A port is a number from 1 to 65535: 465 or 587 for sending, 993 for IMAP, 995 for POP3.");
    }
    *port = (uint16_t)n;
    return true;
}

static bool bad_host(const char *value, struct err *err)
{
    err_set(err, ERR_CONFIG, "`%s` is not the name or address of a server.", value);
    return err_hint(
        err, "Write only the name, like mail.example.org, or name:port; an IPv6 address with a port needs "
             "brackets: [2001:db8::7]:465");
}

/* set_host - name, name:port, [v6], [v6]:port, v6 */
static bool set_host(char **host, uint16_t *port, const char *value, struct err *err)
{
    struct str name = STR_INIT(VALUE_MAX);
    const char *tail = NULL;
    size_t n = strlen(value);
    bool bracket = value[0] == '[';
    if (strchr(value, '/')) /* an URL */
        return bad_host(value, err);
    const char *colon = strchr(value, ':');
    if (bracket) {
        const char *end = strchr(value, ']');
        if (!end || end == value + 1 || (end[1] != '\0' && end[1] != ':'))
            return bad_host(value, err);
        n = (size_t)(end - value - 1);
        tail = end[1] ? end + 2 : NULL;
    } else if (colon && colon == strrchr(value, ':')) {
        n = (size_t)(colon - value);
        tail = colon + 1;
    }
    unsigned char v6[16];
    bool ok = str_add(&name, value + bracket, n, err);
    if (ok && (n == 0 || name.buf[strcspn(name.buf, " \t@/,[]")] != '\0' ||
               (strchr(name.buf, ':') && inet_pton(AF_INET6, name.buf, v6) != 1)))
        ok = bad_host(value, err);
    ok = ok && (!tail || parse_port(tail, port, err)) && set_text(host, name.buf, err);
    str_free(&name);
    return ok;
}

/* An option without a default is absent where it is 0, so nobody may write that. */
static bool set_seconds(const struct conf_option *option, uint32_t *field, const char *value, struct err *err)
{
    uint64_t seconds;
    if (!text_duration(value, &seconds) || seconds > UINT32_MAX || (seconds == 0 && !option->default_text)) {
        err_set(err, ERR_CONFIG, "`%s` is not a length of time.", value);
        return err_hint(err, "Write a number with s, m, h or d behind it: 90s, 5m, 4h, 5d.");
    }
    *field = (uint32_t)seconds;
    return true;
}

static bool not_yet(const char *what, struct err *err)
{
    err_set(err, ERR_CONFIG, "`%s` is not in this version of tappal yet.", what);
    return err_hint(err, "Take it out, or put a # at the beginning of its line.");
}

static bool list_words(const struct conf_word *words, struct str *out, struct err *err)
{
    for (; words->word; words++)
        if (!words->later && (!str_addz(out, out->len ? ", " : "", err) || !str_addz(out, words->word, err)))
            return false;
    return true;
}

static bool set_word(const struct conf_option *option, int *field, const char *value, struct err *err)
{
    const struct conf_word *word = find_word(option->words, value);
    if (word && word->later) {
        char both[64];
        snprintf(both, sizeof both, "%s = %s", option->name, word->word);
        return not_yet(both, err);
    }
    if (word) {
        *field = word->value;
        return true;
    }
    struct str known = STR_INIT(VALUE_MAX);
    if (list_words(option->words, &known, err)) {
        err_set(err, ERR_CONFIG, "`%s` cannot be `%s`.", option->name, value);
        err_hint(err, "It can be one of: %s.", known.buf);
    }
    str_free(&known);
    return false;
}

#define DAY 86400

static bool set_keep(enum keep_mode *field, uint32_t *days, const char *value, struct err *err)
{
    uint64_t seconds;
    if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0) {
        *field = value[0] == 'y' ? KEEP_YES : KEEP_NO;
        return true;
    }
    if (text_ends(value, "d") && text_duration(value, &seconds) && seconds > 0 &&
        seconds / DAY <= UINT32_MAX) {
        *field = KEEP_DAYS;
        *days = (uint32_t)(seconds / DAY);
        return true;
    }
    err_set(err, ERR_CONFIG, "`keep` cannot be `%s`.", value);
    return err_hint(
        err, "It can be yes (mail stays on the server), no (what was fetched is deleted there), or a number "
             "of days after which it is: 30d.");
}

bool value_get_keep(enum keep_mode keep, uint32_t days, struct str *out, struct err *err)
{
    return keep == KEEP_DAYS ? str_addf(out, err, "%ud", days)
                             : str_addz(out, keep == KEEP_NO ? "no" : "yes", err);
}

/* The first of equal times is the one written. */
static const struct {
    const char *word;
    uint32_t seconds;
} times[] = {{"sec", 1},     {"s", 1},       {"second", 1}, {"min", 60},  {"m", 60},
             {"minute", 60}, {"hour", 3600}, {"h", 3600},   {"day", DAY}, {"d", DAY}};

static bool set_rate(struct rate_limit *field, const char *value, struct err *err)
{
    const char *slash = strchr(value, '/');
    char digits[16];
    uint64_t count;
    snprintf(digits, sizeof digits, "%.*s", slash ? (int)(slash - value) : 0, value);
    if (slash && slash - value < (ptrdiff_t)sizeof digits && text_u64(digits, UINT32_MAX, &count) &&
        count > 0)
        for (size_t i = 0; i < sizeof times / sizeof *times; i++)
            if (strcmp(slash + 1, times[i].word) == 0) {
                *field = (struct rate_limit){(uint32_t)count, times[i].seconds};
                return true;
            }
    err_set(err, ERR_CONFIG, "`rate` cannot be `%s`.", value);
    return err_hint(err,
                    "It is a number of messages in a second, a minute or an hour: 2/sec, 20/min, 300/hour.");
}

bool value_get_rate(const struct rate_limit *rate, struct str *out, struct err *err)
{
    size_t i = 0;
    while (i + 1 < sizeof times / sizeof *times && times[i].seconds != rate->seconds)
        i++;
    return rate->count == 0 || str_addf(out, err, "%u/%s", rate->count, times[i].word);
}

/* set_sent - "maildir DIR", "imap", "imap FOLDER", "off" */
static bool set_sent(enum sent_copy *field, char **to, const char *value, const struct person *person,
                     struct err *err)
{
    const char *rest = value + strcspn(value, " \t");
    size_t n = (size_t)(rest - value);
    struct str full = STR_INIT(VALUE_MAX);
    bool ok = true;
    rest = skip_blanks(rest);
    free(*to);
    *to = NULL;
    if (n == 3 && memcmp(value, "off", n) == 0 && !*rest) {
        *field = SENT_OFF;
    } else if (n == 4 && memcmp(value, "imap", n) == 0) {
        *field = SENT_IMAP;
        ok = !*rest || set_text(to, rest, err);
    } else if (n == 7 && memcmp(value, "maildir", n) == 0 && *rest) {
        *field = SENT_MAILDIR;
        ok = person_expand_path(person, rest, &full, err) && set_text(to, full.buf, err);
    } else {
        err_set(err, ERR_CONFIG, "`sent` cannot be `%s`.", value);
        ok = err_hint(
            err, "It can be: maildir DIR, imap (the server's folder for sent mail), imap FOLDER, or off.");
    }
    str_free(&full);
    return ok;
}

static bool set_number(const struct conf_option *option, uint64_t *field, const char *value, struct err *err)
{
    const bool size = option->type == OPTION_SIZE;
    uint64_t number;
    if ((size ? text_size(value, &number) : text_u64(value, UINT64_MAX, &number)) && number > 0) {
        *field = number;
        return true;
    }
    err_set(err, ERR_CONFIG, "`%s` cannot be `%s`.", option->name, value);
    return err_hint(err, size ? "It is a number of bytes: 512k, 25M, 2G." : "It is a number, 1 or more.");
}

/* set_one - a value that is one text, its quotes undone */
static bool set_one(const struct conf_option *option, char *base, size_t offset, const char *value,
                    const struct person *person, struct err *err)
{
    void *field = base + offset;
    switch (option->type) {
    case OPTION_ADDRESS:
        return set_address(field, value, person, err);
    case OPTION_DOMAIN:
        return set_domain(field, value, err);
    case OPTION_IP:
        return set_ip(field, value, err);
    case OPTION_PROXY:
        return set_proxy(field, value, err);
    case OPTION_PATH:
        return set_path(option, field, value, person, err);
    case OPTION_PORT:
        return parse_port(value, field, err);
    case OPTION_SECONDS:
        return set_seconds(option, field, value, err);
    case OPTION_COUNT:
    case OPTION_SIZE:
        return set_number(option, field, value, err);
    case OPTION_RATE:
        return set_rate(field, value, err);
    case OPTION_ENUM:
        return set_word(option, field, value, err);
    case OPTION_KEEP:
        return set_keep(field, (uint32_t *)(void *)(base + option->also), value, err);
    case OPTION_SENT:
        return set_sent(field, (char **)(void *)(base + option->also), value, person, err);
    case OPTION_HOST:
        return set_host(field, (uint16_t *)(void *)(base + option->also), value, err);
    default:
        return set_text(field, value, err);
    }
}

static bool set_at(const struct conf_option *option, char *base, size_t offset, const char *raw,
                   const struct person *person, struct err *err)
{
    void *field = base + offset;
    if (option_is_list(option))
        return set_list(field, raw, option->type == OPTION_SOURCES, err);
    if (option->type == OPTION_ARGV)
        return set_argv(field, raw, err);
    if (option->type == OPTION_DELIVER)
        return set_deliver(field, raw, person, err);
    struct str value = STR_INIT(VALUE_MAX);
    const char *at = raw;
    bool ok = take_item(&at, '\0', &value, err) && set_one(option, base, offset, value.buf, person, err);
    str_wipe(&value);
    return ok;
}

bool option_set(const struct conf_option *option, void *base, const char *raw, const struct person *person,
                struct err *err)
{
    bool twice = option_is_common(option);
    raw = skip_blanks(raw);
    if (option->later)
        return not_yet(option->name, err);
    if (*raw == '\0' || strcmp(raw, "\"\"") == 0) {
        err_set(err, ERR_CONFIG, "`%s` has no value.", option->name);
        return err_hint(err, "Write one behind the equals sign, or take the line out.");
    }
    return set_at(option, base, option->offset, raw, person, err) &&
           (!twice || set_at(option, base, option->also, raw, person, err));
}
