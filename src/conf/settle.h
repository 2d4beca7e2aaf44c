/* settle - what an account's options mean together: the defaults that depend on others are filled
 * in, and what contradicts itself is a fault. */
#ifndef TAPPAL_CONF_SETTLE_H
#define TAPPAL_CONF_SETTLE_H

#include "conf/account.h"
#include "conf/faults.h"
#include "conf/ini.h"

/* own: the account's file; defaults: tappal.ini. Both are already read into `account`. */
void settle_account(struct account *account, const struct ini_file *own, const struct ini_file *defaults,
                    struct faults *faults);

/* The port that goes with a protocol and a way of TLS. */
uint16_t settle_default_port(enum protocol protocol, enum tls_mode mode);

/* The way of TLS that a well-known port of the protocol stands for; false for others. */
bool settle_port_mode(enum protocol protocol, uint16_t port, enum tls_mode *mode_r);

/* Where an option got its value: the file, and the setting in it; NULL where nobody set it. */
const struct ini_file *settle_source(const struct conf_option *option, const struct ini_file *own,
                                     const struct ini_file *defaults, const struct setting **setting_r);

#endif
