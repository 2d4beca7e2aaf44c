/* conf - the configuration as a whole: tappal.ini and accounts/NAME.ini of one folder.
 * The grammar is strict (tappal.ini(5)); every fault is "file:line: what" with a hint. */
#ifndef TAPPAL_CONF_CONF_H
#define TAPPAL_CONF_CONF_H

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"
#include "conf/account.h"

struct config {
    char *dir;                /* absolute; NULL where none was found */
    struct account *accounts; /* sorted by name */
    size_t count;
    char *default_account;              /* [tappal] default */
    char *log;                          /* [tappal] log: "syslog", "stderr", absolute file, or NULL */
    uint64_t max_messages, max_bytes;   /* [queue]; 0: as many as the disk holds */
    struct strv notify;                 /* [tappal] notify: a command, or empty */
    uint32_t warn_after, give_up_after; /* [queue], in seconds; 0: never */
};

/* Reads the whole folder. A folder without tappal.ini and accounts/ gives count 0 and success.
 * Fails at the first fault (ERR_CONFIG; ERR_LOCAL where something cannot be read for want of memory or I/O). */
MUST_USE bool conf_load(const char *dir, struct config *config_r, struct err *err);
/* The faults of all files in turn, as "file:line: what" and "  hint" lines; false where there are any.
 * `file`: only this one, as an account file if it lies in a folder accounts/ or is not named tappal.ini. */
MUST_USE bool conf_check(const char *dir, const char *file, struct strv *lines_r, struct err *err);
void conf_free(struct config *config);
void conf_account_free(struct account *account); /* one that was put together by hand */

/* The name of the account that the file at `path` is; ERR_CONFIG where it cannot be one. malloc'd. */
MUST_USE bool conf_account_name(const char *path, char **name_r, struct err *err);

/* The account by its name; ERR_CONFIG naming the ones there are. */
const struct account *conf_find(const struct config *config, const char *name, struct err *err);
/* The one account for sending in this configuration: by envelope sender, then header From (address, then
 * `senders` patterns), then `default`, then the only one. NULL: none has a claim (err says so). */
const struct account *conf_choose_sender(const struct config *config, const char *envelope_from,
                                         const char *header_from, struct err *err);
/* Who takes what is to be told of a message that no account sends: the account of its name, where that has a maildir;
 * else the one that would send from `from`; else the first that can. NULL: none can. */
const struct account *conf_stand_in(const struct config *config, const char *name, const char *from);
/* Several send, and none is the default: what none of them claims has no account. */
bool conf_lacks_default(const struct config *config);

/* An account file's text from a filled struct (`account add`, `account show`): only what differs
 * from the defaults, one comment line per option. */
MUST_USE bool conf_write_account(const struct account *account, struct str *out, struct err *err);

#endif
