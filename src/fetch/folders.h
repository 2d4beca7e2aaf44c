/* folders - from names on the server to names that a person writes and folders on the disk.
 *
 * A server's names are hostile until they have passed folders_path: no name leaves the maildir's root, no two
 * names meet in one folder, and none is taken for a maildir's own cur, new and tmp. */
#ifndef TAPPAL_FETCH_FOLDERS_H
#define TAPPAL_FETCH_FOLDERS_H

#include "base/strv.h"
#include "conf/account.h"
#include "wire/imap_reply.h"

#define FOLDERS_MAX 20000    /* that a server may list */
#define FOLDER_WIRE_MAX 4000 /* octets of a name as the server has it */
#define FOLDER_DEPTH_MAX 32
#define FOLDER_PART_MAX 255 /* of one name on disk */
#define FOLDER_PATH_MAX 1000

struct folder {
    char *wire;              /* as the server writes it: modified UTF-7, or whatever it is */
    char *name;              /* UTF-8, levels parted by "/": for people and patterns */
    char *path;              /* below the maildir's root; "" is the root itself */
    uint32_t validity, next; /* UIDVALIDITY and UIDNEXT, where the server told them unopened; else 0 */
    uint64_t modseq;         /* HIGHESTMODSEQ, likewise */
};
struct folders {
    struct folder *items;
    size_t count, cap;
};

void folders_free(struct folders *folders);

/* Its place under the root: maildir++ ".Lists.git", nested "Lists/git"; INBOX is "" or "INBOX". What cannot
 * stand in a file's name is written as %XX. ERR_DATA: an empty level, or a name beyond all measure. */
MUST_USE bool folders_path(enum layout layout, const char *wire, char delimiter, struct str *path,
                           struct err *err);

/* Is it wanted? `*` matches everything, `%` all but "/", INBOX in any case; `\Sent` the folders with that
 * attribute (RFC 6154), `\Inbox` the INBOX; `!PATTERN` excludes. */
bool folders_wanted(const struct strv *patterns, const char *name, const struct strv *attributes);
bool folders_match(const char *pattern, const char *name);

/* Adds what the server lists, where it is wanted. INBOX comes first. */
MUST_USE bool folders_add(struct folders *folders, const struct fetch_conf *conf, const char *wire,
                          char delimiter, const struct strv *attributes, struct err *err);
struct folder *folders_find(const struct folders *folders, const char *wire); /* or NULL */

#endif
