/* folders - from names on the server to names that a person writes and folders on the disk.
 *
 * A server's names are hostile until they have passed folders_path: no name leaves the maildir's root, no two
 * names meet in one folder, and none is taken for a maildir's own cur, new and tmp. */
#ifndef TAPPAL_FETCH_FOLDERS_H
#define TAPPAL_FETCH_FOLDERS_H

#include "base/strv.h"
#include "conf/account.h"
#include "wire/imap_namespace.h"
#include "wire/imap_reply.h"

#define FOLDERS_MAX 20000    /* that a server may list */
#define FOLDER_WIRE_MAX 4000 /* octets of a name as the server has it */
#define FOLDER_DEPTH_MAX 32
#define FOLDER_PART_MAX 255 /* of one name on disk */
#define FOLDER_PATH_MAX 1000

struct folder {
    char *wire; /* as the server has it: modified UTF-7, or whatever it is */
    char delimiter;
    struct strv attributes;
    char *name;              /* UTF-8, levels parted by "/", without the prefix of one's own folders */
    char *whole;             /* with that prefix; NULL: there is none */
    bool foreign;            /* another person's, or shared */
    size_t realm;            /* of a foreign one's name the octets that say so */
    char *path;              /* below the maildir's root; "" is the root itself */
    uint32_t validity, next; /* UIDVALIDITY and UIDNEXT, where the server told them unopened; else 0 */
    uint64_t modseq;         /* HIGHESTMODSEQ, likewise */
};
struct folders {
    struct folder *items;
    size_t count, cap;
};

void folders_free(struct folders *folders);

/* -- what the server lists: first without name and path -- */

/* One more; its name must hold no NUL. */
MUST_USE bool folders_list(struct folders *folders, const struct imap_list *list, struct err *err);
/* Its names, by what the server says of whose it is. */
MUST_USE bool folders_name(struct folder *folder, const struct imap_namespaces *namespaces, struct err *err);
struct folder *folders_find(const struct folders *folders, const char *wire); /* or NULL */

/* -- what is wanted of it -- */

bool folders_match(const char *pattern, const char *name);
/* Does one pattern, or its whole list, want this folder? `*` matches everything, `%` all but "/", INBOX in any case;
 * `\Sent` the folders with that attribute (RFC 6154), `\Inbox` the INBOX; `!PATTERN` excludes. One's own folders go by
 * either name. One of others is wanted only by a pattern that begins with what says so: `Public/` and not `*`. */
bool folders_fit(const char *pattern, const struct folder *folder);
bool folders_wanted(const struct strv *patterns, const struct folder *folder);
bool folders_is_inbox(const struct folder *folder);
bool folders_is_called(const struct folder *folder, const char *name);

/* Its place under the root: maildir++ ".Lists.git", nested "Lists/git"; INBOX is "" or "INBOX". What cannot
 * stand in a file's name is written as %XX. ERR_DATA: an empty level, or a name beyond all measure. */
MUST_USE bool folders_path(enum layout layout, const char *wire, char delimiter, struct str *path,
                           struct err *err);
/* Moves a folder that has its names over to those that are wanted, with its place; INBOX comes first. ERR_DATA: it
 * cannot be a folder here. Where one of others would stand in the place of one's own, it is left out. */
MUST_USE bool folders_take(struct folders *folders, const struct fetch_conf *conf,
                           const struct imap_namespaces *namespaces, struct folder *folder, struct err *err);
/* The INBOX, unasked: every server has it. */
MUST_USE bool folders_take_inbox(struct folders *folders, const struct fetch_conf *conf, struct err *err);

#endif
