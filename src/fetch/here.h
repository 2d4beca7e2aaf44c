/* here - the messages that lie below an account's maildir, in whatever folder, whoever put them there. Looks only.
 *
 * Names are read once; a file is read when something of it is asked for. A file that is renamed or removed meanwhile
 * counts as not there. So does one that we may not read; but that is noted (`unread`). */
#ifndef TAPPAL_FETCH_HERE_H
#define TAPPAL_FETCH_HERE_H

#include "fetch/seen.h"

#define HERE_FILES_MAX 10000000

struct here_file {
    char *path;        /* below the root: "cur/1795333425.x:2,S", ".Lists/new/..." */
    const char *token; /* within the path: MARK-KEY of a file that we named (batch.h), or NULL */
    size_t token_n;
    uint64_t size;
    bool read, gone; /* what follows is known; or it cannot be */
    uint64_t wire;   /* its size with CRLF line ends */
    unsigned char hash[SEEN_HASH_BYTES], letter[SEEN_MARK_BYTES];
    bool claimed; /* for the caller: it stands for a message already */
};

struct here {
    char *root;         /* without symbolic links */
    struct err unread;  /* the first file or folder that is there and could not be read; ERR_NONE: none */
    struct strv states; /* absolute paths of the .mbsyncstate files in its folders */
    struct here_file *files;
    size_t count, cap;
    struct here_file **by_token, **by_size, **by_letter; /* the last one by here_read_all */
    size_t tokens, letters;
};

/* A root that is not there holds nothing. */
MUST_USE bool here_scan(const char *root, struct here *here_r, struct err *err);
void here_free(struct here *here);

/* Fills in the rest of a file; ERR_LOCAL only where this machine fails. */
MUST_USE bool here_read(struct here *here, struct here_file *file, struct err *err);
MUST_USE bool here_read_all(struct here *here, struct err *err);

/* The file of a message that was fetched: by the name that we gave it; else, for a reader may give another, by what is
 * in it. *file_r NULL: there is none. *same_r: it is what was fetched. */
MUST_USE bool here_find(struct here *here, const struct seen *seen, enum protocol protocol,
                        const struct seen_entry *entry, struct here_file **file_r, bool *same_r,
                        struct err *err);

/* A file with the bytes that the entry says, under whatever name, that is not claimed; *file_r NULL: there is none. */
MUST_USE bool here_find_bytes(struct here *here, const struct seen_entry *entry,
                              struct here_file **file_r, struct err *err);

/* The first one that fits, or NULL; more of them follow in `by_size` and `by_letter`, up to the end of the list. */
struct here_file *here_by_token(const struct here *here, const char *token);
struct here_file **here_by_size(const struct here *here, uint64_t size);
struct here_file **here_by_letter(const struct here *here, const unsigned char letter[SEEN_MARK_BYTES]);

#endif
