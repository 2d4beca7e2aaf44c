/* choose - which account sends a message (conf.h): its address, then its patterns, asked of the
 * envelope sender and then of the header From; then the default; then the only one. */
#include <string.h>

#include "base/text.h"
#include "conf/conf.h"

typedef bool claim(const struct account *account, const char *from);

static bool by_address(const struct account *account, const char *from)
{
    return account->address && text_eq_nocase(account->address, from);
}

static bool by_pattern(const struct account *account, const char *from)
{
    for (size_t i = 0; i < account->senders.count; i++)
        if (text_glob(account->senders.items[i], from))
            return true;
    return false;
}

static bool by_nothing(const struct account *account, const char *from)
{
    (void)account;
    (void)from;
    return true;
}

static bool is_default(const struct config *config, const struct account *account)
{
    return config->default_account && strcmp(config->default_account, account->name) == 0;
}

enum answer { NOBODY, ONE, SEVERAL };

/* ask - who claims `from`; of several, the default one is chosen */
static enum answer ask(const struct config *config, claim *claims, const char *from,
                       const struct account **one_r, const struct account **other_r)
{
    const struct account *one = NULL;
    const struct account *other = NULL;
    for (size_t i = 0; i < config->count; i++) {
        const struct account *account = &config->accounts[i];
        if (!account->send.on || !claims(account, from))
            continue;
        if (is_default(config, account)) {
            *one_r = account;
            return ONE;
        }
        other = one ? account : NULL;
        one = one ? one : account;
    }
    *one_r = one;
    *other_r = other;
    return !one ? NOBODY : other ? SEVERAL : ONE;
}

static const struct account *ambiguous(const struct account *one, const struct account *other,
                                       const char *from, struct err *err)
{
    if (from)
        err_set(err, ERR_CONFIG, "The accounts %s and %s both send for %s.", one->name, other->name, from);
    else
        err_set(err, ERR_CONFIG, "It is not clear which account should send: %s or %s.", one->name,
                other->name);
    err_hint(err, "Say it with --account, or set `default = %s` under [tappal] in tappal.ini.", one->name);
    return NULL;
}

const struct account *conf_choose_sender(const struct config *config, const char *envelope_from,
                                         const char *header_from, struct err *err)
{
    const char *const froms[] = {envelope_from, header_from};
    claim *const claims[] = {by_address, by_pattern};
    const struct account *one = NULL;
    const struct account *other = NULL;
    for (size_t i = 0; i < 4; i++) {
        const char *from = froms[i / 2];
        if (!from || !*from)
            continue;
        enum answer answer = ask(config, claims[i % 2], from, &one, &other);
        if (answer == ONE)
            return one;
        if (answer == SEVERAL)
            return ambiguous(one, other, from, err);
    }
    switch (ask(config, by_nothing, NULL, &one, &other)) {
    case ONE:
        return one;
    case SEVERAL:
        return ambiguous(one, other, NULL, err);
    case NOBODY:
        break;
    }
    err_set(err, ERR_CONFIG, "No account for sending is set up in %s.",
            config->dir ? config->dir : "the configuration");
    err_hint(err, "Set one up with: tappal account add YOU@EXAMPLE.ORG");
    return NULL;
}

bool conf_lacks_default(const struct config *config)
{
    size_t senders = 0;
    for (size_t i = 0; i < config->count; i++)
        senders += config->accounts[i].send.on;
    return senders > 1 && !config->default_account;
}

static bool has_maildir(const struct account *account)
{
    return account->fetch.on && account->fetch.maildir;
}

const struct account *conf_stand_in(const struct config *config, const char *name, const char *from)
{
    struct err ignored;
    const struct account *first = NULL;
    for (size_t i = 0; i < config->count; i++) {
        const struct account *account = &config->accounts[i];
        if (name && strcmp(account->name, name) == 0 && has_maildir(account))
            return account;
        if (!first && (account->send.on || has_maildir(account)))
            first = account;
    }
    const struct account *chosen = conf_choose_sender(config, from, NULL, &ignored);
    return chosen ? chosen : first;
}
