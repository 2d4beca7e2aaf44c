/* rewrite - the streaming half: line ends, the ending dot, and where the header ends. */
#include "mail/rewrite.h"

#include <string.h>

#include "mail/scan.h"

/* How far is looked for the end of a plain run at once: keeps text full of CR linear. */
#define RUN_MAX 1024u

void rewrite_begin(struct rewrite *r, bool dot_ends)
{
    *r = (struct rewrite){.dot_ends = dot_ends};
    str_init(&r->header, REWRITE_HEADER_MAX);
    /* An octet becomes at most two (LF to CRLF), and a first line that was no field moves here. */
    str_init(&r->body, REWRITE_HEADER_MAX + REWRITE_AHEAD_MAX + 2 * REWRITE_CHUNK_MAX + 4);
}

void rewrite_free(struct rewrite *r)
{
    str_free(&r->header);
    str_free(&r->body);
}

/* From here on, what lies behind the header's last field is body. */
static bool begin_body(struct rewrite *r, struct err *err)
{
    r->in_body = true;
    if (!str_add(&r->body, r->header.buf + r->line_at, r->header.len - r->line_at, err))
        return false;
    str_cut(&r->header, r->line_at);
    return true;
}

static bool is_mime(const char *line, size_t n)
{
    struct scan scan;
    struct scan_field f;
    scan_begin(&scan, line, n);
    return scan_next(&scan, &f) == SCAN_GOT_FIELD &&
           (scan_is(&f, "MIME-Version") || scan_is(&f, "Content-Type") ||
            scan_is(&f, "Content-Transfer-Encoding"));
}

/* A byte order mark before the first field would make the whole header body text, Bcc included. */
static void drop_mark(struct rewrite *r)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t n = sizeof mark - 1;
    if (r->line_at == 0 && r->header.len > n && memcmp(r->header.buf, mark, n) == 0 &&
        scan_line_kind(r->header.buf + n, r->header.len - n) == SCAN_FIELD)
        str_drop(&r->header, n);
}

/* A header line is whole: does the header go on? */
static bool end_header_line(struct rewrite *r, struct err *err)
{
    drop_mark(r);
    switch (scan_line_kind(r->header.buf + r->line_at, r->header.len - r->line_at)) {
    case SCAN_FIELD:
        r->mime = r->mime || is_mime(r->header.buf + r->line_at, r->header.len - r->line_at);
        break;
    case SCAN_FOLD:
        if (r->line_at == 0)
            return begin_body(r, err);
        break;
    case SCAN_BLANK:
        str_cut(&r->header, r->line_at);
        r->in_body = true;
        return true;
    case SCAN_FROM:
        if (r->line_at > 0)
            return begin_body(r, err);
        str_clear(&r->header);
        break;
    case SCAN_OTHER:
        return begin_body(r, err);
    }
    r->line_at = r->header.len;
    return true;
}

/* No room for n more octets of header. A line that is no field so far never becomes one that we could hold.
 */
static bool header_is_full(struct rewrite *r, struct err *err)
{
    enum scan_line kind = scan_line_kind(r->header.buf + r->line_at, r->header.len - r->line_at);
    if (r->header.len > r->line_at && (kind == SCAN_OTHER || (kind == SCAN_FOLD && r->line_at == 0)))
        return begin_body(r, err);
    err_set(err, ERR_DATA, "The header of the message is larger than %u bytes.", REWRITE_HEADER_MAX);
    return err_hint(err, "Between header and text there must be an empty line.");
}

static bool put(struct rewrite *r, const char *bytes, size_t n, struct err *err)
{
    if (!r->in_body && n > REWRITE_HEADER_MAX - r->header.len && !header_is_full(r, err))
        return false;
    return str_add(r->in_body ? &r->body : &r->header, bytes, n, err);
}

static bool end_line(struct rewrite *r, struct err *err)
{
    r->line = LINE_START;
    return put(r, "\r\n", 2, err) && (r->in_body || end_header_line(r, err));
}

/* What was held back at the end of the octets before c: now it is known what it was. */
static bool settle(struct rewrite *r, char c, struct err *err)
{
    bool dot = r->line == LINE_DOT || r->line == LINE_DOT_CR;
    bool cr = r->line == LINE_CR || r->line == LINE_DOT_CR;
    if (dot && c == '\n') {
        r->ended = true;
        return true;
    }
    if (r->line == LINE_DOT && c == '\r')
        return true; /* still held: add_octet makes it LINE_DOT_CR */
    return (!dot || put(r, ".", 1, err)) && (!cr || c == '\n' || put(r, " ", 1, err));
}

static bool add_octet(struct rewrite *r, char c, struct err *err)
{
    if (!settle(r, c, err) || r->ended)
        return r->ended;
    switch (c) {
    case '\n':
        return end_line(r, err);
    case '\r':
        r->line = r->line == LINE_DOT ? LINE_DOT_CR : LINE_CR;
        return true;
    case '.':
        if (r->line == LINE_START && r->dot_ends) {
            r->line = LINE_DOT;
            return true;
        }
        break;
    default:
        break;
    }
    r->line = LINE_TEXT;
    return put(r, c == '\0' ? " " : &c, 1, err);
}

/* The octets up to the next one that means something. */
static size_t plain_run(const char *bytes, size_t n)
{
    static const char marks[] = {'\n', '\r', '\0'};
    n = n > RUN_MAX ? RUN_MAX : n;
    for (size_t i = 0; i < sizeof marks; i++) {
        const char *mark = memchr(bytes, marks[i], n);
        n = mark != NULL ? (size_t)(mark - bytes) : n;
    }
    return n;
}

bool rewrite_add(struct rewrite *r, const char *bytes, size_t n, struct err *err)
{
    while (n > 0 && !r->ended) {
        size_t run = r->line == LINE_TEXT ? plain_run(bytes, n) : 0;
        if (run > 0 ? !put(r, bytes, run, err) : !add_octet(r, bytes[0], err))
            return false;
        bytes += run > 0 ? run : 1;
        n -= run > 0 ? run : 1;
    }
    return true;
}

bool rewrite_end(struct rewrite *r, struct err *err)
{
    bool unfinished = r->line == LINE_TEXT || r->line == LINE_CR;
    if (!r->ended && unfinished && !end_line(r, err))
        return false;
    r->ended = true;
    return true;
}

bool rewrite_ready(const struct rewrite *r)
{
    return r->ended || (r->in_body && (r->mime || r->body.len >= REWRITE_AHEAD_MAX));
}
