/* auth_try - the live test of a password: what deliver and fetch do first, and nothing more. */
#include "client/imap.h"
#include "client/pop3.h"
#include "client/session.h"
#include "client/smtp.h"
#include "cmd/account.h"
#include "cmd/auth.h"

#define TEST_SECONDS 60 /* a person waits; the protocols would give the server five minutes */

static bool try_smtp(const struct session_options *options, const char *ehlo, struct err *err)
{
    enum session_phase phase;
    struct smtp *smtp = NULL;
    bool ok = smtp_open(options, ehlo, &smtp, &phase, err);
    smtp_close(&smtp);
    return ok;
}

static bool try_imap(const struct session_options *options, struct err *err)
{
    enum session_phase phase;
    struct imap *imap = NULL;
    bool ok = imap_open(options, NULL, &imap, &phase, err);
    imap_close(&imap);
    return ok;
}

static bool try_pop3(const struct session_options *options, struct err *err)
{
    enum session_phase phase;
    struct pop3 *pop3 = NULL;
    bool ok = pop3_open(options, &pop3, &phase, err);
    pop3_close(&pop3);
    return ok;
}

bool auth_try(const struct account *account, const struct auth_service *service, struct err *err)
{
    struct endpoint server = *service->server;
    if (server.timeout == 0)
        server.timeout = TEST_SECONDS;
    struct session_options options = {
        .server = &server,
        .who = service->who,
        .account = account->name,
        .config_dir = account->config_dir,
        .may_prompt = account_on_terminal(),
        .secret = service->password.bytes.len > 0 ? &service->password : NULL,
    };
    switch (service->server->protocol) {
    case PROTO_IMAP:
        return try_imap(&options, err);
    case PROTO_POP3:
        return try_pop3(&options, err);
    default:
        return try_smtp(&options, account->send.ehlo, err);
    }
}
