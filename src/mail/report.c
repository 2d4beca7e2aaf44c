/* report - a multipart/report of three parts: words for people, fields for programs, the message. */
#include "mail/report.h"

#include <string.h>

#include "base/text.h"

#define FIELD_MAX 900 /* octets of a server's words in one field: lines end at 998 */

/* What differs between the kinds. */
static const struct words {
    const char *subject, *mark, *about, *after, *action, *status;
    unsigned notify;
} kinds[] = {
    [REPORT_REFUSED] = {"Undelivered mail", "report", "Your message could not be delivered to:",
                        "It will not be tried again.", "failed", "5.0.0", NOTIFY_FAILURE},
    [REPORT_EXPIRED] = {"Undelivered mail", "report", "Your message was not delivered, and is given up, for:",
                        "It will not be tried again.", "failed", "4.4.7", NOTIFY_FAILURE},
    [REPORT_DELAYED] = {"Delayed mail", "delay", "Your message is not delivered yet to:",
                        "It is tried on; nothing needs to be done.", "delayed", "4.4.7", NOTIFY_DELAY},
    [REPORT_DOUBTFUL] =
        {"Mail that may have been delivered", "doubt",
         "The server had your whole message, and did not say whether it took it. It may have been\r\n"
         "delivered, or not, to:",
         "It is held, and not tried again unless you say so.", "delayed", "4.4.2", NOTIFY_FAILURE},
    [REPORT_RELAYED] =
        {"Mail handed on", "relay",
         "Your message was handed on for these recipients. The server that took it does not say "
         "what\r\nbecomes of it:",
         "You asked to be told.", "relayed", "2.0.0", NOTIFY_SUCCESS},
};

bool report_is_wanted(const struct recipient *r, enum report_kind kind)
{
    bool by_default = kinds[kind].notify == NOTIFY_FAILURE;
    return r->notify == NOTIFY_UNSET ? by_default : (r->notify & kinds[kind].notify) != 0;
}

/* Something to stand in a header or field line: printable ASCII, the rest as '?'. */
static bool add_ascii(struct str *out, const char *z, struct err *err)
{
    size_t n = strlen(z);
    for (size_t i = 0; i < n && i < FIELD_MAX; i++) {
        bool plain = z[i] >= ' ' && z[i] <= '~';
        if (!str_addc(out, plain ? z[i] : '?', err)) {
            return false;
        }
    }
    return true;
}

static bool add_words(struct str *out, const char *z, struct err *err)
{
    return text_add_clean(out, z, strlen(z), FIELD_MAX, err);
}

static bool is_utf8(const struct report *r)
{
    bool utf8 = r->utf8_header || !text_is_ascii(r->envelope->sender, strlen(r->envelope->sender));
    for (size_t i = 0; i < r->envelope->count && !utf8; i++) {
        const char *address = r->envelope->recipients[i].address;
        utf8 = r->about[i] && !text_is_ascii(address, strlen(address));
    }
    return utf8;
}

static bool add_boundary(const struct report *r, const char *ends, struct str *out, struct err *err)
{
    return str_addf(out, err, "--=_report_%s%s\r\n", r->id, ends);
}

/* Recipients refused later have a report of their own, with an id of its own. */
static size_t first_about(const struct report *r)
{
    size_t i = 0;
    while (i < r->envelope->count && !r->about[i]) {
        i++;
    }
    return i;
}

static bool add_header(const struct report *r, struct str *out, struct err *err)
{
    return str_addf(out, err,
                    "Date: %s\r\n"
                    "From: Mail Delivery <%s>\r\n"
                    "To: <%s>\r\n"
                    "Subject: %s\r\n"
                    "Message-ID: <%s.%s.%zu@%s>\r\n"
                    "Auto-Submitted: auto-replied\r\n"
                    "MIME-Version: 1.0\r\n"
                    "Content-Type: multipart/report; report-type=%s;\r\n"
                    " boundary=\"=_report_%s\"\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n\r\n",
                    r->date, r->from, r->envelope->sender, kinds[r->kind].subject, kinds[r->kind].mark, r->id,
                    first_about(r), r->host, is_utf8(r) ? "global-delivery-status" : "delivery-status",
                    r->id);
}

/* -- first part: for people -- */

/* What was said before the doubt is no word about it. */
static const struct outcome *said_of(const struct report *r, size_t i)
{
    static const struct outcome nothing = {.verdict = VERDICT_NONE};
    return r->kind == REPORT_DOUBTFUL ? &nothing : &r->outcomes[i];
}

static bool add_person_recipient(const struct report *r, size_t i, struct str *out, struct err *err)
{
    const struct outcome *o = said_of(r, i);

    if (!str_addz(out, "  ", err) || !add_words(out, r->envelope->recipients[i].address, err) ||
        !str_addz(out, "\r\n", err)) {
        return false;
    }
    if (o->code == 0) { /* no server's words */
        return (o->text == NULL ||
                (str_addz(out, "    ", err) && add_words(out, o->text, err) && str_addz(out, "\r\n", err))) &&
               str_addz(out, "\r\n", err);
    }
    if (r->remote != NULL && !str_addf(out, err, "    The server %s said:\r\n", r->remote)) {
        return false;
    }
    return str_addf(out, err, "    %d %s%s", o->code, o->enhanced, o->enhanced[0] != '\0' ? " " : "") &&
           add_words(out, o->text != NULL ? o->text : "", err) && str_addz(out, "\r\n\r\n", err);
}

static bool add_waited(const struct report *r, struct str *out, struct err *err)
{
    return r->waited == NULL || str_addf(out, err, "It has been tried for %s. ", r->waited);
}

static bool add_held(const struct report *r, struct str *out, struct err *err)
{
    return r->kind != REPORT_DOUBTFUL || str_addf(out, err,
                                                  "If it has not arrived: tappal queue release %s\r\n"
                                                  "If it has: tappal queue remove %s\r\n",
                                                  r->id, r->id);
}

static bool add_person_part(const struct report *r, struct str *out, struct err *err)
{
    bool ok = add_boundary(r, "", out, err) && str_addf(out, err,
                                                        "Content-Type: text/plain; charset=utf-8\r\n"
                                                        "Content-Transfer-Encoding: 8bit\r\n\r\n"
                                                        "This is tappal, the mail program on %s.\r\n\r\n"
                                                        "%s\r\n\r\n",
                                                        r->host, kinds[r->kind].about);
    for (size_t i = 0; ok && i < r->envelope->count; i++) {
        ok = !r->about[i] || add_person_recipient(r, i, out, err);
    }
    ok = ok && add_waited(r, out, err) &&
         str_addf(out, err, "%s %s is below.\r\n", kinds[r->kind].after,
                  r->header_only ? "The message's header" : "The message");
    return ok && add_held(r, out, err) &&
           (r->kept == NULL || str_addf(out, err, "The whole message is kept in %s\r\n", r->kept)) &&
           str_addz(out, "\r\n", err);
}

/* -- second part: for programs (RFC 3464, 2) -- */

static bool add_address_field(const char *name, const char *address, struct str *out, struct err *err)
{
    const char *type = text_is_ascii(address, strlen(address)) ? "rfc822" : "utf-8";
    return str_addf(out, err, "%s: %s; ", name, type) && add_words(out, address, err) &&
           str_addz(out, "\r\n", err);
}

static bool add_reply_field(const struct outcome *o, struct str *out, struct err *err)
{
    return str_addf(out, err, "Diagnostic-Code: smtp; %d %s%s", o->code, o->enhanced,
                    o->enhanced[0] != '\0' ? " " : "") &&
           add_ascii(out, o->text != NULL ? o->text : "", err) && str_addz(out, "\r\n", err);
}

/* Only a server's words are "smtp". */
static bool add_diagnostic(const struct report *r, const struct outcome *o, struct str *out, struct err *err)
{
    if (o->code == 0) {
        return o->text == NULL || (str_addz(out, "Diagnostic-Code: x-tappal; ", err) &&
                                   add_ascii(out, o->text, err) && str_addz(out, "\r\n", err));
    }
    return r->remote == NULL ||
           (str_addf(out, err, "Remote-MTA: dns; %s\r\n", r->remote) && add_reply_field(o, out, err));
}

static bool add_dates(const struct report *r, struct str *out, struct err *err)
{
    return str_addf(out, err, "Last-Attempt-Date: %s\r\n", r->tried) &&
           (r->until == NULL || str_addf(out, err, "Will-Retry-Until: %s\r\n", r->until)) &&
           str_addz(out, "\r\n", err);
}

static bool add_recipient_fields(const struct report *r, size_t i, struct str *out, struct err *err)
{
    const struct recipient *to = &r->envelope->recipients[i];
    const struct outcome *o = said_of(r, i);

    return (to->orcpt == NULL || (str_addz(out, "Original-Recipient: ", err) &&
                                  add_words(out, to->orcpt, err) && str_addz(out, "\r\n", err))) &&
           add_address_field("Final-Recipient", to->address, out, err) &&
           str_addf(out, err, "Action: %s\r\nStatus: %s\r\n", kinds[r->kind].action,
                    o->enhanced[0] != '\0' ? o->enhanced : kinds[r->kind].status) &&
           add_diagnostic(r, o, out, err) && add_dates(r, out, err);
}

static bool add_fields_part(const struct report *r, struct str *out, struct err *err)
{
    const char *envid = r->envelope->envid;
    bool ok = add_boundary(r, "", out, err) &&
              str_addf(out, err, "Content-Type: message/%s\r\n%s\r\n",
                       is_utf8(r) ? "global-delivery-status" : "delivery-status",
                       is_utf8(r) ? "Content-Transfer-Encoding: 8bit\r\n" : "") &&
              (envid == NULL || (str_addz(out, "Original-Envelope-Id: ", err) && add_ascii(out, envid, err) &&
                                 str_addz(out, "\r\n", err))) &&
              str_addf(out, err, "Reporting-MTA: dns; %s\r\nArrival-Date: %s\r\n\r\n", r->host, r->arrived);
    for (size_t i = 0; ok && i < r->envelope->count; i++) {
        ok = !r->about[i] || add_recipient_fields(r, i, out, err);
    }
    return ok;
}

/* -- third part: the message -- */

static bool add_message_part(const struct report *r, struct str *out, struct err *err)
{
    const char *type = r->utf8_header ? (r->header_only ? "message/global-headers" : "message/global")
                                      : (r->header_only ? "text/rfc822-headers" : "message/rfc822");
    return add_boundary(r, "", out, err) &&
           str_addf(out, err, "Content-Type: %s\r\n%s\r\n", type,
                    r->eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "") &&
           str_add(out, r->text, r->text_len, err) && str_addz(out, "\r\n", err) &&
           add_boundary(r, "--", out, err);
}

bool report_write(const struct report *r, struct str *out, struct err *err)
{
    return add_header(r, out, err) && add_person_part(r, out, err) && add_fields_part(r, out, err) &&
           add_message_part(r, out, err);
}
