/* account - what one account is: plain structs without methods, filled by conf from the ini files
 * and read by everything above. Nothing here knows the file format.
 * All strings and lists are owned by the struct account; absent strings are NULL. Options that this
 * version refuses (the rows of options.c marked `later`) have no field yet. */
#ifndef TAPPAL_CONF_ACCOUNT_H
#define TAPPAL_CONF_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strv.h"

enum protocol { PROTO_SMTP, PROTO_LMTP, PROTO_IMAP, PROTO_POP3 };
enum tls_mode { TLS_IMPLICIT, TLS_STARTTLS, TLS_OFF };
enum auth_choice {
    AUTH_AUTO,
    AUTH_NONE,
    AUTH_SCRAM,
    AUTH_PLAIN,
    AUTH_LOGIN,
    AUTH_OAUTH2,
    AUTH_EXTERNAL,
    AUTH_CRAM_MD5,
    AUTH_GSSAPI,
};

struct tls_settings {
    enum tls_mode mode;
    char *ca;         /* file or folder that replaces the system's store */
    char *cert, *key; /* client certificate: PEM files or pkcs11: URIs */
    char *host;       /* the name the certificate must bear, where it is not `host` */
};

/* Where a server is, and how to reach it. */
struct endpoint {
    enum protocol protocol;
    char *host;
    uint16_t port; /* never 0 after conf_load: the protocol's default is filled in */
    struct tls_settings tls;
    char *proxy;        /* "socks5://[user:password@]host:port"; names are resolved by the proxy */
    struct strv tunnel; /* ARGV whose stdin and stdout are the connection */
    char *socket;       /* UNIX socket path */
    char *source_ip;
    uint32_t timeout; /* seconds for each phase; 0: the protocol's own times */
};

/* Who signs in there. */
struct credentials {
    enum auth_choice auth;
    char *login;
    /* "keyring", "command ARGV", "file PATH", "credential NAME", "netrc", "prompt" */
    struct strv password_from;
};

enum chunking { CHUNKING_AUTO, CHUNKING_OFF }; /* BDAT where the server offers it, or never */
enum doubt { DOUBT_RETRY, DOUBT_HOLD };        /* when nobody knows whether a message was delivered */
struct rate_limit {
    uint32_t count, seconds; /* so many in such a time; 0: any number */
};
enum sent_copy { SENT_OFF, SENT_MAILDIR, SENT_IMAP };
enum send_mode { SEND_AUTO, SEND_WAIT, SEND_BACKGROUND, SEND_QUEUE };

struct send_conf {
    bool on; /* the file has a [send] section with a host, socket or tunnel */
    struct endpoint server;
    struct credentials who;
    enum send_mode mode;
    uint32_t wait; /* seconds that tappal-sendmail waits for a verdict; 30 */
    char *set_from, *domain, *admin, *aliases, *ehlo;
    enum chunking chunking;
    enum doubt in_doubt;
    struct rate_limit rate; /* of messages */
    uint64_t daily;         /* recipients in 24 hours; 0: any number */
    enum sent_copy sent;    /* whether a copy of what was sent is put down, and where: */
    char *sent_to;          /* the maildir, absolute; the folder of [fetch]'s server, NULL: its \Sent */
};

#define FETCH_CONNECTIONS_MAX 16

enum layout { LAYOUT_MAILDIRPP, LAYOUT_NESTED };
enum keep_mode { KEEP_YES, KEEP_NO, KEEP_DAYS };
enum sync_mode { SYNC_OFF, SYNC_PULL, SYNC_BOTH }; /* the server's changes come here, and ours go there */
enum toggle { TOGGLE_NO, TOGGLE_YES };

struct fetch_conf {
    bool on;                /* the file has a [fetch] section with a host, socket or tunnel */
    struct endpoint server; /* .protocol is PROTO_IMAP or PROTO_POP3 */
    struct credentials who;
    struct strv folders; /* INBOX where the file says nothing */
    enum toggle subscribed, unseen, mark_seen;
    enum sync_mode flags, deletions;
    char *search;      /* an IMAP SEARCH program */
    uint32_t max_age;  /* seconds; 0: any */
    uint32_t every;    /* seconds between two looks of --watch; 0: as watch.h says */
    uint64_t max_size; /* octets; 0: any. Of what is larger only the header is fetched */
    char *move_to;     /* a folder of the server, by name or use */
    char *maildir;     /* absolute; NULL only where there is `deliver` */
    enum layout layout;
    struct strv targets; /* folders that stand elsewhere below the maildir (target.h) */
    struct strv
        deliver; /* "command" and its ARGV, or "lmtp", socket path, recipient; none: into the maildir */
    struct strv on_new; /* ARGV; none: nobody is told */
    enum toggle received;
    uint64_t connections; /* at a time, for a first pull; FETCH_CONNECTIONS_MAX at most */
    enum keep_mode keep;
    uint32_t keep_days; /* of KEEP_DAYS */
};

struct account {
    char *name;       /* the file's name without ".ini" */
    char *file;       /* absolute path it was read from */
    char *config_dir; /* absolute folder that holds tappal.ini and accounts/ */
    char *address;
    char *full_name;     /* option `name` */
    struct strv senders; /* further addresses, with wildcards */
    struct send_conf send;
    struct fetch_conf fetch;
};

#endif
