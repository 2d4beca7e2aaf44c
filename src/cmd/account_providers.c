/* account_providers - the big providers' servers, as their help pages give them: IMAP on 993 and POP3 on
 * 995 with TLS from the first byte, submission on 465, where the table names no other port. */
#include <string.h>

#include "base/text.h"
#include "cmd/account.h"

static const char microsoft[] =
    "Microsoft lets programs sign in by OAuth2 only, which this version of tappal does not speak yet.";

/* clang-format off */
static const struct provider providers[] = {
    { "gmail.com googlemail.com", "Gmail", "imap.gmail.com", "pop.gmail.com", "smtp.gmail.com", false, false, false,
      NULL, NULL },
    { "outlook.com outlook.* hotmail.* live.* msn.com", "Outlook.com", "outlook.office365.com", "outlook.office365.com", "smtp-mail.outlook.com:587", false, false, false,
      NULL, microsoft },
    { "*.onmicrosoft.com", "Microsoft 365", "outlook.office365.com", "outlook.office365.com", "smtp.office365.com:587", false, false, false,
      NULL, microsoft },
    { "yahoo.* ymail.com rocketmail.com", "Yahoo", "imap.mail.yahoo.com", "pop.mail.yahoo.com", "smtp.mail.yahoo.com", false, false, false,
      NULL, NULL },
    { "aol.com verizon.net", "AOL", "imap.aol.com", "pop.aol.com", "smtp.aol.com", false, false, false,
      NULL, NULL },
    { "icloud.com me.com mac.com", "iCloud", "imap.mail.me.com", NULL, "smtp.mail.me.com:587", true, false, false,
      NULL, NULL },
    { "fastmail.com fastmail.fm fastmail.* sent.com", "Fastmail", "imap.fastmail.com", "pop.fastmail.com", "smtp.fastmail.com", false, false, false,
      NULL, NULL },
    { "gmx.net gmx.de gmx.at gmx.ch", "GMX", "imap.gmx.net", "pop.gmx.net", "mail.gmx.net", false, false, false,
      NULL, NULL },
    { "gmx.com gmx.us gmx.co.uk", "GMX", "imap.gmx.com", "pop.gmx.com", "mail.gmx.com", false, false, false,
      NULL, NULL },
    { "mail.com", "mail.com", "imap.mail.com", "pop.mail.com", "smtp.mail.com", false, false, false,
      NULL, NULL },
    { "web.de", "WEB.DE", "imap.web.de", "pop3.web.de", "smtp.web.de", true, true, false,
      NULL, NULL },
    { "t-online.de", "Telekom", "secureimap.t-online.de", "securepop.t-online.de", "securesmtp.t-online.de", false, false, false,
      NULL, NULL },
    { "mailbox.org", "mailbox.org", "imap.mailbox.org", "pop3.mailbox.org", "smtp.mailbox.org", false, false, false,
      NULL, NULL },
    { "posteo.de posteo.net posteo.*", "Posteo", "posteo.de", "posteo.de", "posteo.de", false, false, false,
      NULL, NULL },
    { "proton.me protonmail.com protonmail.ch pm.me", "Proton", "127.0.0.1:1143", NULL, "127.0.0.1:1025", false, false, true,
      "Proton is reached through Proton Mail Bridge on this machine, which shows the password to use.\n"
      "Export its certificate there and name it with --tls-ca FILE.", NULL },
    { "zoho.com zoho.eu zoho.in", "Zoho", "imap.*", "pop.*", "smtp.*", false, false, false,
      NULL, NULL },
    { "qq.com foxmail.com", "QQ", "imap.qq.com", "pop.qq.com", "smtp.qq.com", false, false, false,
      NULL, NULL },
    { "163.com 126.com yeah.net", "NetEase", "imap.*", "pop.*", "smtp.*", false, false, false,
      NULL, NULL },
    { "yandex.* ya.ru", "Yandex", "imap.yandex.com", "pop.yandex.com", "smtp.yandex.com", false, false, false,
      NULL, NULL },
    { "mail.ru inbox.ru list.ru bk.ru", "Mail.ru", "imap.mail.ru", "pop.mail.ru", "smtp.mail.ru", false, false, false,
      NULL, NULL },
    { "seznam.cz email.cz post.cz", "Seznam", "imap.seznam.cz", "pop3.seznam.cz", "smtp.seznam.cz", false, false, false,
      NULL, NULL },
    { "orange.fr wanadoo.fr", "Orange", "imap.orange.fr", "pop.orange.fr", "smtp.orange.fr", false, false, false,
      NULL, NULL },
    { "free.fr", "Free", "imap.free.fr", "pop.free.fr", "smtp.free.fr", true, true, false,
      NULL, NULL },
    { "laposte.net", "La Poste", "imap.laposte.net", "pop.laposte.net", "smtp.laposte.net", true, true, false,
      NULL, NULL },
    { "online.de 1und1.de", "1&1", "imap.1und1.de", "pop.1und1.de", "smtp.1und1.de", false, false, false,
      NULL, NULL },
    { "ionos.*", "IONOS", "imap.ionos.de", "pop.ionos.de", "smtp.ionos.de", false, false, false,
      NULL, NULL },
    { "strato.de", "STRATO", "imap.strato.de", "pop3.strato.de", "smtp.strato.de", false, false, false,
      NULL, NULL },
    { "ovh.net ovh.com", "OVH", "ssl0.ovh.net", "ssl0.ovh.net", "ssl0.ovh.net", false, false, false,
      NULL, NULL },
    { "gandi.net", "Gandi", "mail.gandi.net", "mail.gandi.net", "mail.gandi.net", false, false, false,
      NULL, NULL },
    { "your-server.de", "Hetzner", "mail.your-server.de", NULL, "mail.your-server.de", false, false, false,
      NULL, NULL },
};
/* clang-format on */

/* country - "de", "com", "co.uk", "com.br": what a star at a pattern's end may stand for */
static bool country(const char *s)
{
    if (text_starts_nocase(s, "co.") || text_starts_nocase(s, "com."))
        s = strchr(s, '.') + 1;
    size_t n = strlen(s);
    return n >= 2 && n <= 3 && !strchr(s, '.');
}

static bool matches(const char *pattern, size_t n, const char *domain)
{
    size_t m = strlen(domain);
    if (n > 2 && pattern[0] == '*') /* "*.onmicrosoft.com" */
        return m > n - 1 && text_eqn_nocase(pattern + 1, domain + m - (n - 1), n - 1);
    if (n > 2 && pattern[n - 1] == '*') /* "yahoo.*" */
        return m > n - 1 && text_eqn_nocase(pattern, domain, n - 1) && country(domain + n - 1);
    return m == n && text_eqn_nocase(pattern, domain, n);
}

static bool domain_in(const char *patterns, const char *domain)
{
    while (*patterns) {
        size_t n = strcspn(patterns, " ");
        if (matches(patterns, n, domain))
            return true;
        patterns += n + strspn(patterns + n, " ");
    }
    return false;
}

const struct provider *provider_find(const char *address)
{
    const char *at = strrchr(address, '@');
    for (size_t i = 0; at && i < sizeof providers / sizeof *providers; i++)
        if (domain_in(providers[i].domains, at + 1))
            return &providers[i];
    return NULL;
}
