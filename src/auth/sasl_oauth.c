/* sasl_oauth - signing in with a bearer token.
 *
 *   OAUTHBEARER (RFC 7628): n,a=USER,^Ahost=H^Aport=P^Aauth=Bearer TOKEN^A^A   USER is a saslname: "," is
 * =2C, "=" is =3D XOAUTH2:                user=USER^Aauth=Bearer TOKEN^A^A
 *
 * A refusal takes one more round: the server sends JSON as a challenge, the client answers with ^A
 * (OAUTHBEARER) or with nothing (XOAUTH2), and only then comes the final word. */
#include "auth/sasl_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MESSAGE_MAX (SECRET_MAX + 2048)

struct oauth {
    struct str message;
    const char *answer_to_refusal;
    unsigned steps;
};

/* A control character in a part would end it early and begin another one. */
static bool check_parts(const struct sasl_param *param, struct err *err)
{
    const struct str *token = &param->secret->bytes;
    if (text_has_control(token->buf, token->len))
        return err_set(err, ERR_SECRET, "The token holds a control character.");
    if (text_has_control(param->login, strlen(param->login)))
        return err_set(err, ERR_CONFIG, "The user name holds a control character.");
    return true;
}

static bool add_saslname(struct str *out, const char *name, struct err *err)
{
    bool ok = true;
    for (; ok && *name != '\0'; name++)
        ok = *name == ','   ? str_addz(out, "=2C", err)
             : *name == '=' ? str_addz(out, "=3D", err)
                            : str_addc(out, *name, err);
    return ok;
}

bool sasl_oauthbearer_message(const struct sasl_param *param, struct str *out, struct err *err)
{
    return check_parts(param, err) && str_addz(out, "n,a=", err) && add_saslname(out, param->login, err) &&
           str_addf(out, err, ",\001host=%s\001port=%u\001auth=Bearer ", param->host,
                    (unsigned)param->port) &&
           str_add(out, param->secret->bytes.buf, param->secret->bytes.len, err) &&
           str_addz(out, "\001\001", err);
}

bool sasl_xoauth2_message(const struct sasl_param *param, struct str *out, struct err *err)
{
    return check_parts(param, err) && str_addf(out, err, "user=%s\001auth=Bearer ", param->login) &&
           str_add(out, param->secret->bytes.buf, param->secret->bytes.len, err) &&
           str_addz(out, "\001\001", err);
}

static bool oauth_step(void *state, const char *in, size_t n, struct str *out, struct err *err)
{
    struct oauth *o = state;
    (void)in; /* the JSON says why; the final word that follows says it too */
    (void)n;
    switch (o->steps++) {
    case 0:
        return str_add(out, o->message.buf, o->message.len, err);
    case 1:
        return str_addz(out, o->answer_to_refusal, err);
    default:
        return err_set(err, ERR_PROTOCOL, "The server asked again after it had refused the token.");
    }
}

static bool oauth_finish(void *state, struct err *err)
{
    struct oauth *o = state;
    if (o->steps == 2)
        return err_set(err, ERR_PROTOCOL, "The server refused the token and then said that all is well.");
    return true;
}

static void oauth_free(void *state)
{
    struct oauth *o = state;
    str_wipe(&o->message);
    free(o);
}

static const struct sasl_impl oauth_impl = {oauth_step, oauth_finish, oauth_free};

bool sasl_oauth_begin(const char *mechanism, const struct sasl_param *param, struct sasl *sasl,
                      struct err *err)
{
    struct oauth *o = calloc(1, sizeof *o);
    if (o == NULL)
        return err_nomem(err);
    str_init(&o->message, MESSAGE_MAX);
    sasl->impl = &oauth_impl;
    sasl->state = o;
    bool standard = strcmp(mechanism, "OAUTHBEARER") == 0;
    o->answer_to_refusal = standard ? "\001" : "";
    return str_reserve(&o->message, MESSAGE_MAX, err) /* so that growing leaves no copies behind */
           && (standard ? sasl_oauthbearer_message : sasl_xoauth2_message)(param, &o->message, err);
}
