/* imap_name - folders' names between us and the server. Here they are always in modified UTF-7, or whatever the server
 * made of it; where it speaks UTF-8 (RFC 9755) they are turned on their way in and out. So a folder is the same one
 * whether that was enabled or not. */
#include <string.h>

#include "base/text.h"
#include "client/imap_impl.h"
#include "mail/mutf7.h"

bool imap_speaks_utf8(const struct imap *imap)
{
    return imap->utf8 || (imap_can(imap, "IMAP4rev2") && !imap_can(imap, "IMAP4rev1"));
}

/* hear_enabled - whether UTF-8 is on: waited for only where a name is not the same in both forms, and nothing was heard
 * since the sign-in */
static bool hear_enabled(struct imap *imap, struct err *err)
{
    for (imap_be_patient(imap); imap->utf8_tag != 0;)
        if (!imap_hear(imap, NULL, err))
            return false;
    return true;
}

bool imap_add_name(struct imap *imap, const char *name, struct str *out, struct err *err)
{
    bool alike = text_is_ascii(name, strlen(name)) && !strchr(name, '&');
    if (!alike && !hear_enabled(imap, err))
        return false;
    struct str utf8 = STR_INIT(strlen(name) + 1);
    struct err not_mutf7;
    bool turned = imap_speaks_utf8(imap) && mutf7_decode(&utf8, name, strlen(name), &not_mutf7);
    bool ok = turned ? imap_add_quoted(out, utf8.buf, utf8.len, err)
                     : imap_add_quoted(out, name, strlen(name), err);
    str_free(&utf8);
    return ok;
}

/* What is neither UTF-8 nor could be a name stands for itself. */
bool imap_take_name(const struct imap *imap, struct str *name, struct err *err)
{
    struct str mutf7 = STR_INIT(4 * name->len + 8);
    struct err not_utf8 = {0};
    bool ok = true;
    if (imap_speaks_utf8(imap) && mutf7_encode(&mutf7, name->buf, name->len, &not_utf8)) {
        str_free(name);
        *name = mutf7;
        return true;
    }
    if (not_utf8.kind != ERR_NONE && not_utf8.kind != ERR_DATA) {
        *err = not_utf8;
        ok = false;
    }
    str_free(&mutf7);
    return ok;
}
