/* settle - see settle.h. */
#include "conf/settle.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/target.h"

#define DAY 86400

/* One account while it is settled. */
struct view {
    struct account *account;
    const struct ini_file *own, *defaults;
    struct faults *faults;
};

/* One of its two halves. */
struct half {
    const char *section;
    struct endpoint *server;
    struct credentials *who;
};

const struct ini_file *settle_source(const struct conf_option *option, const struct ini_file *own,
                                     const struct ini_file *defaults, const struct setting **setting_r)
{
    const struct ini_file *files[] = {own, defaults};
    for (size_t i = 0; i < 2; i++) {
        size_t from = 0;
        const struct setting *setting = files[i] ? ini_find(files[i], option, &from) : NULL;
        if (setting) {
            *setting_r = setting;
            return files[i];
        }
    }
    *setting_r = NULL;
    return NULL;
}

static bool is_set(const struct view *view, const char *section, const char *name)
{
    const struct setting *setting;
    return settle_source(option_find(section, name), view->own, view->defaults, &setting) != NULL;
}

/* fault_at - puts the place of an option before the sentence; without one, the file */
static void fault_at(const struct view *view, const char *section, const char *name, struct err *err)
{
    const struct setting *setting = NULL;
    const struct ini_file *file =
        name ? settle_source(option_find(section, name), view->own, view->defaults, &setting) : NULL;
    if (file)
        err_prefix(err, "%s:%u: ", file->shown, setting->line);
    else
        err_prefix(err, "%s: ", view->own->shown);
    faults_add(view->faults, err);
}

/* -- ports and TLS -- */

static const struct port_row {
    enum protocol protocol;
    uint16_t port;
    enum tls_mode mode;
    bool plain_too; /* the port is also that of servers without any TLS */
} ports[] = {
    {PROTO_SMTP, 465, TLS_IMPLICIT, false}, {PROTO_SMTP, 587, TLS_STARTTLS, true},
    {PROTO_SMTP, 25, TLS_STARTTLS, true},   {PROTO_SMTP, 25, TLS_OFF, true},
    {PROTO_IMAP, 993, TLS_IMPLICIT, false}, {PROTO_IMAP, 143, TLS_STARTTLS, true},
    {PROTO_IMAP, 143, TLS_OFF, true},       {PROTO_POP3, 995, TLS_IMPLICIT, false},
    {PROTO_POP3, 110, TLS_STARTTLS, true},  {PROTO_POP3, 110, TLS_OFF, true},
    {PROTO_LMTP, 24, TLS_STARTTLS, true},   {PROTO_LMTP, 24, TLS_OFF, true},
    {PROTO_LMTP, 24, TLS_IMPLICIT, false},
};
#define PORT_ROWS (sizeof ports / sizeof *ports)

static const char *protocol_name(enum protocol protocol)
{
    return protocol == PROTO_IMAP   ? "IMAP"
           : protocol == PROTO_POP3 ? "POP3"
           : protocol == PROTO_LMTP ? "LMTP"
                                    : "SMTP";
}

static const char *mode_name(enum tls_mode mode)
{
    return mode == TLS_IMPLICIT ? "implicit" : mode == TLS_STARTTLS ? "starttls" : "off";
}

uint16_t settle_default_port(enum protocol protocol, enum tls_mode mode)
{
    for (size_t i = 0; i < PORT_ROWS; i++)
        if (ports[i].protocol == protocol && ports[i].mode == mode)
            return ports[i].port;
    return 0;
}

/* port_row - what a well-known port is for, or NULL */
static const struct port_row *port_row(uint16_t port)
{
    for (size_t i = 0; i < PORT_ROWS; i++)
        if (ports[i].port == port)
            return &ports[i];
    return NULL;
}

bool settle_port_mode(enum protocol protocol, uint16_t port, enum tls_mode *mode_r)
{
    const struct port_row *row = port_row(port);
    bool known = row && row->protocol == protocol;
    if (known)
        *mode_r = row->mode;
    return known;
}

static const char *port_option(const struct view *view, const struct half *half)
{
    return is_set(view, half->section, "port") ? "port" : "host";
}

static void settle_port(const struct view *view, const struct half *half)
{
    struct err err;
    struct endpoint *server = half->server;
    const struct port_row *row = port_row(server->port);
    if (!is_set(view, half->section, "tls") && server->protocol == PROTO_LMTP)
        server->tls.mode = TLS_STARTTLS; /* no port of it has TLS from the first byte by custom */
    else if (!is_set(view, half->section, "tls"))
        settle_port_mode(server->protocol, server->port, &server->tls.mode); /* 587 alone says starttls */
    enum tls_mode mode = server->tls.mode;
    if (server->port == 0) {
        server->port = settle_default_port(server->protocol, mode);
    } else if (row && row->protocol != server->protocol) {
        err_set(&err, ERR_CONFIG, "Port %u is for %s, and [%s] speaks %s.", server->port,
                protocol_name(row->protocol), half->section, protocol_name(server->protocol));
        err_hint(&err, "Take the port out: tappal knows the usual one, %u.",
                 settle_default_port(server->protocol, mode));
        fault_at(view, half->section, port_option(view, half), &err);
    } else if (row && row->mode != mode && !(row->plain_too && mode == TLS_OFF)) {
        err_set(&err, ERR_CONFIG, "Port %u contradicts tls = %s.", server->port, mode_name(mode));
        err_hint(&err, "Port %u goes with tls = %s; tls = %s goes with port %u.", server->port,
                 mode_name(row->mode), mode_name(mode), settle_default_port(server->protocol, mode));
        fault_at(view, half->section, port_option(view, half), &err);
    }
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    return text_eq_nocase(host, "localhost") || strcmp(host, "::1") == 0 ||
           (text_starts(host, "127.") && inet_pton(AF_INET, host, &v4) == 1);
}

static void check_tls_off(const struct view *view, const struct half *half)
{
    static const char *const names[] = {"tls_ca", "tls_cert", "tls_key", "tls_host"};
    struct err err;
    const struct endpoint *server = half->server;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!is_set(view, half->section, names[i]))
            continue;
        err_set(&err, ERR_CONFIG, "`%s` means nothing where tls is off.", names[i]);
        err_hint(&err, "Take one of the two out.");
        fault_at(view, half->section, names[i], &err);
    }
    if (half->who->auth == AUTH_NONE || server->socket ||
        (server->host && !server->tunnel.count && !server->proxy && is_loopback(server->host)))
        return;
    err_set(&err, ERR_CONFIG, "With tls = off, the password would cross the network for everybody to read.");
    err_hint(
        &err,
        "Use tls = implicit or tls = starttls; off is only for auth = none, for 127.0.0.1 and for a UNIX "
        "socket.");
    fault_at(view, half->section, "tls", &err);
}

static void check_certificates(const struct view *view, const struct half *half)
{
    struct err err;
    const struct endpoint *server = half->server;
    if (!server->tls.cert != !server->tls.key) {
        err_set(&err, ERR_CONFIG, "A client certificate needs both tls_cert and tls_key.");
        err_hint(&err, "Where one file holds both, name it twice.");
        fault_at(view, half->section, server->tls.cert ? "tls_cert" : "tls_key", &err);
    }
    if (half->who->auth == AUTH_EXTERNAL && !server->tls.cert && !server->socket) {
        err_set(&err, ERR_CONFIG, "auth = external signs in by a client certificate, and [%s] has none.",
                half->section);
        err_hint(&err, "Name it with tls_cert and tls_key, or choose another auth.");
        fault_at(view, half->section, NULL, &err);
    }
    if (!server->host && !server->tls.host && server->tls.mode != TLS_OFF) {
        err_set(&err, ERR_CONFIG, "[%s] does not say which name the server's certificate must bear.",
                half->section);
        err_hint(&err,
                 "Add `host = NAME` (it is not looked up where there is a socket or tunnel), or tls = off.");
        fault_at(view, half->section, server->socket ? "socket" : "tunnel", &err);
    }
}

/* -- ways to the server -- */

static void check_ways(const struct view *view, const struct half *half)
{
    static const struct {
        const char *one, *other;
    } pairs[] = {
        {"socket", "tunnel"},    {"socket", "proxy"}, {"socket", "source_ip"}, {"tunnel", "proxy"},
        {"tunnel", "source_ip"}, {"socket", "port"},  {"tunnel", "port"},
    };
    struct err err;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (!is_set(view, half->section, pairs[i].one) || !is_set(view, half->section, pairs[i].other))
            continue;
        err_set(&err, ERR_CONFIG, "`%s` and `%s` contradict each other.", pairs[i].one, pairs[i].other);
        err_hint(&err, "Take one of them out of [%s].", half->section);
        fault_at(view, half->section, pairs[i].other, &err);
    }
}

static bool fill(char **field, const char *value, const struct view *view)
{
    struct err err;
    *field = strdup(value);
    if (*field)
        return true;
    err_nomem(&err);
    faults_add(view->faults, &err);
    return false;
}

static void check_host_port(const struct view *view, const struct half *half)
{
    struct err err;
    const struct setting *host = NULL;
    const struct setting *port = NULL;
    settle_source(option_find(half->section, "host"), view->own, view->defaults, &host);
    settle_source(option_find(half->section, "port"), view->own, view->defaults, &port);
    const char *colon = host && port && !strchr(host->raw, ']') ? strrchr(host->raw, ':') : NULL;
    if (!colon || strchr(host->raw, ':') != colon || strcmp(colon + 1, port->raw) == 0)
        return;
    err_set(&err, ERR_CONFIG, "`host` names port %s, and `port` says %s.", colon + 1, port->raw);
    err_hint(&err, "Say it once.");
    fault_at(view, half->section, "port", &err);
}

/* settle_half - one section; false where it names no server */
static bool settle_half(const struct view *view, const struct half *half)
{
    struct err err;
    struct endpoint *server = half->server;
    if (!strv_has(&view->own->sections, half->section))
        return false;
    if (!server->host && !server->socket && server->tunnel.count == 0) {
        if (is_set(view, half->section, "host")) /* and was found wrong */
            return false;
        err_set(&err, ERR_CONFIG, "[%s] names no server.", half->section);
        err_hint(&err, "Add a line like `host = %s.example.org`, with your provider's server.",
                 strcmp(half->section, "send") == 0 ? "smtp"
                 : server->protocol == PROTO_POP3   ? "pop"
                                                    : "imap");
        fault_at(view, half->section, NULL, &err);
        return false;
    }
    check_host_port(view, half);
    check_ways(view, half);
    settle_port(view, half);
    check_certificates(view, half);
    if (server->tls.mode == TLS_OFF)
        check_tls_off(view, half);
    if (!half->who->login && view->account->address && !fill(&half->who->login, view->account->address, view))
        return false;
    if (!half->who->login && half->who->auth != AUTH_NONE) {
        err_set(&err, ERR_CONFIG, "The account has neither an address nor a login.");
        err_hint(&err, "Add `address = YOU@EXAMPLE.ORG` under [account].");
        fault_at(view, half->section, NULL, &err);
    }
    return true;
}

/* -- the rest of an account -- */

static void check_sending(const struct view *view)
{
    struct err err;
    const struct account *account = view->account;
    if (!account->address) {
        err_set(&err, ERR_CONFIG, "The account has no address to send from.");
        err_hint(&err, "Add `address = YOU@EXAMPLE.ORG` under [account].");
        fault_at(view, "account", NULL, &err);
    }
    for (size_t i = 0; i < account->senders.count; i++) {
        if (strchr(account->senders.items[i], '@'))
            continue;
        err_set(&err, ERR_CONFIG, "`%s` is not an address or a pattern of addresses.",
                account->senders.items[i]);
        err_hint(&err, "Write it like this: *@lists.example.org");
        fault_at(view, "account", "senders", &err);
    }
}

/* check_sent - the server's folder for sent mail is reached by what [fetch] says */
static void check_sent(const struct view *view)
{
    struct err err;
    const struct account *account = view->account;
    if (account->send.sent != SENT_IMAP ||
        (account->fetch.on && account->fetch.server.protocol == PROTO_IMAP))
        return;
    err_set(&err, ERR_CONFIG, "`sent = imap` needs a [fetch] section that speaks IMAP.");
    err_hint(&err, "Add one, or keep the copies here: sent = maildir ~/Mail/%s/.Sent", account->name);
    fault_at(view, "send", "sent", &err);
}

static bool only_inbox(const struct fetch_conf *fetch)
{
    return fetch->folders.count == 1 && text_eq_nocase(fetch->folders.items[0], "INBOX");
}

static void check_imap_only(const struct view *view)
{
    static const char *const names[] = {"subscribed", "unseen", "search",    "max_age",     "mark_seen",
                                        "move_to",    "flags",  "deletions", "connections", "targets"};
    struct err err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (view->account->fetch.server.protocol != PROTO_POP3 || !is_set(view, "fetch", names[i]))
            continue;
        err_set(&err, ERR_CONFIG, "POP3 knows nothing of `%s`.", names[i]);
        err_hint(&err, "Take it out, or use protocol = imap.");
        fault_at(view, "fetch", names[i], &err);
    }
}

/* check_deliver - what is handed over has no file here whose name or place could say anything */
static void check_deliver(const struct view *view)
{
    static const char *const names[] = {"flags", "deletions", "layout", "connections", "targets"};
    struct err err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (view->account->fetch.deliver.count == 0 || !is_set(view, "fetch", names[i]))
            continue;
        err_set(&err, ERR_CONFIG, "`%s` means nothing where the mail is handed over (`deliver`).", names[i]);
        err_hint(&err, "Take one of the two out.");
        fault_at(view, "fetch", names[i], &err);
    }
}

static void check_connections(const struct view *view)
{
    struct err err;
    if (view->account->fetch.connections <= FETCH_CONNECTIONS_MAX)
        return;
    err_set(&err, ERR_CONFIG, "`connections` cannot be more than %d.", FETCH_CONNECTIONS_MAX);
    err_hint(&err, "Few servers let in more than 4 to 15 of one user.");
    fault_at(view, "fetch", "connections", &err);
}

/* check_place - a refused maildir or deliver has a fault of its own already */
static void check_place(const struct view *view)
{
    struct err err;
    if (is_set(view, "fetch", "maildir") || is_set(view, "fetch", "deliver"))
        return;
    err_set(&err, ERR_CONFIG, "[fetch] does not say where the mail goes.");
    err_hint(&err, "Add a line like `maildir = ~/Mail/%s`.", view->account->name);
    fault_at(view, "fetch", NULL, &err);
}

/* check_age - days are what servers count; 30 alone would be seconds, and leave out nearly all mail */
static void check_age(const struct view *view)
{
    struct err err;
    uint32_t age = view->account->fetch.max_age;
    if (age == 0 || age >= DAY)
        return;
    err_set(&err, ERR_CONFIG, "`max_age` is less than a day.");
    err_hint(&err, "It is counted in whole days; write them with a d: max_age = 30d.");
    fault_at(view, "fetch", "max_age", &err);
}

/* check_use - of a folder, as `\Sent`. Servers may know more of them than we do, so only what looks like a slip is one. */
static void check_use(const struct view *view, const char *option, const char *use)
{
    static const char *const known[] = {"\\Inbox",     "\\All",     "\\Archive", "\\Drafts",    "\\Flagged",
                                        "\\Junk",      "\\Sent",    "\\Trash",   "\\Important", "\\Memos",
                                        "\\Scheduled", "\\Snoozed", NULL};
    struct err err;
    const char *near = text_nearest(use, known);
    bool word = use[1] != '\0' && use[1 + strcspn(use + 1, " \t\"(){}%*/\\[]")] == '\0';
    if (word && (!near || text_eq_nocase(use, near)))
        return;
    err_set(&err, ERR_CONFIG, "`%s` is not what a server marks a folder with.", use);
    if (near)
        err_hint(&err, "Did you mean `%s`?", near);
    else
        err_hint(&err,
                 "It is one word, like \\Sent or \\Junk. A folder's own name is written without the \\.");
    fault_at(view, "fetch", option, &err);
}

/* check_asks - what only leaves out leaves nothing */
static void check_asks(const struct view *view)
{
    const struct strv *folders = &view->account->fetch.folders;
    struct err err;
    for (size_t i = 0; i < folders->count; i++)
        if (folders->items[i][0] != '!')
            return;
    if (folders->count == 0)
        return;
    err_set(&err, ERR_CONFIG, "`folders` leaves out %s, and asks for no folder.", folders->items[0] + 1);
    err_hint(&err, "Write what is wanted before it: folders = *, %s", folders->items[0]);
    fault_at(view, "fetch", "folders", &err);
}

static void check_uses(const struct view *view)
{
    const struct fetch_conf *fetch = &view->account->fetch;
    for (size_t i = 0; i < fetch->folders.count; i++) {
        const char *pattern = fetch->folders.items[i];
        pattern += pattern[0] == '!';
        if (pattern[0] == '\\')
            check_use(view, "folders", pattern);
    }
    check_asks(view);
    if (fetch->move_to && fetch->move_to[0] == '\\')
        check_use(view, "move_to", fetch->move_to);
}

/* is_fetched - what else is fetched, where there are patterns, only the server's list will say */
static bool is_fetched(const struct view *view, const struct target *target, struct err *err)
{
    const char *folder = target->folder.buf;
    return !only_inbox(&view->account->fetch) || text_eq_nocase(folder, "INBOX") ||
           text_eq_nocase(folder, "\\Inbox") ||
           err_set(err, ERR_CONFIG, "`targets` names \"%.200s\", and only the INBOX is fetched.", folder);
}

static void check_targets(const struct view *view)
{
    const struct strv *items = &view->account->fetch.targets;
    struct target target;
    struct err err = {0};
    for (size_t i = 0; i < items->count; i++) {
        bool ok = target_read(items->items[i], &target, &err) && is_fetched(view, &target, &err);
        if (ok && target.folder.buf[0] == '\\')
            check_use(view, "targets", target.folder.buf);
        target_free(&target);
        if (ok)
            continue;
        err_hint(&err, "Write it like this: targets = \\Sent: sent, Lists/git: git");
        fault_at(view, "fetch", "targets", &err);
        return;
    }
}

static void check_fetching(const struct view *view)
{
    struct err err;
    const struct fetch_conf *fetch = &view->account->fetch;
    check_place(view);
    check_age(view);
    if (fetch->server.protocol == PROTO_POP3 && !only_inbox(fetch) && is_set(view, "fetch", "folders")) {
        err_set(&err, ERR_CONFIG, "POP3 knows one folder only, the INBOX.");
        err_hint(&err, "Take `folders` out, or use protocol = imap.");
        fault_at(view, "fetch", "folders", &err);
    }
    check_uses(view);
    check_imap_only(view);
    check_deliver(view);
    check_connections(view);
    check_targets(view);
    if (fetch->mark_seen && fetch->flags != SYNC_OFF) {
        err_set(&err, ERR_CONFIG,
                "`mark_seen` marks as read on the server what `flags` then marks as read here.");
        err_hint(&err, "Take one of them out.");
        fault_at(view, "fetch", "mark_seen", &err);
    }
    if (fetch->move_to && fetch->keep == KEEP_NO) {
        err_set(&err, ERR_CONFIG, "`keep = no` deletes what `move_to` would move.");
        err_hint(&err, "Take one of them out, or say after how many days mail is moved: keep = 30d.");
        fault_at(view, "fetch", "move_to", &err);
    }
    if (fetch->move_to && (strpbrk(fetch->move_to, "*%") || fetch->move_to[0] == '!')) {
        err_set(&err, ERR_CONFIG, "`move_to` names one folder, without wildcards.");
        err_hint(&err, "Write it like this: move_to = Archive/old");
        fault_at(view, "fetch", "move_to", &err);
    }
}

void settle_account(struct account *account, const struct ini_file *own, const struct ini_file *defaults,
                    struct faults *faults)
{
    const struct view view = {account, own, defaults, faults};
    struct err err;
    account->send.on = settle_half(&view, &(struct half){"send", &account->send.server, &account->send.who});
    account->fetch.on =
        settle_half(&view, &(struct half){"fetch", &account->fetch.server, &account->fetch.who});
    if (account->send.on) {
        check_sending(&view);
        check_sent(&view);
    }
    if (account->fetch.on)
        check_fetching(&view);
    if (strv_has(&own->sections, "send") || strv_has(&own->sections, "fetch"))
        return;
    err_set(&err, ERR_CONFIG, "The account has neither [send] nor [fetch].");
    err_hint(&err, "Add one of them with a line `host = ...`, or remove the file.");
    fault_at(&view, "account", NULL, &err);
}
