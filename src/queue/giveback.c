/* giveback - making a report and putting it down: see giveback.h. */
#include "queue/giveback.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "mail/report.h"
#include "queue/hook.h"
#include "queue/post.h"

#define PATH_LEN_MAX 4096
#define SHOWN_MAX 700 /* of an address, or a reply, in a sentence */

/* Was it tried for too long (queue/term), rather than refused? */
static bool is_given_up(const struct outcome *o)
{
    return o->verdict == VERDICT_REFUSED && o->code / 100 != 5;
}

static bool is_untold(const struct message *m, size_t i, enum verdict verdict)
{
    return m->journal.outcomes[i].verdict == verdict && !m->journal.reported[i];
}

bool giveback_is_due(const struct message *m)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (is_untold(m, i, VERDICT_REFUSED)) {
            return true;
        }
    }
    return false;
}

bool giveback_may_be_asked_for(const struct message *m)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (report_is_wanted(&m->envelope.recipients[i], REPORT_RELAYED)) {
            return true;
        }
    }
    return false;
}

bool giveback_is_asked_for(const struct message *m)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (is_untold(m, i, VERDICT_DELIVERED) &&
            report_is_wanted(&m->envelope.recipients[i], REPORT_RELAYED)) {
            return true;
        }
    }
    return false;
}

bool giveback_has_sender(const struct message *m)
{
    return !m->envelope.is_report && m->envelope.sender[0] != '\0';
}

/* -- the report -- */

/* The message, or its header where it is long or the sender asked for no more. */
static bool read_text(const struct message *m, bool header_only, struct str *text, struct err *err)
{
    size_t n = (size_t)(header_only ? m->facts.header_size : m->facts.size), at = 0;
    if (!str_reserve(text, n, err)) {
        return false;
    }
    while (at < n) {
        ssize_t got = pread(m->fd, text->buf + at, n - at, (off_t)(m->text_offset + at));
        if (got <= 0) {
            return err_errno(err, ERR_LOCAL, "The message %s could not be read", m->id);
        }
        at += (size_t)got;
    }
    text->len = n;
    text->buf[n] = '\0';
    return true;
}

static const char *own_address(const struct line *line, const struct envelope *e)
{
    return line->teller->address != NULL ? line->teller->address : e->sender;
}

/* Only who is told of a failure wants the message back (RFC 3461, 4.3). */
static bool is_header_only(const struct message *m, enum report_kind kind)
{
    return m->envelope.ret == RET_HDRS || m->facts.size > REPORT_TEXT_MAX || kind >= REPORT_DELAYED;
}

bool giveback_keeps_message(const struct message *m)
{
    bool cut = m->envelope.ret != RET_HDRS && m->facts.size > REPORT_TEXT_MAX && giveback_has_sender(m);
    for (size_t i = 0; i < m->envelope.count; i++) {
        const struct outcome *o = &m->journal.outcomes[i];
        if (is_given_up(o) || (cut && o->verdict == VERDICT_REFUSED &&
                               report_is_wanted(&m->envelope.recipients[i], REPORT_REFUSED))) {
            return true;
        }
    }
    return false;
}

/* Since when it is tried: from when it came in, or a person brought it back. */
static void show_waited(const struct message *m, char out[32])
{
    int64_t since = m->journal.again > 0 ? m->journal.again : m->envelope.accepted;
    int64_t now = clock_now();
    text_show_duration(now > since ? (uint64_t)(now - since) : 0, out);
}

static bool write_report(const struct store *store, const struct lines *lines, const struct line *line,
                         const struct message *m, enum report_kind kind, const bool *about, struct str *out,
                         struct err *err)
{
    char now[48], arrived[48], tried[48], until[48], waited[32];
    uint32_t give_up = line->config->give_up_after;
    bool header_only = is_header_only(m, kind);
    struct str text = STR_INIT(REPORT_TEXT_MAX + 1), kept = STR_INIT(PATH_LEN_MAX);
    bool ok =
        read_text(m, header_only, &text, err) && str_addf(&kept, err, "%s/failed/%s", store->path, m->id);
    clock_rfc5322(clock_now(), now);
    clock_rfc5322(m->envelope.accepted, arrived);
    clock_rfc5322(m->journal.last_attempt > 0 ? m->journal.last_attempt : clock_now(), tried);
    clock_rfc5322(m->envelope.accepted + give_up, until);
    show_waited(m, waited);
    struct report report = {
        .kind = kind,
        .waited = kind == REPORT_EXPIRED || kind == REPORT_DELAYED ? waited : NULL,
        .until = kind == REPORT_DELAYED && give_up > 0 ? until : NULL,
        .id = m->id,
        .host = lines->place->mail_name,
        .from = own_address(line, &m->envelope),
        .date = now,
        .arrived = arrived,
        .tried = tried,
        .remote = line->account->send.server.host,
        .envelope = &m->envelope,
        .outcomes = m->journal.outcomes,
        .about = about,
        .text = text.buf,
        .text_len = text.len,
        .header_only = header_only,
        .eight_bit = m->facts.eight_bit_header || (!header_only && m->facts.eight_bit_body),
        .utf8_header = m->facts.eight_bit_header,
        .kept = kind <= REPORT_EXPIRED && giveback_keeps_message(m) ? kept.buf : NULL,
    };
    ok = ok && report_write(&report, out, err);
    str_free(&text);
    str_free(&kept);
    return ok;
}

/* -- together -- */

static bool record(struct message *m, const bool *about, struct journal_writer *w, struct err *err)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (about[i] && !journal_reported(w, i, err)) {
            return false;
        }
    }
    return journal_sync(w, err);
}

static bool is_about(const struct message *m, size_t i, enum report_kind kind)
{
    const struct outcome *o = &m->journal.outcomes[i];
    switch (kind) {
    case REPORT_REFUSED:
        return is_untold(m, i, VERDICT_REFUSED) && !is_given_up(o);
    case REPORT_EXPIRED:
        return is_untold(m, i, VERDICT_REFUSED) && is_given_up(o);
    case REPORT_RELAYED:
        return is_untold(m, i, VERDICT_DELIVERED);
    default:
        return verdict_is_open(o->verdict);
    }
}

/* Whom this report is about: those who want one. False: nobody. */
static bool choose_about(const struct message *m, enum report_kind kind, bool *about)
{
    bool wanted = false;
    for (size_t i = 0; i < m->envelope.count; i++) {
        about[i] = is_about(m, i, kind) && report_is_wanted(&m->envelope.recipients[i], kind);
        wanted = wanted || about[i];
    }
    return wanted;
}

/* The person's own command hears of it: whom, and what was said last. */
static void tell_person(const struct line *line, const struct message *m, const bool *about)
{
    struct str what = STR_INIT(PATH_LEN_MAX), hint = STR_INIT(PATH_LEN_MAX);
    struct err ignored;
    size_t i = 0;
    while (i + 1 < m->envelope.count && !about[i]) {
        i++;
    }
    const char *said = m->journal.outcomes[i].text != NULL ? m->journal.outcomes[i].text : "";
    const char *to = m->envelope.recipients[i].address;
    if (str_addz(&what, "A message was not delivered to ", &ignored) &&
        text_add_clean(&what, to, strlen(to), SHOWN_MAX, &ignored) && str_addz(&what, ": ", &ignored) &&
        text_add_clean(&what, said, strlen(said), SHOWN_MAX, &ignored) &&
        str_addf(&hint, &ignored, "The report about %s says more.", m->id)) {
        hook_tell(line->config, line->account->name, HOOK_RETURNED, what.buf, hint.buf);
    }
    str_free(&what);
    str_free(&hint);
}

/* One report, into the person's maildir or the queue. */
static bool send(struct store *store, const struct lines *lines, const struct line *line,
                 const struct message *m, enum report_kind kind, const bool *about, struct err *err)
{
    struct str out = STR_INIT(REPORT_MAX);
    struct post post = {.to = m->envelope.sender, .uid = m->envelope.uid, .event = "reported", .id = m->id};
    bool ok = write_report(store, lines, line, m, kind, about, &out, err) &&
              post_put(store, line, &post, &out, err);
    if (ok && kind <= REPORT_EXPIRED) {
        tell_person(line, m, about);
    }
    str_free(&out);
    return ok;
}

/* If anybody wants it. */
static bool report(struct store *store, const struct lines *lines, const struct line *line,
                   const struct message *m, enum report_kind kind, bool *about, struct err *err)
{
    return !choose_about(m, kind, about) || send(store, lines, line, m, kind, about, err);
}

/* Of `about`, leaves those of `to`, where it is not NULL. False: nobody. */
static bool keep_those(const struct message *m, const size_t *to, size_t to_count, bool *about)
{
    size_t k = 0;
    bool any = to == NULL;
    for (size_t i = 0; to != NULL && i < m->envelope.count; i++) { /* both are in order */
        bool is_meant = k < to_count && to[k] == i;
        k += is_meant;
        about[i] = about[i] && is_meant;
        any = any || about[i];
    }
    return any;
}

bool giveback_report(struct store *store, const struct lines *lines, const struct line *line,
                     struct message *m, struct journal_writer *w, struct err *err)
{
    static const enum report_kind kinds[] = {REPORT_RELAYED, REPORT_REFUSED, REPORT_EXPIRED};
    bool *about = calloc(m->envelope.count + 1, sizeof(bool));
    bool ok = about != NULL || err_nomem(err);

    for (size_t k = 0; ok && k < sizeof(kinds) / sizeof(*kinds); k++) {
        ok = report(store, lines, line, m, kinds[k], about, err);
        for (size_t i = 0; ok && i < m->envelope.count; i++) {
            /* those who want no report are settled as well */
            about[i] = about[i] || (kinds[k] != REPORT_RELAYED && is_about(m, i, kinds[k]));
        }
        ok = ok && record(m, about, w, err);
    }
    free(about);
    return ok;
}

bool giveback_doubtful(struct store *store, const struct lines *lines, const struct line *line,
                       const struct message *m, const size_t *to, size_t to_count, struct err *err)
{
    bool *about = calloc(m->envelope.count + 1, sizeof(bool));
    bool ok = about != NULL || err_nomem(err);
    if (ok && choose_about(m, REPORT_DOUBTFUL, about) && keep_those(m, to, to_count, about)) {
        ok = send(store, lines, line, m, REPORT_DOUBTFUL, about, err);
    }
    free(about);
    return ok;
}

bool giveback_delayed(struct store *store, const struct lines *lines, const struct line *line,
                      struct message *m, struct journal_writer *w, struct err *err)
{
    bool *about = calloc(m->envelope.count + 1, sizeof(bool));
    bool ok = about != NULL || err_nomem(err);
    if (ok && choose_about(m, REPORT_DELAYED, about)) {
        ok = report(store, lines, line, m, REPORT_DELAYED, about, err) &&
             journal_warned(w, clock_now(), err) && journal_sync(w, err);
    }
    free(about);
    return ok;
}
