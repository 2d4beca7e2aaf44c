/* options - the table: every name that the ini files know, in the order in which they are
 * explained. A name that only a later version will act upon is refused, never read and ignored. */
#include "conf/options.h"

#include <string.h>

#include "conf/account.h"
#include "conf/conf.h"

static const struct conf_word tls_words[] = {
    {"implicit", TLS_IMPLICIT, false}, {"starttls", TLS_STARTTLS, false}, {"off", TLS_OFF, false},
    {"ssl", TLS_IMPLICIT, false},      {"ssl/tls", TLS_IMPLICIT, false},  {NULL, 0, false},
};

static const struct conf_word auth_words[] = {
    {"auto", AUTH_AUTO, false},         {"none", AUTH_NONE, false},
    {"scram", AUTH_SCRAM, false},       {"plain", AUTH_PLAIN, false},
    {"login", AUTH_LOGIN, false},       {"external", AUTH_EXTERNAL, false},
    {"cram-md5", AUTH_CRAM_MD5, false}, {"oauth2", AUTH_OAUTH2, true},
    {"gssapi", AUTH_GSSAPI, true},      {NULL, 0, false},
};

static const struct conf_word mode_words[] = {
    {"auto", SEND_AUTO, false},   {"wait", SEND_WAIT, false}, {"background", SEND_BACKGROUND, false},
    {"queue", SEND_QUEUE, false}, {NULL, 0, false},
};

static const struct conf_word chunking_words[] = {
    {"auto", CHUNKING_AUTO, false},
    {"off", CHUNKING_OFF, false},
    {NULL, 0, false},
};

static const struct conf_word doubt_words[] = {
    {"retry", DOUBT_RETRY, false},
    {"hold", DOUBT_HOLD, false},
    {NULL, 0, false},
};

static const struct conf_word send_protocol_words[] = {
    {"smtp", PROTO_SMTP, false},
    {"lmtp", PROTO_LMTP, false},
    {NULL, 0, false},
};

static const struct conf_word protocol_words[] = {
    {"imap", PROTO_IMAP, false},
    {"pop3", PROTO_POP3, false},
    {NULL, 0, false},
};

static const struct conf_word toggle_words[] = {
    {"yes", TOGGLE_YES, false},
    {"no", TOGGLE_NO, false},
    {NULL, 0, false},
};

static const struct conf_word sync_words[] = {
    {"off", SYNC_OFF, false},
    {"pull", SYNC_PULL, false},
    {"both", SYNC_BOTH, false},
    {NULL, 0, false},
};

static const struct conf_word layout_words[] = {
    {"maildir++", LAYOUT_MAILDIRPP, false},
    {"nested", LAYOUT_NESTED, false},
    {NULL, 0, false},
};

static const struct conf_word log_words[] = {
    {"syslog", 0, false},
    {"stderr", 0, false},
    {NULL, 0, false},
};

#define ACCOUNT(member) offsetof(struct account, member)
#define CONFIG(member) offsetof(struct config, member)

#define LATER(section_, name_, doc_)                                                                         \
    {                                                                                                        \
        .section = (section_), .name = (name_), .doc = (doc_), .later = true                                 \
    }

#define ROW(section_, name_, type_, offset_, default_, doc_)                                                 \
    {                                                                                                        \
        .section = (section_), .name = (name_), .type = (type_), .offset = (offset_),                        \
        .default_text = (default_), .doc = (doc_)                                                            \
    }

#define WORDS(section_, name_, offset_, words_, default_, doc_)                                              \
    {                                                                                                        \
        .section = (section_), .name = (name_), .type = OPTION_ENUM, .offset = (offset_), .words = (words_), \
        .default_text = (default_), .doc = (doc_)                                                            \
    }

/* What [send] and [fetch] say alike about their server. */
#define SERVER_ROWS(s, part)                                                                                 \
    {.section = (s),                                                                                         \
     .name = "host",                                                                                         \
     .type = OPTION_HOST,                                                                                    \
     .offset = ACCOUNT(part.server.host),                                                                    \
     .also = ACCOUNT(part.server.port),                                                                      \
     .doc = "the server's name or address; name:port is read too"},                                          \
        ROW(s, "port", OPTION_PORT, ACCOUNT(part.server.port), NULL, "where it listens"),                    \
        WORDS(s, "tls", ACCOUNT(part.server.tls.mode), tls_words, "implicit",                                \
              "implicit (TLS from the first byte), starttls, or off where no secret crosses"),               \
        ROW(s, "tls_ca", OPTION_PATH, ACCOUNT(part.server.tls.ca), NULL,                                     \
            "PEM file or folder of certificates to trust instead of the system's"),                          \
        LATER(s, "tls_pin", "public keys that the server may have"),                                         \
        LATER(s, "tls_crl", "lists of revoked certificates"),                                                \
        LATER(s, "tls_ocsp", "whether the server must prove that its certificate is not revoked"),           \
        ROW(s, "tls_cert", OPTION_PATH, ACCOUNT(part.server.tls.cert), NULL,                                 \
            "client certificate: PEM file or pkcs11: URI"),                                                  \
        ROW(s, "tls_key", OPTION_PATH, ACCOUNT(part.server.tls.key), NULL,                                   \
            "its key: PEM file or pkcs11: URI"),                                                             \
        ROW(s, "tls_host", OPTION_DOMAIN, ACCOUNT(part.server.tls.host), NULL,                               \
            "the name in the server's certificate, where it is not host"),                                   \
        ROW(s, "proxy", OPTION_PROXY, ACCOUNT(part.server.proxy), NULL,                                      \
            "socks5://[user:password@]host:port"),                                                           \
        ROW(s, "tunnel", OPTION_ARGV, ACCOUNT(part.server.tunnel), NULL,                                     \
            "a command whose input and output are the connection"),                                          \
        ROW(s, "socket", OPTION_PATH, ACCOUNT(part.server.socket), NULL, "a UNIX socket to connect to"),     \
        ROW(s, "source_ip", OPTION_IP, ACCOUNT(part.server.source_ip), NULL, "the address to connect from"), \
        ROW(s, "timeout", OPTION_SECONDS, ACCOUNT(part.server.timeout), NULL,                                \
            "how long to wait for the server in each phase, instead of the protocol's times"),               \
        ROW(s, "login", OPTION_TEXT, ACCOUNT(part.who.login), NULL,                                          \
            "user name, where it is not [account]'s"),                                                       \
        ROW(s, "password_from", OPTION_SOURCES, ACCOUNT(part.who.password_from), NULL,                       \
            "where the password is, where it is not [account]'s place"),                                     \
        WORDS(s, "auth", ACCOUNT(part.who.auth), auth_words, NULL,                                           \
              "how to sign in, where it is not [account]'s way"),                                            \
        LATER(s, "token_from", "where an access token is"),                                                  \
        LATER(s, "oauth_provider", "whose OAuth2 it is"), LATER(s, "oauth_client_id", "the OAuth2 client"),  \
        LATER(s, "oauth_client_secret_from", "where the OAuth2 client's secret is"),                         \
        LATER(s, "oauth_scope", "what to ask for"), LATER(s, "oauth_tenant", "Microsoft's tenant"),          \
        LATER(s, "oauth_auth_url", "where to sign in"), LATER(s, "oauth_token_url", "where tokens are had"), \
        LATER(s, "oauth_device_url", "where device codes are had"), LATER(s, "oauth_issuer", "the issuer"),  \
        LATER(s, "keyring_attributes", "how a foreign entry of the keyring is found")

/* clang-format off */
const struct conf_option option_table[] = {
    ROW("account", "address", OPTION_ADDRESS, ACCOUNT(address), NULL, "your mail address; %U %H %M stand for user, host, mail name"),
    ROW("account", "name", OPTION_TEXT, ACCOUNT(full_name), NULL, "your name, for From"),
    { .section = "account", .name = "login", .type = OPTION_TEXT, .offset = ACCOUNT(send.who.login),
      .also = ACCOUNT(fetch.who.login), .doc = "user name at the servers; without it, the address" },
    ROW("account", "senders", OPTION_LIST, ACCOUNT(senders), NULL, "further addresses that this account sends for; * and ? are wildcards"),
    { .section = "account", .name = "password_from", .type = OPTION_SOURCES, .offset = ACCOUNT(send.who.password_from),
      .also = ACCOUNT(fetch.who.password_from), .default_text = "keyring",
      .doc = "where the password is: keyring, command ARGV, file PATH, credential NAME, netrc, prompt" },
    { .section = "account", .name = "auth", .type = OPTION_ENUM, .offset = ACCOUNT(send.who.auth),
      .also = ACCOUNT(fetch.who.auth), .words = auth_words, .default_text = "auto",
      .doc = "how to sign in: auto, none, scram, plain, login, external, cram-md5" },
    LATER("account", "token_from", "where an access token is"),
    LATER("account", "oauth_provider", "whose OAuth2 it is"), LATER("account", "oauth_client_id", "the OAuth2 client"),
    LATER("account", "oauth_client_secret_from", "where the OAuth2 client's secret is"),
    LATER("account", "oauth_scope", "what to ask for"), LATER("account", "oauth_tenant", "Microsoft's tenant"),
    LATER("account", "oauth_auth_url", "where to sign in"), LATER("account", "oauth_token_url", "where tokens are had"),
    LATER("account", "oauth_device_url", "where device codes are had"), LATER("account", "oauth_issuer", "the issuer"),
    LATER("account", "keyring_attributes", "how a foreign entry of the keyring is found"),

    WORDS("send", "protocol", ACCOUNT(send.server.protocol), send_protocol_words, "smtp", "smtp, or lmtp to a server that puts the mail into mailboxes itself"),
    SERVER_ROWS("send", send),
    WORDS("send", "mode", ACCOUNT(send.mode), mode_words, "auto", "auto, wait (for the server), background, or queue (only store)"),
    ROW("send", "wait", OPTION_SECONDS, ACCOUNT(send.wait), "30s", "how long tappal-sendmail waits for the server's answer"),
    ROW("send", "set_from", OPTION_ADDRESS, ACCOUNT(send.set_from), NULL, "an address that replaces From in each message; %U %H %M as in address"),
    ROW("send", "domain", OPTION_DOMAIN, ACCOUNT(send.domain), NULL, "put behind addresses without @; without it, the machine's mail name"),
    ROW("send", "admin", OPTION_ADDRESS, ACCOUNT(send.admin), NULL, "who gets the mail for root and other local users"),
    ROW("send", "ehlo", OPTION_DOMAIN, ACCOUNT(send.ehlo), NULL, "the name told to the server"),
    ROW("send", "aliases", OPTION_PATH, ACCOUNT(send.aliases), NULL, "a file that says who gets the mail for local names, as aliases(5)"),
    { .section = "send", .name = "sent", .type = OPTION_SENT, .offset = ACCOUNT(send.sent), .also = ACCOUNT(send.sent_to),
      .default_text = "off", .doc = "where a copy of each message goes: maildir DIR, imap, imap FOLDER, or off" },
    ROW("send", "rate", OPTION_RATE, ACCOUNT(send.rate), NULL, "how many messages go out in a time at most: 2/sec, 20/min, 300/hour; others wait"),
    ROW("send", "daily", OPTION_COUNT, ACCOUNT(send.daily), NULL, "how many recipients are sent to in any 24 hours at most; others wait"),
    WORDS("send", "in_doubt", ACCOUNT(send.in_doubt), doubt_words, "retry", "what becomes of a message that may have been delivered: retry (once) or hold"),
    WORDS("send", "chunking", ACCOUNT(send.chunking), chunking_words, "auto", "auto (BDAT, where the server offers it) or off (always DATA)"),

    WORDS("fetch", "protocol", ACCOUNT(fetch.server.protocol), protocol_words, "imap", "imap or pop3"),
    SERVER_ROWS("fetch", fetch),
    ROW("fetch", "folders", OPTION_LIST, ACCOUNT(fetch.folders), "INBOX", "which folders: names, patterns with * and %, \\Sent and its like; ! excludes"),
    WORDS("fetch", "subscribed", ACCOUNT(fetch.subscribed), toggle_words, "no", "only those folders that are subscribed to on the server"),
    ROW("fetch", "maildir", OPTION_PATH, ACCOUNT(fetch.maildir), NULL, "the maildir that mail is put into"),
    WORDS("fetch", "layout", ACCOUNT(fetch.layout), layout_words, "maildir++", "maildir++ (.Lists.git) or nested (Lists/git)"),
    ROW("fetch", "targets", OPTION_LIST, ACCOUNT(fetch.targets), NULL, "single folders that stand elsewhere in the maildir: \\Sent: sent, Lists/git: git"),
    { .section = "fetch", .name = "keep", .type = OPTION_KEEP, .offset = ACCOUNT(fetch.keep), .also = ACCOUNT(fetch.keep_days),
      .default_text = "yes", .doc = "yes: mail stays on the server; no: what was fetched is deleted there; 30d: after 30 days" },
    WORDS("fetch", "unseen", ACCOUNT(fetch.unseen), toggle_words, "no", "only mail that is unread on the server"),
    ROW("fetch", "search", OPTION_TEXT, ACCOUNT(fetch.search), NULL, "only what this IMAP SEARCH program finds: FROM ada NOT LARGER 1000000"),
    ROW("fetch", "max_age", OPTION_SECONDS, ACCOUNT(fetch.max_age), NULL, "only mail that came to the server within this time, in whole days"),
    WORDS("fetch", "mark_seen", ACCOUNT(fetch.mark_seen), toggle_words, "no", "mark fetched mail as read on the server"),
    ROW("fetch", "move_to", OPTION_TEXT, ACCOUNT(fetch.move_to), NULL, "a folder of the server that fetched mail is moved to"),
    WORDS("fetch", "flags", ACCOUNT(fetch.flags), sync_words, "off", "off; pull: mail read, answered or flagged elsewhere is so here; both: and the other way"),
    WORDS("fetch", "deletions", ACCOUNT(fetch.deletions), sync_words, "off", "off; pull: mail deleted on the server is deleted here; both: and the other way"),
    ROW("fetch", "max_size", OPTION_SIZE, ACCOUNT(fetch.max_size), NULL, "of larger messages only the header is fetched: 512k, 25M, 2G"),
    ROW("fetch", "deliver", OPTION_DELIVER, ACCOUNT(fetch.deliver), NULL, "who gets the mail instead of a maildir: command ARGV, or lmtp SOCKET RECIPIENT"),
    ROW("fetch", "on_new", OPTION_ARGV, ACCOUNT(fetch.on_new), NULL, "a command that is run when new mail has come; its input is the list of the new files"),
    ROW("fetch", "every", OPTION_SECONDS, ACCOUNT(fetch.every), NULL, "how often tappal-fetch --watch looks, where the server does not tell it of new mail"),
    ROW("fetch", "connections", OPTION_COUNT, ACCOUNT(fetch.connections), "1", "how many connections at a time bring folders that were never fetched; 1 to 16"),
    WORDS("fetch", "received", ACCOUNT(fetch.received), toggle_words, "no", "put a Received line before each message"),

    ROW("tappal", "default", OPTION_TEXT, CONFIG(default_account), NULL, "the account that sends where no address decides"),
    { .section = "tappal", .name = "log", .type = OPTION_PATH, .offset = CONFIG(log), .words = log_words,
      .doc = "syslog, stderr or a file: one line for each message sent or fetched" },
    ROW("tappal", "notify", OPTION_ARGV, CONFIG(notify), NULL, "a command that is told of trouble: it gets account, kind, sentence and hint"),
    ROW("queue", "max_messages", OPTION_COUNT, CONFIG(max_messages), NULL, "how many messages the queue may hold; one more is not accepted"),
    ROW("queue", "max_bytes", OPTION_SIZE, CONFIG(max_bytes), NULL, "how many bytes they may have together: 512k, 25M, 2G"),
    ROW("queue", "warn_after", OPTION_SECONDS, CONFIG(warn_after), "4h", "how long a message may wait before you are told; 0s: you are not"),
    ROW("queue", "give_up_after", OPTION_SECONDS, CONFIG(give_up_after), "5d", "how long it is tried before it is reported as undeliverable; 0s: for ever"),
    { 0 },
};
/* clang-format on */

const struct conf_option *option_find(const char *section, const char *name)
{
    for (const struct conf_option *o = option_table; o->section; o++)
        if (strcmp(o->section, section) == 0 && strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

bool option_section_known(const char *section)
{
    for (const struct conf_option *o = option_table; o->section; o++)
        if (strcmp(o->section, section) == 0)
            return true;
    return false;
}

bool option_is_common(const struct conf_option *option)
{
    return option->also != 0 && option->type != OPTION_HOST && option->type != OPTION_KEEP &&
           option->type != OPTION_SENT;
}

bool option_is_list(const struct conf_option *option)
{
    return option->type == OPTION_LIST || option->type == OPTION_SOURCES;
}
