/* notify - telling the service manager how a service is (sd_notify(3), without its library). Where none listens
 * nothing happens. */
#ifndef TAPPAL_BASE_NOTIFY_H
#define TAPPAL_BASE_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=..." */
void notify_service(const char *state);

#endif
