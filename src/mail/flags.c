/* flags - see flags.h. */
#include "mail/flags.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct {
    char letter;
    const char *imap;
} table[] = {
    {'D', "\\Draft"},    {'F', "\\Flagged"}, {'P', "$Forwarded"},
    {'R', "\\Answered"}, {'S', "\\Seen"},    {'T', "\\Deleted"},
};
#define COUNT (sizeof table / sizeof *table)

uint8_t flags_of_letters(const char *letters, size_t n)
{
    uint8_t flags = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < COUNT; k++)
            if (letters[i] == table[k].letter)
                flags |= (uint8_t)(1u << k);
    return flags;
}

void flags_letters(uint8_t flags, char out[FLAGS_TEXT])
{
    for (size_t k = 0; k < COUNT; k++)
        if (flags & 1u << k)
            *out++ = table[k].letter;
    *out = '\0';
}

uint8_t flags_of_imap(const char *name, size_t n)
{
    for (size_t k = 0; k < COUNT; k++)
        if (strlen(table[k].imap) == n && text_eqn_nocase(table[k].imap, name, n))
            return (uint8_t)(1u << k);
    return 0;
}

void flags_imap(uint8_t flags, char out[FLAGS_IMAP_TEXT])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t k = 0; k < COUNT; k++)
        if (flags & 1u << k)
            used +=
                (size_t)snprintf(out + used, FLAGS_IMAP_TEXT - used, "%s%s", used ? " " : "", table[k].imap);
}
