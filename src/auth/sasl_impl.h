/* sasl_impl - what the files that know mechanisms give to sasl.c; nobody else includes it. */
#ifndef TAPPAL_AUTH_SASL_IMPL_H
#define TAPPAL_AUTH_SASL_IMPL_H

#include "auth/sasl.h"

struct sasl_impl {
    bool (*step)(void *state, const char *in, size_t n, struct str *out, struct err *err);
    bool (*finish)(void *state, struct err *err);
    void (*free)(void *state);
};

struct sasl {
    const struct sasl_impl *impl;
    void *state;
    bool client_first;
};

/* Each fills impl and state of a zeroed struct sasl. */
bool sasl_gsasl_begin(const char *mechanism, const struct sasl_param *param, struct sasl *sasl,
                      struct err *err);
bool sasl_oauth_begin(const char *mechanism, const struct sasl_param *param, struct sasl *sasl,
                      struct err *err);

/* The two messages with a token (RFC 7628 3.1, and Google's older form). Pure. */
MUST_USE bool sasl_oauthbearer_message(const struct sasl_param *param, struct str *out, struct err *err);
MUST_USE bool sasl_xoauth2_message(const struct sasl_param *param, struct str *out, struct err *err);

/* Judges a SCRAM server-first-message (RFC 5802 7) before any work is done for it: no mandatory
 * extension, a nonce that extends the one in our client-first-message, a salt, and a count of iterations
 * that is neither a weakening nor an attack. Pure. */
MUST_USE bool sasl_scram_check_first(const char *client_first, const char *in, size_t n, struct err *err);

#endif
