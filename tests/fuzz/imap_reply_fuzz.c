/* imap_reply_fuzz - any bytes as a response of each kind, cut where their lines and literals end. Parts must
 * lie inside the text: a sanitizer sees it if they do not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/flags.h"
#include "wire/imap_namespace.h"
#include "wire/imap_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(const struct imap_part *part, const char *text, size_t n)
{
    if (part->n > 0 && (part->at < text || part->at + part->n > text + n))
        abort();
}

/* What is left of a name is the end of it, and no other folder becomes the INBOX. */
static void check_namespaces(const struct imap_namespaces *namespaces)
{
    struct err err;
    for (size_t i = 0; i < namespaces->count; i++) {
        struct str name = STR_INIT(1 << 20);
        if (!str_addf(&name, &err, "%sInbox", namespaces->items[i].prefix))
            abort();
        const char *plain = imap_namespace_plain(namespaces, name.buf);
        if (plain < name.buf || plain > name.buf + name.len ||
            (plain > name.buf && text_eq_nocase(plain, "INBOX")))
            abort();
        str_free(&name);
    }
}

static void read_data(const char *text, size_t n)
{
    struct uidset set = UIDSET_INIT;
    struct strv words = STRV_INIT;
    struct str name = STR_INIT(1 << 20);
    struct imap_fetch fetch;
    struct imap_list list;
    struct imap_state state;
    struct imap_namespaces namespaces;
    struct err err;
    uint64_t due = 0;
    if (imap_fetch_read(&fetch, text, n, &due) == IMAP_FETCH_WHOLE && fetch.body == IMAP_BODY_TEXT &&
        !imap_token_text(&fetch.body_text, &name, &err))
        abort();
    if (imap_list_read(&list, text, n, &err))
        imap_list_free(&list);
    if (imap_state_read(&state, text, n, &err))
        imap_state_free(&state);
    if (imap_namespaces_read(&namespaces, text, n, &err)) {
        check_namespaces(&namespaces);
        imap_namespaces_free(&namespaces);
    }
    bool ok = imap_search_read(&set, text, n, &err);
    ok = imap_esearch_read(&set, text, n, &err) && ok;
    ok = imap_vanished_read(&set, text, n, &err) && ok;
    if (imap_flags_read(text, n, &fetch.flags, &fetch.has_flags) && fetch.flags > FLAGS_ALL)
        abort();
    if (!imap_capabilities_add(&words, text, n, &err))
        abort();
    int at_end = imap_literal_at_end(text, n, &due);
    if (at_end > 0 && due > INT64_MAX)
        abort();
    uidset_free(&set);
    strv_free(&words);
    str_free(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct imap_reply r = imap_reply_read(text, size);
    check_part(&r.tag, text, size);
    check_part(&r.name, text, size);
    check_part(&r.code, text, size);
    check_part(&r.arguments, text, size);
    check_part(&r.text, text, size);
    if (imap_reply_is_temporary(&r) && r.form == IMAP_GARBAGE && r.text.n > size)
        abort();
    if (r.form == IMAP_UNTAGGED)
        read_data(r.text.at, r.text.n);
    read_data(text, size);
    return 0;
}
