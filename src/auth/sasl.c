/* sasl - which mechanism to use, and the way to the files that know them (sasl_impl.h).
 *
 * The table's order is the order of preference. `auto` never takes what gives the password away on a
 * line others can read, nor CRAM-MD5 (no server signature, and the server must keep the password). */
#include "auth/sasl_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    CLEAR = 1,      /* gives the password or token to whoever reads the line */
    PLUS = 2,       /* needs a channel binding */
    NEEDS_CERT = 4, /* `auto` takes it only where a client certificate is configured */
    NO_SECRET = 8,
    SERVER_FIRST = 16,
    ON_REQUEST = 32, /* never taken by `auto` */
    TOKEN = 64,
};

/* In the order of preference. */
static const struct mechanism {
    const char *name;
    enum auth_choice choice; /* what names it in the configuration, besides `auto` */
    unsigned traits;
} mechanisms[] = {
    {"EXTERNAL", AUTH_EXTERNAL, NEEDS_CERT | NO_SECRET},
    {"SCRAM-SHA-256-PLUS", AUTH_SCRAM, PLUS},
    {"SCRAM-SHA-1-PLUS", AUTH_SCRAM, PLUS},
    {"SCRAM-SHA-256", AUTH_SCRAM, 0},
    {"SCRAM-SHA-1", AUTH_SCRAM, 0},
    {"PLAIN", AUTH_PLAIN, CLEAR},
    {"LOGIN", AUTH_LOGIN, CLEAR | SERVER_FIRST},
    {"CRAM-MD5", AUTH_CRAM_MD5, ON_REQUEST | SERVER_FIRST},
    {"OAUTHBEARER", AUTH_OAUTH2, CLEAR | ON_REQUEST | TOKEN},
    {"XOAUTH2", AUTH_OAUTH2, CLEAR | ON_REQUEST | TOKEN},
};
#define MECHANISMS (sizeof mechanisms / sizeof mechanisms[0])

static const struct mechanism *find(const char *name)
{
    for (size_t i = 0; i < MECHANISMS; i++)
        if (text_eq_nocase(mechanisms[i].name, name))
            return &mechanisms[i];
    return NULL;
}

static bool wanted(const struct mechanism *m, enum auth_choice choice, bool have_client_cert)
{
    if (choice != AUTH_AUTO)
        return m->choice == choice;
    return !(m->traits & ON_REQUEST) && (!(m->traits & NEEDS_CERT) || have_client_cert);
}

static const char *choice_name(enum auth_choice choice)
{
    static const char *const names[] = {
        [AUTH_AUTO] = "auto",         [AUTH_NONE] = "none",         [AUTH_SCRAM] = "scram",
        [AUTH_PLAIN] = "plain",       [AUTH_LOGIN] = "login",       [AUTH_OAUTH2] = "oauth2",
        [AUTH_EXTERNAL] = "external", [AUTH_CRAM_MD5] = "cram-md5", [AUTH_GSSAPI] = "gssapi",
    };
    return names[choice];
}

/* "PLAIN, LOGIN and XOAUTH2", cleaned and bounded: the names are the server's. */
static void list_offered(const struct strv *offered, char *out, size_t size)
{
    struct str all = STR_INIT(4096);
    struct err ignored = {0};
    bool fits = true;
    for (size_t i = 0; fits && i < offered->count; i++)
        fits = str_addf(&all, &ignored, "%s%s",
                        i == 0                    ? ""
                        : i + 1 == offered->count ? " and "
                                                  : ", ",
                        offered->items[i]);
    text_clean(out, size, all.buf, all.len);
    str_free(&all);
}

static void explain_no_choice(enum auth_choice choice, const struct strv *offered, bool unsafe,
                              struct err *err)
{
    char names[300];
    list_offered(offered, names, sizeof names);
    if (offered->count == 0) {
        err_set(err, ERR_AUTH, "The server offers no way to sign in.");
        err_hint(err, "If it wants no password, set auth = none. Many servers offer signing in only on their "
                      "TLS ports: 465 or 587 for sending, 993 or 995 for fetching.");
    } else if (unsafe) {
        err_set(err, ERR_AUTH,
                "The server's ways to sign in (%s) would show the password on an unencrypted line.", names);
        err_hint(err, "Set tls = implicit or tls = starttls.");
    } else if (choice == AUTH_AUTO) {
        err_set(err, ERR_AUTH, "None of the server's ways to sign in is known here: it offers %s.", names);
        err_hint(err, "Ask the provider for a way to sign in with a password or an app password.");
    } else {
        err_set(err, ERR_AUTH, "The server does not offer what auth = %s asks for: it offers %s.",
                choice_name(choice), names);
        err_hint(err, "Set auth = auto to use the best that it offers.");
    }
}

const char *sasl_choose(enum auth_choice choice, const struct strv *offered, bool safe, bool have_binding,
                        bool have_client_cert, struct err *err)
{
    bool unsafe = false;
    for (size_t i = 0; i < MECHANISMS; i++) {
        const struct mechanism *m = &mechanisms[i];
        if (!wanted(m, choice, have_client_cert) || !strv_has_nocase(offered, m->name))
            continue;
        if ((m->traits & PLUS) && !have_binding)
            continue;
        if (!(m->traits & CLEAR) || safe)
            return m->name;
        unsafe = true;
    }
    explain_no_choice(choice, offered, unsafe, err);
    return NULL;
}

bool sasl_needs_secret(const char *mechanism)
{
    const struct mechanism *m = find(mechanism);
    return m == NULL || !(m->traits & NO_SECRET);
}

bool sasl_gives_secret_away(const char *mechanism)
{
    const struct mechanism *m = find(mechanism);
    return m == NULL || (m->traits & CLEAR);
}

/* Everything that a mechanism builds from must be a plain string: a NUL would cut it somewhere. */
static bool check_param(const struct mechanism *m, const struct sasl_param *param, struct err *err)
{
    if (m->traits & NO_SECRET)
        return true;
    if (param->login == NULL || param->login[0] == '\0') {
        err_set(err, ERR_CONFIG, "There is no user name to sign in with.");
        return err_hint(err, "Set login, which is the full address at most providers.");
    }
    if (param->secret == NULL || param->secret->bytes.len == 0)
        return err_set(err, ERR_SECRET, "The password is empty.");
    if (memchr(param->secret->bytes.buf, '\0', param->secret->bytes.len) != NULL)
        return err_set(err, ERR_SECRET, "The password holds a NUL byte, which no server can take.");
    return true;
}

bool sasl_begin(const char *mechanism, const struct sasl_param *param, struct sasl **sasl_r, struct err *err)
{
    const struct mechanism *m = find(mechanism);
    if (m == NULL)
        return err_set(err, ERR_INTERNAL, "The mechanism %s is not known.", mechanism);
    if (!check_param(m, param, err))
        return false;
    struct sasl *sasl = calloc(1, sizeof *sasl);
    if (sasl == NULL)
        return err_nomem(err);
    sasl->client_first = !(m->traits & SERVER_FIRST);
    bool ok = (m->traits & TOKEN) ? sasl_oauth_begin(m->name, param, sasl, err)
                                  : sasl_gsasl_begin(m->name, param, sasl, err);
    if (!ok) {
        sasl_free(&sasl);
        return false;
    }
    *sasl_r = sasl;
    return true;
}

bool sasl_client_first(const struct sasl *sasl)
{
    return sasl->client_first;
}

bool sasl_step(struct sasl *sasl, const char *in, size_t n, struct str *out, struct err *err)
{
    str_clear(out);
    return sasl->impl->step(sasl->state, in, n, out, err);
}

bool sasl_finish(struct sasl *sasl, struct err *err)
{
    return sasl->impl->finish(sasl->state, err);
}

void sasl_free(struct sasl **sasl)
{
    if (*sasl == NULL)
        return;
    if ((*sasl)->impl != NULL)
        (*sasl)->impl->free((*sasl)->state);
    free(*sasl);
    *sasl = NULL;
}
