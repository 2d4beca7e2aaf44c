/* unit - the shared main of the Check programs: TAP on stdout, exit status 1 after a failure; and a folder for their files. */
#ifndef TAPPAL_TESTS_UNIT_H
#define TAPPAL_TESTS_UNIT_H

#include <check.h>

int unit_run(Suite *suite); /* `return unit_run(suite);` in main; frees the suite */

/* A fixture: an empty folder that a test is in, removed with all it holds. */
extern char unit_folder[];
void unit_folder_make(void);
void unit_folder_remove(void);

int unit_folder_count(void); /* how many things it holds, hidden ones too */
void unit_write(const char *path, const char *text);

#endif
