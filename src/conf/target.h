/* target - an item of the option `targets`, "FOLDER: PLACE": where below the maildir one folder stands, whatever the
 * layout says. FOLDER is a name or a use (\Sent), without wildcards; PLACE is a path of plain names, or "." for the
 * maildir itself. */
#ifndef TAPPAL_CONF_TARGET_H
#define TAPPAL_CONF_TARGET_H

#include "base/err.h"
#include "base/str.h"

#define TARGET_PLACE_MAX 1000

struct target {
    struct str folder;
    struct str place; /* below the maildir's root; "" is the root itself */
};

/* ERR_CONFIG: it is none. To be freed in any case. */
MUST_USE bool target_read(const char *item, struct target *target_r, struct err *err);
void target_free(struct target *target);

#endif
