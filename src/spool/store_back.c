/* store_back - a folder of kept messages seen as a queue of its own, and the way back from there. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "spool/store_name.h"

bool store_view(struct store *store, const char *folder, struct store *view_r, struct err *err)
{
    struct store view = {.path = strdup(store->path), .dir = -1, .msg = -1, .tmp = -1};
    bool ok = view.path != NULL || err_nomem(err);
    ok = ok && (view.msg = store_open_folder(store, folder, err)) >= 0;
    if (ok && ((view.dir = fcntl(store->dir, F_DUPFD_CLOEXEC, 0)) < 0 ||
               (view.tmp = fcntl(store->tmp, F_DUPFD_CLOEXEC, 0)) < 0))
        ok = err_errno(err, ERR_LOCAL, "The queue %s could not be opened", store->path);
    if (ok)
        *view_r = view;
    else
        store_close(&view);
    return ok;
}

/* The journal goes first: a message alone in msg/ would be taken for a new one. Whoever is killed in between leaves
 * the journal alone there, and the sweep moves it after its message, back to where both came from. */
bool store_bring_back(struct store *store, struct store *view, struct message *m, struct err *err)
{
    char journal[STORE_JOURNAL_NAME];
    store_journal_name(m->id, journal);
    bool ok = m->locked || err_set(err, ERR_INTERNAL, "Message %s was to be moved without its lock.", m->id);
    if (ok && m->journal.exists)
        ok = fs_rename(view->msg, journal, store->msg, journal, err) &&
             fs_sync_dir(store->msg, store->path, err);
    ok = ok && fs_rename_new(view->msg, m->id, store->msg, m->id, err) &&
         fs_sync_dir(store->msg, store->path, err) && fs_sync_dir(view->msg, store->path, err);
    store_release(m);
    return ok;
}
