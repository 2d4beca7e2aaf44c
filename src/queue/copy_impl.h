/* copy_impl - what the halves of making copies share: copy.c takes the messages and writes down what became of
 * them; copy_maildir.c and copy_imap.c put them somewhere. */
#ifndef TAPPAL_QUEUE_COPY_IMPL_H
#define TAPPAL_QUEUE_COPY_IMPL_H

#include "box/maildir.h"
#include "client/imap_append.h"
#include "queue/copy.h"
#include "queue/text.h"

#define COPY_GROUP 32 /* messages that share their syncs */
#define COPY_HOW_MAX 300

/* One message in a group. */
struct copy_part {
    struct message message; /* locked */
    struct journal_writer *w;
    struct text text;
    bool over; /* made, or there will be none: */
    char how[COPY_HOW_MAX];
    struct err why; /* where not */
    unsigned tag;   /* of its APPEND; 0: none is under way */
};

struct copy_group {
    struct store *store;
    struct copier *copier;
    struct copy_part parts[COPY_GROUP];
    size_t count;
};

/* Where the copies of one line go. */
struct copier {
    struct lines *lines;
    struct line *line;
    struct maildir *maildir; /* opened by the first that needs it, as is: */
    struct imap *imap;
    struct endpoint server; /* [fetch]'s, but with a shorter patience; what it points to is the account's */
    struct str folder;
    bool files_itself; /* the server does */
    bool down;         /* not to be tried again in this run: */
    struct err why;
};

/* Each sets `over` and `how`, or `why`, for every part. False: a journal could not be written. */
MUST_USE bool copy_into_maildir(struct copy_group *g, struct err *err);
MUST_USE bool copy_into_imap(struct copy_group *g, struct err *err);
void copier_close_imap(struct copier *copier);

#endif
