/* foreign - what other fetchers wrote down about the messages that they have fetched:
 *
 *   mbsync     .mbsyncstate: "FarUidValidity N" and other such lines, a blank line, then "FARUID NEARUID FLAGS";
 *              the file of a message bears ",U=NEARUID" in its name, in the folder where the state lies
 *   getmail    oldmail-SERVER-PORT-USER[-FOLDER]: "UIDL NUL TIME", or by IMAP "UIDVALIDITY/UID NUL TIME"
 *   mpop       a line " COUNT HOST USER", then as many unique-ids, one a line; again for the next mailbox
 *   fetchmail  .fetchids: "USER@HOST UIDL"
 *
 * A pure parser; which of them it is shows in the text itself. */
#ifndef TAPPAL_FETCH_FOREIGN_H
#define TAPPAL_FETCH_FOREIGN_H

#include <stdint.h>

#include "base/str.h"

enum foreign_kind { FOREIGN_MBSYNC, FOREIGN_GETMAIL, FOREIGN_MPOP, FOREIGN_FETCHMAIL };
#define FOREIGN_MAX 10000000 /* messages */

struct foreign_message {
    uint32_t validity, uid; /* IMAP; else 0 */
    uint32_t near;          /* mbsync: its number here; 0: it has none any more */
    char *uidl;             /* POP3; else NULL */
};
struct foreign {
    enum foreign_kind kind;
    struct foreign_message *messages;
    size_t count, cap;
    size_t others; /* messages of other mailboxes */
};

/* Only what is of LOGIN at HOST, where the state says so. ERR_DATA: it is none of these, or damaged. `shown` is how
 * errors call it. */
MUST_USE bool foreign_read(const char *text, size_t n, const char *login, const char *host, const char *shown,
                           struct foreign *foreign_r, struct err *err);
void foreign_free(struct foreign *foreign);
const char *foreign_name(enum foreign_kind kind); /* "mbsync" */

#endif
