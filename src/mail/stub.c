/* stub - see stub.h. */
#include "mail/stub.h"

#include <string.h>

#include "base/text.h"
#include "mail/scan.h"

static bool describes_body(const struct scan_field *field)
{
    static const char content[] = "Content-";
    return scan_is(field, "MIME-Version") || scan_is(field, "Lines") ||
           (field->name_len >= sizeof content - 1 &&
            text_eqn_nocase(field->raw, content, sizeof content - 1));
}

/* add_lines - each ended by CRLF, whatever ended it */
static bool add_lines(struct str *out, const char *bytes, size_t n, struct err *err)
{
    for (size_t at = 0; at < n;) {
        const char *lf = memchr(bytes + at, '\n', n - at);
        size_t end = lf ? (size_t)(lf - bytes) : n, text = end - at;
        if (text > 0 && bytes[end - 1] == '\r')
            text--;
        if (!str_add(out, bytes + at, text, err) || !str_add(out, "\r\n", 2, err))
            return false;
        at = end + 1;
    }
    return true;
}

bool stub_make(const char *header, size_t n, uint64_t size, const char *command, struct str *out,
               struct err *err)
{
    struct scan scan;
    struct scan_field field;
    char shown[32];
    while (n > 0 && header[n - 1] != '\n')
        n--;
    scan_begin(&scan, header, n);
    while (scan_next(&scan, &field) == SCAN_GOT_FIELD)
        if (!describes_body(&field) && !add_lines(out, field.raw, field.raw_len, err))
            return false;
    text_show_size(size, shown);
    return str_addz(out,
                    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n\r\n",
                    err) &&
           str_addf(out, err,
                    "This message is %s large, more than max_size allows for. Only its header is\r\n"
                    "here; the message itself is still on the server. To fetch the whole of it:\r\n\r\n"
                    "    %s\r\n",
                    shown, command);
}

bool stub_add_word(struct str *out, const char *word, struct err *err)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+:,";
    if (*word && word[strspn(word, plain)] == '\0')
        return str_addz(out, word, err);
    bool ok = str_addc(out, '\'', err);
    for (; ok && *word; word++)
        ok = *word == '\'' ? str_addz(out, "'\\''", err) : str_addc(out, *word, err);
    return ok && str_addc(out, '\'', err);
}
