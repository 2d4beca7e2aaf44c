/* imap - an IMAP session (RFC 3501, 9051): signing in, and the commands that fetching needs.
 *
 * Commands may be sent ahead of answers: imap_send gives a tag, imap_await its answer, whatever the order in
 * which the server completes them. Untagged data goes to the events of whoever waits; what nobody asked for
 * is tolerated. A message is streamed: its length costs no memory. */
#ifndef TAPPAL_CLIENT_IMAP_H
#define TAPPAL_CLIENT_IMAP_H

#include "client/session.h"
#include "wire/imap_namespace.h"
#include "wire/imap_reply.h"

#define IMAP_OUTSTANDING_MAX 16 /* commands without an answer */
#define IMAP_ALERTS_MAX 8

struct imap;

/* The server's final word on a command, cleaned. */
struct imap_answer {
    enum imap_status status; /* IMAP_OK, IMAP_NO, IMAP_NOT_UNDERSTOOD */
    bool temporary;
    char code[64];
    char text[400];
};

/* The selected folder, as it was when it was opened; but `exists` goes on counting. */
struct imap_box {
    uint32_t validity; /* UIDVALIDITY; 0: the server gave none */
    uint32_t next;     /* UIDNEXT; 0: none */
    uint64_t exists;
    uint64_t modseq;   /* HIGHESTMODSEQ; 0: none, or it keeps none for this folder */
    uint8_t permanent; /* flags that it would keep (PERMANENTFLAGS) */
};

/* What is done with untagged data while a command runs. All may be NULL; false ends the session with `err`. */
struct imap_events {
    void *arg;
    struct uidset *found;                                                      /* SEARCH and ESEARCH */
    struct uidset *vanished;                                                   /* VANISHED */
    bool (*list)(void *arg, const struct imap_list *list, struct err *err);    /* LIST and LSUB */
    bool (*state)(void *arg, const struct imap_state *state, struct err *err); /* STATUS */
    /* A message begins; *take_r false: read over it. `so_far` need not have its UID yet. */
    bool (*begin)(void *arg, const struct imap_fetch *so_far, uint64_t size, bool *take_r, struct err *err);
    bool (*data)(void *arg, const char *bytes, size_t n, struct err *err);
    /* The end of a FETCH response; `taken`: a message came with it, and was taken. */
    bool (*fetched)(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err);
};

/* Commands that the caller wants to send behind the sign-in, ahead of its answer (imap_sign_in.c says when that
 * is done). `send` uses imap_send and keeps the tags; it may never be called. */
struct imap_ahead {
    const char *memory; /* file in which it is remembered what the server can do */
    bool remember;      /* false: the file is only read */
    bool (*send)(void *arg, struct imap *imap, struct err *err);
    void *arg;
};

/* Greeting, STARTTLS, sign-in, capabilities, ID. `ahead` may be NULL. *phase_r says how far it came, after a
 * failure too. */
MUST_USE bool imap_open(const struct session_options *options, const struct imap_ahead *ahead,
                        struct imap **imap_r, enum session_phase *phase_r, struct err *err);
void imap_close(struct imap **imap); /* LOGOUT is sent, its answer not waited for */

bool imap_usable(
    const struct imap *imap); /* false: the connection is gone, or nobody knows where in it we are */
bool imap_can(const struct imap *imap, const char *capability);
/* A server that lost its footing, by compression or by commands ahead of answers, is spared both for a day: is this
 * one? It is remembered where imap_open was given a memory. */
bool imap_is_spared(const struct imap *imap);
void imap_spare(struct imap *imap);
const char *imap_peer(const struct imap *imap);
/* Which names are of one's own folders; nothing is known before imap_ask_namespaces is answered. */
const struct imap_namespaces *imap_namespaces(const struct imap *imap);
const struct imap_box *imap_box(const struct imap *imap);
/* What STORE with UNCHANGEDSINCE has left as it is since this was called last, with the set emptied. */
struct uidset imap_take_modified(struct imap *imap);
/* [ALERT] texts since the sign-in, to be shown to the person; before it anyone may have written them. */
const struct strv *imap_alerts(const struct imap *imap);

MUST_USE bool imap_send(struct imap *imap, unsigned *tag_r, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* A command that holds non-synchronizing literals (RFC 7888), each announced at the end of a line: "{2+}" CRLF "ab". The
 * octets themselves must hold no line end. */
MUST_USE bool imap_send_lines(struct imap *imap, const struct str *command, unsigned *tag_r, struct err *err);
/* False: the session is over. A server's NO or BAD is an answer. */
MUST_USE bool imap_await(struct imap *imap, unsigned tag, const struct imap_events *events,
                         struct imap_answer *answer_r, struct err *err);
/* Nobody will wait for this command; its answer is read over. 0: no command. */
void imap_forget(struct imap *imap, unsigned tag);
/* imap_await, and NO or BAD becomes an error: "The server HOST refused to WHAT: TEXT". */
MUST_USE bool imap_finish(struct imap *imap, unsigned tag, const struct imap_events *events, const char *what,
                          struct err *err);
bool imap_refused(const struct imap *imap, const struct imap_answer *answer, const char *what,
                  struct err *err);

/* EXAMINE or SELECT, sent ahead; `name` is the server's own form of the folder's name, `how` may be " (CONDSTORE)"
 * and its like. Of the folder before it nothing is known any more. */
MUST_USE bool imap_send_select(struct imap *imap, const char *name, bool read_only, const char *how,
                               unsigned *tag_r, struct err *err);
/* ENABLE, once in a session, before any folder is opened; its answer is not waited for. */
MUST_USE bool imap_enable(struct imap *imap, const char *capability, struct err *err);
/* Compression (RFC 4978) of all that follows: does the server have it, and was it not asked for before in this session? */
bool imap_may_compress(const struct imap *imap);
bool imap_is_compressed(const struct imap *imap);
/* Nothing may be under way that somebody waits for. A server that refuses is left uncompressed. */
MUST_USE bool imap_compress(struct imap *imap, struct err *err);
/* A folder's name, quoted as the server takes it; ours are all in modified UTF-7. */
MUST_USE bool imap_add_name(struct imap *imap, const char *name, struct str *out, struct err *err);
/* Are names, and quoted strings, in UTF-8 (UTF8=ACCEPT, which is enabled wherever it is offered; or IMAP4rev2 alone)? It is
 * known when a command was answered that was sent after the sign-in. */
bool imap_speaks_utf8(const struct imap *imap);
/* NAMESPACE, once in a session, where it is offered; *tag_r 0: there is nothing to wait for. What the server answers but
 * OK does not matter. */
MUST_USE bool imap_ask_namespaces(struct imap *imap, unsigned *tag_r, struct err *err);
/* "UID FETCH set (items)", sent ahead. */
MUST_USE bool imap_send_fetch(struct imap *imap, const struct uidset *set, const char *items, unsigned *tag_r,
                              struct err *err);

#endif
