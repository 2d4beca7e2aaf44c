/* copy_maildir - copies into a maildir. The name is made of the message's own, so whoever was killed on the way
 * finds what he had put there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "queue/copy_impl.h"

#define BLOCK 65536
#define SEEN "S"

static void name_of(const struct message *m, char out[MAILDIR_NAME_MAX + 1])
{
    snprintf(out, MAILDIR_NAME_MAX + 1, "%" PRId64 ".%s.tappal", m->envelope.accepted, m->id);
}

static void say_made(struct copy_part *part, const char *path)
{
    part->over = true;
    snprintf(part->how, sizeof part->how, "in %s", path);
}

static bool write_text(struct sink *sink, struct copy_part *part, struct err *err)
{
    char block[BLOCK];
    size_t n = 0;
    text_begin(&part->text, &part->message);
    do {
        if (!text_read(&part->text, block, sizeof block, &n, err) || !sink_write(sink, block, n, err)) {
            return false;
        }
    } while (n > 0);
    return text_is_whole(&part->text, err);
}

/* Into tmp/. What fails is taken back, and the others go on. */
static bool put(struct maildir *maildir, struct copy_part *part, const char *name, struct err *err)
{
    struct sink *sink = maildir_sink(maildir);
    unsigned char sum[SUM_SHA256_BYTES];
    struct err ignored;
    uint64_t size;
    struct sink_message message = {
        .name = name, .flags = SEEN, .mtime = part->message.envelope.accepted, .crlf = true};
    if (!sink_begin(sink, &message, err)) {
        return false;
    }
    bool ok = write_text(sink, part, err) && sink_end(sink, &size, sum, err);
    if (!ok && !sink_drop(sink, &ignored)) {
        err_hint(err, "A half-written file lies in its tmp; the next try takes it away.");
    }
    return ok;
}

/* *put_r: it is in tmp/ now, and waits for the others. */
static bool look_and_put(struct copier *copier, struct copy_part *part, bool *put_r, struct err *err)
{
    char name[MAILDIR_NAME_MAX + 1];
    name_of(&part->message, name);
    switch (maildir_look(copier->maildir, name, err)) {
    case MAILDIR_PLACED:
        say_made(part, copier->line->account->send.sent_to);
        return true;
    case MAILDIR_IN_TMP: /* how much of it, nobody knows */
        *put_r = maildir_remove_tmp(copier->maildir, name, err) && put(copier->maildir, part, name, err);
        return *put_r;
    case MAILDIR_NOWHERE:
        *put_r = put(copier->maildir, part, name, err);
        return *put_r;
    default:
        return false;
    }
}

static bool place_all(struct copier *copier, struct err *err)
{
    struct sink *sink = maildir_sink(copier->maildir);
    if (sink_settle(sink, err) && sink_place(sink, err)) {
        return true;
    }
    sink_abort(sink);
    return false;
}

bool copy_into_maildir(struct copy_group *g, struct err *err)
{
    struct copier *copier = g->copier;
    const char *path = copier->line->account->send.sent_to;
    bool put[COPY_GROUP] = {false};
    struct err why = {0};
    (void)err; /* no journal is written before all is done */

    if (!copier->down && copier->maildir == NULL && !maildir_open(path, &copier->maildir, &copier->why)) {
        copier->down = true;
    }
    for (size_t i = 0; i < g->count; i++) {
        struct copy_part *part = &g->parts[i];
        if (copier->down) {
            part->why = copier->why;
        } else if (!look_and_put(copier, part, &put[i], &why)) {
            part->why = why;
        }
    }
    bool placed = !copier->down && place_all(copier, &why);
    for (size_t i = 0; i < g->count; i++) {
        if (put[i] && placed) {
            say_made(&g->parts[i], path);
        } else if (put[i]) {
            g->parts[i].why = why;
        }
    }
    return true;
}
