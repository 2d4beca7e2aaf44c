/* imap_find - which folders an IMAP account has, and which of them are wanted: NAMESPACE, LIST, STATUS. */
#ifndef TAPPAL_FETCH_IMAP_FIND_H
#define TAPPAL_FETCH_IMAP_FIND_H

#include "client/imap.h"
#include "fetch/pull.h"

struct imap_find {
    const struct pull *pull;
    struct pull_result *result;
    struct folders *folders;      /* that are wanted */
    struct folders listed;        /* what the server has */
    char *target;                 /* what `move_to` names, as the server writes it */
    size_t unfit;                 /* that cannot be folders here */
    unsigned namespaces, listing; /* commands under way; 0: none */
};

/* Is the INBOX all that is wanted, so that no server need be asked? */
bool imap_find_is_plain(const struct pull *pull);
/* Sends what is asked first, as far as that is worth doing before the server was heard. */
MUST_USE bool imap_find_ask(struct imap_find *find, struct imap *imap, struct err *err);
/* Fills find->folders, and says what is amiss: a folder that is not there, or cannot be one here. */
MUST_USE bool imap_find_all(struct imap_find *find, struct imap *imap, struct err *err);
/* What the server tells of their state unopened, where there are several: then only some need be opened. */
MUST_USE bool imap_find_states(struct imap_find *find, struct imap *imap, struct err *err);
void imap_find_free(struct imap_find *find);

#endif
