/* notice - see notice.h. */
#include "queue/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "queue/post.h"
#include "queue/term.h"

#define PATH_LEN_MAX 4096
#define FILE_MAX 128
#define LETTER_MAX 262144
#define LISTED_MAX 100
#define WORDS_MAX 900
#define NOTICE_EVERY 86400 /* seconds between two letters of one account */

/* -- when the last one was -- */

static bool notice_path(const struct lines *lines, const struct line *line, struct str *path, struct err *err)
{
    return place_account_mark(lines->place, line->account, ".notice", path, err);
}

/* 0: never, or the file makes no sense, or the clock was set back since. */
static int64_t last_notice(const struct lines *lines, const struct line *line, int64_t now)
{
    struct str path = STR_INIT(PATH_LEN_MAX), text = STR_INIT(FILE_MAX);
    struct err ignored;
    int64_t last = 0;
    if (!notice_path(lines, line, &path, &ignored) || !fs_read_file(path.buf, &text, &ignored) ||
        sscanf(text.buf, "tappal-notice 1 %" SCNd64, &last) != 1 || last > now) {
        last = 0;
    }
    str_free(&path);
    str_free(&text);
    return last;
}

static bool remember(const struct lines *lines, const struct line *line, int64_t now, struct err *err)
{
    struct str path = STR_INIT(PATH_LEN_MAX), text = STR_INIT(FILE_MAX);
    bool ok = notice_path(lines, line, &path, err) &&
              str_addf(&text, err, "tappal-notice 1 %" PRId64 "\n", now) &&
              fs_replace(path.buf, text.buf, text.len, 0600, err);
    str_free(&path);
    str_free(&text);
    return ok;
}

/* -- which messages -- */

/* Somebody has not got it, and the sender left it to us whether to be told. */
static bool is_waited_for(const struct message *m)
{
    for (size_t i = 0; i < m->envelope.count; i++) {
        if (verdict_is_open(m->journal.outcomes[i].verdict) &&
            m->envelope.recipients[i].notify == NOTIFY_UNSET) {
            return true;
        }
    }
    return false;
}

static bool is_long(const struct line *line, const struct message *m, int64_t now)
{
    return !m->envelope.is_report && !m->journal.held && !m->journal.finished &&
           term_is_long(m, line->config, now) && is_waited_for(m);
}

void notice_consider(const struct lines *lines, struct line *line, const struct message *m)
{
    int64_t now = clock_now();
    if (line->notice_due || !is_long(line, m, now)) {
        return;
    }
    int64_t last = last_notice(lines, line, now);
    line->notice_due = now >= last + NOTICE_EVERY && term_long_since(m, line->config) > last;
}

/* -- the letter -- */

struct letter {
    struct lines *lines;
    struct line *line;
    struct str list;
    size_t count;
    int64_t oldest, now;
    uint32_t uid;
    char *sender; /* of the oldest */
};

static const char *why_it_waits(const struct message *m)
{
    const struct journal *j = &m->journal;
    if (j->last_error != NULL) {
        return j->last_error;
    }
    for (size_t i = 0; i < j->count; i++) {
        if (j->outcomes[i].verdict == VERDICT_LATER && j->outcomes[i].text != NULL) {
            return j->outcomes[i].text;
        }
    }
    return "";
}

static bool add_clean(struct str *out, const char *words, struct err *err)
{
    return text_add_clean(out, words, strlen(words), WORDS_MAX, err);
}

static bool list_message(struct letter *l, const struct message *m, struct err *err)
{
    char accepted[48];
    const struct envelope *e = &m->envelope;
    if (l->count == 0) {
        l->oldest = e->accepted;
        l->uid = e->uid;
        l->sender = strdup(e->sender);
        if (l->sender == NULL) {
            return err_nomem(err);
        }
    }
    if (l->count++ >= LISTED_MAX) {
        return true;
    }
    clock_rfc5322(e->accepted, accepted);
    return str_addf(&l->list, err, "  %s, of %s\r\n    to ", m->id, accepted) &&
           add_clean(&l->list, e->recipients[0].address, err) &&
           (e->count < 2 || str_addf(&l->list, err, " and %zu more", e->count - 1)) &&
           str_addz(&l->list, "\r\n    ", err) && add_clean(&l->list, why_it_waits(m), err) &&
           str_addz(&l->list, "\r\n", err);
}

static bool find_line(struct lines *lines, const struct envelope *e, struct line **line_r)
{
    struct err why = {0}, ignored;
    return lines_find(lines, e, line_r, &why) || lines_find_lost(lines, e, &why, line_r, &ignored);
}

/* Everything in the queue that is this account's and has waited for long. */
static bool list_all(struct letter *l, struct store *store, struct err *err)
{
    struct store_item *items = NULL;
    size_t count = 0;
    bool ok = store_list(store, &items, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        struct message m;
        struct line *line = NULL;
        struct err ignored;
        if (store_peek(store, items[i].id, &m, &ignored) != TAKE_GOT) {
            continue;
        }
        if (find_line(l->lines, &m.envelope, &line) && line == l->line && is_long(line, &m, l->now)) {
            ok = list_message(l, &m, err);
        }
        store_release(&m);
    }
    free(items);
    return ok;
}

static const char *own_address(const struct letter *l)
{
    return l->line->teller->address != NULL ? l->line->teller->address : l->sender;
}

/* Where the account is lost, its own address went with it. */
static const char *addressee(const struct letter *l)
{
    return l->line->lost != NULL && l->sender[0] != '\0' ? l->sender : own_address(l);
}

static bool write_header(const struct letter *l, struct str *out, struct err *err)
{
    char now[48];
    clock_rfc5322(l->now, now);
    return str_addf(out, err,
                    "Date: %s\r\nFrom: Mail Delivery <%s>\r\nTo: <%s>\r\n"
                    "Subject: Mail is waiting to be sent\r\nMessage-ID: <notice.%" PRId64 ".%s@%s>\r\n"
                    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
                    now, own_address(l), addressee(l), l->now, l->line->account->name,
                    l->lines->place->mail_name);
}

static bool write_why(const struct letter *l, struct str *out, struct err *err)
{
    const struct breaker *b = &l->line->breaker;
    if (b->failures == 0 && l->line->lost == NULL) {
        return true;
    }
    return add_clean(out, b->why.what, err) && str_addz(out, "\r\n", err) &&
           add_clean(out, b->why.hint, err) && str_addz(out, "\r\n\r\n", err);
}

static bool write_letter(const struct letter *l, struct str *out, struct err *err)
{
    char oldest[48], term[32];
    const bool lost = l->line->lost != NULL;
    clock_rfc5322(l->oldest, oldest);
    text_show_duration(l->line->config->give_up_after, term);
    bool ok = write_header(l, out, err) &&
              str_addf(out, err,
                       "This is tappal, the mail program on %s.\r\n\r\n"
                       "%zu message%s to be sent%s%s, the oldest since\r\n%s.\r\n\r\n",
                       l->lines->place->mail_name, l->count, l->count == 1 ? " waits" : "s wait",
                       lost ? "" : " by the account ", lost ? "" : l->line->account->name, oldest) &&
              write_why(l, out, err);
    if (ok && l->line->config->give_up_after > 0) {
        ok = str_addf(out, err, "What cannot be sent within %s comes back to you. ", term);
    }
    return ok && str_addz(out, "`tappal queue list` shows what waits.\r\n\r\n", err) &&
           str_add(out, l->list.buf, l->list.len, err) &&
           (l->count <= LISTED_MAX || str_addf(out, err, "  and %zu more\r\n", l->count - LISTED_MAX));
}

static bool send_one(struct store *store, struct lines *lines, struct line *line, struct err *err)
{
    struct letter l = {.lines = lines, .line = line, .list = STR_INIT(LETTER_MAX), .now = clock_now()};
    struct str text = STR_INIT(LETTER_MAX + 8192);
    bool ok = list_all(&l, store, err);
    if (ok && l.count > 0) {
        struct post post = {.to = addressee(&l), .uid = l.uid, .event = "warned"};
        ok = write_letter(&l, &text, err) && post_put(store, line, &post, &text, err) &&
             remember(lines, line, l.now, err);
    }
    free(l.sender);
    str_free(&l.list);
    str_free(&text);
    return ok;
}

void notice_send(struct store *store, struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) { /* the list may grow while the letter is written */
        struct line *line = lines->items[i];
        struct err err = {0};
        if (line->notice_due && !send_one(store, lines, line, &err)) {
            log_event(LOG_LEVEL_ERROR, "notice", "account", line->account->name, "problem", err.what, NULL);
        }
        line->notice_due = false;
    }
}
