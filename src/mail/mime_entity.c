/* mime_entity - see mime_entity.h. */
#include "mail/mime_entity.h"

#include <string.h>

#include "base/text.h"
#include "mail/scan.h"

#define TOKEN_MAX 127 /* octets of a type, attribute or mechanism that we look at */

static const char encoding_field[] = "Content-Transfer-Encoding";

/* -- words of a field's body -- */

struct words {
    const char *at, *end;
};

static void skip_comment(struct words *w)
{
    unsigned depth = 0;
    do {
        char c = *w->at++;
        if (c == '\\' && w->at < w->end) {
            w->at++;
        }
        depth += c == '(' ? 1 : 0;
        depth -= c == ')' ? 1 : 0;
    } while (depth > 0 && w->at < w->end);
}

static void skip_blanks(struct words *w)
{
    while (w->at < w->end) {
        if (*w->at == '(') {
            skip_comment(w);
        } else if (*w->at == ' ' || *w->at == '\t' || *w->at == '\r' || *w->at == '\n') {
            w->at++;
        } else {
            return;
        }
    }
}

static bool take(struct words *w, char c)
{
    skip_blanks(w);
    if (w->at == w->end || *w->at != c) {
        return false;
    }
    w->at++;
    return true;
}

/* A longer one is empty: it is none that we know. */
static void take_token(struct words *w, char out[TOKEN_MAX + 1])
{
    size_t n = 0;
    skip_blanks(w);
    const char *start = w->at;
    while (w->at < w->end && (unsigned char)*w->at > ' ' && strchr("()<>@,;:\\\"/[]?=", *w->at) == NULL) {
        w->at++;
    }
    n = (size_t)(w->at - start) <= TOKEN_MAX ? (size_t)(w->at - start) : 0;
    memcpy(out, start, n);
    out[n] = '\0';
}

/* A value, quoted or not. False: it is longer, or broken. */
static bool take_value(struct words *w, char *out, size_t size)
{
    size_t n = 0;
    skip_blanks(w);
    bool quoted = take(w, '"'), ended = !quoted;
    while (w->at < w->end && n + 1 < size) {
        char c = *w->at;
        if (quoted ? c == '"' : (unsigned char)c <= ' ' || c == ';' || c == '(') {
            w->at += quoted;
            ended = true;
            break;
        }
        w->at++;
        if (quoted && c == '\\' && w->at < w->end) {
            c = *w->at++;
        }
        if (c != '\r' && c != '\n') {
            out[n++] = c;
        }
    }
    out[n] = '\0';
    return ended && n > 0 && n + 1 < size;
}

/* -- Content-Type -- */

static bool is_sealed(const char *type, const char *subtype)
{
    static const char *const closed[] = {"pkcs7-mime",        "x-pkcs7-mime", "pkcs7-signature",
                                         "x-pkcs7-signature", "pgp",          "pgp-encrypted",
                                         "pgp-signature",     "pgp-keys"};
    if (text_eq_nocase(type, "multipart")) {
        return text_eq_nocase(subtype, "signed") || text_eq_nocase(subtype, "encrypted");
    }
    for (size_t i = 0; text_eq_nocase(type, "application") && i < sizeof(closed) / sizeof(*closed); i++) {
        if (text_eq_nocase(subtype, closed[i])) {
            return true;
        }
    }
    return false;
}

static enum mime_kind kind_of(const char *type, const char *subtype)
{
    return text_eq_nocase(type, "multipart")   ? MIME_MULTIPART
           : !text_eq_nocase(type, "message")  ? MIME_LEAF
           : text_eq_nocase(subtype, "rfc822") ? MIME_MESSAGE
                                               : MIME_CLOSED;
}

static void read_boundary(struct words *w, char boundary[MIME_BOUNDARY_MAX + 1])
{
    char name[TOKEN_MAX + 1], value[1024];
    while (take(w, ';')) {
        take_token(w, name);
        if (!take(w, '=') || !take_value(w, value, sizeof(value))) {
            continue;
        }
        if (text_eq_nocase(name, "boundary") && boundary[0] == '\0' && strlen(value) <= MIME_BOUNDARY_MAX) {
            memcpy(boundary, value, strlen(value) + 1);
        }
    }
}

static void read_type(const struct scan_field *f, struct mime_entity *e)
{
    struct words w = {.at = f->body, .end = f->body + f->body_len};
    char type[TOKEN_MAX + 1], subtype[TOKEN_MAX + 1];

    take_token(&w, type);
    if (type[0] == '\0' || !take(&w, '/')) {
        e->kind = MIME_LEAF; /* no type at all is text/plain (RFC 2045, 5.2) */
        return;
    }
    take_token(&w, subtype);
    e->kind = kind_of(type, subtype);
    e->sealed = e->sealed || is_sealed(type, subtype);
    if (e->kind == MIME_MULTIPART) {
        e->digest = text_eq_nocase(subtype, "digest");
        read_boundary(&w, e->boundary);
        e->kind = e->boundary[0] != '\0' ? MIME_MULTIPART : MIME_CLOSED;
    }
}

static void read_encoding(const struct scan_field *f, struct mime_entity *e)
{
    struct words w = {.at = f->body, .end = f->body + f->body_len};
    char mechanism[TOKEN_MAX + 1];
    take_token(&w, mechanism);
    e->wide = text_eq_nocase(mechanism, "8bit") || text_eq_nocase(mechanism, "binary");
    e->coded = !e->wide && !text_eq_nocase(mechanism, "7bit");
}

void mime_entity_read(const char *header, size_t n, bool message, struct mime_entity *e_r)
{
    struct scan scan;
    struct scan_field f;
    unsigned types = 0, encodings = 0;
    struct mime_entity e = {.kind = message ? MIME_MESSAGE : MIME_LEAF};

    scan_begin(&scan, header, n);
    while (scan_next(&scan, &f) == SCAN_GOT_FIELD) {
        if (scan_is(&f, "Content-Type")) {
            types++;
            read_type(&f, &e);
        } else if (scan_is(&f, encoding_field)) {
            encodings++;
            read_encoding(&f, &e);
        } else if (scan_is(&f, "DKIM-Signature") || scan_is(&f, "ARC-Message-Signature")) {
            e.sealed = true;
        }
    }
    e.sealed = e.sealed || types > 1 || encodings > 1 || scan.next != scan.end;
    *e_r = e;
}

/* -- and back -- */

static bool add_encoding(const char *encoding, struct str *out, struct err *err)
{
    return str_addf(out, err, "%s: %s\r\n", encoding_field, encoding);
}

bool mime_entity_recode(const char *header, size_t n, const char *encoding, bool version, struct str *out,
                        struct err *err)
{
    struct scan scan;
    struct scan_field f;
    bool said = false, ok = true, has_version = false;

    scan_begin(&scan, header, n);
    const char *at = scan.next;
    ok = str_add(out, header, (size_t)(at - header), err);
    while (ok && scan_next(&scan, &f) == SCAN_GOT_FIELD) {
        at = scan.next;
        has_version = has_version || scan_is(&f, "MIME-Version");
        if (!scan_is(&f, encoding_field)) {
            ok = str_add(out, f.raw, f.raw_len, err);
        } else if (!said) {
            said = true;
            ok = add_encoding(encoding, out, err);
        }
    }
    return ok && (has_version || !version || str_addz(out, "MIME-Version: 1.0\r\n", err)) &&
           (said || add_encoding(encoding, out, err)) && str_add(out, at, (size_t)(header + n - at), err);
}
