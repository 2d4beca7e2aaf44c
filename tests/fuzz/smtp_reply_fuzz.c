/* smtp_reply_fuzz - any bytes, cut into lines, as a server's answer: no crash, and what is shown is clean. */
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
    if (!smtp_caps_parse(&r, &caps, &err)) {
        abort();
    }
    smtp_caps_free(&caps);
    smtp_reply_free(&r);
    return 0;
}
