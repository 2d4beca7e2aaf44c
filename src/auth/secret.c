/* secret - the order of the sources, and what to say when none has the password. */
#include "auth/secret.h"

#include <string.h>

#include "auth/secret_source.h"
#include "base/text.h"

static const struct source {
    const char *word;
    secret_ask *ask;
    const char *place; /* for "looked in ..." */
} sources[] = {
    {"keyring", secret_ask_keyring, "the keyring"}, {"command", secret_ask_command, "a command"},
    {"file", secret_ask_file, "the file"},          {"credential", secret_ask_credential, "the credential"},
    {"netrc", secret_ask_netrc, "~/.netrc"},        {"prompt", secret_ask_prompt, "the terminal"},
};

void secret_init(struct secret *s)
{
    str_init(&s->bytes, SECRET_MAX);
}

void secret_wipe(struct secret *s)
{
    str_wipe(&s->bytes);
}

/* Room for the longest at once: a string that grows leaves copies of itself behind. */
bool secret_set(struct secret *s, const void *bytes, size_t n, struct err *err)
{
    str_clear(&s->bytes);
    return str_reserve(&s->bytes, SECRET_MAX, err) && str_add(&s->bytes, bytes, n, err);
}

enum secret_answer secret_take_line(struct str *text, const char *shown, struct secret *out, struct err *err)
{
    size_t n = 0;
    while (n < text->len && text->buf[n] != '\n')
        n++;
    if (n > 0 && text->buf[n - 1] == '\r')
        n--;
    bool ok;
    if (n == 0)
        ok = err_set(err, ERR_SECRET, "%s gives an empty password.", shown);
    else if (n > SECRET_MAX)
        ok = err_set(err, ERR_SECRET, "%s gives a password of over %d bytes.", shown, SECRET_MAX);
    else if (memchr(text->buf, '\0', n) != NULL)
        ok = err_set(err, ERR_SECRET, "%s gives a password with a NUL byte.", shown);
    else
        ok = secret_set(out, text->buf, n, err);
    str_wipe(text);
    return ok ? SECRET_FOUND : SECRET_FAILED;
}

/* The row whose word begins `written`; *rest_r is what follows the blanks behind it. */
static const struct source *find_source(const char *written, const char **rest_r)
{
    size_t n = strcspn(written, " \t");
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        if (strlen(sources[i].word) == n && text_eqn_nocase(written, sources[i].word, n)) {
            *rest_r = written + n + strspn(written + n, " \t");
            return &sources[i];
        }
    return NULL;
}

static bool add_place(struct str *places, const struct source *source, const char *rest, struct err *err)
{
    bool named = source->ask == secret_ask_file || source->ask == secret_ask_credential;
    return str_addf(places, err, "%s%s%s%s", places->len > 0 ? ", " : "", source->place, named ? " " : "",
                    named ? rest : "");
}

static enum secret_answer absent(const struct secret_query *query, const struct str *places, struct err *err)
{
    err_set(err, ERR_AUTH, "No password for %s at %s is there; looked in: %s.",
            query->login != NULL ? query->login : "the account",
            query->host != NULL ? query->host : "the server", places->buf);
    err_hint(err, "Store it with: tappal auth login %s", query->account != NULL ? query->account : "ACCOUNT");
    return SECRET_ABSENT;
}

enum secret_answer secret_get(const struct strv *written, const struct secret_query *query,
                              struct secret *out, struct err *err)
{
    struct str places = STR_INIT(65536);
    enum secret_answer answer = SECRET_ABSENT;
    for (size_t i = 0; answer == SECRET_ABSENT && i < written->count; i++) {
        const char *rest;
        const struct source *source = find_source(written->items[i], &rest);
        if (source == NULL) {
            err_set(err, ERR_CONFIG, "password_from names no known source."); /* it may be a password */
            answer = SECRET_FAILED;
        } else if (!add_place(&places, source, rest, err)) {
            answer = SECRET_FAILED;
        } else {
            answer = source->ask(rest, query, out, err);
        }
    }
    if (answer == SECRET_ABSENT)
        absent(query, &places, err);
    str_free(&places);
    return answer;
}
