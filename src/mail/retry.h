/* retry - when to try again. Pure: the caller brings the number of tries and a random number, which moves
 * each time by up to a tenth, so that what failed together does not come back together. */
#ifndef TAPPAL_MAIL_RETRY_H
#define TAPPAL_MAIL_RETRY_H

#include <stdint.h>

#define RETRY_IN_DOUBT 900 /* seconds, never less: the other side may still be busy with the first copy */
#define RETRY_PAUSE                                                                                          \
    86400 /* seconds without any try: the machine was away, asleep or off, or its clock jumped */
#define RETRY_ENOUGH 14400 /* seconds that it is tried for since then, before anything is given up */
#define RETRY_SECRET 30    /* a locked keyring may be unlocked any moment, and asking costs little */

/* Seconds from the n-th try in vain to the next: 1, 2, 5, 10, 20 minutes, then an hour. */
int64_t retry_after(unsigned tries, uint32_t random);
/* The same where the server refused our password: 15 minutes, 1 hour, then 4. Guessing locks accounts. */
int64_t retry_after_refusal(unsigned tries, uint32_t random);

#endif
