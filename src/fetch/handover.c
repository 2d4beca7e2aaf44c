/* handover - see handover.h. At least once: the record that a message is about to be handed over is durable before it
 * is, and the record of what came of it right behind. */
#include "fetch/handover.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "fetch/pull.h"
#include "fetch/quarantine.h"
#include "mail/scan.h"

/* -- who sent it -- */

static bool first_address(const struct scan_field *f, char out[ADDR_SPEC_SIZE])
{
    struct addr_parser p;
    struct addr a;
    struct err ignored;
    addr_begin(&p, f->body, f->body_len);
    bool found = addr_next(&p, &a, &ignored) == ADDR_GOT && text_is_ascii(a.spec, strlen(a.spec));
    if (found)
        memcpy(out, a.spec, sizeof a.spec);
    return found;
}

void handover_sender(const char *header, size_t n, char out[ADDR_SPEC_SIZE])
{
    struct scan scan;
    struct scan_field f;
    bool from = false;
    out[0] = '\0';
    scan_begin(&scan, header, n);
    while (scan_next(&scan, &f) == SCAN_GOT_FIELD) {
        if (scan_is(&f, "Return-Path") && first_address(&f, out))
            return;
        if (!from && scan_is(&f, "From"))
            from = first_address(&f, out);
    }
}

/* -- one message -- */

static void add_hint(const struct batch *b, const struct seen_key *key, struct err *why)
{
    struct str command = STR_INIT(65536);
    struct err ignored;
    if (batch_add_command(b, key, &command, &ignored))
        err_hint(
            why,
            "It stays on the server as it is, and is tried again after ten minutes, at last once a day; at "
            "once by: %s",
            command.buf);
    str_free(&command);
}

static void complain(struct batch *b, const struct seen_key *key, enum sink_fate fate, struct err *why)
{
    char uid[SEEN_KEY_TEXT];
    seen_key_text(b->protocol, key, uid);
    log_event(LOG_LEVEL_WARNING,
              fate == SINK_DOUBTFUL ? "doubt"
              : fate == SINK_LATER  ? "deferred"
                                    : "refused",
              "account", b->account, "folder", b->folder, "uid", uid, "problem", why->what, NULL);
    err_prefix(why, "Message %s of %.200s was not delivered: ", uid, b->folder);
    if (fate == SINK_DOUBTFUL)
        err_prefix(why, "In doubt: ");
    if (!why->hint[0])
        add_hint(b, key, why);
    if (b->first_trouble.kind == ERR_NONE)
        b->first_trouble = *why;
    b->pull->watch.trouble(b->pull->watch.arg, why);
}

static bool set_aside(struct batch *b, const struct seen_key *key, const char *why, struct err *err)
{
    return seen_dropped(b->seen, key, err) && quarantine_add(b->seen, key, why, err);
}

static bool taken(struct batch *b, const struct batch_item *item, struct err *err)
{
    b->vain = 0;
    b->placed++;
    b->placed_octets += item->octets;
    return seen_placed(b->seen, &item->entry.key, err);
}

static bool not_taken(struct batch *b, const struct seen_key *key, enum sink_fate fate, struct err *why,
                      struct err *err)
{
    b->vain++;
    bool ok = set_aside(b, key, why->what, err) && seen_sync(b->seen, err);
    complain(b, key, fate, why);
    if (!ok || b->vain < HANDOVER_VAIN_MAX)
        return ok;
    err_set(err, why->kind,
            "%u messages in a row were not taken, so the rest of the account's mail is left for later.",
            b->vain);
    return err_hint(err, "See what is wrong with the command or server of `deliver`.");
}

static bool hand_over(struct batch *b, size_t i, struct err *err)
{
    const struct batch_item *item = &b->items[i];
    char uid[SEEN_KEY_TEXT];
    struct err why = {0};
    struct seen_key key = item->entry.key;
    seen_key_text(b->protocol, &key, uid);
    struct sink_label label = {.sender = item->sender, .folder = b->folder, .uid = uid};
    if (!seen_intend(b->seen, &item->entry, err) || !seen_sync(b->seen, err))
        return false;
    enum sink_fate fate = sink_hand(b->sink, i, &label, &why);
    if (fate == SINK_FAILED) {
        *err = why; /* it was not even offered */
        (void)!(seen_dropped(b->seen, &key, &why) && seen_sync(b->seen, &why));
        return false;
    }
    if (fate != SINK_TAKEN)
        return not_taken(b, &key, fate, &why, err);
    return taken(b, item, err) && seen_sync(b->seen, err) && batch_tell(b, item, err);
}

/* -- all of them -- */

/* It may take its time, and whoever looks on is to see that it goes on. */
static void show_progress(const struct batch *b, size_t left)
{
    const struct pull_watch *watch = &b->pull->watch;
    watch->progress(watch->arg, b->folder, b->placed, b->placed + left, b->placed_octets);
}

bool handover_batch(struct batch *b, struct err *err)
{
    for (size_t i = 0; i < b->count; i++) {
        if ((i > 0 && !pull_goes_on(b->pull, err)) || !hand_over(b, i, err)) {
            batch_abort(b);
            return false;
        }
        show_progress(b, b->count - i - 1);
    }
    b->count = 0;
    b->octets = 0;
    return sink_place(b->sink, err);
}

bool handover_recover(struct batch *b, struct err *err)
{
    const struct seen_entry *e;
    while ((e = seen_an_open_one(b->seen))) {
        struct seen_key key = e->key;
        struct err why = {0};
        err_set(&why, ERR_LOCAL,
                "Fetching was stopped while the message was being delivered; it may have been.");
        if (!set_aside(b, &key, why.what, err))
            return false;
        complain(b, &key, SINK_DOUBTFUL, &why);
    }
    return seen_sync(b->seen, err);
}
