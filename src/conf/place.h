/* place - where a person's and the machine's files are (tappal.ini(5) FILES).
 *
 * Home is passwd's. $HOME, the XDG variables and TAPPAL_CONFIG count only where that folder belongs
 * to the effective uid and is not "/" (sudo, su -m). A uid without passwd entry has no home but an
 * owned $HOME. TAPPAL_CONFIG and `config` are ignored when called as sendmail. */
#ifndef TAPPAL_CONF_PLACE_H
#define TAPPAL_CONF_PLACE_H

#include "base/err.h"
#include "conf/conf.h"

struct place {
    char *home;      /* absolute, or NULL */
    char *user_name; /* passwd's, or "uid1234" */
    char *
        config_dir; /* --config, TAPPAL_CONFIG, or $XDG_CONFIG_HOME/tappal, ~/.config/tappal; NULL without home; need not exist */
    char *machine_dir; /* /etc/tappal (SYSCONFDIR/tappal); NULL where config_dir was named outright */
    char *
        state_dir; /* queue and state; XDG_STATE_HOME/tappal, ~/.local/state/tappal, /var/lib/tappal for uid 0;
                          NULL: nowhere to keep a message */
    char *mail_name; /* /etc/mailname, else the host's name */
};

MUST_USE bool place_find(const char *config_option, struct place *place_r, struct err *err);
void place_free(struct place *place);

/* The configuration that counts: the person's own where it has accounts, else the machine's.
 * An own one that is broken is an error, never a reason to use the machine's.
 * Neither: ERR_CONFIG with sys ENOENT, "no account is set up", hint `tappal account add`. */
MUST_USE bool place_load(const struct place *place, struct config *config_r, struct err *err);

/* The same for sending: an own configuration without any [send] leaves it to the machine's. */
MUST_USE bool place_load_sending(const struct place *place, struct config *config_r, struct err *err);

/* "STATE/queue" and "STATE/fetch/ACCOUNT-<hash of config_dir>": made durable, 0700, checked to be ours
 * (ERR_LOCAL naming the owner otherwise). The path goes to `path_r`. */
MUST_USE bool place_queue(const struct place *place, struct str *path_r, struct err *err);
MUST_USE bool place_fetch_state(const struct place *place, const struct account *account, struct str *path_r,
                                struct err *err);
/* The same path for one who only looks: nothing is made, and it may be missing. */
MUST_USE bool place_fetch_state_if_there(const struct place *place, const struct account *account,
                                         struct str *path_r, struct err *err);

/* "STATE/accounts/NAME-<first 8 hex digits of SHA-256 of its config_dir>SUFFIX"; the folder is made.
 * ".delivered" there: this account has delivered a message before. */
MUST_USE bool place_account_mark(const struct place *place, const struct account *account, const char *suffix,
                                 struct str *path_r, struct err *err);

/* A configuration file must be owned by the effective uid or root and not be writable by others.
 * A file with a secret: symbolic links followed, refused where others can write it, or can read it
 * and it is neither under /run/secrets nor on a read-only mount. Both work on an open fd. */
MUST_USE bool place_check_config_file(int fd, const char *shown, struct err *err);
MUST_USE bool place_check_secret_file(int fd, const char *shown, struct err *err);

#endif
