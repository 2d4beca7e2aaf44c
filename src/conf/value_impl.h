/* value_impl - what value.c, which reads values, and value_show.c, which writes them, have in common. */
#ifndef TAPPAL_CONF_VALUE_IMPL_H
#define TAPPAL_CONF_VALUE_IMPL_H

#include <stdbool.h>

#include "base/str.h"
#include "conf/account.h"

bool value_is_blank(char c);
/* Does a comment seem to begin here? `s` is the beginning of the value. */
bool value_starts_comment(const char *s, const char *at);
/* `command ARGV` and `file PATH`: commas and comment signs belong to them. */
bool value_takes_the_rest(const char *s);
/* What stands beside its reader. */
MUST_USE bool value_get_keep(enum keep_mode keep, uint32_t days, struct str *out, struct err *err);
MUST_USE bool value_get_rate(const struct rate_limit *rate, struct str *out, struct err *err);

#endif
