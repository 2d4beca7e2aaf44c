/* secret_source - one function per place where a password may be kept; secret.c calls them in order.
 * `rest` is what follows the source's word in password_from. FOUND fills `out`; FAILED and LOCKED set err;
 * ABSENT leaves err alone. */
#ifndef TAPPAL_AUTH_SECRET_SOURCE_H
#define TAPPAL_AUTH_SECRET_SOURCE_H

#include "auth/secret.h"

typedef enum secret_answer secret_ask(const char *rest, const struct secret_query *query, struct secret *out,
                                      struct err *err);
secret_ask secret_ask_keyring, secret_ask_command, secret_ask_file, secret_ask_credential, secret_ask_netrc,
    secret_ask_prompt;

/* Most bytes that a command or file may hold; the password is its first line. */
#define SECRET_SOURCE_MAX 65536

/* The first line of `text` becomes the secret; `shown` names the source in errors. Wipes `text`. */
enum secret_answer secret_take_line(struct str *text, const char *shown, struct secret *out, struct err *err);
/* Opens a file that may hold secrets and reads it whole; ABSENT where there is none. */
enum secret_answer secret_read_file(const char *path, struct str *text, struct err *err);
/* The password for `login` at `host` in the text of a netrc file. Pure. FOUND fills `out`. */
enum secret_answer secret_netrc_find(const char *text, size_t n, const char *host, const char *login,
                                     struct str *out, struct err *err);

#endif
