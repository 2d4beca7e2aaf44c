/* mime_fuzz - any bytes as a text to encode, and as a message to repair, cut where the first byte says.
 * The text: it comes back by decoding, in lines of at most 76 octets of ASCII, none of which begins with a dash.
 * The message: cut or not, the same goes out; what needs no repair goes out as it is; what was repaired needs no
 * more, and is what the plan said it would be. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (16u << 20)

static void must(bool what)
{
    if (!what)
        abort();
}

/* -- quoted-printable -- */

static void decode(const struct str *in, struct str *out)
{
    struct err err;
    unsigned char octet;
    for (size_t i = 0; i < in->len; i++) {
        if (in->buf[i] != '=') {
            must(str_addc(out, in->buf[i], &err));
            continue;
        }
        must(i + 2 < in->len);
        if (memcmp(in->buf + i, "=\r\n", 3) != 0) {
            must(text_unhex(in->buf + i + 1, 2, &octet) && str_addc(out, (char)octet, &err));
        }
        i += 2;
    }
}

static void check_lines(const struct str *s)
{
    must(text_is_ascii(s->buf, s->len));
    for (size_t at = 0; at < s->len;) {
        const char *lf = memchr(s->buf + at, '\n', s->len - at);
        size_t n = lf ? (size_t)(lf - s->buf) - at : s->len - at;
        must(!lf || (n > 0 && s->buf[at + n - 1] == '\r'));
        must(n - (lf ? 1 : 0) <= 76 && s->buf[at] != '-');
        at += n + 1;
    }
}

static void check_text(const char *in, size_t n, size_t at)
{
    struct str coded = STR_INIT(OUT_MAX), back = STR_INIT(OUT_MAX);
    struct mime_qp qp = {0};
    struct err err;
    must(mime_qp_add(&qp, in, at, &coded, &err) && mime_qp_add(&qp, in + at, n - at, &coded, &err) &&
         mime_qp_end(&qp, &coded, &err));
    must(coded.len <= MIME_QP_GROWTH * n + 8);
    check_lines(&coded);
    decode(&coded, &back);
    must(back.len == n && memcmp(back.buf, in, n) == 0);
    str_free(&coded);
    str_free(&back);
}

/* -- messages -- */

static void survey(const char *in, size_t n, size_t at, struct mime_plan *plan)
{
    struct mime m;
    struct err err;
    mime_survey(&m, plan);
    must(mime_add(&m, in, at, &err) && mime_add(&m, in + at, n - at, &err) && mime_end(&m, &err));
    mime_free(&m);
}

static void repair(const char *in, size_t n, size_t at, struct mime_plan *plan, struct str *out)
{
    struct mime m;
    struct err err;
    mime_repair(&m, plan, out);
    must(mime_add(&m, in, at, &err) && mime_add(&m, in + at, n - at, &err) && mime_end(&m, &err));
    mime_free(&m);
}

static void check_message(const char *in, size_t n, size_t at, bool ascii)
{
    struct mime_plan plan = {.ascii = ascii}, whole = {.ascii = ascii}, after = {.ascii = ascii};
    struct str out = STR_INIT(OUT_MAX), same = STR_INIT(OUT_MAX);
    survey(in, n, at, &plan);
    survey(in, n, 0, &whole);
    must(memcmp(plan.encode, whole.encode, sizeof plan.encode) == 0 && plan.stuck == whole.stuck &&
         plan.eight_bit == whole.eight_bit);
    repair(in, n, at, &plan, &out);
    repair(in, n, 0, &plan, &same);
    must(out.len == same.len && memcmp(out.buf, same.buf, out.len) == 0);
    must(plan.repairs || (out.len == n && memcmp(out.buf, in, n) == 0));
    survey(out.buf, out.len, 0, &after);
    must(!after.repairs);
    must(plan.stuck || (!after.stuck && after.eight_bit <= plan.eight_bit));
    str_free(&out);
    str_free(&same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 65536)
        return 0;
    const char *in = (const char *)data + 1;
    size_t n = size - 1, at = n > 0 ? data[0] * n / 255 : 0;
    check_text(in, n, at);
    check_message(in, n, at, true);
    check_message(in, n, at, false);
    return 0;
}
