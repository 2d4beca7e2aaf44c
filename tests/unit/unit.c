#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int unit_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

char unit_folder[] = "/tmp/tappal-unit-XXXXXX";

void unit_folder_make(void)
{
    memcpy(strrchr(unit_folder, '-'), "-XXXXXX", 7); /* without fork, the one before is still there */
    ck_assert_ptr_nonnull(mkdtemp(unit_folder));
    ck_assert_int_eq(chdir(unit_folder), 0);
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void unit_folder_remove(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(nftw(unit_folder, forget, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int unit_folder_count(void)
{
    DIR *dir = opendir(unit_folder);
    int count = -2; /* . and .. */
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

void unit_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (long)strlen(text));
    close(fd);
}
