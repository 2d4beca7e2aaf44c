/* smtp_server_fuzz - any bytes as an SMTP client: what is accepted is clean, refusals have words, and the text of a
 * message, its dots doubled, comes out as it went in. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/dotcrlf.h"
#include "wire/smtp_server.h"

#define TEXT_MAX 200000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool must_hold)
{
    if (!must_hold)
        abort();
}

static bool is_clean(const char *s)
{
    return !text_has_control(s, strlen(s)) && text_is_utf8(s, strlen(s));
}

static void one_line(struct smtp_server *s, const char *line, size_t n)
{
    struct smtp_request r;
    struct err err = {0};
    if (!smtp_server_read(s, line, n, &r, &err)) {
        check(err.code >= 400 && err.code < 600 && err.what[0] != '\0' && is_clean(err.what));
        return;
    }
    check(is_clean(r.path) && is_clean(r.envid) && is_clean(r.orcpt));
    check(r.verb != SMTP_VERB_RCPT || r.path[0] != '\0');
    if (r.verb == SMTP_VERB_RSET || r.verb == SMTP_VERB_DATA || r.last)
        smtp_server_reset(s);
    else
        smtp_server_did(s, &r);
}

static size_t end_of_text(const char *bytes, size_t n, bool lf, struct str *out)
{
    struct smtp_text t = {.lf = lf};
    struct err err;
    size_t at = 0;
    while (at < n && !t.ended) {
        size_t taken, some = n - at < 7 ? n - at : 7;
        check(smtp_text_add(&t, bytes + at, some, out, &taken, &err) && taken <= some);
        at += taken;
    }
    return at;
}

/* Stuffed as a client does it, it ends where it ends, and nowhere before. */
static void round_trip(const char *bytes, size_t n)
{
    struct str sent = STR_INIT(TEXT_MAX), got = STR_INIT(TEXT_MAX);
    struct dotcrlf d = DOTCRLF_INIT;
    struct err err;
    if (n <= TEXT_MAX / 2 - 10 && memchr(bytes, '\n', n) == NULL && memchr(bytes, '\r', n) == NULL) {
        check(dotcrlf_add(&d, bytes, n, &sent, &err) && dotcrlf_end(&d, &sent, &err));
        check(end_of_text(sent.buf, sent.len, false, &got) == sent.len);
        check(got.len >= n && memcmp(got.buf, bytes, n) == 0);
    }
    str_free(&sent);
    str_free(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    struct smtp_server s = {.mail = false};
    struct str out = STR_INIT(TEXT_MAX);
    round_trip(p, size);
    for (int lf = 0; lf < 2 && size < TEXT_MAX; lf++) {
        str_clear(&out);
        check(end_of_text(p, size, lf != 0, &out) <= size && out.len <= size);
    }
    str_free(&out);
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol != NULL ? eol : end) - p);
        one_line(&s, p, n);
        p += n + (eol != NULL ? 1 : 0);
    }
    return 0;
}
