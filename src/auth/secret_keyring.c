/* secret_keyring - asks tappal-keyring, which alone knows libsecret, over a pipe and with a time
 * limit: a service that does not answer must not hang a delivery. */
#include "auth/secret_source.h"

#include <string.h>
#include <sys/wait.h>

#include "auth/keyring_talk.h"
#include "base/proc.h"
#include "base/text.h"

#define LIMIT_MS 10000         /* the Secret Service may have to be started first */
#define LIMIT_PERSON_MS 120000 /* a person may have to type the keyring's password */

static bool add_value(struct str *request, const char *key, const char *value, struct err *err)
{
    if (value == NULL)
        return true;
    if (text_has_control(value, strlen(value)))
        return err_set(err, ERR_CONFIG, "The %s of the account holds a control character.", key);
    return str_addf(request, err, "%s: %s\n", key, value);
}

static bool build_request(const char *command, const struct secret_query *q, const struct secret *secret,
                          struct str *request, struct err *err)
{
    return str_reserve(request, request->max, err) && add_value(request, "command", command, err) &&
           add_value(request, "account", q->account, err) && add_value(request, "host", q->host, err) &&
           add_value(request, "service", q->service, err) && add_value(request, "user", q->login, err) &&
           add_value(request, "interactive", q->may_prompt ? "yes" : NULL, err) &&
           str_addc(request, '\n', err) &&
           (secret == NULL || str_add(request, secret->bytes.buf, secret->bytes.len, err));
}

static bool run(const struct str *request, bool may_prompt, struct str *answer, struct err *err)
{
    struct str path = STR_INIT(4096);
    int status = 0;
    bool ok = str_reserve(answer, answer->max, err) && proc_find("tappal-keyring", &path, err);
    if (ok) {
        char *argv[] = {path.buf, NULL};
        struct proc_run job = {.argv = argv,
                               .input = request->buf,
                               .input_len = request->len,
                               .shown = "tappal-keyring",
                               .limit_ms = may_prompt ? LIMIT_PERSON_MS : LIMIT_MS};
        ok = proc_run(&job, answer, &status, err) &&
             (status == 0 || err_set(err, ERR_SECRET, "tappal-keyring failed (exit status %d).",
                                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
    }
    if (!ok) {
        err->kind = ERR_SECRET;
        err_prefix(err, "The keyring cannot be asked: ");
        err_hint(
            err,
            "Where there is no keyring, keep the password elsewhere: password_from = file, credential or "
            "command.");
    }
    str_free(&path);
    return ok;
}

static void explain(enum secret_answer answer, const char *sentence, size_t n, struct err *err)
{
    char words[400];
    text_clean(words, sizeof words, sentence, n);
    if (answer == SECRET_LOCKED) {
        err_set(err, ERR_SECRET, "The keyring is locked%s%s", n > 0 ? ": " : ".", words);
        err_hint(err, "It is unlocked by signing in to the desktop, or with the keyring's own program. For "
                      "mail without "
                      "a desktop, keep the password elsewhere: password_from = file, credential or command.");
    } else {
        err_set(err, ERR_SECRET, "The keyring does not work here: %s", words);
        err_hint(err, "Where there is no keyring, keep the password in a file: tappal auth login ACCOUNT "
                      "--file; or see "
                      "password_from in tappal.ini(5).");
    }
}

/* Splits the answer; the secret, if one came, goes to `out`. */
static enum secret_answer parse_answer(const struct str *text, struct secret *out, struct err *err)
{
    const char *line_end = memchr(text->buf, '\n', text->len);
    size_t line = line_end != NULL ? (size_t)(line_end - text->buf) : 0;
    size_t word = 0;
    while (word < line && text->buf[word] != ' ')
        word++;
    for (int i = SECRET_FOUND; line_end != NULL && i <= SECRET_FAILED; i++) {
        enum secret_answer answer = (enum secret_answer)i;
        if (strlen(keyring_talk_words[i]) != word || memcmp(text->buf, keyring_talk_words[i], word) != 0)
            continue;
        size_t sentence = word < line ? word + 1 : line;
        if (answer == SECRET_LOCKED || answer == SECRET_FAILED)
            explain(answer, text->buf + sentence, line - sentence, err);
        if (answer == SECRET_FOUND && out != NULL &&
            !secret_set(out, text->buf + line + 1, text->len - line - 1, err))
            return SECRET_FAILED;
        return answer;
    }
    err_set(err, ERR_SECRET, "The answer of tappal-keyring is not understood.");
    return SECRET_FAILED;
}

static enum secret_answer talk(const char *command, const struct secret_query *query,
                               const struct secret *secret, struct secret *out, struct err *err)
{
    struct str request = STR_INIT(KEYRING_TALK_MAX), answer = STR_INIT(KEYRING_TALK_MAX);
    enum secret_answer result = SECRET_FAILED;
    if (build_request(command, query, secret, &request, err) &&
        run(&request, query->may_prompt, &answer, err))
        result = parse_answer(&answer, out, err);
    str_wipe(&request);
    str_wipe(&answer);
    return result;
}

enum secret_answer secret_ask_keyring(const char *rest, const struct secret_query *query, struct secret *out,
                                      struct err *err)
{
    (void)rest;
    return talk("find", query, NULL, out, err);
}

enum secret_answer secret_keyring_store(const struct secret_query *query, const struct secret *s,
                                        struct err *err)
{
    return talk("store", query, s, NULL, err);
}

enum secret_answer secret_keyring_delete(const struct secret_query *query, struct err *err)
{
    return talk("delete", query, NULL, NULL, err);
}
