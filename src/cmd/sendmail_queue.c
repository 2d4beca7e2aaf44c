/* sendmail_queue - sendmail -q: what is due is sent; with -qI, -qR or -qS, what these choose is due at once. The
 * intervals of -q30m are systemd's and cron's. */
#include "cmd/dispatch.h"
#include "cmd/sendmail.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/say.h"

static bool is_chosen(const struct sendmail_options *o, const struct message *m)
{
    if (o->queue_by == 'I')
        return strstr(m->id, o->queue_text) != NULL;
    if (o->queue_by == 'S')
        return strstr(m->envelope.sender, o->queue_text) != NULL;
    for (size_t i = 0; i < m->envelope.count; i++)
        if (strstr(m->envelope.recipients[i].address, o->queue_text) != NULL)
            return true;
    return false;
}

/* What is in doubt waits its time, what is held until it is released; and what another is at needs no hurry. */
static bool make_due(struct store *store, const char *id, const struct sendmail_options *o, struct err *err)
{
    struct message m;
    struct err ignored;
    struct journal_writer *w = NULL;
    bool ok = true;
    if (store_take(store, id, &m, &ignored) != TAKE_GOT)
        return true;
    if (is_chosen(o, &m) && !m.journal.in_doubt_open && journal_due(&m.journal) > clock_now())
        ok = journal_open(store, &m, &w, err) && journal_next(w, 0, err) && journal_sync(w, err);
    journal_close(&w);
    store_release(&m);
    return ok;
}

static bool choose(struct desk *desk, struct err *err)
{
    struct store_item *items;
    size_t count;
    if (!store_list(&desk->store, &items, &count, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = make_due(&desk->store, items[i].id, desk->options, err);
    free(items);
    return ok;
}

static bool run(struct desk *desk, const struct sendmail_options *options, struct err *err)
{
    if (!desk_open(desk, options, err) || !desk_open_store(desk, err) ||
        (options->queue_by != 0 && !choose(desk, err)))
        return false;
    store_wake(&desk->store);
    return !store_role_is_free(&desk->store) || dispatch(&desk->store, NULL, -1, err);
}

int run_queue(const struct sendmail_options *options)
{
    struct desk desk = {.options = options};
    struct err err;
    int status = run(&desk, options, &err) ? 0 : say_error(NULL, &err);
    desk_close(&desk);
    return status;
}
