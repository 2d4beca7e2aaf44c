/* chat - lines to and from a peer: a stream plus the peer's name, a ring of the last lines for error
 * reports (secrets are masked when they are sent, by construction), a view of the dialogue for -v,
 * and the rules of STARTTLS that all three protocols share. */
#ifndef TAPPAL_NET_CHAT_H
#define TAPPAL_NET_CHAT_H

#include "net/stream.h"
#include "net/tls.h"

#define CHAT_LINE_MAX 65536 /* the longest line any of our protocols may send us */
#define CHAT_RING 12

/* Called for each line, cleaned of control characters and secrets; '>' ours, '<' theirs, '*' remarks. */
typedef void chat_watch(void *arg, char direction, const char *line);

struct chat {
    struct stream *stream;   /* owned */
    char *peer;              /* "smtp.example.org:465" */
    char *ring[CHAT_RING];   /* the last lines ("> EHLO me", "< 250 ok"), oldest at ring[ring_at]; NULL: none yet */
    unsigned ring_at;
    uint32_t limit;          /* seconds for each line and each flush; chat_set_limit */
    int64_t end;             /* clock_mono_ms at which all of them are over; 0: never; chat_set_end */
    bool heard;              /* the peer has sent a line */
    chat_watch *watch;
    void *watch_arg;
    struct str secret, said; /* what must not be read back: the secret, and the last line that held it */
    bool tls;                /* the connection is encrypted and the peer verified */
    bool local;              /* loopback, UNIX socket or tunnel: a secret may cross it in clear */
};

void chat_init(struct chat *c, struct stream *stream, const char *peer, chat_watch *watch, void *arg);
void chat_close(struct chat *c);

/* Sends one line; CRLF is added; nothing is flushed before chat_flush or the next read.
 * A CR, LF or NUL inside is ERR_INTERNAL: no command can be smuggled through an argument. */
MUST_USE bool chat_send(struct chat *c, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
MUST_USE bool chat_send_bytes(struct chat *c, const char *line, size_t n, struct err *err);
/* The line goes out whole; ring and watch see only `shown` ("AUTH PLAIN ***"). Where the peer repeats what stood for the
 * asterisks, or a good part of its beginning, chat_read_line reads *** instead: no caller can show it to anybody. */
MUST_USE bool chat_send_secret(struct chat *c, const char *line, size_t n, const char *shown, struct err *err);
/* The same for the secret itself, in whatever line it went out. */
MUST_USE bool chat_hide(struct chat *c, const char *secret, size_t n, struct err *err);
void chat_forget(struct chat *c); /* the sign-in is over: both are wiped, and nothing is hidden any more */
MUST_USE bool chat_flush(struct chat *c, struct err *err);

/* Sets the deadline `seconds` from now, then reads one line into `line` (cleared first). */
MUST_USE bool chat_read_line(struct chat *c, struct str *line, struct err *err);
void chat_set_limit(struct chat *c, uint32_t seconds);
/* From now on nothing lasts longer than `seconds`, however many lines it has, until it is set anew; 0: no end.
 * A peer that says little, but often, gets no further than that. */
void chat_set_end(struct chat *c, uint32_t seconds);
/* Has that end not come? For callers that read a body: a stream that always has bytes looks at no clock. */
MUST_USE bool chat_in_time(const struct chat *c, struct err *err);
/* The same deadline anew, for callers that read a body straight from the stream: once per block. */
void chat_renew(struct chat *c);
/* A line about the dialogue for ring and watch. */
void chat_remark(struct chat *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The ring as text, one line each, for error reports. */
MUST_USE bool chat_transcript(const struct chat *c, struct str *out, struct err *err);

/* Behind a positive answer to STARTTLS/STLS: refuses (ERR_TLS) if one byte is buffered (response injection,
 * CVE-2021-22947 and its like), then handshakes. The caller forgets all it heard before (RFC 3207 4.2). */
MUST_USE bool chat_start_tls(struct chat *c, struct tls_trust *trust, const struct tls_settings *settings,
                             const char *host, struct err *err);

#endif
