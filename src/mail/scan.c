/* scan - the header of a message, field by field. */
#include "mail/scan.h"

#include <string.h>

#include "base/text.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name_char(char c)
{
    return c > 32 && c < 127 && c != ':';
}

/* Length of the field name at the start of the line, or 0 where there is none. */
static size_t name_length(const char *line, size_t n)
{
    size_t name = 0;
    while (name < n && is_name_char(line[name]))
        name++;
    size_t colon = name;
    while (colon < n && is_blank(line[colon]))
        colon++;
    return colon < n && line[colon] == ':' ? name : 0;
}

static bool starts(const char *line, size_t n, const char *with)
{
    return n >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

enum scan_line scan_line_kind(const char *line, size_t n)
{
    if (n == 0 || line[0] == '\n' || (n >= 2 && line[0] == '\r' && line[1] == '\n'))
        return SCAN_BLANK;
    if (is_blank(line[0]))
        return SCAN_FOLD;
    /* "From : ada@example.org" is an obsolete but true field, so the colon is looked for first. */
    if (name_length(line, n) > 0)
        return SCAN_FIELD;
    return starts(line, n, "From ") || starts(line, n, ">From ") ? SCAN_FROM : SCAN_OTHER;
}

/* The line at `p`, its end included. */
static size_t line_length(const char *p, const char *end)
{
    const char *lf = memchr(p, '\n', (size_t)(end - p));
    return (size_t)((lf != NULL ? lf + 1 : end) - p);
}

void scan_begin(struct scan *scan, const char *bytes, size_t n)
{
    scan->next = bytes;
    scan->end = bytes + n;
    while (scan->next < scan->end) {
        size_t line = line_length(scan->next, scan->end);
        if (scan_line_kind(scan->next, line) != SCAN_FROM)
            return;
        scan->next += line;
    }
}

static size_t without_line_end(const char *raw, size_t n)
{
    if (n > 0 && raw[n - 1] == '\n') {
        n--;
        if (n > 0 && raw[n - 1] == '\r')
            n--;
    }
    return n;
}

enum scan_event scan_next(struct scan *scan, struct scan_field *field_r)
{
    if (scan->next == scan->end)
        return SCAN_GOT_BODY;
    const char *raw = scan->next;
    size_t n = line_length(raw, scan->end);
    enum scan_line kind = scan_line_kind(raw, n);
    if (kind != SCAN_FIELD) {
        scan->next += kind == SCAN_BLANK ? n : 0;
        return SCAN_GOT_BODY;
    }
    while (raw + n < scan->end && is_blank(raw[n]))
        n += line_length(raw + n, scan->end);
    scan->next = raw + n;
    size_t name = name_length(raw, n);
    const char *colon = memchr(raw + name, ':', n - name);
    *field_r = (struct scan_field){.raw = raw, .raw_len = n, .name_len = name, .body = colon + 1};
    field_r->body_len = without_line_end(raw, n) - (size_t)(field_r->body - raw);
    return SCAN_GOT_FIELD;
}

bool scan_is(const struct scan_field *field, const char *name)
{
    return strlen(name) == field->name_len && text_eqn_nocase(field->raw, name, field->name_len);
}

bool scan_add_value(const struct scan_field *field, struct str *out, struct err *err)
{
    const char *p = field->body;
    const char *end = p + field->body_len;
    while (p < end && strchr(" \t\r\n", *p) != NULL && *p != '\0')
        p++;
    while (end > p && strchr(" \t\r\n", end[-1]) != NULL && end[-1] != '\0')
        end--;
    while (p < end) {
        size_t line = line_length(p, end);
        if (!str_add(out, p, without_line_end(p, line), err))
            return false;
        p += line;
    }
    return true;
}
