/* unit - the shared main of the Check programs: TAP on stdout, exit status 1 after a failure. */
#ifndef TAPPAL_TESTS_UNIT_H
#define TAPPAL_TESTS_UNIT_H

#include <check.h>

int unit_run(Suite *suite); /* `return unit_run(suite);` in main; frees the suite */

#endif
