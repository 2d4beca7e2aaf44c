/* chat - lines to and from a peer, remembered without secrets.
 *
 * What ring and watch see of a line is decided where it is sent: a secret is never in them, rather than
 * taken out of them afterwards. */
#include "net/chat.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define LIMIT_S 300       /* RFC 5321 4.5.3.2 for most commands; IMAP and POP3 say no less */
#define SHOWN_MAX 1024    /* of a line, for the watch */
#define RING_LINE_MAX 256 /* of a line, for the ring */
#define HIDDEN_LEAST 5    /* octets of a secret: fewer stand in any line by chance */
#define HIDDEN_START 8    /* so many at its beginning give it away, for a server may repeat a part */
#define MASK "***"
#define HIDDEN_MAX (1u << 20) /* more than any line of a sign-in has */

void chat_init(struct chat *c, struct stream *stream, const char *peer, chat_watch *watch, void *arg)
{
    *c = (struct chat){
        .stream = stream, .peer = strdup(peer), .watch = watch, .watch_arg = arg, .limit = LIMIT_S};
    str_init(&c->secret, HIDDEN_MAX);
    str_init(&c->said, HIDDEN_MAX);
}

void chat_close(struct chat *c)
{
    stream_close(&c->stream);
    chat_forget(c);
    for (unsigned i = 0; i < CHAT_RING; i++)
        free(c->ring[i]);
    free(c->peer);
    *c = (struct chat){0};
}

void chat_set_limit(struct chat *c, uint32_t seconds)
{
    c->limit = seconds;
}

void chat_set_end(struct chat *c, uint32_t seconds)
{
    c->end = seconds ? clock_mono_ms() + (int64_t)seconds * 1000 : 0;
}

bool chat_in_time(const struct chat *c, struct err *err)
{
    return c->end == 0 || clock_mono_ms() < c->end || stream_timed_out(c->stream, err);
}

void chat_renew(struct chat *c)
{
    int64_t deadline = c->limit ? clock_mono_ms() + (int64_t)c->limit * 1000 : 0;
    bool ends_first = c->end != 0 && (deadline == 0 || c->end < deadline);
    stream_set_deadline(c->stream, ends_first ? c->end : deadline);
}

/* -- what was said -- */

/* Memory for the ring is best effort: a line that cannot be remembered is not worth an error. */
static void remember(struct chat *c, char direction, const char *line, size_t n)
{
    char shown[SHOWN_MAX];
    text_clean(shown, sizeof shown, line, n);
    if (c->watch)
        c->watch(c->watch_arg, direction, shown);
    char **slot = &c->ring[c->ring_at];
    if (!*slot)
        *slot = malloc(RING_LINE_MAX);
    if (!*slot)
        return;
    snprintf(*slot, RING_LINE_MAX, "%c %.*s", direction, RING_LINE_MAX - 3, shown);
    c->ring_at = (c->ring_at + 1) % CHAT_RING;
}

void chat_remark(struct chat *c, const char *fmt, ...)
{
    char text[SHOWN_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    remember(c, '*', text, strlen(text));
}

bool chat_transcript(const struct chat *c, struct str *out, struct err *err)
{
    for (unsigned i = 0; i < CHAT_RING; i++) {
        const char *line = c->ring[(c->ring_at + i) % CHAT_RING];
        if (line && !(str_addz(out, line, err) && str_addc(out, '\n', err)))
            return false;
    }
    return true;
}

/* -- sending -- */

static bool send_line(struct chat *c, const char *line, size_t n, const char *shown, size_t shown_n,
                      struct err *err)
{
    if (!c->peer)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        if (line[i] == '\r' || line[i] == '\n' || line[i] == '\0')
            return err_set(err, ERR_INTERNAL, "A command for %s held a line end or a NUL.", c->peer);
    remember(c, '>', shown, shown_n);
    chat_renew(c);
    return stream_write(c->stream, line, n, err) && stream_write(c->stream, "\r\n", 2, err);
}

bool chat_send_bytes(struct chat *c, const char *line, size_t n, struct err *err)
{
    return send_line(c, line, n, line, n, err);
}

/* At once in memory of its size: growing would leave copies behind. */
static bool keep_hidden(struct str *hidden, const char *bytes, size_t n, struct err *err)
{
    str_wipe(hidden);
    return str_reserve(hidden, n, err) && str_add(hidden, bytes, n, err);
}

bool chat_hide(struct chat *c, const char *secret, size_t n, struct err *err)
{
    return keep_hidden(&c->secret, secret, n, err);
}

void chat_forget(struct chat *c)
{
    str_wipe(&c->secret);
    str_wipe(&c->said);
}

bool chat_send_secret(struct chat *c, const char *line, size_t n, const char *shown, struct err *err)
{
    size_t same = 0; /* what both have in front is no secret */
    while (same < n && shown[same] == line[same])
        same++;
    return keep_hidden(&c->said, line + same, n - same, err) &&
           send_line(c, line, n, shown, strlen(shown), err);
}

bool chat_send(struct chat *c, struct err *err, const char *fmt, ...)
{
    struct str line = STR_INIT(CHAT_LINE_MAX);
    va_list ap;
    va_start(ap, fmt);
    bool good = str_addv(&line, err, fmt, ap);
    va_end(ap);
    good = good && chat_send_bytes(c, line.buf, line.len, err);
    str_free(&line);
    return good;
}

bool chat_flush(struct chat *c, struct err *err)
{
    chat_renew(c);
    return stream_flush(c->stream, err);
}

/* -- hearing -- */

static bool speaks_tls(const struct str *heard)
{
    return heard->len >= 2 && (heard->buf[0] == 0x15 || heard->buf[0] == 0x16) && heard->buf[1] == 0x03;
}

/* A greeting that failed to come, where we have not begun TLS: the server may be waiting for ours. */
static bool explain_silence(const struct chat *c, const struct str *heard, struct err *err)
{
    if (c->heard || c->tls)
        return false;
    if (speaks_tls(heard)) {
        err_set(err, ERR_TLS, "The server %s wants TLS from the first byte.", c->peer);
        return err_hint(err, "Use tls = implicit with this port, or the port for tls = starttls.");
    }
    if (err->sys == ETIMEDOUT || stream_is_cut(c->stream))
        err_hint(err,
                 "If this port speaks TLS from the first byte (465, 993 and 995 do), use tls = implicit.");
    return false;
}

/* The octets at `at` that are the beginning of the secret, if they are enough to be no chance; else 0. */
static size_t secret_at(const struct str *secret, const struct str *line, size_t at)
{
    size_t least = secret->len < HIDDEN_START ? secret->len : HIDDEN_START, n = 0;
    while (n < secret->len && at + n < line->len && line->buf[at + n] == secret->buf[n])
        n++;
    return n >= least ? n : 0;
}

/* A server may repeat what it did not understand, or did not like. What is short is looked for behind the first word
 * only, which is the protocol's. */
static void mask(const struct str *secret, struct str *line)
{
    if (secret->len < HIDDEN_LEAST)
        return;
    const char *blank = secret->len < HIDDEN_START ? strchr(line->buf, ' ') : line->buf;
    size_t at = blank != NULL ? (size_t)(blank - line->buf) : line->len;
    for (; at < line->len; at++) {
        size_t n = secret_at(secret, line, at);
        if (n == 0)
            continue;
        memcpy(line->buf + at, MASK, strlen(MASK));
        at += strlen(MASK);
        n -= strlen(MASK);
        memmove(line->buf + at, line->buf + at + n, line->len - at - n);
        str_cut(line, line->len - n);
        at--;
    }
}

bool chat_read_line(struct chat *c, struct str *line, struct err *err)
{
    if (!c->peer)
        return err_nomem(err);
    chat_renew(c);
    if (!chat_in_time(c, err))
        return false;
    if (!stream_read_line(c->stream, line, err))
        return explain_silence(c, line, err);
    if (!c->heard && speaks_tls(line))
        return explain_silence(c, line, err);
    c->heard = true;
    mask(&c->secret, line);
    mask(&c->said, line);
    remember(c, '<', line->buf, line->len);
    return true;
}

/* -- STARTTLS -- */

bool chat_start_tls(struct chat *c, struct tls_trust *trust, const struct tls_settings *settings,
                    const char *host, struct err *err)
{
    chat_renew(c);
    if (!tls_start(c->stream, trust, settings, host, err))
        return false;
    c->tls = true;
    chat_remark(c, "%s", tls_describe(c->stream));
    return true;
}
