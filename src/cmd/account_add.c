/* account_add - `tappal account add`: who the provider is, the file, the password, a message there and
 * back. Without a terminal it goes by its options alone. */
#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "cmd/account.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "conf/conf.h"
#include "conf/options.h"
#include "conf/settle.h"

#define PATH_BYTES_MAX 4096
#define TEXT_MAX 65536

/* What is being put together. */
struct adding {
    const struct account_wish *wish;
    const struct provider *provider;
    struct place place;
    struct person person;
    struct account account;
    struct str name, imap, pop3, smtp, login; /* "" where there is none */
    struct str path;                          /* of the file */
};

static bool on_terminal(const struct adding *a)
{
    return account_on_terminal() && !a->wish->yes;
}

static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return at ? at + 1 : "";
}

/* -- servers -- */

/* take_host - the wish, else the provider's, its `*` replaced by the domain */
static bool take_host(struct str *host, const char *wish, const char *provided, const char *domain,
                      struct err *err)
{
    const char *from = wish ? wish : provided;
    const char *star = from && !wish ? strchr(from, '*') : NULL;
    if (!from)
        return true;
    if (!star)
        return str_addz(host, from, err);
    return str_add(host, from, (size_t)(star - from), err) && str_addz(host, domain, err) &&
           str_addz(host, star + 1, err);
}

static bool any_server_wished(const struct account_wish *wish)
{
    return wish->imap || wish->pop3 || wish->smtp;
}

static bool take_servers(struct adding *a, struct err *err)
{
    const struct account_wish *wish = a->wish;
    const struct provider *provider = any_server_wished(wish) ? NULL : a->provider;
    const char *domain = domain_of(wish->address);
    if (provider && provider->impossible) {
        err_set(err, ERR_CONFIG, "tappal cannot use an account at %s yet. %s", provider->name,
                provider->impossible);
        return err_hint(err, "Use an address of another provider for now; nothing was written.");
    }
    return take_host(&a->imap, wish->imap, provider ? provider->imap : NULL, domain, err) &&
           take_host(&a->pop3, wish->pop3, NULL, domain, err) &&
           take_host(&a->smtp, wish->smtp, provider ? provider->smtp : NULL, domain, err);
}

/* can_be_host - as the account's file would read it */
static bool can_be_host(const struct adding *a, const char *host, struct err *err)
{
    struct account scratch = {0};
    bool ok = option_set(option_find("send", "host"), &scratch, host, &a->person, err);
    conf_account_free(&scratch);
    return ok;
}

/* ask_host - again, after what cannot be a server; "-" is none */
static bool ask_host(const struct adding *a, const char *question, const char *label, struct str *host,
                     struct err *err)
{
    char otherwise[300] = "-";
    if (*label)
        snprintf(otherwise, sizeof otherwise, "%s.%.250s", label, domain_of(a->wish->address));
    for (;;) {
        struct err wrong;
        if (!account_ask(question, otherwise, host, err))
            return false;
        if (str_eqz(host, "-")) {
            str_clear(host);
            return true;
        }
        if (can_be_host(a, host->buf, &wrong))
            return true;
        (void)say_error(NULL, &wrong);
    }
}

static bool ask_servers(struct adding *a, struct err *err)
{
    say("tappal does not know the servers of %s: your provider's help pages name them.",
        domain_of(a->wish->address));
    say("Write a name, or name:port, or - for none. Return takes what stands in brackets.");
    return ask_host(a, "Server for fetching by IMAP", "imap", &a->imap, err) &&
           (a->imap.len > 0 || ask_host(a, "Server for fetching by POP3", "", &a->pop3, err)) &&
           ask_host(a, "Server for sending (SMTP)", "smtp", &a->smtp, err);
}

static bool find_servers(struct adding *a, struct err *err)
{
    a->provider = provider_find(a->wish->address);
    if (!take_servers(a, err))
        return false;
    if (a->imap.len + a->pop3.len + a->smtp.len == 0 && on_terminal(a) && !ask_servers(a, err))
        return false;
    if (a->imap.len > 0 && a->pop3.len > 0) {
        err_set(err, ERR_USAGE, "An account fetches by IMAP or by POP3, not by both.");
        return err_hint(err, "Use one of --imap and --pop3; IMAP is the better one.");
    }
    if (a->wish->maildir && a->imap.len + a->pop3.len == 0 && a->smtp.len > 0) {
        err_set(err, ERR_USAGE, "--maildir is for fetched mail, and there is no server to fetch from.");
        return err_hint(err, "Name one with --imap or --pop3.");
    }
    if (a->imap.len + a->pop3.len + a->smtp.len > 0)
        return true;
    err_set(err, ERR_USAGE, "tappal does not know the servers of %s.", domain_of(a->wish->address));
    return err_hint(
        err, "Name them: --imap imap.%s --smtp smtp.%s (their names are in the provider's help pages).",
        domain_of(a->wish->address), domain_of(a->wish->address));
}

/* -- the account -- */

static bool set(struct adding *a, const char *section, const char *name, const char *value, struct err *err)
{
    const struct conf_option *option = option_find(section, name);
    if (!value || !*value || option_set(option, &a->account, value, &a->person, err))
        return true;
    err->kind = ERR_USAGE; /* it is no file that says so, but the command line */
    return false;
}

/* set_quoted - a text that people write, which may hold what the grammar gives a meaning to */
static bool set_quoted(struct adding *a, const char *section, const char *name, const char *value,
                       struct err *err)
{
    struct str quoted = STR_INIT(TEXT_MAX);
    bool ok = str_addc(&quoted, '"', err);
    for (const char *s = value; ok && s && *s; s++)
        ok = (*s != '"' || str_addc(&quoted, '"', err)) && str_addc(&quoted, *s, err);
    ok = ok && str_addc(&quoted, '"', err) && (!value || !*value || set(a, section, name, quoted.buf, err));
    str_free(&quoted);
    return ok;
}

static bool set_server(struct adding *a, const char *section, struct endpoint *server, const char *host,
                       struct err *err)
{
    bool provided = a->provider && !any_server_wished(a->wish);
    const char *tls = a->wish->tls;
    if (!set(a, section, "host", host, err))
        return false;
    if (!tls && !settle_port_mode(server->protocol, server->port, &server->tls.mode) && provided &&
        a->provider->starttls)
        tls = "starttls";
    return set(a, section, "tls", tls, err) && set_quoted(a, section, "tls_ca", a->wish->tls_ca, err);
}

/* local_login - a provider that wants only what stands before the @ */
static bool local_login(struct adding *a, const char *section, bool wanted, struct err *err)
{
    const char *address = a->wish->address;
    if (!wanted || a->wish->login || any_server_wished(a->wish))
        return true;
    struct str local = STR_INIT(PATH_BYTES_MAX);
    bool ok = str_add(&local, address, (size_t)(strrchr(address, '@') - address), err) &&
              set_quoted(a, section, "login", local.buf, err);
    str_free(&local);
    return ok;
}

static bool set_fetching(struct adding *a, struct err *err)
{
    struct fetch_conf *fetch = &a->account.fetch;
    struct str maildir = STR_INIT(PATH_BYTES_MAX);
    fetch->on = true;
    fetch->server.protocol = a->imap.len > 0 ? PROTO_IMAP : PROTO_POP3;
    bool ok = set_server(a, "fetch", &fetch->server, a->imap.len > 0 ? a->imap.buf : a->pop3.buf, err) &&
              local_login(a, "fetch", a->provider && a->provider->imap_local_part, err) &&
              (a->wish->maildir ? str_addz(&maildir, a->wish->maildir, err)
                                : str_addf(&maildir, err, "~/Mail/%s", a->name.buf)) &&
              set_quoted(a, "fetch", "maildir", maildir.buf, err);
    str_free(&maildir);
    return ok;
}

static bool set_sending(struct adding *a, struct err *err)
{
    a->account.send.on = true;
    a->account.send.wait = 30;
    a->account.send.server.protocol = PROTO_SMTP;
    return set_server(a, "send", &a->account.send.server, a->smtp.buf, err) &&
           local_login(a, "send", a->provider && a->provider->smtp_local_part, err);
}

static bool build(struct adding *a, struct err *err)
{
    const struct account_wish *wish = a->wish;
    const char *full = wish->full_name ? wish->full_name : a->person.full_name;
    struct str address = STR_INIT(PATH_BYTES_MAX);
    bool ok = true;
    for (const char *s = wish->address; ok && *s; s++) /* a % of its own is written twice */
        ok = (*s != '%' || str_addc(&address, '%', err)) && str_addc(&address, *s, err);
    ok =
        ok && set_quoted(a, "account", "address", address.buf, err) &&
        set_quoted(a, "account", "name", full, err) && set_quoted(a, "account", "login", a->login.buf, err) &&
        set(a, "account", "password_from", wish->password_from, err) &&
        (a->smtp.len == 0 || set_sending(a, err)) && (a->imap.len + a->pop3.len == 0 || set_fetching(a, err));
    str_free(&address);
    return ok;
}

/* -- its name and file -- */

static bool file_path(struct adding *a, const char *name, struct err *err)
{
    char *sound;
    str_clear(&a->name);
    str_clear(&a->path);
    if (!str_addz(&a->name, name, err) ||
        !str_addf(&a->path, err, "%s/accounts/%s.ini", a->place.config_dir, name) ||
        !conf_account_name(a->path.buf, &sound, err))
        return false;
    free(sound);
    if (strchr(name, '/'))
        return err_set(err, ERR_USAGE, "The name of an account has no slash in it.");
    return true;
}

static bool taken(const struct adding *a)
{
    return access(a->path.buf, F_OK) == 0;
}

/* choose_name - --name, else the first part of the domain, else the whole address */
static bool choose_name(struct adding *a, struct err *err)
{
    char label[64];
    const char *domain = domain_of(a->wish->address);
    if (a->wish->name && !file_path(a, a->wish->name, err))
        return false;
    if (!a->wish->name) {
        snprintf(label, sizeof label, "%.*s", (int)strcspn(domain, "."), domain);
        if (!file_path(a, label, err) || (taken(a) && !file_path(a, a->wish->address, err)))
            return false;
    }
    if (!taken(a))
        return true;
    err_set(err, ERR_CONFIG, "There is an account called %s already, in %s.", a->name.buf, a->path.buf);
    return err_hint(err, "Choose another name with --name, or change that file.");
}

static bool choose_login(struct adding *a, struct err *err)
{
    bool ask = on_terminal(a) && !a->provider && !a->wish->login;
    if (a->wish->login)
        return str_addz(&a->login, a->wish->login, err);
    return !ask || account_ask("User name at the servers", a->wish->address, &a->login, err);
}

static bool write_file(struct adding *a, struct err *err)
{
    struct str text = STR_INIT(TEXT_MAX);
    struct str dir = STR_INIT(PATH_BYTES_MAX);
    bool ok = str_addf(&text, err, "# An account of tappal; tappal.ini(5) explains all options.\n\n") &&
              conf_write_account(&a->account, &text, err) &&
              fs_join(&dir, a->place.config_dir, "accounts", err) && fs_make_dirs(dir.buf, err) &&
              fs_write_new(a->path.buf, text.buf, text.len, 0600, err);
    if (!ok && err->sys == EEXIST)
        err_set(err, ERR_CONFIG, "%s is there already.", a->path.buf);
    str_free(&dir);
    str_free(&text);
    return ok;
}

/* -- the steps in turn -- */

static bool check_wish(struct adding *a, struct err *err)
{
    struct config before;
    const char *address = a->wish->address;
    const char *at = strrchr(address, '@');
    if (!at || at == address || !at[1]) {
        err_set(err, ERR_USAGE, "`%.200s` is not a mail address.", address);
        return err_hint(err, "Write the full address: tappal account add ada@example.org");
    }
    if (!a->place.config_dir) {
        err_set(err, ERR_CONFIG, "There is no folder for a configuration: %s has no home.",
                a->place.user_name);
        return err_hint(err, "Name one with --config.");
    }
    if (!conf_load(a->place.config_dir, &before, err)) /* mend that first: nothing works before */
        return false;
    conf_free(&before);
    return true;
}

static void say_plan(const struct adding *a)
{
    bool provided = a->provider && !any_server_wished(a->wish);
    if (provided)
        say("%s is at %s.", a->wish->address, a->provider->name);
    if (a->smtp.len > 0)
        say("  sends by      %s", a->smtp.buf);
    if (a->imap.len + a->pop3.len > 0)
        say("  fetches from  %s, into %s", a->imap.len ? a->imap.buf : a->pop3.buf, a->account.fetch.maildir);
    say("  file          %s", a->path.buf);
    if (provided && a->provider->hint)
        say("%s", a->provider->hint);
}

static bool make_file(struct adding *a, struct err *err)
{
    if (!check_wish(a, err) || !find_servers(a, err) || !choose_name(a, err) || !choose_login(a, err) ||
        !build(a, err))
        return false;
    say_plan(a);
    if (on_terminal(a) && !account_ask_yes("Write this file?"))
        return err_set(err, ERR_USAGE, "Nothing was written.");
    return write_file(a, err);
}

/* A second account that sends takes the first one's place as the only one. */
static void say_lacks_default(const struct config *config)
{
    if (conf_lacks_default(config))
        say("\nSeveral accounts send now. Mail that bears none of their addresses, such as cron's, waits "
            "until one of "
            "them is\nthe default: write `default = NAME` under [tappal] in %s/tappal.ini.",
            config->dir);
}

/* sign_in_and_try - with the account as it is read back from its file */
static int sign_in_and_try(const struct adding *a)
{
    struct err err;
    struct config config;
    int status = 0;
    const struct account_wish *wish = a->wish;
    if (!conf_load(a->place.config_dir, &config, &err))
        return say_error(NULL, &err);
    const struct account *account = conf_find(&config, a->name.buf, &err);
    if (!account)
        status = say_error(NULL, &err);
    else if (!wish->password_from || wish->password_from_stdin)
        status = cmd_auth_login(&config, account, wish->password_from_stdin);
    conf_free(&config);
    if (status != 0) {
        say("The account is set up in %s, but not signed in.", a->path.buf);
        say("Mend what is said above, then run: tappal auth login %s", a->name.buf);
        return status;
    }
    /* read again: where the password went may have changed the file */
    if (!conf_load(a->place.config_dir, &config, &err))
        return say_error(NULL, &err);
    account = conf_find(&config, a->name.buf, &err);
    if (!account)
        status = say_error(NULL, &err);
    else if (!wish->no_test)
        status = account_try(account, &a->place, wish->config != NULL);
    if (status == 0)
        account_say_callers(account, wish->config != NULL);
    say_lacks_default(&config);
    conf_free(&config);
    return status;
}

static void free_adding(struct adding *a)
{
    struct str *texts[] = {&a->name, &a->imap, &a->pop3, &a->smtp, &a->login, &a->path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        str_free(texts[i]);
    conf_account_free(&a->account);
    person_free(&a->person);
    place_free(&a->place);
}

int account_add(const struct account_wish *wish)
{
    struct err err = {0};
    struct adding a = {.wish = wish};
    struct str *texts[] = {&a.name, &a.imap, &a.pop3, &a.smtp, &a.login, &a.path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        str_init(texts[i], PATH_BYTES_MAX);
    bool ok = place_find(wish->config, &a.place, &err) && person_find(&a.person, &err) && make_file(&a, &err);
    int status = ok ? sign_in_and_try(&a) : say_error(NULL, &err);
    free_adding(&a);
    return status;
}
