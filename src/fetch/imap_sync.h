/* imap_sync - flags and deletions of one folder, for messages that were fetched (options `flags`, `deletions`).
 *
 * Three ways to hear what has changed on the server since the memory's HIGHESTMODSEQ, by what it can do (RFC 7162):
 *   QRESYNC     opening the folder tells all: flags that changed, UIDs that are gone
 *   CONDSTORE   UID FETCH ... CHANGEDSINCE tells the flags; UIDs that are gone are those that SEARCH does not find
 *   plain       UID FETCH of all flags; SEARCH
 * Changes are told apart from ours by the flags that the memory has: those of the server when last compared. A UID
 * is gone only if a SEARCH for just that UID does not find it. */
#ifndef TAPPAL_FETCH_IMAP_SYNC_H
#define TAPPAL_FETCH_IMAP_SYNC_H

#include "fetch/imap_box.h"
#include "fetch/local.h"
#include "mail/flags.h"

#define SYNC_FLAGS (FLAGS_ALL & ~FLAG_TRASHED) /* \Deleted is a deletion's business */
#define SYNC_FUSE_LEAST 20                     /* so many deletions at once are believed in any case */
#define SYNC_FUSE_PERCENT 30 /* more than that, and so much of the folder: only with --delete-many */
#define SYNC_SEARCH_AHEAD 8  /* SEARCH commands under way */

enum imap_engine { ENGINE_PLAIN, ENGINE_CONDSTORE, ENGINE_QRESYNC };

/* What the server says of a message now. */
struct imap_heard {
    bool known;
    uint8_t flags;
};

struct imap_sync {
    struct local local;
    struct imap_heard *heard; /* by the memory's number, as local.marks */
    uint32_t last;            /* the highest UID that we know; 0: none */
    enum imap_engine engine;
    uint64_t since;          /* HIGHESTMODSEQ that changes are asked from; 0: all */
    unsigned asked;          /* a FETCH of flags that is under way */
    struct uidset vanished;  /* UIDs that the server calls gone */
    struct uidset there;     /* UIDs that it found */
    struct uidset dismissed; /* deleted here by the person, and to be deleted there */
    bool starts; /* deletions begin to count with this run: nothing that was missing before does */
    bool pushes; /* flags have changed here */
    bool missed; /* something could not be compared: the next run asks from the same point */
};

/* Looks at the maildir; with nothing to do in either way, job->sync stays NULL. */
MUST_USE bool imap_sync_open(struct imap_job *job, struct err *err);
void imap_sync_close(struct imap_job *job);
/* Has nothing changed, here or there? `folder` is what the server says of it, unopened. */
bool imap_sync_is_settled(const struct imap_job *job, const struct folder *folder);
/* How the folder is to be opened: " (QRESYNC (7 123))", " (CONDSTORE)" or "". */
MUST_USE bool imap_sync_how(struct imap_job *job, struct imap *imap, struct str *how, struct err *err);
/* The server did not open it so. */
void imap_sync_fall_back(struct imap_job *job);
/* Asks for flags, ahead of the answer to the opening. */
MUST_USE bool imap_sync_ask(struct imap_job *job, struct err *err);
/* To be listened with while nothing else is expected. */
struct imap_events imap_sync_events(struct imap_job *job);
/* Any FETCH response: what it says of flags. */
void imap_sync_hear(struct imap_job *job, const struct imap_fetch *fetch);
/* UIDs mean other messages than they did. */
MUST_USE bool imap_sync_again(struct imap_job *job, struct err *err);
/* Hears the rest, and brings both sides together. */
MUST_USE bool imap_sync_work(struct imap_job *job, struct err *err);

/* -- its parts -- */
/* imap_vanish.c: which of our messages are gone there? */
MUST_USE bool imap_sync_find_gone(struct imap_job *job, struct uidset *gone, struct err *err);
/* imap_flags.c: what is gone there goes here, flags come here and go there; and the memory learns of it. */
MUST_USE bool imap_sync_apply(struct imap_job *job, const struct uidset *gone, struct err *err);
MUST_USE bool imap_sync_push(struct imap_job *job, struct err *err);
/* dismissed.c: what has the person deleted here? Says why it is not believed, where that is so. */
MUST_USE bool imap_sync_find_dismissed(struct imap_job *job, struct err *err);
/* Deletions count from now on, or no more, as the configuration says. */
MUST_USE bool imap_sync_start_counting(struct imap_job *job, struct err *err);
/* Is it too much at once? Then it is told, and true. */
bool imap_sync_blows(struct imap_job *job, uint64_t count, const char *where, const char *what);

#endif
