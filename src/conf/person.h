/* person - who runs this program, on which machine: what place and the ini files need to know
 * about both. */
#ifndef TAPPAL_CONF_PERSON_H
#define TAPPAL_CONF_PERSON_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct person {
    char *home;       /* $HOME where it is ours, else passwd's; absolute, or NULL */
    bool home_is_own; /* `home` belongs to the effective uid: things may be kept in it */
    char *user_name;  /* passwd's, or "uid1234" */
    char *full_name;  /* passwd's, "" where it has none; root's is nobody's */
    char *host_name;  /* this machine's own name */
    char *mail_name;  /* first line of /etc/mailname, else host_name */
};

MUST_USE bool person_find(struct person *person_r, struct err *err);
void person_free(struct person *person);

/* The name of whoever a file belongs to, or "uid 1234". */
void person_owner_name(uid_t uid, char out[64]);

/* Whether `path` is absolute, not "/", and belongs to the effective uid; of a folder that is not
 * there yet, its nearest one above must. */
bool person_owns(const char *path);

/* "~/x" becomes HOME/x, %U %H %M become user, host and mail name, %% a percent sign. */
MUST_USE bool person_expand_path(const struct person *person, const char *path, struct str *out,
                                 struct err *err);
MUST_USE bool person_expand_names(const struct person *person, const char *text, struct str *out,
                                  struct err *err);

#endif
