/* copy_imap - copies into a folder of the account's IMAP server, by APPEND.
 *
 * Before a message is given to the server for the first time, that is written down with the state of the folder
 * (copy-begun). Whoever comes after a cut connection, or a kill, looks first whether it has arrived, among what came
 * since: by Message-ID, so a message without one may come twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "mail/mutf7.h"
#include "mail/scan.h"
#include "queue/copy_impl.h"

#define PATIENCE 60 /* seconds for the server to say something: deliveries of the next round wait for it */
#define AHEAD (IMAP_OUTSTANDING_MAX / 2)
#define FOLDER_MAX 65536
#define HEADER_MAX 262144
#define ID_MAX 998

/* -- the session -- */

void copier_close_imap(struct copier *copier)
{
    imap_close(&copier->imap);
    str_free(&copier->folder);
}

static bool open_session(struct copier *copier, struct err *err)
{
    const struct account *account = copier->line->account;
    enum session_phase phase;
    copier->server = account->fetch.server;
    if (copier->server.timeout == 0 || copier->server.timeout > PATIENCE) {
        copier->server.timeout = PATIENCE;
    }
    struct session_options options = {
        .server = &copier->server,
        .who = &account->fetch.who,
        .account = account->name,
        .config_dir = account->config_dir,
        .may_prompt = copier->lines->may_ask,
    };
    return imap_open(&options, NULL, &copier->imap, &phase, err);
}

/* Gmail keeps what is sent through it (its SMTP server may be behind a name that does not tell). */
static bool say_files_itself(struct copier *copier)
{
    copier->files_itself = imap_can(copier->imap, "X-GM-EXT-1");
    if (copier->files_itself) {
        log_event(LOG_LEVEL_INFO, "copy", "account", copier->line->account->name, "note",
                  "The server keeps a copy of what is sent by itself; none is added.", NULL);
    }
    return copier->files_itself;
}

static bool begin_session(struct copier *copier, struct err *err)
{
    str_init(&copier->folder, FOLDER_MAX);
    return open_session(copier, err) &&
           (say_files_itself(copier) ||
            imap_find_sent(copier->imap, copier->line->account->send.sent_to, &copier->folder, err));
}

/* The connection is of no more use; what was not answered may have arrived. */
static void fall(struct copy_group *g, const struct err *why)
{
    g->copier->down = true;
    g->copier->why = *why;
    copier_close_imap(g->copier);
}

/* -- one message -- */

static void say_made(struct copy_group *g, struct copy_part *part)
{
    const struct copier *copier = g->copier;
    struct str shown = STR_INIT(FOLDER_MAX);
    struct err ignored;
    bool ok = mutf7_show(copier->folder.buf, '\0', &shown, &ignored);
    part->over = true;
    snprintf(part->how, sizeof part->how, "in %.200s of %.80s", ok ? shown.buf : "a folder",
             imap_peer(copier->imap));
    str_free(&shown);
}

/* As it stands in the header, without the blanks around it; empty where there is none, or none to search for. */
static bool message_id(struct copy_part *part, struct str *id, struct err *err)
{
    size_t header =
        part->message.facts.header_size < HEADER_MAX ? (size_t)part->message.facts.header_size : HEADER_MAX;
    char *bytes = malloc(header + 1);
    struct scan scan;
    struct scan_field field;
    bool ok = bytes != NULL || err_nomem(err);
    text_begin(&part->text, &part->message);
    for (size_t at = 0, n = 1; ok && at < header && n > 0; at += n) {
        ok = text_read(&part->text, bytes + at, header - at, &n, err);
    }
    scan_begin(&scan, bytes, ok ? header : 0);
    while (ok && scan_next(&scan, &field) == SCAN_GOT_FIELD) {
        if (scan_is(&field, "Message-ID") && id->len == 0) {
            ok = scan_add_value(&field, id, err);
        }
    }
    free(bytes);
    if (ok && !text_is_ascii(id->buf, id->len)) {
        str_clear(id);
    }
    return ok;
}

/* It was begun before: has it arrived? */
static bool look(struct copy_group *g, struct copy_part *part, struct err *err)
{
    const struct journal_copy *copy = &part->message.journal.copy;
    const struct imap_box before = {.validity = copy->validity, .next = copy->next};
    struct str id = STR_INIT(ID_MAX);
    bool there = false;
    bool ok = message_id(part, &id, err) &&
              (id.len == 0 ||
               imap_has_message(g->copier->imap, g->copier->folder.buf, &before, id.buf, &there, err));
    if (ok && there) {
        say_made(g, part);
    }
    str_free(&id);
    return ok;
}

static bool read_text(void *arg, char *buf, size_t size, size_t *n_r, struct err *err)
{
    struct copy_part *part = arg;
    return text_read(&part->text, buf, size, n_r, err);
}

static bool send_part(struct copy_group *g, struct copy_part *part, struct err *err)
{
    const struct message *m = &part->message;
    struct imap_letter letter = {
        .folder = g->copier->folder.buf,
        .date = m->envelope.accepted,
        .size = m->facts.size,
        .utf8 = imap_speaks_utf8(g->copier->imap) && m->facts.eight_bit_header,
        .read = read_text,
        .arg = part,
    };
    if (!store_verify(m, &part->why)) {
        return true; /* a literal that was begun could not be taken back */
    }
    text_begin(&part->text, m);
    return imap_send_append(g->copier->imap, &letter, &part->tag, err);
}

static bool hear_part(struct copy_group *g, struct copy_part *part, struct err *err)
{
    struct imap_answer answer;
    if (part->tag == 0) {
        return true;
    }
    if (!imap_await(g->copier->imap, part->tag, NULL, &answer, err)) {
        return false;
    }
    part->tag = 0;
    if (answer.status == IMAP_OK) {
        say_made(g, part);
    } else {
        imap_refused(g->copier->imap, &answer, "keep a copy of what was sent", &part->why);
        err_hint(&part->why, "The message itself was delivered. Look at the option `sent` of the account %s.",
                 g->copier->line->account->name);
    }
    return true;
}

/* -- a group -- */

static bool is_new(const struct copy_part *part)
{
    return part->message.journal.copy.stage == COPY_DUE;
}

/* Written down, before the first word to the server, for all that were never given to it. */
static bool announce(struct copy_group *g, const struct imap_box *box, struct err *err)
{
    struct journal_writer *writers[COPY_GROUP];
    size_t count = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct copy_part *part = &g->parts[i];
        if (is_new(part)) {
            writers[count++] = part->w;
            if (!journal_copy_begun(part->w, box->validity, box->next, err)) {
                return false;
            }
        }
    }
    return journal_sync_many(writers, count, err);
}

/* A server that will not search for one message keeps the others from nothing. */
static bool look_for_old(struct copy_group *g, struct err *err)
{
    for (size_t i = 0; i < g->count; i++) {
        struct copy_part *part = &g->parts[i];
        if (!is_new(part) && !look(g, part, &part->why) && !imap_usable(g->copier->imap)) {
            *err = part->why;
            return false;
        }
    }
    return true;
}

static bool is_settled(const struct copy_part *part)
{
    return part->over || part->why.kind != ERR_NONE;
}

static bool give(struct copy_group *g, struct err *err)
{
    size_t heard = 0;
    for (size_t i = 0; i < g->count; i++) {
        if (i >= heard + AHEAD && !hear_part(g, &g->parts[heard++], err)) {
            return false;
        }
        if (!is_settled(&g->parts[i]) && !send_part(g, &g->parts[i], err)) {
            return false;
        }
    }
    while (heard < g->count) {
        if (!hear_part(g, &g->parts[heard++], err)) {
            return false;
        }
    }
    return true;
}

static bool wants_numbers(const struct copy_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (is_new(&g->parts[i])) {
            return true;
        }
    }
    return false;
}

/* False: the session is over (`why`), or a journal could not be written (*local_r). */
static bool run(struct copy_group *g, bool *local_r, struct err *why)
{
    struct imap_box box = {0};
    struct imap *imap = g->copier->imap;
    if (!look_for_old(g, why) ||
        (wants_numbers(g) && !imap_numbers(imap, g->copier->folder.buf, &box, why))) {
        return false;
    }
    *local_r = !announce(g, &box, why);
    return !*local_r && give(g, why);
}

static void say_all_filed(struct copy_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        g->parts[i].over = true;
        snprintf(g->parts[i].how, sizeof g->parts[i].how, "the server keeps its own");
    }
}

bool copy_into_imap(struct copy_group *g, struct err *err)
{
    struct copier *copier = g->copier;
    struct err why = {0};
    bool local = false;
    if (!copier->down && copier->imap == NULL && !begin_session(copier, &why)) {
        fall(g, &why);
    }
    if (!copier->down && copier->files_itself) {
        say_all_filed(g);
        return true;
    }
    if (!copier->down && !run(g, &local, &why)) {
        fall(g, &why);
    }
    for (size_t i = 0; i < g->count; i++) {
        if (!is_settled(&g->parts[i])) {
            g->parts[i].why = copier->why;
        }
    }
    if (local) {
        *err = why;
    }
    return !local;
}
