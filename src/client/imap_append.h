/* imap_append - putting a message into a folder of an IMAP server (RFC 3501 and 9051, 6.3.12 APPEND).
 *
 * A literal goes ahead of the server's word where RFC 7888 allows it: any with LITERAL+ (we stop at
 * IMAP_APPEND_AHEAD, so that a server may refuse a large one before it is sent), up to 4096 octets with LITERAL-;
 * else the server is asked first. UTF-8 in the header is said so (RFC 6855) where the server knows of it. */
#ifndef TAPPAL_CLIENT_IMAP_APPEND_H
#define TAPPAL_CLIENT_IMAP_APPEND_H

#include "client/imap.h"

#define IMAP_APPEND_AHEAD 65536

/* What is put there. It is marked \Seen. */
struct imap_letter {
    const char *folder; /* the server's own form of its name */
    int64_t date;       /* INTERNALDATE */
    uint64_t size;
    bool utf8; /* its header has UTF-8, and the server speaks UTF-8 */
    /* The next octets, at most `size`. False ends the session: a literal that was begun cannot be taken back. */
    bool (*read)(void *arg, char *buf, size_t size, size_t *n_r, struct err *err);
    void *arg;
};

/* May this one be sent without waiting for the answers to those before it? */
bool imap_appends_ahead(const struct imap *imap, const struct imap_letter *letter);
/* The whole command. The answer is to be had by imap_await; a refusal before the text is one too. */
MUST_USE bool imap_send_append(struct imap *imap, const struct imap_letter *letter, unsigned *tag_r,
                               struct err *err);

/* The folder for sent mail, as the server writes it: the one called `name` (levels parted by "/"); or, NULL, the one
 * that is marked \Sent (RFC 6154), else the first of the usual names. ERR_CONFIG: there is none. */
MUST_USE bool imap_find_sent(struct imap *imap, const char *name, struct str *folder, struct err *err);
/* UIDVALIDITY and UIDNEXT of a folder that is not opened; 0 where the server does not say. */
MUST_USE bool imap_numbers(struct imap *imap, const char *folder, struct imap_box *box_r, struct err *err);
/* Opens the folder, and asks whether a message with this Message-ID is there with a UID from `first` on. */
MUST_USE bool imap_has_message(struct imap *imap, const char *folder, const struct imap_box *before,
                               const char *message_id, bool *there_r, struct err *err);

#endif
