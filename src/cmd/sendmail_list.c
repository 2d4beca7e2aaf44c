/* sendmail_list - mailq: what waits in the queue. Reads only; makes no folder, takes no lock. */
#include "cmd/sendmail.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "cmd/say.h"

/* Addresses and replies are others' words: cleaned for the terminal. */
static void say_clean(const char *before, const char *text)
{
    char shown[1024];
    text_clean(shown, sizeof shown, text, strlen(text));
    say("%s%s", before, shown);
}

static void show(const struct message *m)
{
    char when[32], size[32];
    struct tm tm;
    time_t accepted = (time_t)m->envelope.accepted;
    if (localtime_r(&accepted, &tm) == NULL || strftime(when, sizeof when, "%a %b %e %H:%M:%S", &tm) == 0)
        when[0] = '\0';
    text_show_size(m->facts.size, size);
    printf("%s%c %10s  %s  ", m->id, m->journal.held ? '!' : ' ', size, when);
    say_clean("", m->envelope.sender[0] != '\0' ? m->envelope.sender : "<>");
    if (m->journal.last_error != NULL)
        say_clean("    ", m->journal.last_error);
    for (size_t i = 0; i < m->envelope.count && i < m->journal.count; i++) {
        const struct outcome *o = &m->journal.outcomes[i];
        if (o->verdict == VERDICT_DELIVERED)
            continue;
        say_clean("        ", m->envelope.recipients[i].address);
        if (o->text != NULL)
            say_clean("            ", o->text);
    }
}

static bool show_all(struct store *store, struct err *err)
{
    struct store_item *items = NULL;
    size_t count = 0, shown = 0;
    if (!store_list(store, &items, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct message m;
        struct err why;
        enum store_take took = store_peek(store, items[i].id, &m, &why);
        if (took == TAKE_GOT) {
            show(&m);
            store_release(&m);
        } else if (took != TAKE_GONE) {
            say("%s  %s", items[i].id, why.what);
        }
        shown += took != TAKE_GONE ? 1 : 0;
    }
    free(items);
    if (shown == 0)
        say("Mail queue is empty");
    else
        say("-- %zu %s in the queue", shown, shown == 1 ? "message" : "messages");
    return true;
}

static bool list(const struct place *place, struct err *err)
{
    struct str path = STR_INIT(PATH_MAX);
    struct store store;
    bool ok = true;
    if (place->state_dir == NULL || !fs_join(&path, place->state_dir, "queue", err) ||
        access(path.buf, F_OK) != 0) {
        say("Mail queue is empty");
    } else {
        ok = place_queue(place, &path, err) && store_open(path.buf, &store, err);
        if (ok) {
            ok = show_all(&store, err);
            store_close(&store);
        }
    }
    str_free(&path);
    return ok;
}

int list_queue(const struct sendmail_options *options)
{
    struct place place = {.home = NULL};
    struct err err;
    bool ok = place_find(options->config, &place, &err) && list(&place, &err);
    place_free(&place);
    return ok ? 0 : say_error(NULL, &err);
}
