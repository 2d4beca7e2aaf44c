/* links - messages that are in another folder of the account too. Where the server gives each a lasting name that is
 * the same in all folders (Gmail's X-GM-MSGID, EMAILID of RFC 8474), it is fetched once; each further folder gets a
 * hard link of its file, or, where the file system has none, a copy.
 *
 * What was fetched is known from the memories of the account's folders; they are read when the first new message with
 * such a name is there. A file is linked only where its bytes are those that were fetched. */
#ifndef TAPPAL_FETCH_LINKS_H
#define TAPPAL_FETCH_LINKS_H

#include "fetch/folders.h"
#include "fetch/here.h"
#include "fetch/pull.h"

#define LINKS_MAX 10000000u

struct batch;

/* A message that is here, in one of the folders. */
struct link {
    unsigned char id[SEEN_MARK_BYTES], letter[SEEN_MARK_BYTES], hash[SEEN_HASH_BYTES];
    uint64_t wire, size;
    int64_t date;
    char *path; /* where this run has put it; NULL: it is looked for */
};

struct links {
    const struct pull *pull;
    const struct folders *folders;
    bool read;     /* the memories were */
    bool searched; /* the maildir was: `here` is its state then */
    struct link *items;
    size_t count, cap;
    uint32_t *index; /* hash table by id, which may stand several times: number of the item + 1, 0 free */
    size_t index_size;
    struct here here;
};

/* Both must outlive it; `folders` may be filled afterwards. */
void links_begin(struct links *links, const struct pull *pull, const struct folders *folders);
void links_end(struct links *links);
/* Is there more than one folder? */
bool links_matter(const struct links *links);
/* A message of this name, and of this size and date as the server says them, is in a folder. */
bool links_has(struct links *links, const unsigned char id[SEEN_MARK_BYTES], uint64_t wire, int64_t date);
/* Puts it down as the message that `about` says (key, wire, date, flags, id). *done_r false: it must be fetched. */
MUST_USE bool links_put(struct links *links, struct batch *batch, const struct seen_entry *about,
                        bool *done_r, struct err *err);
/* What this run has put down at `path`; without a lasting name it cannot be found again, and is left out. */
MUST_USE bool links_add(struct links *links, const struct seen_entry *entry, const char *path,
                        struct err *err);

#endif
