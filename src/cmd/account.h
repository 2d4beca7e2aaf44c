/* account - what the files of `tappal account` share. */
#ifndef TAPPAL_CMD_ACCOUNT_H
#define TAPPAL_CMD_ACCOUNT_H

#include "conf/account.h"
#include "conf/place.h"

/* What a provider's servers are. Hosts without a port listen where their protocol usually does. */
struct provider {
    const char *domains; /* by blanks; yahoo.*: any country's; *.example.org: all below it */
    const char *name;
    const char *imap, *pop3, *smtp; /* host or host:port; NULL: there is none; a `*` stands for the domain */
    bool imap_local_part;           /* the login for IMAP and POP3 is what stands before the @ */
    bool smtp_local_part;           /* and for SMTP */
    bool starttls;                  /* on ports that do not say so themselves */
    const char *hint;       /* said first, where the host's name does not tell (client/hint), or NULL */
    const char *impossible; /* why this version cannot sign in there, or NULL */
};

/* The provider of an address, or NULL. */
const struct provider *provider_find(const char *address);

/* The command line of `account add`. */
struct account_wish {
    const char *config, *address, *name, *full_name, *login, *maildir;
    const char *imap, *pop3, *smtp, *tls, *tls_ca, *password_from;
    bool password_from_stdin, no_test, yes;
};

int account_add(const struct account_wish *wish);

/* Sends the person a message and fetches it back, with the two programs; what they complain of is
 * already said. named_config: the folder is passed on to them. An exit status. */
int account_try(const struct account *account, const struct place *place, bool named_config);
/* The lines for mutt, git and mail(1). */
void account_say_callers(const struct account *account, bool named_config);

/* On the terminal: a line, or `otherwise` for an empty one. False at its end. */
MUST_USE bool account_ask(const char *question, const char *otherwise, struct str *answer, struct err *err);
bool account_ask_yes(const char *question); /* an empty answer is yes */
bool account_on_terminal(void);

#endif
