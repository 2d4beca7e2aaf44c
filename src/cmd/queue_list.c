/* queue_list - see queue_list.h. */
#include "cmd/queue_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/say.h"

#define LINE_MAX_BYTES 8192
#define SHOWN_BYTES 2048   /* of one address, reply or sentence */
#define HEADER_SHOWN 65536 /* of the message's header */
#define LONG_FOR_ONE 600   /* seconds; few messages take as long to be sent */

static bool has_text(const char *z)
{
    return z && *z;
}

static bool add_clean(struct str *out, const char *z, struct err *err)
{
    return text_add_clean(out, z, strlen(z), SHOWN_BYTES, err);
}

/* A line whose tail is somebody else's words. */
static bool say_clean(const char *before, const char *theirs, struct err *err)
{
    struct str line = STR_INIT(LINE_MAX_BYTES + SHOWN_BYTES);
    bool ok = str_addz(&line, before, err) && add_clean(&line, theirs, err);
    if (ok)
        say("%s", line.buf);
    str_free(&line);
    return ok;
}

/* "550 5.1.1 No such user here" */
bool queue_add_reply(struct str *out, const struct outcome *o, struct err *err)
{
    char code[24] = "";
    if (o->code != 0)
        snprintf(code, sizeof code, "%d ", o->code);
    bool repeats = o->text && o->enhanced[0] && text_starts(o->text, o->enhanced);
    return str_addz(out, code, err) &&
           (repeats || !o->enhanced[0] || str_addf(out, err, "%s ", o->enhanced)) &&
           (!o->text || add_clean(out, o->text, err));
}

/* -- why it waits -- */

/* Who was killed over it leaves it so until a runner comes by: only time tells the two apart here. */
static bool add_under_way(struct str *out, const struct journal *j, struct err *err)
{
    char since[32];
    const int64_t now = clock_now(), lasts = now > j->last_attempt ? now - j->last_attempt : 0;
    text_show_duration((uint64_t)lasts, since);
    return str_addf(out, err, "being sent for %s%s", since,
                    lasts > LONG_FOR_ONE ? ", or its deliverer was killed" : "");
}

static bool add_when(struct str *out, const struct journal *j, struct err *err)
{
    char wait[32];
    int64_t now = clock_now(), due = journal_due(j);
    if (j->finished)
        return str_addf(out, err, "finished (%s), about to be removed", j->finished_how);
    if (j->held)
        return str_addz(out, "held", err);
    if (j->unfinished > 0)
        return add_under_way(out, j, err);
    if (due <= now)
        return str_addz(out, "due now", err);
    text_show_duration((uint64_t)(due - now), wait);
    return str_addf(out, err, "next try in %s", wait);
}

/* It is settled who has got it; that is said first. */
static bool add_settled(struct str *out, const struct journal *j, struct err *err)
{
    if (journal_owes_only_copy(j))
        return str_addz(out, "delivered, the copy for `sent` is still to be made; ", err);
    if (journal_count_open(j) == 0 && journal_count(j, VERDICT_REFUSED) > 0 && !j->finished)
        return str_addz(out, "given up, its sender is still to be told; ", err);
    return true;
}

/* The last sentence there is: of the hold, of a failure of host or account, or a server's reply. */
static bool add_reason(struct str *out, const struct message *m, const struct queue_reason *reason,
                       struct err *err)
{
    const struct journal *j = &m->journal;
    if (j->held && has_text(j->held_why))
        return str_addz(out, ": ", err) && add_clean(out, j->held_why, err);
    if (journal_owes_only_copy(j))
        return !has_text(j->copy.said) || (str_addz(out, ": ", err) && add_clean(out, j->copy.said, err));
    if (has_text(j->last_error))
        return str_addz(out, ": ", err) && add_clean(out, j->last_error, err);
    for (size_t i = 0; i < j->count; i++)
        if (j->outcomes[i].verdict == VERDICT_LATER)
            return str_addz(out, ": the server said ", err) && queue_add_reply(out, &j->outcomes[i], err);
    return !reason || j->held || j->finished || reason->add(reason->arg, m, out, err);
}

bool queue_why(const struct message *m, const struct queue_reason *reason, struct str *out, struct err *err)
{
    return add_settled(out, &m->journal, err) && add_when(out, &m->journal, err) &&
           (!m->journal.in_doubt_open || m->journal.unfinished > 0 || str_addz(out, ", in doubt", err)) &&
           add_reason(out, m, reason, err);
}

/* -- the list -- */

static char mark_of(const struct journal *j)
{
    return j->held ? '!' : j->in_doubt_open && j->unfinished == 0 ? '?' : j->unfinished > 0 ? '*' : ' ';
}

static bool list_recipients(const struct message *m, struct err *err)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (m->journal.outcomes[i].verdict == VERDICT_DELIVERED)
            continue;
        if (!say_clean("                                                               ",
                       m->envelope.recipients[i].address, err))
            return false;
    }
    return true;
}

/* What was given up waits for nothing but a person. */
static bool add_state(struct str *out, const struct message *m, bool failed,
                      const struct queue_reason *reason, struct err *err)
{
    const struct outcome *last = NULL;
    const struct journal_copy *copy = &m->journal.copy;
    if (!failed)
        return queue_why(m, reason, out, err);
    if (journal_owes_only_copy(&m->journal))
        return str_addz(out, "delivered and kept, since no copy could be made: ", err) &&
               add_clean(out, has_text(copy->said) ? copy->said : "it was not tried", err);
    for (size_t i = 0; i < m->journal.count; i++)
        if (m->journal.outcomes[i].verdict == VERDICT_REFUSED)
            last = &m->journal.outcomes[i];
    return str_addz(out, "kept, not tried again", err) &&
           (!last || (str_addz(out, ": ", err) && queue_add_reply(out, last, err)));
}

/* What a list is of. */
struct listing {
    struct store *store;
    bool failed;
    const struct queue_reason *reason;
    size_t shown;
    uint64_t bytes;
};

static bool list_message(const struct listing *l, const struct message *m, struct err *err)
{
    char head[128], when[32] = "", id[STORE_ID_LEN + 2];
    time_t accepted = (time_t)m->envelope.accepted;
    struct tm tm;
    if (localtime_r(&accepted, &tm))
        strftime(when, sizeof when, "%a %b %e %H:%M:%S", &tm);
    snprintf(id, sizeof id, "%s%c", m->id, mark_of(&m->journal));
    snprintf(head, sizeof head, "%s %12" PRIu64 " %20s  ", id, m->facts.size, when);
    struct str why = STR_INIT(LINE_MAX_BYTES);
    bool ok = say_clean(head, m->envelope.sender[0] ? m->envelope.sender : "MAILER-DAEMON", err) &&
              add_state(&why, m, l->failed, l->reason, err);
    if (ok)
        say("    (%s)", why.buf);
    ok = ok && list_recipients(m, err);
    str_free(&why);
    return ok;
}

static bool list_items(struct listing *l, struct err *err)
{
    struct store_item *items;
    size_t count;
    bool ok = true;
    if (!store_list_due(l->store, &items, &count, err)) /* a stat less for each than with sizes */
        return false;
    for (size_t i = 0; ok && i < count; i++) {
        struct message m;
        struct err fault = {0};
        enum store_take took = store_peek(l->store, items[i].id, &m, &fault);
        if (took == TAKE_GONE)
            continue;
        if (l->shown == 0)
            say("-Queue ID-                  ----Size---- ---Arrival Time---  -Sender/Recipient-");
        l->shown++;
        l->bytes += m.facts.size;
        if (took == TAKE_GOT)
            ok = list_message(l, &m, err);
        else
            say("%s  %s", items[i].id, fault.what);
        store_release(&m);
    }
    free(items);
    return ok;
}

static bool list_failed(struct store *store, struct err *err)
{
    struct store view;
    size_t count;
    if (!store_count(store, "failed", &count, err))
        return false;
    if (count == 0)
        return true;
    say("-- %zu more in %s/failed, not to be sent; tappal queue retry ID brings one back:", count,
        store->path);
    if (!store_view(store, "failed", &view, err))
        return false;
    struct listing l = {.store = &view, .failed = true};
    bool ok = list_items(&l, err);
    store_close(&view);
    return ok;
}

/* Found damaged: for a person to look at. */
static bool list_aside(struct store *store, struct err *err)
{
    size_t count;
    if (!store_count(store, "aside", &count, err))
        return false;
    if (count > 0)
        say("-- %zu more in %s/aside, not to be sent", count, store->path);
    return true;
}

bool queue_list(struct store *store, const struct queue_reason *reason, struct err *err)
{
    struct listing l = {.store = store, .reason = reason};
    char size[32];
    if (!list_items(&l, err))
        return false;
    text_show_size(l.bytes, size);
    if (l.shown == 0)
        say("Mail queue is empty");
    else
        say("-- %s in %zu message%s.", size, l.shown, l.shown == 1 ? "" : "s");
    return list_failed(store, err) && list_aside(store, err);
}

/* -- one message -- */

static void say_time(const char *label, int64_t t)
{
    char when[48];
    clock_rfc5322(t, when);
    say("%-11s %s", label, when);
}

static bool show_envelope(const struct message *m, struct err *err)
{
    char size[32];
    const struct envelope *e = &m->envelope;
    text_show_size(m->facts.size, size);
    say("%-11s %s", "message", m->id);
    say_time("accepted", e->accepted);
    say("%-11s %" PRIu32, "from uid", e->uid);
    say("%-11s %s", "size", size);
    return say_clean("account     ", e->account ? e->account : "(chosen when it is sent)", err) &&
           (!e->config_dir || say_clean("configured  in ", e->config_dir, err)) &&
           say_clean("sender      ", e->sender[0] ? e->sender : "<>", err);
}

static bool show_recipient(const struct message *m, size_t i, struct err *err)
{
    static const char *const words[] = {[VERDICT_NONE] = "not tried yet, or no answer",
                                        [VERDICT_DELIVERED] = "delivered",
                                        [VERDICT_LATER] = "later",
                                        [VERDICT_REFUSED] = "refused"};
    const struct outcome *o = &m->journal.outcomes[i];
    struct str line = STR_INIT(LINE_MAX_BYTES);
    bool ok = str_addz(&line, "recipient   ", err) &&
              add_clean(&line, m->envelope.recipients[i].address, err) &&
              str_addf(&line, err, ": %s%s", words[o->verdict], m->journal.reported[i] ? ", reported" : "") &&
              (o->verdict == VERDICT_NONE || (str_addz(&line, ": ", err) && queue_add_reply(&line, o, err)));
    if (ok)
        say("%s", line.buf);
    str_free(&line);
    return ok;
}

static bool show_journal(const struct message *m, bool failed, const struct queue_reason *reason,
                         struct err *err)
{
    const struct journal *j = &m->journal;
    struct str why = STR_INIT(LINE_MAX_BYTES);
    bool ok = add_state(&why, m, failed, reason, err);
    if (ok)
        say("%-11s %s", "state", why.buf);
    str_free(&why);
    if (j->attempts > 0) {
        say("%-11s %u", "tries", j->attempts);
        say_time("last try", j->last_attempt);
    }
    if (ok && !failed && journal_due(j) > clock_now() && !j->held)
        say_time("next try", journal_due(j));
    if (ok && j->in_doubt_open)
        say("%-11s the connection was lost while the server had the whole message: it may have it already",
            "in doubt");
    return ok && (!has_text(j->last_error) || say_clean("error       ", j->last_error, err)) &&
           (!has_text(j->last_hint) || say_clean("hint        ", j->last_hint, err));
}

/* What became of the copy, where there is to be one. */
static bool show_copy(const struct message *m, struct err *err)
{
    const struct journal_copy *copy = &m->journal.copy;
    if (copy->stage == COPY_NONE)
        return true;
    if (copy->stage == COPY_OVER)
        return say_clean("copy        ", copy->said, err);
    if (!has_text(copy->said))
        return say_clean("copy        ", "still to be made", err);
    return say_clean("copy        not made yet: ", copy->said, err) &&
           (!has_text(copy->hint) || say_clean("hint        ", copy->hint, err));
}

static bool show_header(const struct message *m, struct err *err)
{
    size_t n = m->facts.header_size < HEADER_SHOWN ? (size_t)m->facts.header_size : HEADER_SHOWN;
    struct str header = STR_INIT(HEADER_SHOWN + 1), line = STR_INIT(LINE_MAX_BYTES);
    bool ok = str_reserve(&header, n, err);
    ssize_t got = ok ? pread(m->fd, header.buf, n, (off_t)m->text_offset) : 0;
    if (got < 0)
        ok = err_errno(err, ERR_LOCAL, "The message %s could not be read", m->id);
    say("%s", "");
    for (ssize_t at = 0; ok && at < got;) {
        const char *from = header.buf + at, *lf = memchr(from, '\n', (size_t)(got - at));
        size_t length = lf ? (size_t)(lf - from) : (size_t)(got - at);
        size_t shown = length > 0 && from[length - 1] == '\r' ? length - 1 : length;
        str_clear(&line);
        ok = text_add_clean(&line, from, shown, SHOWN_BYTES, err);
        if (ok && shown > 0)
            say("    %s", line.buf);
        at += (ssize_t)length + 1;
    }
    str_free(&header);
    str_free(&line);
    return ok;
}

bool queue_show(const struct message *m, bool failed, const struct queue_reason *reason, struct err *err)
{
    bool ok = show_envelope(m, err);
    for (size_t i = 0; ok && i < m->envelope.count; i++)
        ok = show_recipient(m, i, err);
    return ok && show_journal(m, failed, reason, err) && show_copy(m, err) && show_header(m, err);
}
