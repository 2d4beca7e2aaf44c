/* store_name - what the files of the store share: names, folders, times. */
#ifndef TAPPAL_SPOOL_STORE_NAME_H
#define TAPPAL_SPOOL_STORE_NAME_H

#include <stdint.h>

#include "spool/store.h"

#define STORE_JOURNAL_NAME (STORE_ID_LEN + sizeof ".j")

bool store_is_id(const char *name);
void store_journal_name(const char *id, char name[STORE_JOURNAL_NAME]);
/* Sets the mtime of a journal: the time when its message is due. */
void store_set_due(int fd, int64_t due);
/* "failed" or "aside"; made where it is missing. -1 on failure. */
int store_open_folder(struct store *store, const char *name, struct err *err);
/* The names of messages and journals in a folder, sorted; the caller frees them. */
MUST_USE bool store_names(int dirfd, char (**names_r)[STORE_JOURNAL_NAME], size_t *count_r, struct err *err);
/* fd and name are the same file, still. */
bool store_is_same(int fd, int dirfd, const char *name);

#endif
