/* fs_step - the test hook inside fs.c; nobody else includes this. */
#ifndef TAPPAL_BASE_FS_STEP_H
#define TAPPAL_BASE_FS_STEP_H

#include <stddef.h>

/* How many of n bytes the coming write may store: n, or half of them where TAPPAL_TEST_STEP says
 * that this step is the short one (which is then counted and logged here). */
size_t fs_step_short(size_t n);

#endif
