/* session - what SMTP, IMAP and POP3 share in opening a connection: dial, TLS, the STARTTLS rules,
 * choosing and running SASL. Reply semantics stay with each protocol. */
#ifndef TAPPAL_CLIENT_SESSION_H
#define TAPPAL_CLIENT_SESSION_H

#include "auth/sasl.h"
#include "auth/secret.h"
#include "conf/account.h"
#include "net/chat.h"
#include "net/dial.h"

/* How far a session came: the scope of a failure follows from it. */
enum session_phase {
    PHASE_DIAL,
    PHASE_TLS,
    PHASE_GREETING,
    PHASE_CAPABILITY,
    PHASE_SECRET,
    PHASE_AUTH,
    PHASE_READY,
};

struct session_options {
    const struct endpoint *server;
    const struct credentials *who;
    const char *account, *config_dir;
    bool may_prompt;
    const struct secret
        *secret;       /* a password in hand (`auth login` tests it); NULL: asked from its sources */
    chat_watch *watch; /* the dialogue, for -v; may be NULL */
    void *watch_arg;
};

struct session {
    struct session_options options;
    struct chat chat;
    struct tls_trust *trust;
    enum session_phase phase; /* also after a failure */
    char *mechanism;          /* that signed us in, or NULL */
};

/* Dials and, with tls = implicit, handshakes. Nothing was read when it returns. On failure nothing is open,
 * but phase tells how far it came. */
MUST_USE bool session_open(const struct session_options *options, struct session *s_r, struct err *err);
/* After the protocol's own STARTTLS exchange. */
MUST_USE bool session_start_tls(struct session *s, struct err *err);
void session_close(struct session *s);

/* How one protocol carries SASL (RFC 4954, 3501/4959, 5034). */
enum sasl_word { SASL_CONTINUE, SASL_OK, SASL_NO, SASL_BROKEN };
struct sasl_wire {
    const char *service; /* "smtp", "imap", "pop" for SASL; the keyring's word is derived from the protocol */
    bool initial_response; /* may go with the command */
    size_t command_max;    /* longest command line with an initial response, CRLF included */
    /* Sends "AUTH MECH [IR]" (ir NULL: none; "=" is an empty one); masked in the transcript. */
    bool (*send_auth)(void *protocol, const char *mechanism, const char *ir, struct err *err);
    bool (*send_response)(void *protocol, const char *base64, struct err *err);
    bool (*send_cancel)(void *protocol, struct err *err);
    /* Reads the answer: challenge (base64, in `text`) or the final word (server's text, in `text`; code and
     * enhanced status in err-like fields of `answer`; kind ERR_REFUSED_TEMP where the server said "later" in a
     * way other than a 4xx code, such as IMAP's [UNAVAILABLE], ERR_REFUSED_PERM where it is not the password; a
     * hint where the protocol knows one). SASL_BROKEN: err is set. */
    enum sasl_word (*read_answer)(void *protocol, struct str *text, struct err *answer, struct err *err);
    /* The protocol's own plain way (IMAP LOGIN, POP3 USER and PASS), for servers that offer no SASL mechanism
     * of use; NULL: it has none, or the server forbids it (LOGINDISABLED). Never called on a line others can
     * read. Sends, masked, and reads the final word as read_answer does. */
    enum sasl_word (*plain_login)(void *protocol, const char *login, const struct secret *password,
                                  struct str *text, struct err *answer, struct err *err);
};
/* Gets the secret, chooses among `offered`, runs the exchange. Refused: ERR_AUTH with the server's words and
 * the provider's hint; ERR_REFUSED_TEMP where the server said "later". auth = none returns at once. */
MUST_USE bool session_authenticate(struct session *s, const struct sasl_wire *wire, void *protocol,
                                   const struct strv *offered, struct err *err);

#endif
