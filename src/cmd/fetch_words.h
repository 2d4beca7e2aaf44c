/* fetch_words - what children of tappal-fetch report, as words for a person or as JSON for a program. The words have
 * at most FETCH_WORDS_MAX bytes; each JSON object is a line of its own on stdout (tappal-fetch(1) lists them). */
#ifndef TAPPAL_CMD_FETCH_WORDS_H
#define TAPPAL_CMD_FETCH_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FETCH_WORDS_MAX 600

/* How far an account has come. */
struct fetch_at {
    char folder[304]; /* "": at nothing */
    uint64_t done, total, octets;
    int64_t began_ms; /* the first folder */
    uint64_t began_octets;
    int64_t folder_ms; /* likewise, this one */
    uint64_t folder_done;
};
struct fetch_done {
    uint64_t messages, octets, folders;
    uint64_t linked; /* of other folders */
    uint64_t moved, deleted;
    uint64_t removed; /* here */
    uint64_t aside;   /* in quarantine */
};
struct fetch_found {
    uint64_t messages, octets, linked, moved, deleted; /* as above */
    const char *folder;
};

/* From the lines of cmd/fetch.h; false: it is none. */
bool fetch_at_take(struct fetch_at *at, const char *text, int64_t now_ms);
bool fetch_done_take(struct fetch_done *done, const char *text);
bool fetch_found_take(struct fetch_found *found, const char *text); /* its folder is a part of the text */

/* "INBOX 1204/10000, 23.4 MB, 3.1 MB/s, about 2 min left", and as much of it as fits. */
void fetch_words_progress(const struct fetch_at *at, int64_t now_ms, size_t columns,
                          char out[FETCH_WORDS_MAX]);
/* "12 new messages, 3.4 MB, 2 folders, 1 deleted on the server" */
void fetch_words_done(const struct fetch_done *done, char out[FETCH_WORDS_MAX]);
/* "3 new messages, 4.2 kB; 2 would be deleted on the server" */
void fetch_words_found(const struct fetch_found *found, char out[FETCH_WORDS_MAX]);
/* How many bytes of a text fit into so many columns of a terminal, without cutting a character; and how many columns it
 * takes at most. */
size_t fetch_words_fit(const char *text, size_t columns);
size_t fetch_words_columns(const char *text);

void fetch_json_progress(const char *account, const struct fetch_at *at);
void fetch_json_done(const char *account, const struct fetch_done *done);
void fetch_json_found(const char *account, const struct fetch_found *found);
void fetch_json_error(const char *account, const struct err *err);
void fetch_json_notice(const char *account, const char *text);
void fetch_json_state(const char *account, const char *text);

#endif
