/* imap_sign_in - SASL or LOGIN; and, where the server is known, what comes next in the same flight.
 *
 * Commands go out behind the sign-in only where nothing can go wrong by it: in TLS from the first byte, with one
 * step of PLAIN or LOGIN, for a server whose greeting, host and login are those of last time. Then the sign-in
 * costs no round trip of its own. If it is refused, so are the commands, and the session ends. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/imap_impl.h"

#define AUTH_LINE_MAX 16384 /* tokens are long; Dovecot takes lines of this length before the sign-in */

/* -- ahead of the answer -- */

bool imap_may_leap(const struct imap *imap)
{
    const struct session *s = &imap->session;
    return imap->ahead && s->chat.tls && s->options.server->tls.mode == TLS_IMPLICIT &&
           imap_known_fits(&imap->known, &imap->greeting, clock_now());
}

/* leap - behind the sign-in: what the server says then, our name, and what the caller wants to know first */
static bool leap(struct imap *imap, struct err *err)
{
    strv_free(&imap->capabilities);
    imap->leapt = true;
    return strv_copy(&imap->capabilities, &imap->known.after, err) &&
           imap_send(imap, &imap->ask_tag, err, "CAPABILITY") && imap_introduce(imap, err) &&
           imap->ahead->send(imap->ahead->arg, imap, err);
}

/* -- the exchange -- */

static bool send_auth(void *protocol, const char *mechanism, const char *ir, struct err *err)
{
    struct imap *imap = protocol;
    struct str line = STR_INIT(AUTH_LINE_MAX), shown = STR_INIT(256);
    bool ok = str_reserve(&line, AUTH_LINE_MAX, err) && /* growing would leave copies behind */
              str_addf(&line, err, "AUTHENTICATE %s%s%s", mechanism, ir ? " " : "", ir ? ir : "") &&
              str_addf(&shown, err, "AUTHENTICATE %s%s", mechanism, ir ? " ***" : "") &&
              imap_send_shown(imap, line.buf, line.len, shown.buf, &imap->auth_tag, err);
    str_wipe(&line);
    str_free(&shown);
    if (ok && ir && strcmp(mechanism, "PLAIN") == 0 && imap_may_leap(imap))
        ok = leap(imap, err);
    return ok;
}

static bool send_response(void *protocol, const char *base64, struct err *err)
{
    struct imap *imap = protocol;
    return chat_send_secret(&imap->session.chat, base64, strlen(base64), "***", err);
}

static bool send_cancel(void *protocol, struct err *err)
{
    struct imap *imap = protocol;
    return chat_send(&imap->session.chat, err, "*");
}

/* read_answer - a challenge, or the completion of the one command that is under way */
static enum sasl_word read_answer(void *protocol, struct str *text, struct err *answer, struct err *err)
{
    struct imap *imap = protocol;
    struct imap_reply r;
    imap_be_patient(imap);
    do {
        if (!imap_read(imap, NULL, &r, err))
            return SASL_BROKEN;
    } while (r.form == IMAP_UNTAGGED);
    *answer = (struct err){.kind = imap_reply_is_temporary(&r) ? ERR_REFUSED_TEMP : ERR_NONE};
    if (!str_add(text, r.text.at, r.text.n, err))
        return SASL_BROKEN;
    if (r.form == IMAP_CONTINUE && imap->leapt) {
        imap->lost = true; /* it has taken our next command for the response */
        imap_blame(imap, ERR_PROTOCOL, "asks for more where all was said", &r.text, err);
        return SASL_BROKEN;
    }
    if (r.form == IMAP_CONTINUE)
        return SASL_CONTINUE;
    struct imap_answer final;
    if (!imap_complete(imap, &r, err) || !imap_await(imap, imap->auth_tag, NULL, &final, err))
        return SASL_BROKEN;
    return final.status == IMAP_OK ? SASL_OK : SASL_NO;
}

static enum sasl_word plain_login(void *protocol, const char *login, const struct secret *password,
                                  struct str *text, struct err *answer, struct err *err)
{
    struct imap *imap = protocol;
    struct str line = STR_INIT(2 * SECRET_MAX + 4096);
    bool ok = str_reserve(&line, line.max, err) && str_addz(&line, "LOGIN ", err) &&
              imap_add_quoted(&line, login, strlen(login), err) && str_addc(&line, ' ', err) &&
              imap_add_quoted(&line, password->bytes.buf, password->bytes.len, err) &&
              imap_send_shown(imap, line.buf, line.len, "LOGIN ***", &imap->auth_tag, err);
    str_wipe(&line);
    ok = ok && (!imap_may_leap(imap) || leap(imap, err));
    enum sasl_word word = SASL_CONTINUE;
    if (ok)
        word = read_answer(protocol, text, answer, err);
    if (ok && word == SASL_CONTINUE)
        err_set(err, ERR_PROTOCOL, "The server %s answers LOGIN with a question.", imap_peer(imap));
    return word == SASL_CONTINUE ? SASL_BROKEN : word;
}

bool imap_sign_in(struct imap *imap, struct err *err)
{
    struct sasl_wire wire = {
        .service = "imap",
        .initial_response = imap_can(imap, "SASL-IR"),
        .command_max = AUTH_LINE_MAX - 64,
        .send_auth = send_auth,
        .send_response = send_response,
        .send_cancel = send_cancel,
        .read_answer = read_answer,
        .plain_login = imap_can(imap, "LOGINDISABLED") ? NULL : plain_login,
    };
    struct strv offered = STRV_INIT;
    bool ok = true;
    for (size_t i = 0; ok && i < imap->capabilities.count; i++)
        if (text_starts_nocase(imap->capabilities.items[i], "AUTH="))
            ok = strv_add(&offered, imap->capabilities.items[i] + 5, err);
    imap->told = false; /* the completion may tell anew; else they are asked for again */
    ok = ok && session_authenticate(&imap->session, &wire, imap, &offered, err);
    strv_free(&offered);
    return ok;
}
