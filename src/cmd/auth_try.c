/* auth_try - the live test of a password: what deliver and fetch do first, and nothing more. */
#include "client/session.h"
#include "client/smtp.h"
#include "cmd/auth.h"

static bool try_smtp(const struct session_options *options, const char *ehlo, struct err *err)
{
    enum session_phase phase;
    struct smtp *smtp = NULL;
    if (!smtp_open(options, ehlo, &smtp, &phase, err))
        return false;
    smtp_close(&smtp);
    return true;
}

bool auth_try(const struct account *account, const struct auth_service *service, struct err *err)
{
    struct session_options options = {
        .server = service->server,
        .who = service->who,
        .account = account->name,
        .config_dir = account->config_dir,
        .may_prompt = auth_on_terminal(),
        .secret = service->password.bytes.len > 0 ? &service->password : NULL,
    };
    if (service->server->protocol != PROTO_SMTP)
        return true; /* NEEDSWORK: imap_open and pop3_open */
    return try_smtp(&options, account->send.ehlo, err);
}
