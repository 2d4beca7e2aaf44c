/* sendmail_list - mailq: what waits in the queue. Reads only; makes no folder, takes no lock. */
#include "cmd/sendmail.h"

#include <limits.h>
#include <unistd.h>

#include "base/fs.h"
#include "cmd/queue_list.h"
#include "cmd/say.h"

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
            ok = queue_list(&store, NULL, err);
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
