/* show - an account's settings as a person reads them. */
#ifndef TAPPAL_CONF_SHOW_H
#define TAPPAL_CONF_SHOW_H

#include "base/strv.h"
#include "conf/account.h"

/* "name = value    where it was set", section by section, defaults included. Neither a proxy's password
 * nor the arguments of a command that gives one are shown. */
MUST_USE bool conf_show_account(const struct account *account, struct strv *lines_r, struct err *err);

#endif
