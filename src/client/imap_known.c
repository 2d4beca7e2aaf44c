/* imap_known - the file:
 *   tappal-imap 1 FELL
 *   who LOGIN@HOST:PORT
 *   greeting WORDS
 *   before CAPABILITIES
 *   after CAPABILITIES
 * See imap_known.h. */
#include "client/imap_known.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

#define FILE_MAX 65536
#define GREETING_MAX 8192
#define WHO_MAX 4096

/* -- reading -- */

static bool who_of(const struct endpoint *server, const char *login, char **who_r, struct err *err)
{
    struct str who = STR_INIT(WHO_MAX);
    const char *host = server->host ? server->host : server->socket ? server->socket : "tunnel";
    bool ok = str_addf(&who, err, "%s@%s:%u", login ? login : "", host, server->port);
    *who_r = ok ? str_steal(&who) : NULL;
    str_free(&who);
    return ok && (*who_r || err_nomem(err));
}

/* take_line - what follows `word` and a blank, or ""; NULL where the text goes on otherwise. *at moves behind it. */
static char *take_line(char **at, const char *word)
{
    char *line = *at, *end = strchr(line, '\n');
    size_t n = strlen(word);
    if (!end || strncmp(line, word, n) != 0 || (line[n] != ' ' && line + n != end))
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line + n + (line[n] == ' ');
}

/* take_text - false where it is another's, older, or damaged: then nothing is known */
static bool take_text(struct imap_known *known, char *text)
{
    struct err ignored;
    int64_t fell;
    char *first = take_line(&text, "tappal-imap"), *who = first ? take_line(&text, "who") : NULL;
    char *greeting = who ? take_line(&text, "greeting") : NULL;
    char *before = greeting ? take_line(&text, "before") : NULL;
    char *after = before ? take_line(&text, "after") : NULL;
    if (!after || strcmp(who, known->who) != 0 || sscanf(first, "1 %" SCNd64, &fell) != 1)
        return false;
    known->fell = fell;
    return str_addz(&known->greeting, greeting, &ignored) &&
           imap_capabilities_add(&known->before, before, strlen(before), &ignored) &&
           imap_capabilities_add(&known->after, after, strlen(after), &ignored);
}

static void forget(struct imap_known *known)
{
    str_clear(&known->greeting);
    strv_free(&known->before);
    strv_free(&known->after);
    known->fell = 0;
}

bool imap_known_load(struct imap_known *known_r, const char *path, const struct endpoint *server,
                     const char *login, struct err *err)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err ignored;
    *known_r = (struct imap_known){.path = strdup(path), .greeting = STR_INIT(GREETING_MAX)};
    bool ok = (known_r->path || err_nomem(err)) && who_of(server, login, &known_r->who, err);
    if (ok && fs_read_file(path, &text, &ignored) && text.len > 0 && !take_text(known_r, text.buf))
        forget(known_r);
    str_free(&text);
    if (!ok)
        imap_known_free(known_r);
    return ok;
}

void imap_known_free(struct imap_known *known)
{
    free(known->path);
    free(known->who);
    str_free(&known->greeting);
    strv_free(&known->before);
    strv_free(&known->after);
    *known = (struct imap_known){.greeting = STR_INIT(GREETING_MAX)};
}

/* -- greetings -- */

static bool has_digit(const char *word, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (word[i] >= '0' && word[i] <= '9')
            return true;
    return false;
}

bool imap_known_greeting(const struct imap_reply *reply, struct str *out, struct err *err)
{
    bool told = imap_part_is(&reply->code, "CAPABILITY");
    const struct imap_part *from = told ? &reply->arguments : &reply->text;
    const char *at = from->at, *end = from->at + from->n;
    bool ok = str_addz(out, told ? "CAPABILITY" : "OK", err);
    while (ok && at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        size_t n = (size_t)((blank ? blank : end) - at);
        bool varies = !told && has_digit(at, n);
        ok = str_addc(out, ' ', err) &&
             (varies ? str_addc(out, '#', err) : text_add_clean(out, at, n, n, err));
        at += n + (blank != NULL);
    }
    return ok;
}

bool imap_known_rests(const struct imap_known *known, int64_t now)
{
    return known->fell != 0 && now >= known->fell && now < known->fell + IMAP_KNOWN_REST;
}

bool imap_known_fits(const struct imap_known *known, const struct str *greeting, int64_t now)
{
    return known->before.count > 0 && known->after.count > 0 && !imap_known_rests(known, now) &&
           strcmp(known->greeting.buf, greeting->buf) == 0;
}

/* -- writing -- */

static bool add_words(struct str *text, const char *name, const struct strv *words, struct err *err)
{
    bool ok = str_addz(text, name, err);
    for (size_t i = 0; ok && i < words->count; i++)
        ok = text_has_control(words->items[i], strlen(words->items[i])) ||
             str_addf(text, err, " %s", words->items[i]);
    return ok && str_addc(text, '\n', err);
}

/* What cannot be remembered is asked anew; no message suffers from it. */
static void write_file(const struct imap_known *known, const struct str *greeting, const struct strv *before,
                       const struct strv *after)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err err = {0};
    bool ok = !text_has_control(known->who, strlen(known->who)) &&
              str_addf(&text, &err, "tappal-imap 1 %" PRId64 "\nwho %s\ngreeting %s\n", known->fell,
                       known->who, greeting->buf) &&
              add_words(&text, "before", before, &err) && add_words(&text, "after", after, &err) &&
              fs_replace(known->path, text.buf, text.len, 0600, &err);
    if (!ok && err.kind != ERR_NONE)
        log_event(LOG_LEVEL_WARNING, "peer", "host", known->who, "problem", err.what, NULL);
    str_free(&text);
}

static bool same_words(const struct strv *a, const struct strv *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

void imap_known_keep(struct imap_known *known, const struct str *greeting, const struct strv *before,
                     const struct strv *after)
{
    if (strcmp(known->greeting.buf, greeting->buf) != 0 || !same_words(&known->before, before) ||
        !same_words(&known->after, after))
        write_file(known, greeting, before, after);
}

void imap_known_fall(struct imap_known *known, int64_t now)
{
    known->fell = now;
    log_event(LOG_LEVEL_WARNING, "peer", "host", known->who, "fell",
              "does not bear commands ahead of answers", NULL);
    write_file(known, &known->greeting, &known->before, &known->after);
}
