/* sendmail_options - the command line of sendmail(1), as Sendmail 8 and its callers have it. */
#ifndef TAPPAL_CMD_SENDMAIL_OPTIONS_H
#define TAPPAL_CMD_SENDMAIL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/account.h"
#include "mail/envelope.h"

enum sendmail_job {
    JOB_SEND,      /* -bm */
    JOB_LIST,      /* -bp, mailq */
    JOB_ALIASES,   /* -bi, -I, newaliases */
    JOB_VERIFY,    /* -bv */
    JOB_RUN_QUEUE, /* -q... */
    JOB_SMTP,      /* -bs */
    JOB_HELP,
    JOB_VERSION,
};

/* All strings are argv's. */
struct sendmail_options {
    enum sendmail_job job;
    bool from_header;    /* -t */
    bool dot_is_text;    /* -i, -oi */
    bool verbose;        /* -v */
    bool json;           /* --json */
    bool require_tls;    /* -O requiretls=yes */
    enum send_mode mode; /* -odi, -odb, -odq; SEND_AUTO: nothing was said */
    unsigned notify;     /* -N: enum dsn_notify, or-ed */
    enum dsn_ret ret;    /* -R */
    char queue_by; /* -qI, -qR, -qS: ids, recipients or senders that have `queue_text` in them; 0: all */
    const char *queue_text;
    const char *sender;      /* -f, -r; NULL: nothing was said */
    const char *full_name;   /* -F */
    const char *envid;       /* -V */
    const char *account;     /* --account */
    const char *config;      /* --config */
    char *const *recipients; /* what stands behind the options, NULL at the end */
};

/* ERR_USAGE for what Sendmail 8 does not know either. The last of several -f counts (PHP appends its
 * own to a configured one). With `untrusted`, called as sendmail, options that name files are read
 * and ignored. */
MUST_USE bool sendmail_options_read(char *const argv[], bool untrusted, struct sendmail_options *o_r,
                                    struct err *err);

#endif
