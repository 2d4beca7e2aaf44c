/* sasl - SASL as a pure machine: challenges in, responses out; no socket. Mechanisms by libgsasl
 * (SCRAM-SHA-256, SCRAM-SHA-1, their -PLUS forms, PLAIN, LOGIN, EXTERNAL, CRAM-MD5) and our own
 * builders for XOAUTH2 and OAUTHBEARER (RFC 7628). */
#ifndef TAPPAL_AUTH_SASL_H
#define TAPPAL_AUTH_SASL_H

#include "auth/secret.h"
#include "base/err.h"
#include "base/strv.h"
#include "conf/account.h"

struct sasl;

struct sasl_binding {
    const char *type;
    const void *data;
    size_t n;
}; /* type NULL: none */
struct sasl_param {
    const char *login;
    const struct secret *secret; /* password or token; may be NULL for EXTERNAL */
    const char *service;         /* "smtp", "imap", "pop" */
    const char *host;
    uint16_t port;
    struct sasl_binding binding;
};

/* The mechanism to use: the strongest that the server offers, the choice allows and the line bears
 * (nothing that gives a password or token away unless `safe`: TLS or local). NULL with ERR_AUTH saying which
 * were offered and why none fits. `have_binding`: -PLUS forms may be used. */
const char *sasl_choose(enum auth_choice choice, const struct strv *offered, bool safe, bool have_binding,
                        bool have_client_cert, struct err *err);
bool sasl_needs_secret(const char *mechanism);
bool sasl_gives_secret_away(const char *mechanism); /* to whoever reads the line */

MUST_USE bool sasl_begin(const char *mechanism, const struct sasl_param *param, struct sasl **sasl_r,
                         struct err *err);
bool sasl_client_first(const struct sasl *sasl); /* an initial response can be sent with the command */
/* One step. `in` is the decoded challenge (n 0 for the initial response); `out` is raw bytes, to be
 * encoded and wiped by the caller. */
MUST_USE bool sasl_step(struct sasl *sasl, const char *in, size_t n, struct str *out, struct err *err);
/* After the server's success: false if the mechanism has not verified the server's signature (SCRAM). */
MUST_USE bool sasl_finish(struct sasl *sasl, struct err *err);
void sasl_free(struct sasl **sasl);

#endif
