/* faults - what is wrong with a configuration: all of it for `tappal check`, the first of it for
 * programs that only want to go on. */
#ifndef TAPPAL_CONF_FAULTS_H
#define TAPPAL_CONF_FAULTS_H

#include "base/err.h"
#include "base/strv.h"

struct faults {
    struct strv lines; /* "file:line: what" and "  hint" */
    struct err first;  /* its kind is ERR_NONE while there is none */
};

void faults_add(struct faults *faults,
                const struct err *err); /* a fault that is there already is not repeated */
/* By file, as these were met, and by line; what is about a file as a whole comes last. */
void faults_sort(struct faults *faults);
void faults_free(struct faults *faults);

#endif
