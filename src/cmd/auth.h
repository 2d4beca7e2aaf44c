/* auth - what the files of `tappal auth` share. */
#ifndef TAPPAL_CMD_AUTH_H
#define TAPPAL_CMD_AUTH_H

#include "auth/secret.h"
#include "conf/account.h"

/* One of the two servers of an account, and the password for it. */
struct auth_service {
    const char *section; /* "send" or "fetch" */
    const struct endpoint *server;
    const struct credentials *who;
    struct secret password;
};

struct secret_query auth_query(const struct account *account, const struct auth_service *service);

/* Signs in at the server, with the password in `service` or, where that is empty, from its sources. */
MUST_USE bool auth_try(const struct account *account, const struct auth_service *service, struct err *err);

/* Keeps the password in config_dir/secrets/NAME, 0600, and makes the account file say so: each line
 * `password_from = keyring` is rewritten, or one is added. `line_r` is what now stands there. */
MUST_USE bool auth_keep_in_file(const struct account *account, const struct secret *password,
                                const char *name, struct str *line_r, struct err *err);
/* Only the file, at a path that the account names already. */
MUST_USE bool auth_write_file(const char *path, const struct secret *password, struct err *err);

#endif
