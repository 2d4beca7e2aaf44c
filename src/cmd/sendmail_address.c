/* sendmail_address - the envelope's addresses: what was asked for, completed by what the account says. */
#include "cmd/sendmail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

const char *address_own_domain(const struct letter *l)
{
    const struct account *a = l->account;
    return a != NULL && a->send.domain != NULL ? a->send.domain : l->desk->place.mail_name;
}

static bool owns(const struct account *account, const char *address)
{
    if (account->address != NULL && text_eq_nocase(account->address, address))
        return true;
    for (size_t i = 0; i < account->senders.count; i++)
        if (text_glob(account->senders.items[i], address))
            return true;
    return false;
}

/* The reverse-path: as asked for; else what From says, where the account may use that; else the
 * account's own address. set_from replaces all of these but the null sender. */
bool address_sender(struct letter *l, const char *from, struct err *err)
{
    const struct account *a = l->account;
    char spec[ADDR_SPEC_SIZE];
    const char *chosen = l->asked.sender;
    if (chosen == NULL && from[0] != '\0' && (a == NULL || owns(a, from)))
        chosen = from;
    if (chosen == NULL)
        chosen = a != NULL && a->address != NULL ? a->address : l->desk->place.user_name;
    if (a != NULL && a->send.set_from != NULL && chosen[0] != '\0')
        chosen = a->send.set_from;
    snprintf(spec, sizeof spec, "%s", chosen);
    if (spec[0] != '\0' && !addr_qualify(spec, address_own_domain(l), err))
        return false;
    l->envelope.sender = strdup(spec);
    return l->envelope.sender != NULL || err_nomem(err);
}

/* The names by which a machine calls itself. One that the account's own mail address bears is more than that. */
static bool is_local_domain(const struct letter *l, const char *domain)
{
    char host[256] = "";
    const struct account *a = l->account;
    const char *served = a != NULL && a->address != NULL ? addr_domain(a->address) : NULL;
    if (text_eq_nocase(domain, "localhost") || text_eq_nocase(domain, "localhost.localdomain"))
        return true;
    return gethostname(host, sizeof host - 1) == 0 && text_eq_nocase(domain, host) &&
           (served == NULL || !text_eq_nocase(domain, served));
}

/* Somebody on this machine, where no mail is delivered: root, root@localhost. */
static bool is_local(const struct letter *l, const char *address)
{
    const char *domain = addr_domain(address);
    return domain == NULL || is_local_domain(l, domain);
}

/* Adds an address as it will go out, for the recipient `asked`. */
static bool add(struct letter *l, const char *address, const struct recipient *asked, struct err *err)
{
    struct err why;
    char spec[ADDR_SPEC_SIZE];
    const size_t before = l->envelope.count;
    snprintf(spec, sizeof spec, "%s", address);
    bool ok = addr_qualify(spec, address_own_domain(l), &why)
                  ? envelope_add(&l->envelope, spec, err)
                  : envelope_add_unusable(&l->envelope, address, strlen(address), why.what, err);
    if (!ok || l->envelope.count == before)
        return ok;
    struct recipient *r = &l->envelope.recipients[before];
    r->notify = asked->notify != NOTIFY_UNSET ? asked->notify : l->desk->options->notify;
    r->orcpt = asked->orcpt != NULL ? strdup(asked->orcpt) : NULL;
    return r->orcpt != NULL || asked->orcpt == NULL || err_nomem(err);
}

/* Aliases that cannot be read are as none: the message goes to the admin, or into the world. */
static struct aliases *open_aliases(struct letter *l)
{
    struct err why;
    const char *path = l->account != NULL ? l->account->send.aliases : NULL;
    if (path != NULL && !l->aliases_read && !aliases_read(path, &l->aliases, &why))
        log_event(LOG_LEVEL_WARNING, "aliases", "error", why.what, NULL);
    l->aliases_read = true;
    return &l->aliases;
}

/* What stays local goes to the admin, or gets our domain. */
static bool add_final(struct letter *l, const char *address, const struct recipient *asked, struct err *err)
{
    const char *admin = l->account != NULL ? l->account->send.admin : NULL;
    return add(l, admin != NULL && is_local(l, address) ? admin : address, asked, err);
}

static bool add_led_nowhere(struct letter *l, const struct recipient *r, const char *name, struct err *err)
{
    char why[ADDR_SPEC_SIZE + 64];
    snprintf(why, sizeof why, "The aliases lead \"%s\" to nobody.", name);
    return envelope_add_unusable(&l->envelope, r->address, strlen(r->address), why, err);
}

static bool add_local(struct letter *l, const struct recipient *r, struct err *err)
{
    struct strv all = STRV_INIT;
    struct aliases *aliases = open_aliases(l);
    char name[ADDR_SPEC_SIZE];
    const char *domain = addr_domain(r->address);
    const size_t n = domain != NULL ? (size_t)(domain - r->address) - 1 : strlen(r->address);
    snprintf(name, sizeof name, "%.*s", (int)n, r->address);
    bool ok = aliases_expand(aliases, name, &all, err);
    bool alone = all.count == 1 && strcmp(all.items[0], name) == 0; /* there is no alias: as it was given */
    for (size_t i = 0; ok && i < all.count; i++)
        ok = add_final(l, alone ? r->address : all.items[i], r, err);
    if (ok && all.count == 0)
        ok = add_led_nowhere(l, r, name, err);
    strv_free(&all);
    return ok;
}

static bool add_asked(struct letter *l, const struct recipient *r, struct err *err)
{
    if (r->unusable != NULL)
        return envelope_add_unusable(&l->envelope, r->address, strlen(r->address), r->unusable, err);
    return is_local(l, r->address) ? add_local(l, r, err) : add(l, r->address, r, err);
}

bool address_any_usable(const struct envelope *e, struct err *err)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->recipients[i].unusable == NULL)
            return true;
    if (e->count > 0)
        return err_set(err, ERR_DATA, "%s", e->recipients[0].unusable);
    err_set(err, ERR_DATA, "The message names no recipient.");
    return err_hint(err, "With -t there must be an address in To, Cc or Bcc.");
}

bool address_recipients(struct letter *l, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l->asked.count; i++)
        ok = add_asked(l, &l->asked.recipients[i], err);
    return ok && address_any_usable(&l->envelope, err);
}
