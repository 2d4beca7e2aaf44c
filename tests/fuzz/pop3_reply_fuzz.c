/* pop3_reply_fuzz - any bytes as status line, capability and listing; and as a text, which must come out the
 * same whether it came in whole or byte by byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "wire/pop3_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns how many bytes belonged to the text. */
static size_t unstuff(const char *in, size_t n, size_t step, struct str *out, bool *done_r)
{
    struct pop3_text t = POP3_TEXT_INIT;
    struct err err;
    size_t at = 0;
    while (at < n && !t.done) {
        const char *run;
        size_t run_n, taken = pop3_text_take(&t, in + at, n - at < step ? n - at : step, &run, &run_n);
        if ((taken == 0 && run_n == 0) || !str_add(out, run, run_n, &err))
            abort();
        at += taken;
    }
    *done_r = t.done;
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data, *rest;
    struct str whole = STR_INIT(1 << 21), bytewise = STR_INIT(1 << 21);
    struct pop3_caps caps = {0};
    struct err err;
    uint32_t number;
    uint64_t octets;
    size_t n;
    bool done, done_bytewise;
    struct pop3_reply r = pop3_reply_read(in, size);
    if (r.n > size || strlen(r.code) >= sizeof r.code || !pop3_caps_add(&caps, in, size, &err))
        abort();
    if (pop3_listing_read(in, size, &number, &rest, &n) && (number == 0 || n >= size))
        abort();
    else if (size > 0 && pop3_size_read(in, size, &octets) && octets > INT64_MAX)
        abort();
    if (unstuff(in, size, size + 1, &whole, &done) != unstuff(in, size, 1, &bytewise, &done_bytewise) ||
        done != done_bytewise || whole.len != bytewise.len || memcmp(whole.buf, bytewise.buf, whole.len) != 0)
        abort();
    pop3_caps_free(&caps);
    str_free(&whole);
    str_free(&bytewise);
    return 0;
}
