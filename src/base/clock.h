/* clock - the two times there are. TAPPAL_TEST_CLOCK=SECONDS shifts the wall clock (tests of
 * retries and delays); called as sendmail, mailq or newaliases it is not read. */
#ifndef TAPPAL_BASE_CLOCK_H
#define TAPPAL_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now(void);      /* seconds since 1970, wall clock: what is written down */
int64_t clock_now_ms(void);   /* milliseconds since 1970, wall clock */
int64_t clock_mono_ms(void);  /* milliseconds, monotonic, running on in suspend: deadlines */
void clock_read_test_shift(void); /* called by main() of programs that allow test hooks */

/* RFC 5322 date-time with local offset: "Sun, 22 Nov 2026 03:04:05 +0100"; never locale-bound. */
void clock_rfc5322(int64_t t, char out[48]);
void clock_iso(int64_t t, char out[32]); /* "2026-11-22T02:04:05Z" */

#endif
