/* stream - a buffered, blocking byte stream over a socket, TLS, deflate, a command's pipes or memory.
 *
 * Non-blocking fds and poll inside, blocking calls outside. One absolute deadline holds for every call
 * until it is set anew: a peer that drips cannot stretch it. While writing it also reads what has
 * come (up to a bound), so a peer that stops reading because we do not read cannot deadlock us.
 * Errors: ERR_NETWORK (cut, time-out) and ERR_TLS; once failed, a stream stays failed. */
#ifndef TAPPAL_NET_STREAM_H
#define TAPPAL_NET_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct stream;

/* One layer of a stream: plain fd, TLS, deflate. All calls are non-blocking; >= 0 bytes moved,
 * or STREAM_EOF, STREAM_WANT_READ, STREAM_WANT_WRITE, STREAM_FAILED (err set). */
enum { STREAM_EOF = -1, STREAM_WANT_READ = -2, STREAM_WANT_WRITE = -3, STREAM_FAILED = -4 };
struct stream_layer {
    const struct stream_layer_ops *ops;
    struct stream_layer *below;
};
struct stream_layer_ops {
    long (*read)(struct stream_layer *layer, void *buf, size_t n, struct err *err);
    long (*write)(struct stream_layer *layer, const void *buf, size_t n, struct err *err);
    /* Bytes it holds that poll cannot see. */
    size_t (*pending)(struct stream_layer *layer);
    /* Best effort goodbye (close_notify), then free; not of what is below. */
    void (*close)(struct stream_layer *layer);
};

/* Takes the fds (they may be the same) and makes them non-blocking. `peer` is for error sentences. */
struct stream *stream_from_fds(int rfd, int wfd, const char *peer, struct err *err);
/* For tests: reads from `input`, collects what is written into `output` (may be NULL). */
struct stream *stream_from_memory(const void *input, size_t n, struct str *output, struct err *err);
/* Puts a layer on top. Refused (ERR_PROTOCOL) while unread bytes are buffered: what came before the
 * layer must never be taken for something that came through it. */
MUST_USE bool stream_push(struct stream *s, struct stream_layer *layer, struct err *err);
struct stream_layer *stream_top(struct stream *s);
void stream_close(struct stream **s); /* says goodbye where it costs no wait; closes fds */

void stream_set_deadline(struct stream *s, int64_t mono_ms); /* clock_mono_ms; 0: none */
int stream_read_fd(const struct stream *s);
/* Called with arg at the end of stream_close, when the fds are closed (a tunnel's child is reaped so). */
void stream_at_close(struct stream *s, void (*call)(void *), void *arg);
/* For layers that handshake: waits until the fd can be read (or written), at most until the deadline. */
MUST_USE bool stream_wait_fd(struct stream *s, bool to_write, struct err *err);
/* Sets err to the sentence for a deadline that passed; sys is ETIMEDOUT. Always false. */
bool stream_timed_out(const struct stream *s, struct err *err);
const char *stream_peer(const struct stream *s);
size_t stream_buffered(const struct stream *s); /* bytes already here, unread */
bool stream_is_cut(const struct stream *s);     /* ended or failed */

/* The next line without its CRLF or LF (line is cleared first). Longer than line->max: ERR_PROTOCOL. End of
 * stream: ERR_NETWORK. The bytes are as they came, NULs included; after a failure line holds what came of it.
 * Lines that were here before the stream failed are still handed out: a server's last words are not lost. */
MUST_USE bool stream_read_line(struct stream *s, struct str *line, struct err *err);
/* At least 1 and at most n bytes; *got_r 0 only at a clean end of stream. */
MUST_USE bool stream_read(struct stream *s, void *buf, size_t n, size_t *got_r, struct err *err);
/* What is buffered without copying (blocks until at least one byte; *n_r 0 at a clean end), and its consumption.
 * The bytes stay where they are until the next call that reads, writes or flushes. */
MUST_USE bool stream_peek(struct stream *s, const char **bytes_r, size_t *n_r, struct err *err);
void stream_consume(struct stream *s, size_t n);
/* Waits until something can be read: 1 yes, 0 the time is over or a signal came, -1 error or cut (err).
 * The stream's own deadline does not count here. */
int stream_wait(struct stream *s, int64_t until_mono_ms, struct err *err);

/* Buffered; goes out when 16 kB are there, by stream_flush, or before a read blocks. */
MUST_USE bool stream_write(struct stream *s, const void *bytes, size_t n, struct err *err);
MUST_USE bool stream_flush(struct stream *s, struct err *err);

#endif
