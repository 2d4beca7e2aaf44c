/* write - an account as the text of its file: what differs from the defaults, each option under
 * one line that says what it is. */
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "conf/conf.h"
#include "conf/options.h"
#include "conf/settle.h"

#define VALUE_MAX 16384

/* What an account is before anything is set: the table's defaults, and who it is about. */
static bool value_of(const struct conf_option *option, const struct account *account, struct str *out,
                     struct err *err)
{
    str_clear(out);
    return option_get(option, account, out, err);
}

/* account_value - [account]'s own option of that name, for the ones that [send] and [fetch] may override.
 * It lives in [send]'s place, or in [fetch]'s where nothing is sent. */
static bool account_value(const struct conf_option *option, const struct account *account, struct str *out,
                          struct err *err)
{
    struct conf_option there = *option;
    if (option_is_common(option) && !account->send.on)
        there.offset = option->also;
    return value_of(&there, account, out, err);
}

static const struct endpoint *server_of(const struct conf_option *option, const struct account *account)
{
    return strcmp(option->section, "send") == 0 ? &account->send.server : &account->fetch.server;
}

/* port_is_implied - the usual port, or none, since a socket or a command leads to the server */
static bool port_is_implied(const struct conf_option *option, const struct account *account)
{
    const struct endpoint *server = server_of(option, account);
    return server->socket || server->tunnel.count > 0 ||
           server->port == settle_default_port(server->protocol, server->tls.mode);
}

/* is_implied - the value follows from another option: no line is needed */
static bool is_implied(const struct conf_option *option, const struct account *account, const char *value,
                       struct err *err, bool *implied_r)
{
    *implied_r = value[0] == '\0' || (option->default_text && strcmp(value, option->default_text) == 0);
    if (value[0] == '\0')
        return true;
    struct str other = STR_INIT(VALUE_MAX);
    const struct conf_option *above =
        strcmp(option->section, "account") == 0 ? NULL : option_find("account", option->name);
    bool ok = true;
    if (above && above->offset != option->offset && above->also != option->offset)
        above = NULL; /* [account] name and its like are other things */
    if (above) {
        ok = account_value(above, account, &other, err);
        *implied_r = strcmp(value, other.buf) == 0;
    } else if (option->type == OPTION_PORT) {
        *implied_r = port_is_implied(option, account);
    } else if (strcmp(option->name, "tls") == 0 && server_of(option, account)->protocol == PROTO_LMTP) {
        *implied_r = server_of(option, account)->tls.mode == TLS_STARTTLS;
    } else if (strcmp(option->name, "login") == 0) {
        *implied_r = account->address && strcmp(value, account->address) == 0;
    }
    str_free(&other);
    return ok;
}

static bool add_option(const struct conf_option *option, const struct account *account, struct str *out,
                       struct err *err)
{
    struct str value = STR_INIT(VALUE_MAX);
    bool in_account = strcmp(option->section, "account") == 0;
    bool implied = true;
    bool ok =
        (in_account ? account_value(option, account, &value, err) : value_of(option, account, &value, err)) &&
        is_implied(option, account, value.buf, err, &implied);
    if (ok && !implied)
        ok = str_addf(out, err, "# %s\n%s = %s\n", option->doc, option->name, value.buf);
    str_free(&value);
    return ok;
}

bool conf_write_account(const struct account *account, struct str *out, struct err *err)
{
    const char *section = "";
    for (const struct conf_option *o = option_table; o->section; o++) {
        if (o->later || strcmp(o->section, "tappal") == 0 || strcmp(o->section, "queue") == 0 ||
            (strcmp(o->section, "send") == 0 && !account->send.on) ||
            (strcmp(o->section, "fetch") == 0 && !account->fetch.on))
            continue;
        if (strcmp(section, o->section) != 0 &&
            !str_addf(out, err, "%s[%s]\n", *section ? "\n" : "", o->section))
            return false;
        section = o->section;
        if (!add_option(o, account, out, err))
            return false;
    }
    return true;
}
