/* pipe - a sink that is a command: it gets each message on its standard input, as a file that has come whole, with LF
 * line ends (octet for octet where the message has others).
 *
 * In its environment: SENDER, RECIPIENT, ACCOUNT, FOLDER, UID. Nothing of the message is ever among its words.
 * Exit status 0: taken. 75 (EX_TEMPFAIL): later. 126, 127: there is no such command. Any other: refused, and the
 * first line that it said is the reason. One that was killed, or took longer than PIPE_LIMIT_MS, leaves it in
 * doubt. */
#ifndef TAPPAL_BOX_PIPE_H
#define TAPPAL_BOX_PIPE_H

#include "base/str.h"
#include "base/strv.h"
#include "box/sink.h"

#define PIPE_LIMIT_MS (5 * 60 * 1000)

/* `folder` is where messages are held. argv, account and recipient must outlive the sink. */
MUST_USE bool pipe_open(const char *folder, char *const argv[], const char *account, const char *recipient,
                        struct sink **sink_r, struct err *err);
/* Our environment with NAME=VALUE put in, or put in another's place. */
MUST_USE bool pipe_environment(const char *const (*pairs)[2], size_t count, struct strv *env,
                               struct err *err);
/* How a command's end is told: "The command maildrop ended with 77: its first line". `said` is what it said. */
bool pipe_complain(const char *command, int status, const struct str *said,
                   struct err *err); /* always false */

#endif
