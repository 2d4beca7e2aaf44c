/* pop3_box - the one mailbox of a POP3 account: which message is which, fetching, deleting. */
#ifndef TAPPAL_FETCH_POP3_BOX_H
#define TAPPAL_FETCH_POP3_BOX_H

#include "client/pop3.h"
#include "fetch/pull.h"
#include "fetch/seen.h"

enum pop3_fate { POP3_FETCH, POP3_HAVE, POP3_FAILED };

/* A message of the listing. */
struct pop3_letter {
    uint32_t number;
    uint64_t size; /* as LIST says it */
    struct seen_key key;
    bool named; /* by its UIDL; else by its header */
    bool ask;   /* its header is wanted */
    bool stub;  /* too large: only its header is fetched */
    enum pop3_fate fate;
};

struct pop3_job {
    const struct pull *pull;
    struct pull_result *result;
    struct pop3 *pop3;
    struct pull_folder f;
    struct pop3_letter *letters;
    size_t count, total, done; /* total: to be fetched */
    struct pop3_lost *lost;    /* while names are paired */
    size_t lost_count, paired;
    bool reading;               /* a message is being taken */
    struct seen_entry replaced; /* the stub of the one message that is to be fetched whole */
};

/* -- pop3_names.c: gives each letter its key -- */
MUST_USE bool pop3_box_name(struct pop3_job *job, const struct pop3_listing *listing, struct err *err);
/* Pointers to the letters, by key and then number, to be freed; NULL without memory. */
struct pop3_letter **pop3_box_sorted(const struct pop3_job *job);
bool pop3_box_is_listed(const struct pop3_job *job, struct pop3_letter *const *sorted,
                        const struct seen_key *key);

/* -- pop3_header.c: of all letters with `ask` -- */
/* NULL: the server refused this one, and `refusal` says how. */
typedef bool pop3_header_take(struct pop3_job *job, struct pop3_letter *letter, const struct str *header,
                              const struct err *refusal, struct err *err);
MUST_USE bool pop3_box_headers(struct pop3_job *job, pop3_header_take *take, struct err *err);

/* -- pop3_pair.c: names that the server writes in another way than before -- */
/* Not synced: it counts once the caller has seen that it is the same mailbox. */
MUST_USE bool pop3_box_pair(struct pop3_job *job, struct err *err);

/* -- pop3_again.c: known names whose message may be another one -- */
MUST_USE bool pop3_box_look_again(struct pop3_job *job, struct err *err);

/* -- pop3_fetch.c: those that are to be fetched, made durable -- */
MUST_USE bool pop3_box_fetch(struct pop3_job *job, struct err *err);

/* -- pop3_delete.c: durable first, then DELE, then QUIT; the session is over then -- */
MUST_USE bool pop3_box_finish(struct pop3_job *job, struct err *err);

#endif
