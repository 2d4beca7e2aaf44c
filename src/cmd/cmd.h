/* cmd - the subcommands of `tappal`: each is a small main() with its own options, argv[0] being its
 * name. They return an exit status of sysexits(3). */
#ifndef TAPPAL_CMD_CMD_H
#define TAPPAL_CMD_CMD_H

#include "conf/account.h"

int cmd_account(int argc, char **argv); /* account.c: add, list, show */
int cmd_auth(int argc, char **argv);    /* auth.c: login, status, logout */
int cmd_queue(int argc, char **argv);   /* queue.c: list, show, run, remove */
int cmd_check(int argc, char **argv);   /* check.c */
int cmd_status(int argc, char **argv);  /* status.c */

/* `tappal auth login` for an account that was just written: asks, tests live, stores.
 * password_from_stdin: the first line of stdin is the password. */
int cmd_auth_login(const struct account *account, bool password_from_stdin);

#endif
