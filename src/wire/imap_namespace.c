/* imap_namespace - see imap_namespace.h. */
#include "wire/imap_namespace.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/imap_token.h"

void imap_namespaces_free(struct imap_namespaces *namespaces)
{
    for (size_t i = 0; i < namespaces->count; i++)
        free(namespaces->items[i].prefix);
    *namespaces = (struct imap_namespaces){0};
}

/* -- reading -- */

static bool broken(struct err *err)
{
    return err_set(err, ERR_PROTOCOL, "The server's NAMESPACE answer is broken.");
}

static bool add(struct imap_namespaces *namespaces, const struct imap_token *prefix, char delimiter, bool own,
                struct err *err)
{
    struct str text = STR_INIT(prefix->n + 1);
    bool ok = imap_token_text(prefix, &text, err);
    if (ok && namespaces->count < IMAP_NAMESPACES_MAX && !memchr(text.buf, '\0', text.len)) {
        char *copy = str_steal(&text);
        ok = copy || err_nomem(err);
        if (ok)
            namespaces->items[namespaces->count++] =
                (struct imap_namespace){.prefix = copy, .delimiter = delimiter, .own = own};
    }
    str_free(&text);
    return ok;
}

/* read_one - behind its parenthesis, to the other one; extensions are skipped */
static bool read_one(struct imap_namespaces *namespaces, struct imap_text *in, bool own, struct err *err)
{
    struct imap_token prefix = imap_next(in), delimiter = imap_next(in), t, due;
    bool none = imap_token_is(&delimiter, "NIL");
    if ((prefix.kind != IMAP_QUOTED && prefix.kind != IMAP_LITERAL) ||
        (!none && delimiter.kind != IMAP_QUOTED))
        return broken(err);
    while ((t = imap_next(in)).kind != IMAP_CLOSE)
        if (!imap_skip(in, t, &due))
            return broken(err);
    return add(namespaces, &prefix, none || delimiter.n == 0 ? '\0' : delimiter.bytes[delimiter.n - 1], own,
               err);
}

static bool read_class(struct imap_namespaces *namespaces, struct imap_text *in, bool own, struct err *err)
{
    struct imap_token t = imap_next(in);
    if (imap_token_is(&t, "NIL"))
        return true;
    if (t.kind != IMAP_OPEN)
        return broken(err);
    while ((t = imap_next(in)).kind == IMAP_OPEN)
        if (!read_one(namespaces, in, own, err))
            return false;
    return t.kind == IMAP_CLOSE || broken(err);
}

bool imap_namespaces_read(struct imap_namespaces *namespaces_r, const char *text, size_t n, struct err *err)
{
    struct imap_text in = {text, text + n};
    struct imap_namespaces found = {0};
    bool ok = read_class(&found, &in, true, err) && read_class(&found, &in, false, err) &&
              read_class(&found, &in, false, err);
    if (ok)
        *namespaces_r = found;
    else
        imap_namespaces_free(&found);
    return ok;
}

/* -- of a name -- */

static bool is_inbox(const char *wire)
{
    return text_eq_nocase(wire, "INBOX");
}

/* is_in - with INBOX in any case, as everywhere; "Public" alone is in "Public/" */
static bool is_in(const struct imap_namespace *ns, const char *wire)
{
    size_t n = strlen(ns->prefix), inbox = strlen("INBOX");
    size_t any_case = text_starts_nocase(ns->prefix, "INBOX") && n > inbox ? inbox : 0;
    if (any_case > 0 && !text_starts_nocase(wire, "INBOX"))
        return false;
    if (strncmp(wire + any_case, ns->prefix + any_case, n - any_case) == 0)
        return true;
    return !ns->own && n > 1 && ns->prefix[n - 1] == ns->delimiter && strlen(wire) == n - 1 &&
           strncmp(wire, ns->prefix, n - 1) == 0;
}

/* find - of those that it is in, the one with the longest prefix */
static const struct imap_namespace *find(const struct imap_namespaces *namespaces, const char *wire)
{
    const struct imap_namespace *best = NULL;
    for (size_t i = 0; i < namespaces->count; i++) {
        const struct imap_namespace *ns = &namespaces->items[i];
        if (is_in(ns, wire) && (!best || strlen(ns->prefix) > strlen(best->prefix)))
            best = ns;
    }
    return best;
}

const char *imap_namespace_plain(const struct imap_namespaces *namespaces, const char *wire)
{
    const struct imap_namespace *ns = is_inbox(wire) ? NULL : find(namespaces, wire);
    if (!ns || ns != &namespaces->items[0] || !ns->own)
        return wire;
    const char *plain = wire + strlen(ns->prefix);
    return *plain && !is_inbox(plain) ? plain : wire;
}

const struct imap_namespace *imap_namespace_foreign(const struct imap_namespaces *namespaces,
                                                    const char *wire)
{
    const struct imap_namespace *ns = is_inbox(wire) ? NULL : find(namespaces, wire);
    return ns && !ns->own ? ns : NULL;
}
