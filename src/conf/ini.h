/* ini - one ini file into a list of settings. The grammar is checked here, the values are not:
 * they are taken as they stand behind the equals sign. */
#ifndef TAPPAL_CONF_INI_H
#define TAPPAL_CONF_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "conf/faults.h"
#include "conf/options.h"

#define INI_LINE_MAX 4096
#define INI_FILE_MAX (1u << 20)

struct setting {
    const struct conf_option *option;
    char *raw;
    unsigned line;
};

struct ini_file {
    char *shown; /* how faults call it */
    struct setting *settings;
    size_t count, cap;
    struct strv sections; /* in the order of the file */
};

/* Reads `text`. for_account: an account's file, which has no [tappal] and [queue]. What is wrong goes
 * into `faults`, what is right into file_r all the same. */
void ini_read(const char *shown, const struct str *text, bool for_account, struct ini_file *file_r,
              struct faults *faults);
void ini_free(struct ini_file *file);

/* The settings of one option, in order: the first from index `from` on, or NULL. */
const struct setting *ini_find(const struct ini_file *file, const struct conf_option *option, size_t *from);

#endif
