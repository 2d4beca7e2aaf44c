/* escape - text that cannot forge a line; see escape.h. */
#include "mail/escape.h"

#include <string.h>

#define ESCAPE_LEN 4 /* "\xHH" */

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == 0x7f || c == '\\';
}

bool escape_add(struct str *out, const char *z, struct err *err)
{
    while (*z != '\0') {
        size_t plain = 0;
        while (z[plain] != '\0' && !needs_escape((unsigned char)z[plain]))
            plain++;
        if (!str_add(out, z, plain, err))
            return false;
        z += plain;
        if (*z != '\0' && !str_addf(out, err, "\\x%02x", (unsigned)(unsigned char)*z++))
            return false;
    }
    return true;
}

/* The octet that the escape at `text` stands for, or -1. */
static int unescape(const char *text, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    if (n < ESCAPE_LEN || text[1] != 'x' || text[2] == '\0' || text[3] == '\0')
        return -1;
    const char *high = strchr(digits, text[2]), *low = strchr(digits, text[3]);
    if (!high || !low)
        return -1;
    int octet = (int)(high - digits) * 16 + (int)(low - digits);
    return octet != 0 && needs_escape((unsigned char)octet) ? octet : -1;
}

bool escape_undo(struct str *out, const char *text, size_t n, struct err *err)
{
    for (size_t i = 0; i < n;) {
        size_t plain = i;
        while (plain < n && !needs_escape((unsigned char)text[plain]))
            plain++;
        if (!str_add(out, text + i, plain - i, err))
            return false;
        i = plain;
        if (i == n)
            break;
        int octet = text[i] == '\\' ? unescape(text + i, n - i) : -1;
        if (octet < 0)
            return err_set(err, ERR_DATA, "A value holds a control character or a broken escape.");
        if (!str_addc(out, (char)octet, err))
            return false;
        i += ESCAPE_LEN;
    }
    return true;
}
