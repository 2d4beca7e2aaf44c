/* log - the one global: where events go. One event a line, `event key=value key="va lue"`.
 * Target: as `log =` says (syslog | stderr | FILE); by default stderr if that is a terminal, else
 * syslog (facility mail), else stderr. Values are cleaned (text_add_clean). A log that cannot be
 * written never fails the caller. */
#ifndef TAPPAL_BASE_LOG_H
#define TAPPAL_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* program: "tappal-fetch" (kept, not copied). target: NULL for the default, "syslog", "stderr",
 * "none" or an absolute file name (created 0600, opened for each line: rotation needs no signal). */
void log_open(const char *program, const char *target);
void log_set_level(enum log_level most); /* default INFO; DEBUG goes to stderr only */
bool log_to_stderr(void);                /* so that a program does not say a thing twice */

/* Pairs of key and value, both C strings, ended by NULL; a NULL value leaves the pair out. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
