/* dispatch - see dispatch.h. */
#include "cmd/dispatch.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"

bool dispatch(const struct store *store, const struct strv *more, int verdicts, struct err *err)
{
    struct str program = STR_INIT(PATH_MAX);
    struct strv argv = STRV_INIT;
    bool ok = proc_find("tappal-deliver", &program, err) && strv_add(&argv, program.buf, err) &&
              strv_add(&argv, "--queue", err) && strv_add(&argv, store->path, err) &&
              strv_add(&argv, "--stay", err);
    for (size_t i = 0; ok && more && i < more->count; i++)
        ok = strv_add(&argv, more->items[i], err);
    ok = ok && proc_detach(argv.items, verdicts, err);
    strv_free(&argv);
    str_free(&program);
    return ok;
}

static bool is_anything_due(struct store *store)
{
    struct store_item *items = NULL;
    struct err ignored;
    size_t count;
    bool due = false;
    if (!store_list_due(store, &items, &count, &ignored))
        return false;
    for (size_t i = 0; i < count && !due; i++)
        due = items[i].due <= clock_now();
    free(items);
    return due;
}

static bool is_there(const struct place *place)
{
    struct str path = STR_INIT(PATH_MAX);
    struct err ignored;
    bool there = place->state_dir && str_addf(&path, &ignored, "%s/queue/msg", place->state_dir) &&
                 access(path.buf, F_OK) == 0;
    str_free(&path);
    return there;
}

void dispatch_if_due(const struct place *place)
{
    struct str path = STR_INIT(PATH_MAX);
    struct store store;
    struct err err = {0};
    if (is_there(place) && place_queue(place, &path, &err) && store_open(path.buf, &store, &err)) {
        bool ok = store_is_watched(&store) || store_is_stayed_at(&store) || !store_role_is_free(&store) ||
                  !is_anything_due(&store) || dispatch(&store, NULL, -1, &err);
        if (!ok)
            log_event(LOG_LEVEL_WARNING, "not started", "error", err.what, NULL);
        store_close(&store);
    }
    str_free(&path);
}
