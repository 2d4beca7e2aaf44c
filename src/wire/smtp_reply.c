/* smtp_reply - the reply parser: see the grammar in smtp_reply.h. */
#include "wire/smtp_reply.h"

#include <string.h>

#include "base/text.h"

void smtp_reply_init(struct smtp_reply *r)
{
    *r = (struct smtp_reply){0};
    str_init(&r->text, (size_t)SMTP_REPLY_LINES_MAX * SMTP_REPLY_LINE_MAX);
}

void smtp_reply_clear(struct smtp_reply *r)
{
    r->code = 0;
    r->enhanced[0] = '\0';
    r->lines = 0;
    str_clear(&r->text);
}

void smtp_reply_free(struct smtp_reply *r)
{
    str_free(&r->text);
    smtp_reply_clear(r);
}

static size_t digits(const char *s, size_t n)
{
    size_t count = 0;
    while (count < n && s[count] >= '0' && s[count] <= '9') {
        count++;
    }
    return count;
}

/* The length of an enhanced status of this class at the start of s, or 0. */
static size_t enhanced_length(const char *s, size_t n, char class)
{
    if (n < 5 || s[0] != class || (class != '2' && class != '4' && class != '5') || s[1] != '.') {
        return 0;
    }
    size_t subject = digits(s + 2, n - 2);
    size_t at = 2 + subject;
    if (subject < 1 || subject > 3 || at == n || s[at] != '.') {
        return 0;
    }
    size_t detail = digits(s + at + 1, n - at - 1);
    size_t end = at + 1 + detail;
    bool ends = end == n || s[end] == ' ' || s[end] == '\t';
    return detail >= 1 && detail <= 3 && ends ? end : 0;
}

/* The code of a line, or 0 where it does not begin with one. */
static int line_code(const char *line, size_t n)
{
    if (digits(line, n < 4 ? n : 4) != 3 || line[0] < '2' || line[0] > '5') {
        return 0;
    }
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

static enum smtp_reply_step broken(const char *line, size_t n, struct err *err)
{
    char shown[80];
    text_clean(shown, sizeof(shown), line, n);
    err_set(err, ERR_PROTOCOL, "The server's answer is not SMTP: \"%s\".", shown);
    return SMTP_REPLY_BROKEN;
}

static enum smtp_reply_step too_much(const char *what, struct err *err)
{
    err_set(err, ERR_PROTOCOL, "The server's answer has %s.", what);
    return SMTP_REPLY_BROKEN;
}

enum smtp_reply_step smtp_reply_add(struct smtp_reply *r, const char *line, size_t n, struct err *err)
{
    int code = line_code(line, n);
    bool last = n == 3 || (n > 3 && line[3] == ' ');

    if (n > SMTP_REPLY_LINE_MAX) {
        return too_much("a line that is far too long", err);
    }
    if (code == 0 || (!last && line[3] != '-') || (r->lines > 0 && code != r->code)) {
        return broken(line, n, err);
    }
    if (r->lines == SMTP_REPLY_LINES_MAX) {
        return too_much("far too many lines", err);
    }
    const char *text = n > 4 ? line + 4 : "";
    size_t length = n > 4 ? n - 4 : 0;
    size_t status = enhanced_length(text, length, line[0]);
    if (status > 0) {
        if (r->enhanced[0] == '\0') {
            memcpy(r->enhanced, text, status);
            r->enhanced[status] = '\0';
        }
        status += status < length; /* the blank behind it */
    }
    r->code = code;
    r->lines++;
    if (!str_add(&r->text, text + status, length - status, err) || !str_addc(&r->text, '\n', err)) {
        return SMTP_REPLY_BROKEN;
    }
    return last ? SMTP_REPLY_END : SMTP_REPLY_MORE;
}

bool smtp_reply_show(const struct smtp_reply *r, struct str *out, struct err *err)
{
    const char *p = r->text.buf, *end = r->text.buf + r->text.len;
    size_t left = SMTP_REPLY_SHOWN_MAX;

    while (p < end && left > 0) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)(eol - p); /* each line has its LF */
        if ((p != r->text.buf && !str_addz(out, " / ", err)) || !text_add_clean(out, p, n, left, err)) {
            return false;
        }
        left -= n < left ? n : left;
        p = eol + 1;
    }
    return true;
}
