/* batch - see batch.h. */
#include "fetch/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/text.h"
#include "box/maildir_files.h"
#include "fetch/handover.h"
#include "fetch/links.h"
#include "fetch/news.h"
#include "fetch/pull.h"
#include "fetch/quarantine.h"
#include "mail/flags.h"
#include "mail/headsum.h"
#include "mail/scan.h"
#include "mail/stub.h"

#define OTHER_FILES 40 /* that a process which fetches may have open, besides a batch's messages */
#define PART_SIZE (BATCH_TOKEN_SIZE + 2) /* a token, and what stands around it */

/* batch_mark - whoever has another memory must not take our files for his left-overs: hence the memory's own path */
void batch_mark(const struct seen *seen, char out[BATCH_MARK_SIZE])
{
    struct seen_key hash = seen_key_hash("memory", seen_path(seen), strlen(seen_path(seen)));
    text_hex(hash.bytes, 8, out);
}

void batch_token(const struct seen *seen, enum protocol protocol, const struct seen_key *key,
                 char out[BATCH_TOKEN_SIZE])
{
    char mark[BATCH_MARK_SIZE], text[SEEN_KEY_TEXT];
    batch_mark(seen, mark);
    if (protocol == PROTO_POP3) {
        seen_key_text(protocol, key, text);
        snprintf(out, BATCH_TOKEN_SIZE, "%s-%s", mark, text);
    } else {
        snprintf(out, BATCH_TOKEN_SIZE, "%s-%u-%010u", mark, seen_validity(seen), seen_uid(key));
    }
}

bool batch_init(struct batch *b, const char *account, const char *folder, enum protocol protocol,
                struct sink *sink, struct maildir *box, struct seen *seen, struct err *err)
{
    *b = (struct batch){
        .account = account, .folder = folder, .protocol = protocol, .sink = sink, .box = box, .seen = seen};
    str_init(&b->header, HEADSUM_MAX);
    batch_mark(seen, b->mark);
    size_t files = proc_files(BATCH_MESSAGES_MAX + OTHER_FILES);
    b->most = files > OTHER_FILES ? files - OTHER_FILES : 1;
    return proc_random(&b->run, sizeof b->run, err);
}

/* name_for - TIME.MARK-VALIDITY-UID-RUN.tappal: readers sort by the time, we find ours by the mark, and no
 * other run can have given the same name */
static void name_for(struct batch *b, const struct seen_key *key, char out[MAILDIR_NAME_MAX + 1])
{
    char token[BATCH_TOKEN_SIZE];
    if (key)
        batch_token(b->seen, b->protocol, key, token);
    else
        snprintf(token, sizeof token, "%s-x%llu", b->mark, (unsigned long long)++b->made);
    snprintf(out, MAILDIR_NAME_MAX + 1, "%lld.%s-%08x.tappal", (long long)clock_now(), token, b->run);
}

/* -- after a crash -- */

/* drop_one - it is to be fetched again, even where all of its like are settled */
static bool drop_one(struct batch *b, const struct seen_key *key, struct err *err)
{
    bool settled = b->protocol != PROTO_POP3 && seen_uid(key) < seen_next(b->seen);
    return seen_dropped(b->seen, key, err) &&
           (!settled || quarantine_suspect(b->seen, key, "It was gone before it had a place.", err));
}

/* brought - the run that fetched it was stopped before it could tell of it: it comes with this one */
static bool brought(struct batch *b, struct batch_item *item, struct err *err)
{
    b->placed++;
    b->placed_octets += item->entry.wire ? item->entry.wire : item->entry.size;
    return seen_placed(b->seen, &item->entry.key, err) && batch_tell(b, item, err);
}

static bool recover_one(struct batch *b, const struct seen_entry *e, struct err *err)
{
    struct batch_item item = {.entry = *e};
    char *name = item.name, flags[FLAGS_TEXT];
    bool fresh =
        llabs(clock_now() - e->when) < BATCH_TAKEN_SECONDS; /* or a clock was ahead: who knows when */
    snprintf(name, sizeof item.name, "%s", e->name);
    item.entry.name = name;
    flags_letters(e->flags, flags);
    switch (maildir_look(b->box, name, err)) {
    case MAILDIR_IN_TMP:
        return maildir_finish(b->box, name, flags, err) && brought(b, &item, err);
    case MAILDIR_PLACED:
        return brought(b, &item, err);
    case MAILDIR_NOWHERE: /* renamed, and then taken by a reader; after a long time we rather fetch it twice */
        return fresh ? seen_placed(b->seen, &item.entry.key, err) : drop_one(b, &item.entry.key, err);
    default:
        return false;
    }
}

bool batch_recover(struct batch *b, struct err *err)
{
    char mark[24];
    const struct seen_entry *e;
    if (!b->box)
        return handover_recover(b, err);
    snprintf(mark, sizeof mark, ".%s-", b->mark);
    bool any = seen_an_open_one(b->seen);
    while ((e = seen_an_open_one(b->seen)))
        if (!recover_one(b, e, err))
            return false;
    /* whoever renamed them may have been stopped before that was durable */
    return (!any || maildir_sync(b->box, err)) && seen_sync(b->seen, err) &&
           maildir_clean_tmp(b->box, mark, err);
}

/* -- one message -- */

bool batch_is_full(const struct batch *b)
{
    return b->count == b->most || b->octets >= BATCH_OCTETS_MAX ||
           (b->count > 0 && clock_mono_ms() - b->began >= BATCH_MS);
}

/* add_received - a trace line of ours (RFC 5321, 4.4); its date is the message's own, so that the same message has
 * the same octets each time */
static bool add_received(struct batch *b, int64_t date, struct err *err)
{
    char when[48];
    struct str line = STR_INIT(2048);
    clock_rfc5322(date ? date : clock_now(), when);
    bool ok = str_addf(&line, err, "%s;\r\n\t%s\r\n", b->received, when) &&
              sink_write(b->sink, line.buf, line.len, err);
    str_free(&line);
    return ok;
}

bool batch_begin(struct batch *b, const struct seen_key *key, int64_t date, struct err *err)
{
    if (b->count == b->most && !batch_commit(b, err))
        return false;
    if (b->count == 0)
        b->began = clock_mono_ms();
    name_for(b, key, b->open_name);
    struct sink_message m = {.name = b->open_name, .flags = "", .mtime = date, .crlf = true};
    b->open_octets = 0;
    b->header_ended = false;
    str_clear(&b->header);
    b->open = sink_begin(b->sink, &m, err) && (!b->received || add_received(b, date, err));
    return b->open;
}

/* keep_header - line by line up to the blank one; of a header that is beyond all measure nothing is kept */
static bool keep_header(struct batch *b, const char *bytes, size_t n, struct err *err)
{
    while (n > 0 && !b->header_ended) {
        const char *lf = memchr(bytes, '\n', n);
        size_t line = lf ? (size_t)(lf - bytes) + 1 : n;
        if (b->header.len + line > HEADSUM_MAX) {
            str_clear(&b->header);
            b->header_ended = true;
        } else if (!str_add(&b->header, bytes, line, err)) {
            return false;
        }
        size_t begin = b->header.len;
        while (begin > 0 && (begin == b->header.len || b->header.buf[begin - 1] != '\n'))
            begin--;
        b->header_ended = b->header_ended ||
                          (lf && scan_line_kind(b->header.buf + begin, b->header.len - begin) == SCAN_BLANK);
        bytes += line;
        n -= line;
    }
    return true;
}

bool batch_write(struct batch *b, const void *bytes, size_t n, struct err *err)
{
    if (!keep_header(b, bytes, n, err))
        return false;
    b->open_octets += n;
    return sink_write(b->sink, bytes, n, err);
}

bool batch_drop(struct batch *b, struct err *err)
{
    b->open = false;
    b->open_octets = 0;
    return sink_drop(b->sink, err);
}

/* part_of - what the name of this message's file has in it */
static void part_of(const struct batch *b, const struct seen_entry *e, char out[PART_SIZE])
{
    char token[BATCH_TOKEN_SIZE];
    if (e->file_validity != 0)
        snprintf(token, sizeof token, "%s-%u-%010u", b->mark, e->file_validity, e->file_uid);
    else
        batch_token(b->seen, b->protocol, &e->key, token);
    snprintf(out, PART_SIZE, ".%s-", token);
}

struct search {
    char part[PART_SIZE];
    bool found;
};

static bool is_it(void *arg, const struct maildir_file *file, struct err *err)
{
    struct search *s = arg;
    (void)err;
    s->found = s->found || strstr(file->name, s->part);
    return true;
}

/* is_lost - was it put here, and is in its folder no more? Only who asks for that one message wants to know */
static bool is_lost(const struct batch *b, const struct seen_entry *e)
{
    struct search search = {.found = false};
    struct err ignored;
    if (!b->pull->only_folder)
        return false;
    if (!b->box)
        return true; /* whoever took it may have it no more */
    part_of(b, e, search.part);
    return maildir_files(b->box, is_it, &search, &ignored) && !search.found;
}

/* have_it - is this the message that the key stands for already? */
static bool have_it(const struct batch *b, const struct seen_entry *e)
{
    const struct seen_entry *old = seen_find(b->seen, &e->key);
    if (!old || !(seen_is_here(old) || old->state == SEEN_ASKED) || is_lost(b, old))
        return false;
    if (b->received) /* whose date may be another one */
        return old->wire == e->wire && seen_mark_known(e->letter) &&
               memcmp(old->letter, e->letter, sizeof e->letter) == 0;
    return old->size == e->size && memcmp(old->hash, e->hash, sizeof e->hash) == 0;
}

bool batch_end(struct batch *b, const struct seen_entry *about, bool *same_r, struct err *err)
{
    struct sink *sink = b->sink;
    struct batch_item *item = &b->items[b->count];
    unsigned char sha256[32];
    char flags[FLAGS_TEXT];
    struct seen_entry e = *about;
    e.state = SEEN_OPEN;
    e.when = clock_now();
    item->linked = false;
    name_for(b, &e.key, item->name);
    flags_letters(e.flags, flags);
    struct sink_message m = {.name = item->name, .flags = flags, .mtime = e.date, .crlf = true};
    if (!sink_amend(sink, &m, err) || !sink_end(sink, &e.size, sha256, err))
        return false;
    uint64_t octets = b->open_octets;
    b->open = false;
    b->open_octets = 0;
    memcpy(e.hash, sha256, sizeof e.hash);
    if (headsum_letter(b->header.buf, b->header.len, sha256))
        memcpy(e.letter, sha256, sizeof e.letter);
    *same_r = have_it(b, &e);
    if (*same_r)
        return sink_drop(sink, err) && seen_keep(b->seen, &e, err);
    e.name = item->name;
    item->entry = e;
    item->octets = octets;
    if (sink_hands(sink))
        handover_sender(b->header.buf, b->header.len, item->sender);
    b->count++;
    b->octets += octets;
    return true;
}

bool batch_link(struct batch *b, const struct seen_entry *about, const char *path, bool *done_r,
                struct err *err)
{
    *done_r = false;
    if (b->count == b->most && !batch_commit(b, err))
        return false;
    struct batch_item *item = &b->items[b->count];
    char flags[FLAGS_TEXT];
    name_for(b, &about->key, item->name);
    flags_letters(about->flags, flags);
    struct sink_message m = {.name = item->name, .flags = flags, .mtime = about->date};
    struct maildir_bytes bytes = {about->size, about->hash, sizeof about->hash};
    if (!maildir_link(b->box, path, &m, &bytes, done_r, err))
        return false;
    if (!*done_r)
        return true;
    if (b->count == 0)
        b->began = clock_mono_ms();
    item->entry = *about;
    item->entry.state = SEEN_OPEN;
    item->entry.when = clock_now();
    item->entry.name = item->name;
    item->octets = 0;
    item->linked = true;
    b->count++;
    return true;
}

/* -- stubs -- */

bool batch_add_command(const struct batch *b, const struct seen_key *key, struct str *out, struct err *err)
{
    char uid[SEEN_KEY_TEXT];
    struct str word = STR_INIT(65536);
    seen_key_text(b->protocol, key, uid);
    bool ok = str_addz(out, "tappal fetch ", err) && stub_add_word(out, b->account, err) &&
              str_addz(out, " --uid ", err) && str_addf(&word, err, "%s/%s", b->folder, uid) &&
              stub_add_word(out, word.buf, err);
    str_free(&word);
    return ok;
}

bool batch_put_stub(struct batch *b, const struct seen_entry *about, const char *header, size_t n,
                    struct err *err)
{
    struct str text = STR_INIT(n + 65536), command = STR_INIT(65536);
    struct seen_entry e = *about;
    bool same;
    e.stub = true;
    bool ok = batch_add_command(b, &e.key, &command, err) &&
              stub_make(header, n, e.wire, command.buf, &text, err) && batch_begin(b, &e.key, e.date, err) &&
              batch_write(b, text.buf, text.len, err) && batch_end(b, &e, &same, err);
    str_free(&text);
    str_free(&command);
    return ok;
}

bool batch_remove_stub(struct batch *b, const struct seen_entry *stub, struct err *err)
{
    char part[PART_SIZE];
    if (!b->box)
        return true; /* whoever took it has it */
    part_of(b, stub, part);
    struct maildir_bytes bytes = {stub->size, stub->hash, sizeof stub->hash};
    return maildir_remove_copies(b->box, part, &bytes, err);
}

/* -- the batch -- */

/* pass_on - where it is now, to whoever asked for that */
static bool pass_on(struct batch *b, const struct batch_item *item, struct err *err)
{
    struct news *news = b->pull->news;
    struct links *links = b->pull->links;
    struct str path = STR_INIT(4096);
    char flags[FLAGS_TEXT];
    if (!news && !links)
        return true;
    flags_letters(item->entry.flags, flags);
    bool ok = (!b->box || maildir_where(b->box, item->name, flags, &path, err)) &&
              (!news || news_add(news, b->box ? path.buf : NULL, err)) &&
              (!links || links_add(links, &item->entry, path.buf, err));
    str_free(&path);
    return ok;
}

bool batch_tell(struct batch *b, const struct batch_item *item, struct err *err)
{
    char uid[SEEN_KEY_TEXT], size[24];
    seen_key_text(b->protocol, &item->entry.key, uid);
    snprintf(size, sizeof size, "%llu", (unsigned long long)item->entry.size);
    const char *what = item->linked ? "linked" : b->box ? "fetched" : "delivered";
    log_event(LOG_LEVEL_INFO, what, "account", b->account, "folder", b->folder, "uid", uid, "size", size,
              b->box ? "file" : "from", b->box ? item->name : item->sender, NULL);
    return pass_on(b, item, err);
}

bool batch_commit(struct batch *b, struct err *err)
{
    struct sink *sink = b->sink;
    if (b->count == 0)
        return true;
    if (!sink_settle(sink, err))
        return false;
    if (sink_hands(sink))
        return handover_batch(b, err);
    for (size_t i = 0; i < b->count; i++)
        if (!seen_intend(b->seen, &b->items[i].entry, err))
            return false;
    if (!seen_sync(b->seen, err) || !sink_place(sink, err))
        return false;
    for (size_t i = 0; i < b->count; i++) {
        if (!seen_placed(b->seen, &b->items[i].entry.key, err) || !batch_tell(b, &b->items[i], err))
            return false;
        b->linked += b->items[i].linked;
        b->placed += !b->items[i].linked;
    }
    b->placed_octets += b->octets;
    b->count = 0;
    b->octets = 0;
    return true;
}

void batch_abort(struct batch *b)
{
    sink_abort(b->sink);
    b->open = false;
    b->count = 0;
    b->octets = 0;
}

void batch_free(struct batch *b)
{
    batch_abort(b);
    str_free(&b->header);
}
