/* line - finding a message's account, connecting for it: see line.h. */
#include "queue/line.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "queue/hook.h"

#define PATH_LEN_MAX 4096
#define LOST_UNNAMED "-" /* the account of a message that names none, where none fits */

/* -- configurations -- */

static void config_drop(struct config *config)
{
    conf_free(config);
    free(config);
}

/* A message knows the folder it came in with; one that found none may find one now. */
static struct config *config_load(const struct lines *lines, const char *dir, struct err *err)
{
    struct config *config = calloc(1, sizeof(*config));
    if (config == NULL) {
        err_nomem(err);
        return NULL;
    }
    if (dir != NULL ? conf_load(dir, config, err) : place_load(lines->place, config, err)) {
        return config;
    }
    free(config);
    return NULL;
}

static const struct config *find_config(struct lines *lines, const char *dir, struct err *err)
{
    if (dir == NULL && lines->own != NULL) {
        return lines->own;
    }
    for (size_t i = 0; dir != NULL && i < lines->config_count; i++) {
        if (strcmp(lines->configs[i]->dir, dir) == 0) {
            return lines->configs[i];
        }
    }
    struct config *config = config_load(lines, dir, err);
    if (config == NULL) {
        return NULL;
    }
    struct config **grown = realloc(lines->configs, (lines->config_count + 1) * sizeof(struct config *));
    if (grown == NULL) {
        config_drop(config);
        err_nomem(err);
        return NULL;
    }
    lines->configs = grown;
    lines->configs[lines->config_count++] = config;
    lines->own = dir == NULL ? config : lines->own;
    return config;
}

static const struct account *find_account(const struct config *config, const struct envelope *e,
                                          struct err *err)
{
    struct err ignored;
    if (e->account != NULL && conf_find(config, e->account, &ignored) == NULL) {
        err_set(err, ERR_CONFIG, "The account it was to go by is missing: there is no %s/accounts/%s.ini.",
                config->dir, e->account);
        err_hint(err, "Put the file back, or send the message by another account and take this one out: "
                      "tappal queue remove.");
        return NULL;
    }
    const struct account *account = e->account != NULL
                                        ? conf_find(config, e->account, err)
                                        : conf_choose_sender(config, e->sender, e->header_from, err);
    if (account != NULL && !account->send.on) {
        err_set(err, ERR_CONFIG, "The account %s has no [send] section.", account->name);
        err_hint(err, "Add [send] with host = the name of its server to %s.", account->file);
        return NULL;
    }
    return account;
}

/* -- lines -- */

static struct line *line_new(const struct lines *lines, const struct account *account, struct err *err)
{
    struct line *line = calloc(1, sizeof(*line));
    if (line == NULL) {
        err_nomem(err);
        return NULL;
    }
    line->account = line->teller = account;
    if (!breaker_load(lines->place, account, &line->breaker, err)) {
        free(line);
        return NULL;
    }
    if (!rate_begin(lines->place, account, &line->rate, err) ||
        !peer_load(lines->place->state_dir, &account->send.server, clock_now(), &line->peer, err)) {
        rate_free(&line->rate);
        breaker_free(&line->breaker);
        free(line);
        return NULL;
    }
    return line;
}

static void line_free(struct line *line)
{
    line_close(line);
    breaker_free(&line->breaker);
    rate_free(&line->rate);
    peer_free(&line->peer);
    if (line->lost != NULL) {
        conf_account_free(line->lost);
        free(line->lost);
    }
    free(line);
}

static bool keep(struct lines *lines, struct line *line, struct err *err)
{
    struct line **grown = realloc(lines->items, (lines->count + 1) * sizeof(struct line *));
    if (grown == NULL) {
        line_free(line);
        return err_nomem(err);
    }
    lines->items = grown;
    lines->items[lines->count++] = line;
    return true;
}

bool lines_find(struct lines *lines, const struct envelope *e, struct line **line_r, struct err *err)
{
    const struct config *config = find_config(lines, e->config_dir, err);
    const struct account *account = config != NULL ? find_account(config, e, err) : NULL;
    if (account == NULL) {
        return false;
    }
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->items[i]->account == account) {
            *line_r = lines->items[i];
            return true;
        }
    }
    struct line *line = line_new(lines, account, err);
    if (line == NULL) {
        return false;
    }
    line->config = config;
    *line_r = line;
    return keep(lines, line, err);
}

static struct line *line_new_lost(const struct config *config, const char *name, struct err *err)
{
    struct line *line = calloc(1, sizeof(*line));
    struct account *lost = calloc(1, sizeof(*lost));
    if (line == NULL || lost == NULL || (lost->name = strdup(name)) == NULL ||
        (lost->config_dir = strdup(config->dir)) == NULL) {
        if (lost != NULL) {
            conf_account_free(lost);
        }
        free(lost);
        free(line);
        err_nomem(err);
        return NULL;
    }
    line->config = config;
    line->account = line->lost = lost;
    line->down = true;
    return line;
}

bool lines_find_lost(struct lines *lines, const struct envelope *e, const struct err *why,
                     struct line **line_r, struct err *err)
{
    const char *name = e->account != NULL ? e->account : LOST_UNNAMED;
    const struct config *config = find_config(lines, e->config_dir, err);
    const struct account *teller = config != NULL ? conf_stand_in(config, e->account, e->sender) : NULL;
    struct line *line = NULL;
    for (size_t i = 0; i < lines->count && line == NULL; i++) {
        const struct line *l = lines->items[i];
        bool same = l->lost != NULL && l->config == config && l->teller == teller;
        line = same && strcmp(l->lost->name, name) == 0 ? lines->items[i] : NULL;
    }
    if (teller == NULL ||
        (line == NULL && ((line = line_new_lost(config, name, err)) == NULL || !keep(lines, line, err)))) {
        return false;
    }
    line->teller = teller;
    line->breaker.why = *why;
    *line_r = line;
    return true;
}

void lines_close(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        line_free(lines->items[i]);
    }
    for (size_t i = 0; i < lines->config_count; i++) {
        config_drop(lines->configs[i]);
    }
    free(lines->items);
    free(lines->configs);
    *lines = (struct lines){0};
}

/* -- the connection -- */

static void watch(void *arg, char direction, const char *said)
{
    waiter_dialogue(arg, direction, said);
}

/* The keyring was locked the last time, or its like: that is asked for here, before the server is bothered. */
static bool probe_secret(const struct lines *lines, const struct line *line, struct secret *secret,
                         struct err *err)
{
    const struct account *account = line->account;
    struct secret_query query = {
        .account = account->name,
        .host = account->send.server.host,
        .service = "smtp",
        .login = account->send.who.login,
        .config_dir = account->config_dir,
        .may_prompt = lines->may_ask,
    };
    return secret_get(&account->send.who.password_from, &query, secret, err) == SECRET_FOUND;
}

bool line_open(struct lines *lines, struct line *line, struct err *err)
{
    const struct account *account = line->account;
    const bool probe = line->breaker.failures > 0 && line->breaker.why.kind == ERR_SECRET;
    enum session_phase phase;
    struct secret secret;
    struct session_options options = {
        .server = &account->send.server,
        .who = &account->send.who,
        .account = account->name,
        .config_dir = account->config_dir,
        .may_prompt = lines->may_ask,
        .watch = lines->waiter->wants_dialogue ? watch : NULL,
        .watch_arg = lines->waiter,
    };
    if (line->smtp != NULL) {
        return true;
    }
    line->messages = 0;
    secret_init(&secret);
    options.secret = probe ? &secret : NULL;
    bool ok = (!probe || probe_secret(lines, line, &secret, err)) &&
              smtp_open(&options, account->send.ehlo, &line->smtp, &phase, err);
    secret_wipe(&secret);
    return ok;
}

void line_close(struct line *line)
{
    smtp_close(&line->smtp);
}

/* A person is told at once that a login is needed, and of anything else when it has lasted: each time once, which the
 * breaker's times tell. */
static void tell_person(const struct line *line, const struct breaker *before)
{
    const struct breaker *b = &line->breaker;
    const int64_t patience = line->config->warn_after;
    bool is_new = before->failures == 0 || before->why.kind != b->why.kind;
    if (b->why.kind == ERR_AUTH && is_new) {
        hook_tell(line->config, line->account->name, HOOK_NEEDS_LOGIN, b->why.what, b->why.hint);
    } else if (patience > 0 && before->failures > 0 && before->last - b->since < patience &&
               b->last - b->since >= patience) {
        hook_tell(line->config, line->account->name, HOOK_CANNOT_SEND, b->why.what, b->why.hint);
    }
}

bool line_fail(struct line *line, const struct err *why, struct err *err)
{
    const struct breaker before = line->breaker;
    uint32_t random;
    line_close(line);
    line->down = true;
    if (!proc_random(&random, sizeof(random), err) ||
        !breaker_fail(&line->breaker, why, clock_now(), random, err)) {
        return false;
    }
    tell_person(line, &before);
    return true;
}

bool line_works(struct line *line, struct err *err)
{
    line->hung_up = 0;
    line->passed = true;
    line->messages++;
    return line->breaker.failures == 0 || breaker_close(&line->breaker, err);
}

/* -- the mark of the first delivery -- */

static bool mark_path(const struct lines *lines, const struct line *line, struct str *path, struct err *err)
{
    return place_account_mark(lines->place, line->account, ".delivered", path, err);
}

bool line_has_delivered(const struct lines *lines, const struct line *line)
{
    struct str path = STR_INIT(PATH_LEN_MAX);
    struct err ignored;
    bool there = mark_path(lines, line, &path, &ignored) && access(path.buf, F_OK) == 0;
    str_free(&path);
    return there;
}

void line_mark_delivered(const struct lines *lines, const struct line *line)
{
    struct str path = STR_INIT(PATH_LEN_MAX);
    struct err err = {0};
    if (mark_path(lines, line, &path, &err) && access(path.buf, F_OK) != 0 &&
        !fs_write_new(path.buf, "", 0, 0600, &err)) {
        log_event(LOG_LEVEL_WARNING, "mark", "account", line->account->name, "problem", err.what, NULL);
    }
    str_free(&path);
}
