/* rewrite_header - the other half of rewrite: what the header says, and how it goes out. */
#include "mail/rewrite.h"

#include <string.h>

#include "base/text.h"
#include "mail/scan.h"

static bool is_resent(const struct scan_field *f)
{
    static const char prefix[] = "Resent-";
    return f->name_len > strlen(prefix) && text_eqn_nocase(f->raw, prefix, strlen(prefix));
}

static bool first_address(const struct scan_field *f, char spec[ADDR_SPEC_SIZE])
{
    struct addr_parser p;
    struct addr a;
    struct err why;
    addr_begin(&p, f->body, f->body_len);
    if (addr_next(&p, &a, &why) != ADDR_GOT)
        return false;
    memcpy(spec, a.spec, ADDR_SPEC_SIZE);
    return true;
}

/* One field seen; `resent` says which set is looked for. */
static void note(const struct scan_field *f, bool resent, struct rewrite_found *found)
{
    if (scan_is(f, resent ? "Resent-Date" : "Date")) {
        found->has_date = true;
    } else if (scan_is(f, resent ? "Resent-Message-ID" : "Message-ID")) {
        found->has_message_id = true;
    } else if (scan_is(f, resent ? "Resent-From" : "From") && !found->has_from) {
        found->has_from = true;
        (void)first_address(f, found->from);
    }
}

static bool any_resent(const struct rewrite *r)
{
    struct scan scan;
    struct scan_field f;
    scan_begin(&scan, r->header.buf, r->header.len);
    while (scan_next(&scan, &f) == SCAN_GOT_FIELD)
        if (is_resent(&f))
            return true;
    return false;
}

void rewrite_look(const struct rewrite *r, struct rewrite_found *found_r)
{
    struct scan scan;
    struct scan_field f;
    *found_r = (struct rewrite_found){.resent = any_resent(r)};
    scan_begin(&scan, r->header.buf, r->header.len);
    while (scan_next(&scan, &f) == SCAN_GOT_FIELD)
        note(&f, found_r->resent, found_r);
}

/* The fields of a block of Resent- fields that stand in it once. */
static const char *const resent_names[] = {"Resent-To",   "Resent-Cc",     "Resent-Bcc",       "Resent-From",
                                           "Resent-Date", "Resent-Sender", "Resent-Message-ID"};

/* Whether this field begins an older block than the one whose fields are marked in *seen. */
static bool is_older_block(const struct scan_field *f, unsigned *seen)
{
    if (*seen != 0 && (scan_is(f, "Received") || scan_is(f, "Return-Path")))
        return true;
    for (size_t i = 0; i < sizeof resent_names / sizeof resent_names[0]; i++) {
        if (scan_is(f, resent_names[i])) {
            unsigned bit = 1u << i;
            bool again = (*seen & bit) != 0;
            *seen |= bit;
            return again;
        }
    }
    return false;
}

bool rewrite_recipients(const struct rewrite *r, struct envelope *out, struct err *err)
{
    struct scan scan;
    struct scan_field f;
    const bool resent = any_resent(r);
    unsigned seen = 0;
    scan_begin(&scan, r->header.buf, r->header.len);
    while (scan_next(&scan, &f) == SCAN_GOT_FIELD) {
        if (resent && is_older_block(&f, &seen))
            return true;
        bool wanted = scan_is(&f, resent ? "Resent-To" : "To") || scan_is(&f, resent ? "Resent-Cc" : "Cc") ||
                      scan_is(&f, resent ? "Resent-Bcc" : "Bcc");
        if (wanted && !envelope_add_list(out, f.body, f.body_len, err))
            return false;
    }
    return true;
}

/* From with its addresses replaced or completed, all other octets kept. */
static bool add_from(const struct scan_field *f, const struct rewrite_fixes *fixes, struct str *out,
                     struct err *err)
{
    struct addr_parser p;
    struct addr a;
    struct err why;
    const size_t before = out->len;
    size_t done = 0;
    addr_begin(&p, f->body, f->body_len);
    if (!str_add(out, f->raw, (size_t)(f->body - f->raw), err))
        return false;
    enum addr_event event;
    while ((event = addr_next(&p, &a, &why)) == ADDR_GOT) {
        if (fixes->set_from == NULL && (addr_domain(a.spec) != NULL || a.spec[0] == '\0'))
            continue;
        if (!str_add(out, f->body + done, a.start - done, err) ||
            !(fixes->set_from != NULL ? str_addz(out, fixes->set_from, err)
                                      : str_addf(out, err, "%s@%s", a.spec, fixes->domain)))
            return false;
        done = a.end;
    }
    if (event == ADDR_BAD) {
        /* What cannot be read is not repaired by halves: as it was, or replaced. */
        str_cut(out, before);
        return fixes->set_from != NULL
                   ? str_addf(out, err, "%.*s: %s\r\n", (int)f->name_len, f->raw, fixes->set_from)
                   : str_add(out, f->raw, f->raw_len, err);
    }
    return str_add(out, f->body + done, (size_t)(f->raw + f->raw_len - f->body) - done, err);
}

static bool add_fields(const struct rewrite *r, const struct rewrite_fixes *fixes, bool resent,
                       struct str *out, struct err *err)
{
    struct scan scan;
    struct scan_field f;
    scan_begin(&scan, r->header.buf, r->header.len);
    while (scan_next(&scan, &f) == SCAN_GOT_FIELD) {
        if (scan_is(&f, "Bcc") || scan_is(&f, "Resent-Bcc"))
            continue;
        bool from = (fixes->set_from != NULL || fixes->domain != NULL) &&
                    scan_is(&f, resent ? "Resent-From" : "From");
        if (from ? !add_from(&f, fixes, out, err) : !str_add(out, f.raw, f.raw_len, err))
            return false;
    }
    return true;
}

/* UTF-8 up to a last character that may be cut by the end of what was looked at. */
static bool is_utf8_so_far(const struct str *s)
{
    for (size_t cut = 0; cut < 4 && cut <= s->len; cut++)
        if (text_is_utf8(s->buf, s->len - cut))
            return true;
    return false;
}

static bool add_mime(const struct rewrite *r, struct str *out, struct err *err)
{
    if (r->mime || (r->ended && text_is_ascii(r->body.buf, r->body.len)))
        return true;
    return str_addf(out, err,
                    "MIME-Version: 1.0\r\n"
                    "Content-Type: text/plain; charset=%s\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n",
                    is_utf8_so_far(&r->body) ? "utf-8" : "unknown-8bit");
}

static bool add_missing(bool has, const char *prefix, const char *name, const char *value, struct str *out,
                        struct err *err)
{
    return has || value == NULL || str_addf(out, err, "%s%s: %s\r\n", prefix, name, value);
}

bool rewrite_header(const struct rewrite *r, const struct rewrite_fixes *fixes, struct str *out,
                    struct err *err)
{
    struct rewrite_found found;
    rewrite_look(r, &found);
    const char *prefix = found.resent ? "Resent-" : "";
    return add_missing(found.has_date, prefix, "Date", fixes->date, out, err) &&
           add_missing(found.has_from, prefix, "From", fixes->from, out, err) &&
           add_missing(found.has_message_id, prefix, "Message-ID", fixes->message_id, out, err) &&
           add_fields(r, fixes, found.resent, out, err) && add_mime(r, out, err) &&
           str_addz(out, "\r\n", err);
}
