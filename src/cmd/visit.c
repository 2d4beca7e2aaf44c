/* visit - see visit.h. */
#include "cmd/visit.h"

#include <unistd.h>

#include "cmd/account.h"
#include "cmd/say.h"

static void on_progress(void *arg, const char *folder, uint64_t done, uint64_t total, uint64_t octets)
{
    (void)arg, (void)folder, (void)done, (void)total, (void)octets;
}

static void on_found(void *arg, const struct pull_found *found)
{
    (void)arg, (void)found;
}

static void on_trouble(void *arg, const struct err *err)
{
    struct visit *v = arg;
    if (v->trouble == ERR_NONE)
        v->trouble = err->kind;
    (void)say_error(v->account->name, err);
}

static void on_notice(void *arg, const char *text)
{
    const struct visit *v = arg;
    say_warning("%s: %s", v->account->name, text);
}

/* the_only_one - of the accounts that fetch */
static bool the_only_one(struct visit *v, struct err *err)
{
    for (size_t i = 0; i < v->config.count; i++) {
        if (!v->config.accounts[i].fetch.on)
            continue;
        if (v->account) {
            v->account = NULL;
            err_set(err, ERR_USAGE, "There are several accounts that fetch mail.");
            return err_hint(err, "Name one of them; tappal account list shows them.");
        }
        v->account = &v->config.accounts[i];
    }
    return v->account || err_set(err, ERR_CONFIG, "No account has a [fetch] section.") ||
           err_hint(err, "Add one to an account's file, or make an account: tappal account add ADDRESS");
}

static bool choose(struct visit *v, const char *name, struct err *err)
{
    if (!name)
        return the_only_one(v, err);
    v->account = conf_find(&v->config, name, err);
    if (!v->account || v->account->fetch.on)
        return v->account != NULL;
    err_set(err, ERR_CONFIG, "The account \"%s\" has no [fetch] section.", name);
    return err_hint(err, "Say in %s where its mail is: [fetch] with host and maildir.", v->account->file);
}

/* has_maildir - what a command or an LMTP server was given cannot be looked at */
static bool has_maildir(const struct visit *v, struct err *err)
{
    if (v->account->fetch.maildir)
        return true;
    err_set(err, ERR_CONFIG, "The account \"%s\" has no maildir: what it fetches is handed on (deliver).",
            v->account->name);
    return err_hint(err, "Only what lies in a maildir can be compared with the server, or taken over.");
}

static bool take_lock(struct visit *v, bool look_only, struct err *err)
{
    bool found = look_only ? place_fetch_state_if_there(&v->place, v->account, &v->state, err)
                           : place_fetch_state(&v->place, v->account, &v->state, err);
    bool got = false;
    if (!found || !pull_lock(v->state.buf, look_only, &v->lock, &got, err))
        return false;
    if (got)
        return true;
    err_set(err, ERR_LOCAL, "Another tappal-fetch is at work on the account \"%s\".", v->account->name);
    return err_hint(err, "Try again when it is done.");
}

bool visit_begin(const char *config, const char *name, bool look_only, struct visit *v_r, struct err *err)
{
    *v_r = (struct visit){.lock = -1, .state = STR_INIT(4096)};
    struct visit *v = v_r;
    v->placed = place_find(config, &v->place, err);
    v->configured = v->placed && place_load(&v->place, &v->config, err);
    if (!v->configured || !choose(v, name, err) || !has_maildir(v, err) || !take_lock(v, look_only, err))
        return false;
    const struct account *a = v->account;
    v->pull = (struct pull){
        .account = a,
        .state_dir = v->state.buf,
        .dry_run = look_only,
        .session = {.server = &a->fetch.server,
                    .who = &a->fetch.who,
                    .account = a->name,
                    .config_dir = a->config_dir,
                    .may_prompt = account_on_terminal()},
        .watch = {.arg = v,
                  .progress = on_progress,
                  .found = on_found,
                  .trouble = on_trouble,
                  .notice = on_notice},
    };
    return true;
}

void visit_end(struct visit *v)
{
    if (v->lock >= 0)
        close(v->lock);
    str_free(&v->state);
    if (v->configured)
        conf_free(&v->config);
    if (v->placed)
        place_free(&v->place);
}
