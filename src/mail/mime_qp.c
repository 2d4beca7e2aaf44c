/* mime_qp - see mime_qp.h. */
#include "mail/mime_qp.h"

#define LINE_MAX_OCTETS 75 /* and the "=" of a soft line break */

static bool is_literal(unsigned char c)
{
    return c >= 33 && c <= 126 && c != '=';
}

/* A line that would grow too long is broken softly first. */
static bool make_room(struct mime_qp *qp, unsigned octets, struct str *out, struct err *err)
{
    if (qp->column + octets > LINE_MAX_OCTETS) {
        qp->column = 0;
        return str_addz(out, "=\r\n", err);
    }
    return true;
}

static bool add_hex(struct mime_qp *qp, char c, struct str *out, struct err *err)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char octet = (unsigned char)c;
    const char code[3] = {'=', digits[octet >> 4], digits[octet & 15]};
    bool ok = make_room(qp, sizeof(code), out, err) && str_add(out, code, sizeof(code), err);
    qp->column += sizeof(code);
    return ok;
}

static bool add_literal(struct mime_qp *qp, char c, struct str *out, struct err *err)
{
    if (!make_room(qp, 1, out, err)) {
        return false;
    }
    if (c == '-' && qp->column == 0) {
        return add_hex(qp, c, out, err);
    }
    qp->column++;
    return str_addc(out, c, err);
}

/* Something other than a line end follows. */
static bool release(struct mime_qp *qp, struct str *out, struct err *err)
{
    bool ok = (qp->blank == '\0' || add_literal(qp, qp->blank, out, err)) &&
              (!qp->cr || add_hex(qp, '\r', out, err));
    qp->blank = '\0';
    qp->cr = false;
    return ok;
}

static bool end_line(struct mime_qp *qp, struct str *out, struct err *err)
{
    bool ok = (qp->blank == '\0' || add_hex(qp, qp->blank, out, err)) && str_addz(out, "\r\n", err);
    *qp = (struct mime_qp){0};
    return ok;
}

static bool add_octet(struct mime_qp *qp, char c, struct str *out, struct err *err)
{
    if (c == '\n' && qp->cr) {
        return end_line(qp, out, err);
    }
    if (c == '\r' && !qp->cr) {
        return qp->cr = true;
    }
    if (!release(qp, out, err)) {
        return false;
    }
    if (c == '\r') {
        return qp->cr = true;
    }
    if (c == ' ' || c == '\t') {
        qp->blank = c;
        return true;
    }
    return is_literal((unsigned char)c) ? add_literal(qp, c, out, err) : add_hex(qp, c, out, err);
}

bool mime_qp_add(struct mime_qp *qp, const char *bytes, size_t n, struct str *out, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!add_octet(qp, bytes[i], out, err)) {
            return false;
        }
    }
    return true;
}

bool mime_qp_end(struct mime_qp *qp, struct str *out, struct err *err)
{
    bool ok =
        (qp->blank == '\0' || add_hex(qp, qp->blank, out, err)) && (!qp->cr || add_hex(qp, '\r', out, err));
    *qp = (struct mime_qp){0};
    return ok;
}
