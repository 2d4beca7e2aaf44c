/* giveback - making a report and putting it down: see giveback.h. */
#include "queue/giveback.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "box/maildir.h"
#include "mail/report.h"

#define PATH_LEN_MAX 4096

static bool is_untold(const struct message *m, size_t i)
{
    return m->journal.outcomes[i].verdict == VERDICT_REFUSED && !m->journal.reported[i];
}

bool giveback_is_due(const struct message *m)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (is_untold(m, i)) {
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
    return line->account->address != NULL ? line->account->address : e->sender;
}

static bool is_header_only(const struct message *m)
{
    return m->envelope.ret == RET_HDRS || m->facts.size > REPORT_TEXT_MAX;
}

bool giveback_keeps_message(const struct message *m)
{
    if (m->envelope.ret == RET_HDRS || !is_header_only(m) || !giveback_has_sender(m)) {
        return false;
    }
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (m->journal.outcomes[i].verdict == VERDICT_REFUSED &&
            report_is_wanted(&m->envelope.recipients[i])) {
            return true;
        }
    }
    return false;
}

static bool write_report(const struct store *store, const struct lines *lines, const struct line *line,
                         const struct message *m, const bool *about, struct str *out, struct err *err)
{
    char now[48], arrived[48], tried[48];
    bool header_only = is_header_only(m);
    struct str text = STR_INIT(REPORT_TEXT_MAX + 1), kept = STR_INIT(PATH_LEN_MAX);
    bool ok =
        read_text(m, header_only, &text, err) && str_addf(&kept, err, "%s/failed/%s", store->path, m->id);
    clock_rfc5322(clock_now(), now);
    clock_rfc5322(m->envelope.accepted, arrived);
    clock_rfc5322(m->journal.last_attempt, tried);
    struct report report = {
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
        .kept = giveback_keeps_message(m) ? kept.buf : NULL,
    };
    ok = ok && report_write(&report, out, err);
    str_free(&text);
    str_free(&kept);
    return ok;
}

/* -- where it goes -- */

static bool put_into_maildir(const struct account *account, const struct str *report, struct err *err)
{
    struct str path = STR_INIT(PATH_LEN_MAX);
    bool ok = str_addf(&path, err, "%s%s", account->fetch.maildir,
                       account->fetch.layout == LAYOUT_NESTED ? "/INBOX" : "") &&
              maildir_deliver(path.buf, report->buf, report->len, err);
    str_free(&path);
    return ok;
}

static bool put_into_queue(struct store *store, const struct line *line, const struct message *m,
                           const struct str *report, struct err *err)
{
    const struct account *account = line->account;
    struct store_writer *w = NULL;
    struct envelope e;
    envelope_init(&e);
    e.accepted = clock_now();
    e.uid = m->envelope.uid;
    e.is_report = true;
    e.sender = strdup("");
    e.account = strdup(account->name);
    e.config_dir = strdup(account->config_dir);
    bool ok = (e.sender != NULL && e.account != NULL && e.config_dir != NULL) || err_nomem(err);
    ok = ok && envelope_add(&e, m->envelope.sender, err) && store_begin(store, &e, &w, err) &&
         store_write(w, report->buf, report->len, err) && store_commit(w, err);
    store_writer_free(&w);
    envelope_free(&e);
    return ok;
}

static bool put_down(struct store *store, const struct line *line, const struct message *m,
                     const struct str *report, struct err *err)
{
    const struct fetch_conf *fetch = &line->account->fetch;
    bool ok = fetch->on && fetch->maildir != NULL ? put_into_maildir(line->account, report, err)
                                                  : put_into_queue(store, line, m, report, err);
    if (ok) {
        log_event(LOG_LEVEL_WARNING, "reported", "id", m->id, "account", line->account->name, "to",
                  fetch->on && fetch->maildir != NULL ? fetch->maildir : m->envelope.sender, NULL);
    }
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

/* Whom this report is about: those who want one. False: nobody. */
static bool choose_about(const struct message *m, bool *about)
{
    bool wanted = false;
    for (size_t i = 0; i < m->envelope.count; i++) {
        about[i] = is_untold(m, i) && report_is_wanted(&m->envelope.recipients[i]);
        wanted = wanted || about[i];
    }
    return wanted;
}

bool giveback_report(struct store *store, const struct lines *lines, const struct line *line,
                     struct message *m, struct journal_writer *w, struct err *err)
{
    struct str out = STR_INIT(REPORT_MAX);
    bool *about = calloc(m->envelope.count + 1, sizeof(bool));
    bool ok = about != NULL || err_nomem(err);

    if (ok && choose_about(m, about)) {
        ok = write_report(store, lines, line, m, about, &out, err) && put_down(store, line, m, &out, err);
    }
    for (size_t i = 0; ok && i < m->envelope.count; i++) {
        about[i] = is_untold(m, i); /* those who want no report are settled as well */
    }
    ok = ok && record(m, about, w, err);
    free(about);
    str_free(&out);
    return ok;
}
