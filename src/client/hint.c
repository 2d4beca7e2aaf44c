/* hint - two tables: what servers say (regular expressions over their words), and what providers
 * want (patterns over their host names). The server's words are the better witness, so they come first. */
#include "client/hint.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

/* POSIX extended, case folded. */
static const struct said {
    const char *pattern, *advice;
} said[] = {
    {"5\\.7\\.30|basic authentication is (not supported|disabled)",
     "Microsoft no longer takes passwords here, only OAuth2, which this version does not have; use another "
     "provider's server for this account until then."},
    {"5\\.7\\.139|smtpclientauthentication is disabled",
     "SMTP sign-in is switched off for this mailbox or its organisation: the administrator can allow "
     "'Authenticated SMTP' for the mailbox in the Microsoft 365 admin centre."},
    {"5\\.7\\.9|application[- ]specific password|app(lication)? password",
     "This account needs an app password: make one in the account's security settings, then store it with "
     "tappal auth login ACCOUNT."},
    {"web ?login required|\\[webalert", "The provider wants you to sign in with a web browser once (the "
                                        "address is in its answer); then try again."},
    {"unsafe login", "Switch on IMAP or POP3 in the provider's web settings and use the authorisation code "
                     "it gives as password."},
    {"aadsts50011",
     "The redirect address of the OAuth2 client does not match the one it is registered with."},
    {"aadsts7000112", "The OAuth2 client is disabled at Microsoft: use another client id."},
    {"aadsts(90095|50105|65001)", "The organisation's administrator has to allow this OAuth2 client."},
    {"not connected|(imap|pop3?|smtp)( access)? (is )?(disabled|not enabled|not allowed|not activated)",
     "Switch on access for mail programs (IMAP, POP3, SMTP) in the provider's web settings."},
    {"too many|rate limit|try again later|temporarily|in-use|login-delay",
     "Wait some minutes and try again; the server limits how often one may sign in."},
};

static const struct provider {
    const char *hosts[4]; /* patterns, ended by NULL */
    const char *advice;
    bool local_part; /* the user name is not the full address everywhere */
} providers[] = {
    {{"*.gmail.com", "*.googlemail.com"},
     "Gmail wants an app password, not the account's own: make one at "
     "https://myaccount.google.com/apppasswords "
     "(2-Step Verification must be on).",
     false},
    {{"*.mail.yahoo.com", "*.aol.com", "*.yahoo.co.jp"},
     "Yahoo and AOL want an app password, not the account's own: make one under Account Security, "
     "'Generate app password'.",
     false},
    {{"*.mail.me.com", "*.icloud.com"},
     "iCloud wants an app-specific password: make one at https://account.apple.com under Sign-In and "
     "Security. "
     "The user name is the part before the @ for fetching, the full address for sending.",
     true},
    {{"*.fastmail.com", "*.messagingengine.com"},
     "Fastmail wants an app password: make one under Settings, Privacy & Security, "
     "'Manage app passwords and access'.",
     false},
    {{"*.office365.com", "*.outlook.com", "*.hotmail.com"},
     "Microsoft takes no passwords at outlook.com, and few in organisations: it wants OAuth2, which this "
     "version does not have.",
     false},
    {{"*.zoho.*", "*.zohocloud.ca"},
     "Zoho wants an app password where two-factor sign-in is on: make one at https://accounts.zoho.com under "
     "Security; and IMAP or POP must be switched on in its settings.",
     false},
    {{"*.yandex.*"},
     "Yandex wants an app password: make one at https://id.yandex.com/security/app-passwords, and switch on "
     "mail clients in its settings.",
     false},
    {{"*.mail.ru"},
     "Mail.ru wants an app password: make one at https://account.mail.ru/user/2-step-auth/passwords.",
     false},
    {{"*.qq.com"},
     "QQ wants an authorisation code, not the password: switch on IMAP/SMTP in its web settings to get one.",
     false},
    {{"*.163.com", "*.126.com", "*.yeah.net"},
     "NetEase wants an authorisation code, not the password: switch on IMAP/SMTP in its web settings to get "
     "one.",
     false},
    {{"*.gmx.*", "mail.com", "*.mail.com"},
     "GMX and mail.com let mail programs in only where 'POP3 & IMAP' is switched on in their web settings.",
     false},
    {{"*.web.de"},
     "WEB.DE lets mail programs in only where 'POP3/IMAP' is switched on in its web settings.",
     true},
    {{"*.t-online.de"},
     "t-online.de wants its separate e-mail password, set in the Telekom customer centre, not the login's.",
     false},
    {{"127.0.0.1"},
     "A local bridge such as Proton's shows its own password in its window; it is not the account's.",
     false},
    {{"*.free.fr", "*.laposte.net"}, NULL, true},
};

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
        return false;
    bool yes = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return yes;
}

static const struct provider *find_provider(const char *host)
{
    for (size_t i = 0; host != NULL && i < sizeof providers / sizeof providers[0]; i++)
        for (const char *const *pattern = providers[i].hosts; *pattern != NULL; pattern++)
            if (text_glob(*pattern, host))
                return &providers[i];
    return NULL;
}

const char *hint_for_refusal(const char *host, const char *login, const char *text)
{
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (matches(said[i].pattern, text))
            return said[i].advice;
    const struct provider *p = find_provider(host);
    bool local_part_may_do = p != NULL && p->local_part;
    if (login != NULL && strchr(login, '@') == NULL && !local_part_may_do)
        return "Most providers want the full address as user name: set login = NAME@DOMAIN in the account's "
               "file. If the name is right as it is, store the password again with tappal auth login "
               "ACCOUNT.";
    if (p != NULL && p->advice != NULL)
        return p->advice;
    return "Store the password again with tappal auth login ACCOUNT, and check login in the account's file; "
           "many providers want an app password, or access for mail programs switched on in their web "
           "settings.";
}

const char *hint_before_login(const char *host)
{
    const struct provider *p = find_provider(host);
    return p == NULL ? NULL : p->advice;
}

bool hint_files_sent(const char *host)
{
    static const char *const hosts[] = {"smtp.gmail.com", "smtp.googlemail.com", "smtp*.office365.com",
                                        "*.outlook.com", "outlook.office365.com"};
    for (size_t i = 0; host != NULL && i < sizeof hosts / sizeof hosts[0]; i++)
        if (text_glob(hosts[i], host))
            return true;
    return false;
}
