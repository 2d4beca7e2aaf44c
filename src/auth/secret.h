/* secret - passwords from where the person keeps them; one source after another until one has it.
 * Found, absent, locked and failed are four answers: only `absent` goes on to the next source.
 * The bytes live in a struct secret alone, are never logged, and are wiped by secret_wipe. */
#ifndef TAPPAL_AUTH_SECRET_H
#define TAPPAL_AUTH_SECRET_H

#include "base/err.h"
#include "base/str.h"
#include "conf/account.h"

#define SECRET_MAX 16384

struct secret {
    struct str bytes;
};
void secret_init(struct secret *s);
void secret_wipe(struct secret *s);
MUST_USE bool secret_set(struct secret *s, const void *bytes, size_t n, struct err *err);

enum secret_answer { SECRET_FOUND, SECRET_ABSENT, SECRET_LOCKED, SECRET_FAILED };

/* What a lookup is about. */
struct secret_query {
    const char *account;
    const char *host;    /* as in the account file */
    const char *service; /* "smtp", "imap", "pop3" */
    const char *login;
    const char *config_dir; /* for `secrets/NAME` */
    bool may_prompt;        /* a person sits at /dev/tty */
};

/* Asks the sources in order. ABSENT: err says where it looked (ERR_AUTH, hint `tappal auth login NAME`);
 * LOCKED and FAILED: ERR_SECRET with what to do. */
enum secret_answer secret_get(const struct strv *sources, const struct secret_query *query,
                              struct secret *out, struct err *err);
/* The path that "file PATH" means. "~/x" in the person's home, "x" in config_dir, "/x" as it is. */
MUST_USE bool secret_file_path(const char *written, const char *config_dir, struct str *path,
                               struct err *err);
/* Stores, replaces, deletes in the keyring. */
enum secret_answer secret_keyring_store(const struct secret_query *query, const struct secret *s,
                                        struct err *err);
enum secret_answer secret_keyring_delete(const struct secret_query *query, struct err *err);
/* Asks on /dev/tty with echo off; FAILED without a terminal. */
enum secret_answer secret_prompt(const char *question, struct secret *out, struct err *err);

#endif
