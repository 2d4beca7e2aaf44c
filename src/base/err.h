/* err - what went wrong, in words a person can act on.
 *
 * Fallible functions are `bool f(..., struct err *err)`: true on success, and then `err` is
 * untouched, so calls chain with && and ||. On failure `what` is a complete sentence without
 * a final line end ("The server smtp.example.org refused the password."), and `hint`, where
 * there is one, says what the person can do. Neither ever holds a secret, nor control
 * characters: whatever a server said is cleaned on its way in. Libraries never print, never exit. */
#ifndef TAPPAL_BASE_ERR_H
#define TAPPAL_BASE_ERR_H

#include <stdbool.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err_kind {
    ERR_NONE,
    ERR_USAGE,        /* the command line                                      64 */
    ERR_CONFIG,       /* the configuration                                     78 */
    ERR_DATA,         /* the message or its addresses                          65 */
    ERR_NO_HOST,      /* the server's name has no address                      68 */
    ERR_NETWORK,      /* connect, cut, time-out                                69 */
    ERR_TLS,          /* handshake, certificate                                69 */
    ERR_AUTH,         /* password refused by the server, or none is stored     77 */
    ERR_SECRET,       /* the secret is there but cannot be had now (locked, its source failed) 75 */
    ERR_PROTOCOL,     /* the peer broke its protocol's rules                   76 */
    ERR_REFUSED_TEMP, /* the server said: later                                75 */
    ERR_REFUSED_PERM, /* the server said: never                                69 */
    ERR_LOCAL,        /* this machine: disk full, permission, lock             75 */
    ERR_INTERNAL,     /* our own mistake                                       70 */
};

struct err {
    enum err_kind kind;
    int code;          /* SMTP reply code, or 0 */
    int sys;           /* errno where a system call failed, or 0 */
    char enhanced[12]; /* enhanced status code "5.7.8" (RFC 3463), or "" */
    char what[1024];
    char hint[1024];
};

/* Sets kind and sentence, clears the rest. Always returns false: `return err_set(...)`.
 * A sentence too long for the field ends in "...". */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same for a failed system call: keeps errno in `sys` and appends ": ", its text and a full stop. */
bool err_errno(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Sets the hint of an error that is set already. Always returns false. */
bool err_hint(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Puts words before the sentence that is there ("accounts/work.ini:3: "). Always returns false. */
bool err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool err_nomem(struct err *err);

int err_exit_status(enum err_kind kind);      /* sysexits(3) */
const char *err_kind_name(enum err_kind kind); /* "tls", "auth": for logs and JSON */

#endif
