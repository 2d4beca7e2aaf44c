/* crlf - see crlf.h. */
#include "mail/crlf.h"

static bool end_line(struct crlf *c, struct str *out, struct err *err)
{
    *c = (struct crlf){0};
    return str_add(out, "\r\n", 2, err);
}

/* No LF came behind them. */
static bool release(struct crlf *c, struct str *out, struct err *err)
{
    for (; c->held > 0; c->held--) {
        if (!str_addc(out, ' ', err)) {
            return false;
        }
        c->mid_line = true;
    }
    return true;
}

bool crlf_add(struct crlf *c, const char *bytes, size_t n, struct str *out, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        if (bytes[i] == '\r') {
            c->held++;
        } else if (bytes[i] == '\n') {
            ok = end_line(c, out, err);
        } else {
            ok = release(c, out, err) && str_addc(out, bytes[i], err);
            c->mid_line = true;
        }
    }
    return ok;
}

bool crlf_end(struct crlf *c, struct str *out, struct err *err)
{
    return release(c, out, err) && (!c->mid_line || end_line(c, out, err));
}
