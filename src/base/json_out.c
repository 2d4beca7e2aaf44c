/* json_out - see json_out.h. */
#include "base/json_out.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

struct json_out json_begin(struct str *out)
{
    return (struct json_out){.out = out};
}

/* The UTF-8 character at s and its length in octets; 0: there is none. */
static size_t decode(const char *s, uint32_t *character_r)
{
    static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (strnlen(s, n) < n || !text_is_utf8(s, n))
        return 0;
    *character_r = u[0] & lead_bits[n];
    for (size_t i = 1; i < n; i++)
        *character_r = *character_r << 6 | (u[i] & 0x3fu);
    return n;
}

static bool must_escape(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == '"' || c == '\\' || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool add_string(struct str *out, const char *s, struct err *err)
{
    if (!str_addc(out, '"', err))
        return false;
    while (*s != '\0') {
        uint32_t character = 0xfffd;
        size_t n = decode(s, &character);
        bool escape = n == 0 || must_escape(character);
        n = n > 0 ? n : 1;
        if (escape ? !str_addf(out, err, "\\u%04" PRIx32, character) : !str_add(out, s, n, err))
            return false;
        s += n;
    }
    return str_addc(out, '"', err);
}

static bool begin_value(struct json_out *j, const char *key, struct err *err)
{
    bool comma = j->comma;
    j->comma = true;
    return (!comma || str_addc(j->out, ',', err)) &&
           (key == NULL || (add_string(j->out, key, err) && str_addc(j->out, ':', err)));
}

bool json_open(struct json_out *j, const char *key, char bracket, struct err *err)
{
    bool ok = begin_value(j, key, err) && str_addc(j->out, bracket, err);
    j->comma = false;
    return ok;
}

bool json_close(struct json_out *j, char bracket, struct err *err)
{
    j->comma = true;
    return str_addc(j->out, bracket, err);
}

bool json_text(struct json_out *j, const char *key, const char *value, struct err *err)
{
    return begin_value(j, key, err) &&
           (value != NULL ? add_string(j->out, value, err) : str_addz(j->out, "null", err));
}

bool json_number(struct json_out *j, const char *key, int64_t value, struct err *err)
{
    return begin_value(j, key, err) && str_addf(j->out, err, "%" PRId64, value);
}

bool json_bool(struct json_out *j, const char *key, bool value, struct err *err)
{
    return begin_value(j, key, err) && str_addz(j->out, value ? "true" : "false", err);
}
