/* smtp_reply_fuzz - any bytes, cut into lines, as a server's answer: what is shown is clean, and a whole reply, written
 * again from what was understood, is understood as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/smtp_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const struct smtp_reply *r)
{
    struct err err = {0};
    struct str shown = STR_INIT(8192);
    if (!smtp_reply_show(r, &shown, &err) || text_has_control(shown.buf, shown.len) ||
        !text_is_utf8(shown.buf, shown.len)) {
        abort();
    }
    str_free(&shown);
}

/* The line that `text` may have come from; false where the status that is put before it makes it too long. */
static bool write_line(const struct smtp_reply *r, bool last, const char *text, size_t n, struct str *out)
{
    struct err err = {0};
    str_clear(out);
    if (!str_addf(out, &err, "%03d%c%s%s", r->code, last ? ' ' : '-', r->enhanced,
                  r->enhanced[0] ? " " : "") ||
        !str_add(out, text, n, &err)) {
        abort();
    }
    return out->len <= SMTP_REPLY_LINE_MAX;
}

static void check_again(const struct smtp_reply *r)
{
    struct smtp_reply again;
    struct str line = STR_INIT(2 * SMTP_REPLY_LINE_MAX);
    struct err err = {0};
    bool fits = true;
    const char *p = r->text.buf;

    smtp_reply_init(&again);
    for (unsigned i = 1; fits && i <= r->lines; i++) {
        size_t n = (size_t)((const char *)memchr(p, '\n', (size_t)(r->text.buf + r->text.len - p)) - p);
        fits = write_line(r, i == r->lines, p, n, &line);
        enum smtp_reply_step want = i == r->lines ? SMTP_REPLY_END : SMTP_REPLY_MORE;
        if (fits && smtp_reply_add(&again, line.buf, line.len, &err) != want) {
            abort();
        }
        p += n + 1;
    }
    if (fits && (again.code != r->code || strcmp(again.enhanced, r->enhanced) != 0 ||
                 again.text.len != r->text.len || memcmp(again.text.buf, r->text.buf, r->text.len) != 0)) {
        abort();
    }
    smtp_reply_free(&again);
    str_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    enum smtp_reply_step step = SMTP_REPLY_MORE;
    struct err err = {0};
    struct smtp_reply r;
    struct smtp_caps caps;

    smtp_reply_init(&r);
    while (p < end && step == SMTP_REPLY_MORE) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol != NULL ? eol : end) - p);
        step = smtp_reply_add(&r, p, n, &err);
        p += n + (eol != NULL);
    }
    check_shown(&r);
    if (step == SMTP_REPLY_END) {
        check_again(&r);
    }
    if (!smtp_caps_parse(&r, &caps, &err)) {
        abort();
    }
    smtp_caps_free(&caps);
    smtp_reply_free(&r);
    return 0;
}
