/* keyring_talk - what a program and tappal-keyring say to each other over a pipe (tappal-keyring(8)).
 *
 *   request = "command: " ("find" | "store" | "delete") LF  *( KEY ": " value LF )  LF  [secret, for store]
 *   KEY     = "account" | "host" | "service" | "user" | "interactive" (value "yes": a person may be asked to
 * unlock) answer  = ("found" | "absent" | "locked" | "error") [SP sentence] LF  [secret, for find]
 *
 * "found" also answers a store and a delete that were done. Values hold no control characters. */
#ifndef TAPPAL_AUTH_KEYRING_TALK_H
#define TAPPAL_AUTH_KEYRING_TALK_H

#include "auth/secret.h"

#define KEYRING_TALK_HEAD_MAX 8192
#define KEYRING_TALK_MAX (KEYRING_TALK_HEAD_MAX + SECRET_MAX)

/* The words of an answer, at the index of enum secret_answer. */
static const char *const keyring_talk_words[] = {
    [SECRET_FOUND] = "found",
    [SECRET_ABSENT] = "absent",
    [SECRET_LOCKED] = "locked",
    [SECRET_FAILED] = "error",
};

#endif
