/* sasl_gsasl - the mechanisms of libgsasl: SCRAM, PLAIN, LOGIN, EXTERNAL, CRAM-MD5. Alone includes gsasl.h.
 *
 * What libgsasl leaves to its caller and is done here: the bounds of SCRAM, the demand that its last
 * step has run before a success counts, and wiping (it frees its copies of the password as they are).
 * Told of a channel binding, libgsasl 2.2.0 refuses to begin a SCRAM without -PLUS; so such a SCRAM says that
 * we cannot bind ("n"), where RFC 5802 6 would have it say that we could ("y"). */
#include "auth/sasl_impl.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct gsasl {
    Gsasl *library;
    Gsasl_session *session;
    struct str client_first; /* SCRAM's, for the check of the server's nonce */
    bool scram, done;
    unsigned steps;
};

static bool explain(int rc, const struct gsasl *g, struct err *err)
{
    switch (rc) {
    case GSASL_MALLOC_ERROR:
        return err_nomem(err);
    case GSASL_SASLPREP_ERROR:
        err_set(err, ERR_SECRET, "The user name or password holds a character that SCRAM does not allow.");
        return err_hint(err, "Set auth = plain, or choose a password without that character.");
    case GSASL_AUTHENTICATION_ERROR:
        if (g->scram) {
            err_set(err, ERR_PROTOCOL, "The server could not prove that it knows the password.");
            return err_hint(err,
                            "It may not be the server that it claims to be: check host, and tls_ca if set.");
        }
        break;
    case GSASL_MECHANISM_CALLED_TOO_MANY_TIMES:
        return err_set(err, ERR_PROTOCOL, "The server asked for more than signing in takes.");
    default:
        break;
    }
    return err_set(err, ERR_PROTOCOL, "The server's part in signing in makes no sense (%s).",
                   gsasl_strerror(rc));
}

/* A server's refusal inside SCRAM: "e=invalid-proof" (RFC 5802 7). */
static bool scram_refused(const char *in, size_t n, struct err *err)
{
    char why[80];
    text_clean(why, sizeof why, in + 2, n - 2);
    if (strstr(why, "channel-binding") != NULL) {
        err_set(err, ERR_PROTOCOL, "The server's SCRAM channel binding does not match ours (%s).", why);
        return err_hint(err,
                        "Somebody may sit between this machine and the server; set auth = plain only on a "
                        "network you trust.");
    }
    return err_set(err, ERR_AUTH, "The server refused the password (%s).", why);
}

static bool scram_check(const struct gsasl *g, const char *in, size_t n, struct err *err)
{
    if (n >= 2 && memcmp(in, "e=", 2) == 0)
        return scram_refused(in, n, err);
    return g->steps != 1 || sasl_scram_check_first(g->client_first.buf, in, n, err);
}

static bool gsasl_do_step(void *state, const char *in, size_t n, struct str *out, struct err *err)
{
    struct gsasl *g = state;
    if (g->done)
        return explain(GSASL_MECHANISM_CALLED_TOO_MANY_TIMES, g, err);
    if (g->scram && g->steps > 0 && !scram_check(g, in, n, err))
        return false;
    char *bytes = NULL;
    size_t length = 0;
    int rc = gsasl_step(g->session, in != NULL ? in : "", n, &bytes, &length);
    bool ok = rc == GSASL_OK || rc == GSASL_NEEDS_MORE ? str_add(out, bytes != NULL ? bytes : "", length, err)
                                                       : explain(rc, g, err);
    if (ok && g->scram && g->steps == 0)
        ok = str_add(&g->client_first, bytes, length, err);
    if (bytes != NULL) {
        explicit_bzero(bytes, length);
        gsasl_free(bytes);
    }
    g->steps++;
    g->done = ok && rc == GSASL_OK;
    return ok;
}

static bool gsasl_do_finish(void *state, struct err *err)
{
    struct gsasl *g = state;
    if (!g->scram || g->done)
        return true;
    err_set(err, ERR_PROTOCOL, "The server accepted the sign-in without proving that it knows the password.");
    return err_hint(err, "It may not be the server that it claims to be: check host, and tls_ca if set.");
}

static void wipe_property(Gsasl_session *session, Gsasl_property property)
{
    const char *value = gsasl_property_fast(session, property);
    if (value != NULL)
        explicit_bzero((void *)(uintptr_t)value, strlen(value));
}

static void gsasl_do_free(void *state)
{
    struct gsasl *g = state;
    if (g->session != NULL) {
        wipe_property(g->session, GSASL_PASSWORD);
        wipe_property(g->session, GSASL_SCRAM_SALTED_PASSWORD);
        gsasl_finish(g->session);
    }
    if (g->library != NULL)
        gsasl_done(g->library);
    str_free(&g->client_first);
    free(g);
}

static const struct sasl_impl gsasl_impl = {gsasl_do_step, gsasl_do_finish, gsasl_do_free};

static bool set(struct gsasl *g, Gsasl_property property, const char *value, struct err *err)
{
    return gsasl_property_set(g->session, property, value) == GSASL_OK || err_nomem(err);
}

static bool set_binding(struct gsasl *g, const struct sasl_binding *binding, struct err *err)
{
    if (binding->type == NULL)
        return err_set(err, ERR_INTERNAL, "There is no channel binding for a -PLUS mechanism.");
    bool exporter = strcmp(binding->type, "tls-exporter") == 0;
    struct str base64 = STR_INIT(1024);
    bool ok = text_add_base64(&base64, binding->data, binding->n, err) &&
              set(g, exporter ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE, base64.buf, err);
    str_free(&base64);
    return ok;
}

bool sasl_gsasl_begin(const char *mechanism, const struct sasl_param *param, struct sasl *sasl,
                      struct err *err)
{
    struct gsasl *g = calloc(1, sizeof *g);
    if (g == NULL)
        return err_nomem(err);
    str_init(&g->client_first, 2 * SECRET_MAX);
    g->scram = text_starts(mechanism, "SCRAM-");
    sasl->impl = &gsasl_impl;
    sasl->state = g;
    int rc = gsasl_init(&g->library);
    if (rc == GSASL_OK)
        rc = gsasl_client_start(g->library, mechanism, &g->session);
    if (rc != GSASL_OK)
        return err_set(err, ERR_INTERNAL, "libgsasl cannot begin %s (%s).", mechanism, gsasl_strerror(rc));
    if (!sasl_needs_secret(mechanism))
        return true;
    return set(g, GSASL_AUTHID, param->login, err) && set(g, GSASL_PASSWORD, param->secret->bytes.buf, err) &&
           (!text_ends(mechanism, "-PLUS") || set_binding(g, &param->binding, err));
}
