/* notify - telling the service manager how a service is (sd_notify(3), without its library). Where none listens
 * nothing happens. */
#ifndef TAPPAL_BASE_NOTIFY_H
#define TAPPAL_BASE_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "STATUS=...", "WATCHDOG=1"; several of them parted by LF. */
void notify_service(const char *state);
/* How often "WATCHDOG=1" is to be said, so that the manager does not take us for hung; 0: never. */
int64_t notify_watchdog_ms(void);

#endif
