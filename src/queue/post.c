/* post - see post.h. */
#include "queue/post.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "box/maildir.h"

#define PATH_LEN_MAX 4096

static bool put_into_maildir(const struct account *account, const struct str *letter, struct err *err)
{
    struct str path = STR_INIT(PATH_LEN_MAX);
    bool ok = str_addf(&path, err, "%s%s", account->fetch.maildir,
                       account->fetch.layout == LAYOUT_NESTED ? "/INBOX" : "") &&
              maildir_deliver(path.buf, letter->buf, letter->len, err);
    str_free(&path);
    return ok;
}

static bool put_into_queue(struct store *store, const struct account *account, const struct post *post,
                           const struct str *letter, struct err *err)
{
    struct store_writer *w = NULL;
    struct envelope e;
    envelope_init(&e);
    e.accepted = clock_now();
    e.uid = post->uid;
    e.is_report = true;
    e.sender = strdup("");
    e.account = strdup(account->name);
    e.config_dir = strdup(account->config_dir);
    bool ok = (e.sender != NULL && e.account != NULL && e.config_dir != NULL) || err_nomem(err);
    ok = ok && envelope_add(&e, post->to, err) && store_begin(store, &e, &w, err) &&
         store_write(w, letter->buf, letter->len, err) && store_commit(w, err);
    store_writer_free(&w);
    envelope_free(&e);
    return ok;
}

bool post_put(struct store *store, const struct line *line, const struct post *post, const struct str *letter,
              struct err *err)
{
    const struct account *account = line->teller;
    bool has_maildir = account->fetch.on && account->fetch.maildir != NULL;
    bool ok = has_maildir ? put_into_maildir(account, letter, err)
                          : put_into_queue(store, account, post, letter, err);
    if (ok) {
        log_event(LOG_LEVEL_WARNING, post->event, "id", post->id, "account", account->name, "to",
                  has_maildir ? account->fetch.maildir : post->to, NULL);
    }
    return ok;
}
