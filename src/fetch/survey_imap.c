/* survey_imap - the folders of an IMAP account, by EXAMINE: UID, size and date of each message; of some the letter. */
#include <stdlib.h>

#include "fetch/imap_box.h"
#include "fetch/survey.h"

#define LETTER_ITEMS "UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]"
#define LETTERS_AT_ONCE 500

static bool listed(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct survey_message m = {
        .key = seen_key_uid(fetch->uid), .wire = fetch->has_size ? fetch->size : 0, .date = fetch->date};
    (void)taken;
    return fetch->uid == 0 || survey_add(arg, &m, err);
}

static bool list(struct survey_folder *f, struct imap *imap, struct err *err)
{
    struct imap_events events = {.arg = f, .fetched = listed};
    unsigned tag;
    return imap_box(imap)->exists == 0 ||
           (imap_send(imap, &tag, err, "UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)") &&
            imap_finish(imap, tag, &events, "list the messages", err));
}

static bool lettered(void *arg, const struct imap_fetch *fetch, bool taken, struct err *err)
{
    struct str header = STR_INIT(fetch->header.n + 1);
    struct seen_key key = seen_key_uid(fetch->uid);
    (void)taken;
    bool ok = !imap_token_is_string(&fetch->header) || imap_token_text(&fetch->header, &header, err);
    if (ok)
        survey_take_letter(arg, &key, header.buf, header.len);
    str_free(&header);
    return ok;
}

static bool letters(struct survey_folder *f, struct err *err)
{
    struct imap_events events = {.arg = f, .fetched = lettered};
    struct imap *imap = f->session;
    for (size_t at = 0; at < f->count;) {
        struct uidset set = UIDSET_INIT;
        unsigned tag;
        bool ok = true;
        for (size_t some = 0; ok && at < f->count && some < LETTERS_AT_ONCE; at++)
            if (f->messages[at].ask) {
                uint32_t uid = seen_uid(&f->messages[at].key);
                ok = uidset_add(&set, uid, uid, err);
                some++;
            }
        ok = ok && (set.count == 0 || (imap_send_fetch(imap, &set, LETTER_ITEMS, &tag, err) &&
                                       imap_finish(imap, tag, &events, "show headers", err)));
        uidset_free(&set);
        if (!ok)
            return false;
    }
    return true;
}

/* is_ours - the memory must be of this mailbox, in this numbering; where it is not, a fetch settles that first */
static bool is_ours(const struct pull_folder *f, const struct pull *pull, uint32_t validity, struct err *err)
{
    uint32_t known = seen_validity(f->seen);
    if (seen_moved(f->seen))
        return pull_is_another(f, pull, err);
    if (known == 0 || known == validity || seen_is_empty(f->seen))
        return true;
    err_set(err, ERR_PROTOCOL, "The server has numbered all messages of the folder %s anew (UIDVALIDITY).",
            f->name);
    return err_hint(err, "Let tappal-fetch find its way first: tappal-fetch %s", pull->account->name);
}

static bool look(const struct pull *pull, const struct folder *folder, struct imap *imap, survey_visit *visit,
                 void *arg, struct err *err)
{
    struct survey_folder s = {
        .pull = pull, .name = folder->name, .path = folder->path, .letters = letters, .session = imap};
    struct pull_folder f = {0};
    struct imap_events events = {0};
    unsigned tag;
    if (!imap_send_select(imap, folder->wire, true, "", &tag, err) ||
        !imap_finish(imap, tag, &events, "open the folder", err))
        return false;
    s.validity = imap_box(imap)->validity;
    bool ok = pull_folder_open(pull, folder->wire, folder->name, folder->path, &f, err);
    s.seen = f.seen;
    ok = ok && is_ours(&f, pull, s.validity, err) && list(&s, imap, err) && survey_show(&s, visit, arg, err);
    if (ok || f.seen)
        pull_folder_close(&f, NULL);
    free(s.messages);
    return ok;
}

static bool look_at_all(const struct pull *pull, struct folders *folders, struct imap *imap,
                        survey_visit *visit, void *arg, struct err *err)
{
    for (size_t i = 0; i < folders->count; i++) {
        struct err why = {0};
        if (look(pull, &folders->items[i], imap, visit, arg, &why))
            continue;
        if (!imap_usable(imap) || why.kind == ERR_LOCAL || why.kind == ERR_INTERNAL) {
            *err = why;
            return false;
        }
        pull->watch.trouble(pull->watch.arg, &why);
    }
    return true;
}

bool survey_imap(const struct pull *pull, survey_visit *visit, void *arg, struct err *err)
{
    struct pull_result result = {0};
    struct folders folders = {0};
    struct imap *imap = NULL;
    enum session_phase phase;
    bool ok = imap_open(&pull->session, NULL, &imap, &phase, err) &&
              pull_imap_folders(pull, &result, imap, &folders, err) &&
              look_at_all(pull, &folders, imap, visit, arg, err);
    imap_close(&imap);
    folders_free(&folders);
    return ok;
}
