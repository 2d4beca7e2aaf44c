/* aliases - who gets the mail for local names, as aliases(5) has it:
 *
 *   entry   = name ":" target *( "," target ) LF *( blank target *( "," target ) LF )
 *   comment = "#" *any LF                                     a whole line, or behind a blank
 *   name    = word / quoted-string                            in any case; "default": for names without an entry
 *   target  = mail address / another name / "\" name          the last one is no alias, whatever entries there are
 *
 * Commands ("|program"), files ("/path") and ":include:" are not supported: nothing is ever run, written or
 * read for an address. Such a target is a fault; the other targets of its entry count all the same. */
#ifndef TAPPAL_CONF_ALIASES_H
#define TAPPAL_CONF_ALIASES_H

#include "base/err.h"
#include "base/strv.h"

#define ALIASES_FILE_MAX (4u << 20)
#define ALIASES_FAULTS_MAX 100

struct alias {
    char *name; /* in lower case */
    struct strv targets;
    unsigned line; /* where it stands */
    unsigned seen; /* aliases_expand's own: the last name for which it counted */
};

struct aliases {
    struct alias *items; /* sorted by name */
    size_t count;
    unsigned asked;     /* how many names were expanded */
    struct strv faults; /* "3: sentence": what was passed over */
};

/* Pure. False only without memory. */
MUST_USE bool aliases_parse(const char *text, size_t n, struct aliases *aliases_r, struct err *err);
/* The file must belong to the effective uid or to root, and nobody else may write it. */
MUST_USE bool aliases_read(const char *path, struct aliases *aliases_r, struct err *err);
void aliases_free(struct aliases *aliases);

/* Appends what a name without domain comes to, through all entries: mail addresses, and names that have no entry
 * (itself, perhaps). Each entry counts once, so that a loop ends. Nothing is appended where the entries lead
 * nowhere: only to each other, or to what is not supported. */
MUST_USE bool aliases_expand(struct aliases *aliases, const char *name, struct strv *out, struct err *err);

#endif
