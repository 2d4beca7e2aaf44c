/* mime - see mime.h. A message is a header and a body; the body of a multipart is parts between boundary lines,
 * each again a header and a body (RFC 2046, 5.1.1):
 *
 *   multipart-body = [preamble CRLF] dash-boundary CRLF part *(delimiter CRLF part) close-delimiter [epilogue]
 *   dash-boundary  = "--" boundary                    ; a line that begins so, whatever comes behind it
 *   close-delimiter = "--" boundary "--" */
#include "mail/mime.h"

#include <string.h>

#include "base/text.h"

static const char stuck_sealed[] = "it is signed or encrypted";
static const char stuck_closed[] = "a part of it is of a kind that may not be encoded";
static const char stuck_coded[] = "a part of it says that it is encoded, and is not";
static const char stuck_outside[] = "such octets stand outside of its parts";

static void begin(struct mime *m, struct mime_plan *plan, struct str *out)
{
    *m = (struct mime){.plan = plan, .out = out, .line_start = true};
    str_init(&m->header, MIME_HEADER_MAX);
}

void mime_survey(struct mime *m, struct mime_plan *plan)
{
    *plan = (struct mime_plan){.ascii = plan->ascii};
    begin(m, plan, NULL);
}

void mime_repair(struct mime *m, struct mime_plan *plan, struct str *out)
{
    begin(m, plan, out);
}

void mime_free(struct mime *m)
{
    str_free(&m->header);
}

static bool put(struct mime *m, const char *bytes, size_t n, struct err *err)
{
    return m->out == NULL || str_add(m->out, bytes, n, err);
}

/* -- one part -- */

static bool is_encoded(const struct mime *m)
{
    size_t i = m->part.number;
    return i < MIME_PARTS_MAX && (m->plan->encode[i / 8] >> (i % 8) & 1) != 0;
}

static void stick(struct mime_plan *plan, const char *why)
{
    plan->eight_bit = true;
    if (plan->ascii && plan->stuck == NULL) {
        plan->stuck = why;
    }
}

/* The part is over: is it to be encoded, and can it be? */
static void decide(struct mime *m)
{
    struct mime_plan *plan = m->plan;
    size_t i = m->part.number;
    bool sealed = m->sealed || m->part.clear_signed;
    bool can = !sealed && !m->part.closed && !m->part.coded && i < MIME_PARTS_MAX;

    if (can && (m->part.too_long || (plan->ascii && m->part.eight_bit))) {
        plan->encode[i / 8] |= (unsigned char)(1u << (i % 8));
        plan->repairs = true;
    } else if (m->part.eight_bit) {
        stick(plan, sealed ? stuck_sealed : m->part.coded ? stuck_coded : stuck_closed);
    }
}

static bool end_part(struct mime *m, struct err *err)
{
    if (m->place != MIME_IN_PART) {
        return true;
    }
    if (m->out == NULL) {
        decide(m);
        return true;
    }
    return !is_encoded(m) || mime_qp_end(&m->qp, m->out, err);
}

static void look_at(struct mime *m, const char *bytes, size_t n)
{
    static const char mark[] = "-----BEGIN PGP SIGNED MESSAGE-----";
    bool ends = bytes[n - 1] == '\n';

    m->part.clear_signed = m->part.clear_signed || (m->line_start && n >= sizeof(mark) - 1 &&
                                                    memcmp(bytes, mark, sizeof(mark) - 1) == 0);
    m->part.eight_bit = m->part.eight_bit || !text_is_ascii(bytes, n);
    /* Encoded, such a line end were none, and no boundary could stand behind it. */
    m->part.closed = m->part.closed || (ends && (n > 1 ? bytes[n - 2] : m->part.last) != '\r');
    m->part.last = bytes[n - 1];
    m->part.column = (m->line_start ? 0 : m->part.column) + n - ends;
    m->part.too_long = m->part.too_long || m->part.column > MIME_LINE_MAX + 1;
}

/* Octets of a body, a line or some of it. */
static bool pass(struct mime *m, const char *bytes, size_t n, struct err *err)
{
    bool ok = true;
    if (n == 0) {
        return true;
    }
    if (m->place == MIME_IN_PART && m->out == NULL) {
        look_at(m, bytes, n);
    } else if (m->place == MIME_IN_PART && is_encoded(m)) {
        ok = mime_qp_add(&m->qp, bytes, n, m->out, err);
    } else if (m->out != NULL) {
        ok = str_add(m->out, bytes, n, err);
    } else if (!text_is_ascii(bytes, n)) {
        stick(m->plan, stuck_outside);
    }
    m->line_start = bytes[n - 1] == '\n';
    return ok;
}

/* -- headers -- */

static void begin_header(struct mime *m, bool message)
{
    m->place = MIME_IN_HEADER;
    m->message = message;
    m->line_at = 0;
    str_clear(&m->header);
}

/* What is in a multipart or message is encoded; itself it is 7bit then. */
static bool put_outer_header(struct mime *m, const struct mime_entity *e, struct err *err)
{
    bool relabel = m->out != NULL && m->plan->ascii && m->plan->repairs && !m->sealed && e->wide;
    return relabel
               ? mime_entity_recode(m->header.buf, m->header.len, "7bit", m->role != MIME_PART, m->out, err)
               : put(m, m->header.buf, m->header.len, err);
}

static bool enter_multipart(struct mime *m, const struct mime_entity *e, struct err *err)
{
    struct mime_level *level = &m->levels[m->depth++];
    level->sealed = m->sealed;
    level->digest = e->digest;
    level->nested = m->nested;
    memcpy(level->boundary, e->boundary, sizeof(level->boundary));
    m->place = MIME_BETWEEN;
    return put_outer_header(m, e, err);
}

static bool enter_message(struct mime *m, const struct mime_entity *e, struct err *err)
{
    m->nested++;
    bool ok = put_outer_header(m, e, err);
    begin_header(m, false);
    m->role = MIME_INNER_MESSAGE;
    return ok;
}

static bool enter_part(struct mime *m, const struct mime_entity *e, struct err *err)
{
    memset(&m->part, 0, sizeof(m->part));
    m->part.number = m->parts++;
    m->part.closed = e->kind != MIME_LEAF;
    m->part.coded = e->coded;
    m->place = MIME_IN_PART;
    if (m->out != NULL && is_encoded(m)) {
        return mime_entity_recode(m->header.buf, m->header.len, "quoted-printable", m->role != MIME_PART,
                                  m->out, err);
    }
    return put(m, m->header.buf, m->header.len, err);
}

/* Of the message's own header others take care (SMTPUTF8); those within must be ASCII where the text must. */
static void look_at_header(struct mime *m, size_t n)
{
    if (m->out == NULL && m->role != MIME_OWN_HEADER && !text_is_ascii(m->header.buf, n)) {
        stick(m->plan, stuck_outside);
    }
}

/* The blank line was seen. */
static bool end_header(struct mime *m, struct err *err)
{
    struct mime_entity e;

    mime_entity_read(m->header.buf, m->header.len, m->message, &e);
    m->sealed = m->sealed || e.sealed;
    look_at_header(m, m->header.len);
    m->line_start = true;
    if (!e.coded && e.kind == MIME_MULTIPART && m->depth < MIME_DEPTH_MAX) {
        return enter_multipart(m, &e, err);
    }
    if (!e.coded && e.kind == MIME_MESSAGE && m->nested < MIME_DEPTH_MAX) {
        return enter_message(m, &e, err);
    }
    return enter_part(m, &e, err);
}

/* No header goes on for so long: what follows is passed on as it is. */
static bool give_up(struct mime *m, struct err *err)
{
    bool ok = put(m, m->header.buf, m->header.len, err);
    m->depth = 0;
    m->place = MIME_BETWEEN;
    m->line_start = false;
    look_at_header(m, m->header.len);
    return ok;
}

/* -- boundaries -- */

/* Which of the multiparts that we are in has this line for a boundary? The longest that fits; their count: none. */
static size_t level_of(const struct mime *m, const char *line, size_t n, bool *closes_r)
{
    size_t found = m->depth, length = 0;
    if (n < 2 || line[0] != '-' || line[1] != '-') {
        return found;
    }
    for (size_t i = m->depth; i-- > 0;) {
        const char *boundary = m->levels[i].boundary;
        size_t b = strlen(boundary);
        if (b > length && n - 2 >= b && memcmp(line + 2, boundary, b) == 0) {
            found = i;
            length = b;
        }
    }
    *closes_r = n >= length + 4 && line[2 + length] == '-' && line[3 + length] == '-';
    return found;
}

static bool pass_boundary(struct mime *m, size_t level, bool closes, const char *line, size_t n,
                          struct err *err)
{
    if (!end_part(m, err) || !put(m, line, n, err)) {
        return false;
    }
    m->sealed = m->levels[level].sealed;
    m->nested = m->levels[level].nested;
    m->role = MIME_PART;
    m->line_start = true;
    if (closes) {
        m->depth = level;
        m->place = MIME_BETWEEN;
    } else {
        m->depth = level + 1;
        begin_header(m, m->levels[level].digest);
    }
    return true;
}

/* -- lines -- */

/* One more line of a header is there; it may be a boundary: then the part has no body. */
static bool end_header_line(struct mime *m, struct err *err)
{
    const char *line = m->header.buf + m->line_at;
    size_t n = m->header.len - m->line_at, at = m->line_at;
    bool closes, blank = n == 1 || (n == 2 && line[0] == '\r');
    size_t level = level_of(m, line, n, &closes);
    char boundary[MIME_HELD_MAX];

    m->line_at = m->header.len;
    if (blank) {
        return end_header(m, err);
    }
    if (level == m->depth || n > sizeof(boundary)) {
        return true;
    }
    memcpy(boundary, line, n);
    look_at_header(m, at);
    return put(m, m->header.buf, at, err) && pass_boundary(m, level, closes, boundary, n, err);
}

static bool add_to_header(struct mime *m, const char *bytes, size_t n, struct err *err)
{
    if (n > MIME_HEADER_MAX - m->header.len) {
        return give_up(m, err) && pass(m, bytes, n, err);
    }
    return str_add(&m->header, bytes, n, err) && (bytes[n - 1] != '\n' || end_header_line(m, err));
}

static bool release(struct mime *m, struct err *err)
{
    size_t n = m->held_len;
    m->held_len = 0;
    return pass(m, m->held, n, err);
}

/* May the line that begins so be a boundary, or say that the text is signed? */
static bool is_dashed(const struct mime *m, const char *bytes, size_t n)
{
    for (size_t i = m->held_len; i < 2 && n > 0; i++, bytes++, n--) {
        if (*bytes != '-') {
            return false;
        }
    }
    return true;
}

/* The line that was held back is whole. */
static bool end_held(struct mime *m, struct err *err)
{
    bool closes;
    size_t n = m->held_len, level = level_of(m, m->held, n, &closes);
    if (level == m->depth) {
        return release(m, err);
    }
    m->held_len = 0;
    return pass_boundary(m, level, closes, m->held, n, err);
}

static bool add_to_body(struct mime *m, const char *bytes, size_t n, struct err *err)
{
    if (!m->line_start) {
        return pass(m, bytes, n, err);
    }
    if (n > MIME_HELD_MAX - m->held_len || !is_dashed(m, bytes, n)) {
        return release(m, err) && pass(m, bytes, n, err);
    }
    memcpy(m->held + m->held_len, bytes, n);
    m->held_len += n;
    return bytes[n - 1] != '\n' || end_held(m, err);
}

bool mime_add(struct mime *m, const char *bytes, size_t n, struct err *err)
{
    while (n > 0) {
        const char *lf = memchr(bytes, '\n', n);
        size_t piece = lf != NULL ? (size_t)(lf - bytes) + 1 : n;
        if (!(m->place == MIME_IN_HEADER ? add_to_header : add_to_body)(m, bytes, piece, err)) {
            return false;
        }
        bytes += piece;
        n -= piece;
    }
    return true;
}

bool mime_end(struct mime *m, struct err *err)
{
    if (m->place == MIME_IN_HEADER) { /* no body at all */
        look_at_header(m, m->header.len);
        return put(m, m->header.buf, m->header.len, err);
    }
    return end_held(m, err) && end_part(m, err);
}
