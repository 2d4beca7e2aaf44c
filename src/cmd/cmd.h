/* cmd - the subcommands of `tappal`: each is a small main() with its own options, argv[0] being its
 * name. They return an exit status of sysexits(3). */
#ifndef TAPPAL_CMD_CMD_H
#define TAPPAL_CMD_CMD_H

#include <getopt.h>

#include "conf/conf.h"

int cmd_account(int argc, char **argv); /* account.c: add, list, show */
int cmd_auth(int argc, char **argv);    /* auth.c: login, status, logout */
int cmd_queue(int argc, char **argv);   /* queue.c: list, show, run, remove */
int cmd_check(int argc, char **argv);   /* check.c */
int cmd_status(int argc, char **argv);  /* status.c */
int cmd_verify(int argc, char **argv);  /* verify.c */
int cmd_adopt(int argc, char **argv);   /* adopt.c */
int cmd_service(int argc, char **argv); /* service.c: on, off */

/* `tappal auth login` for an account that was just written: asks, tests live, stores.
 * password_from_stdin: the first line of stdin is the password. */
int cmd_auth_login(const struct config *config, const struct account *account, bool password_from_stdin);

/* -- words.c: what is wrong with the command line; each returns the exit status. command: "queue list" -- */
/* under: "tappal queue". Names the nearest of `known`, which ends in NULL. */
int cmd_unknown(const char *under, const char *word, const char *const *known);
int cmd_surplus(const char *command, const char *word);
int cmd_lacks(const char *command, const char *what);
/* got: what getopt_long() returned that is no option; its short options began with ':', so that it said nothing itself. */
int cmd_bad_option(const char *command, int got, char **argv, const struct option *known);
/* Says where to read on, unless err has a hint. */
int cmd_wrong(const char *command, struct err *err);

#endif
