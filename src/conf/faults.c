/* faults - see faults.h. */
#include "conf/faults.h"

#include <stdio.h>

void faults_add(struct faults *faults, const struct err *err)
{
    struct err ignored;
    char hint[sizeof err->hint + 16];
    if (faults->first.kind == ERR_NONE)
        faults->first = *err;
    if (strv_has(&faults->lines, err->what))
        return;
    /* without memory for the list, `first` still says that something is wrong */
    if (!strv_add(&faults->lines, err->what, &ignored) || !err->hint[0])
        return;
    snprintf(hint, sizeof hint, "  hint: %s", err->hint);
    if (!strv_add(&faults->lines, hint, &ignored))
        return;
}

void faults_free(struct faults *faults)
{
    strv_free(&faults->lines);
    *faults = (struct faults){0};
}
