/* pull_imap - an IMAP account: signing in, choosing the folders, one after another. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/text.h"
#include "fetch/imap_box.h"
#include "fetch/links.h"
#include "fetch/throttle.h"
#include "mail/mutf7.h"

#define TOLD_MAX 5     /* folders that cannot be ours are named one by one up to here */
#define STATE_WINDOW 8 /* STATUS commands under way */
#define ATTRIBUTES_MAX 100

struct finding {
    const struct pull *pull;
    struct pull_result *result;
    struct folders *folders;
    struct strv all;        /* names of all folders, for a sentence */
    struct strv attributes; /* that any of them has */
    char *target;           /* what `move_to` names, as the server writes it */
    size_t unfit;           /* that cannot be folders here */
    struct imap_job inbox;  /* open before the connection, where it is all that is wanted */
    bool early;             /* it is */
    unsigned listing;       /* a LIST sent behind the sign-in; 0: none */
};

/* note_unfit - says why a folder cannot be one here; of many, how many they are */
static void note_unfit(struct finding *f, const struct err *why)
{
    if (f->unfit++ < TOLD_MAX)
        pull_trouble(f->pull, f->result, why);
}

static void count_unfit(const struct finding *f)
{
    struct err why = {0};
    if (f->unfit <= TOLD_MAX)
        return;
    err_set(&why, ERR_DATA, "%zu more of the server's folders cannot be folders here.", f->unfit - TOLD_MAX);
    pull_trouble(f->pull, f->result, &why);
}

static bool note_attributes(struct finding *f, const struct strv *attributes, struct err *err)
{
    for (size_t i = 0; i < attributes->count && f->attributes.count < ATTRIBUTES_MAX; i++)
        if (!strv_has_nocase(&f->attributes, attributes->items[i]) &&
            !strv_add(&f->attributes, attributes->items[i], err))
            return false;
    return true;
}

/* is_target - the first that `move_to` fits: nothing is fetched from there, for it was here before */
static bool is_target(const struct finding *f, const char *name, const struct strv *attributes)
{
    char *pattern = f->pull->account->fetch.move_to;
    struct strv patterns = {.items = &pattern, .count = 1};
    return pattern && !f->target && folders_wanted(&patterns, name, attributes);
}

/* state_items - what STATUS is asked for; flags and deletions show in the highest MODSEQ */
static const char *state_items(const struct finding *f, const struct imap *imap)
{
    const struct fetch_conf *conf = &f->pull->account->fetch;
    bool modseq = (conf->flags != SYNC_OFF || conf->deletions != SYNC_OFF) &&
                  (imap_can(imap, "CONDSTORE") || imap_can(imap, "QRESYNC"));
    return modseq ? "(UIDNEXT UIDVALIDITY HIGHESTMODSEQ)" : "(UIDNEXT UIDVALIDITY)";
}

static bool listed(void *arg, const struct imap_list *list, struct err *err)
{
    struct finding *f = arg;
    struct err why = {0};
    struct str name = STR_INIT(65536);
    if (strv_has_nocase(&list->attributes, "\\Noselect") ||
        strv_has_nocase(&list->attributes, "\\NonExistent"))
        return true;
    if (strlen(list->name.buf) != list->name.len)
        return true; /* a NUL: no command could ever name it */
    if (list->name.len > FOLDER_WIRE_MAX) {
        err_set(&why, ERR_DATA, "The server has a folder whose name is %zu bytes long; it is left out.",
                list->name.len);
        note_unfit(f, &why);
        return true;
    }
    bool ok = mutf7_show(list->name.buf, list->delimiter, &name, err) &&
              (f->all.count >= FOLDERS_MAX || strv_add(&f->all, name.buf, err)) &&
              note_attributes(f, &list->attributes, err);
    if (ok && is_target(f, name.buf, &list->attributes))
        ok = (f->target = strdup(list->name.buf)) || err_nomem(err);
    str_free(&name);
    if (!ok || (f->target && strcmp(f->target, list->name.buf) == 0))
        return ok;
    if (folders_add(f->folders, &f->pull->account->fetch, list->name.buf, list->delimiter, &list->attributes,
                    &why))
        return true;
    if (why.kind != ERR_DATA) {
        *err = why;
        return false;
    }
    note_unfit(f, &why);
    return true;
}

static bool told(void *arg, const struct imap_state *state, struct err *err)
{
    struct finding *f = arg;
    struct folder *folder = folders_find(f->folders, state->name.buf);
    (void)err;
    if (folder) {
        folder->validity = state->validity;
        folder->next = state->next;
        folder->modseq = state->modseq;
    }
    return true;
}

static bool is_met(const struct finding *f, const char *pattern)
{
    if (pattern[0] == '!' || strpbrk(pattern, "*%"))
        return true;
    if (pattern[0] == '\\' && !text_eq_nocase(pattern, "\\Inbox"))
        return strv_has_nocase(&f->attributes, pattern);
    for (size_t k = 0; k < f->all.count; k++)
        if (folders_match(pattern[0] == '\\' ? "INBOX" : pattern, f->all.items[k]))
            return true;
    return false;
}

/* check_patterns - a name without wildcards that the server does not have is a mistake worth a word */
static void check_patterns(const struct finding *f)
{
    const struct strv *patterns = &f->pull->account->fetch.folders;
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        if (is_met(f, pattern))
            continue;
        struct err why = {0}, ignored;
        struct str names = STR_INIT(65536);
        for (size_t k = 0; k < f->all.count && k < 20; k++)
            if (!str_addf(&names, &ignored, "%s%s", k ? ", " : "", f->all.items[k]))
                break;
        err_set(&why, ERR_CONFIG, "The server has no folder \"%s\"%s.", pattern,
                f->pull->account->fetch.subscribed ? " that is subscribed to" : "");
        err_hint(&why, "It has: %.600s%s. Levels are parted by \"/\" in the option folders.", names.buf,
                 f->all.count > 20 ? ", ..." : "");
        pull_trouble(f->pull, f->result, &why);
        str_free(&names);
    }
}

static bool only_inbox(const struct strv *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (!text_eq_nocase(patterns->items[i], "INBOX") && !text_eq_nocase(patterns->items[i], "\\Inbox"))
            return false;
    return true;
}

static void check_target(const struct finding *f)
{
    const struct fetch_conf *conf = &f->pull->account->fetch;
    struct err why = {0};
    if (!conf->move_to || f->target)
        return;
    err_set(&why, ERR_CONFIG, "The server has no folder \"%s\", which mail is to be moved to.",
            conf->move_to);
    err_hint(&why, "Make it on the server, or name another: move_to in %s.", f->pull->account->file);
    pull_trouble(f->pull, f->result, &why);
}

/* send_list - all in one answer, as far as the server knows how (RFC 5258, 5819, 6154) */
static bool send_list(const struct finding *f, struct imap *imap, bool plain, unsigned *tag_r,
                      struct err *err)
{
    bool subscribed = f->pull->account->fetch.subscribed;
    if (plain)
        return imap_send(imap, tag_r, err, "%s \"\" \"*\"", subscribed ? "LSUB" : "LIST");
    bool use = imap_can(imap, "SPECIAL-USE"), state = imap_can(imap, "LIST-STATUS");
    return imap_send(imap, tag_r, err, "LIST %s\"\" \"*\"%s%s%s%s%s%s", subscribed ? "(SUBSCRIBED) " : "",
                     use || state ? " RETURN (" : "", use ? "SPECIAL-USE" : "", use && state ? " " : "",
                     state ? "STATUS " : "", state ? state_items(f, imap) : "", use || state ? ")" : "");
}

/* list - an extended LIST that comes to nothing is said again in the old way */
static bool list(struct finding *f, struct imap *imap, struct err *err)
{
    struct imap_events events = {.arg = f, .list = listed, .state = told};
    struct imap_answer answer;
    unsigned tag;
    if (f->listing || imap_can(imap, "LIST-EXTENDED")) {
        if ((tag = f->listing) == 0 && !send_list(f, imap, false, &tag, err))
            return false;
        if (!imap_await(imap, tag, &events, &answer, err))
            return false;
        if (answer.status == IMAP_OK && f->all.count > 0)
            return true;
    }
    return send_list(f, imap, true, &tag, err) && imap_finish(imap, tag, &events, "list the folders", err);
}

/* ask_state - *sent_r false: its name cannot be sent, which the opening will say */
static bool ask_state(struct imap *imap, const struct folder *folder, const char *items, bool *sent_r,
                      unsigned *tag_r, struct err *err)
{
    struct err why = {0};
    struct str name = STR_INIT(8192);
    *sent_r = imap_add_quoted(&name, folder->wire, strlen(folder->wire), &why);
    bool ok = !*sent_r || imap_send(imap, tag_r, err, "STATUS %s %s", name.buf, items);
    str_free(&name);
    return ok;
}

/* ask_states - of those that no answer told about; a refusal only means that the folder will be opened */
static bool ask_states(struct finding *f, struct imap *imap, struct err *err)
{
    struct imap_events events = {.arg = f, .state = told};
    struct imap_answer answer;
    unsigned tags[STATE_WINDOW];
    size_t sent = 0, done = 0;
    for (size_t i = 0; i < f->folders->count; i++) {
        const struct folder *folder = &f->folders->items[i];
        bool one = false;
        if (sent - done == STATE_WINDOW &&
            !imap_await(imap, tags[done++ % STATE_WINDOW], &events, &answer, err))
            return false;
        if (folder->validity == 0 &&
            !ask_state(imap, folder, state_items(f, imap), &one, &tags[sent % STATE_WINDOW], err))
            return false;
        sent += one;
    }
    while (done < sent)
        if (!imap_await(imap, tags[done++ % STATE_WINDOW], &events, &answer, err))
            return false;
    return true;
}

static bool is_plain(const struct pull *pull)
{
    return only_inbox(&pull->account->fetch.folders) && !pull->account->fetch.move_to;
}

static bool find_folders(struct finding *f, struct imap *imap, struct err *err)
{
    bool ok = list(f, imap, err);
    count_unfit(f);
    if (ok) {
        check_patterns(f);
        check_target(f);
    }
    return ok && (f->folders->count < 2 || ask_states(f, imap, err));
}

/* pull_one - a failure is the session's, or this machine's; else only this folder failed, and is told of */
static bool pull_one(struct finding *f, struct imap_job *job, struct imap *imap, struct err *err)
{
    struct err why = {0};
    int64_t seconds;
    if (imap_box_work(job, imap, &why))
        return true;
    if (job->lost || !imap_usable(imap) || why.kind == ERR_LOCAL || throttle_is(&why, &seconds)) {
        *err = why;
        return false;
    }
    pull_trouble(f->pull, f->result, &why);
    return true;
}

static bool pull_folder(struct finding *f, const struct folder *folder, struct imap *imap, struct err *err)
{
    struct imap_job job;
    struct err why = {0};
    if (!imap_box_open(f->pull, f->result, folder, f->target, &job, &why)) {
        if (why.kind == ERR_LOCAL)
            *err = why;
        else
            pull_trouble(f->pull, f->result, &why);
        return why.kind != ERR_LOCAL;
    }
    bool ok = pull_one(f, &job, imap, err);
    imap_box_close(&job);
    return ok;
}

static bool pull_folders(struct finding *f, struct imap *imap, struct err *err)
{
    const char *only = f->pull->only_folder;
    for (size_t i = 0; i < f->folders->count; i++) {
        const struct folder *folder = &f->folders->items[i];
        if (only && strcmp(only, folder->name) != 0)
            continue;
        if (!pull_goes_on(f->pull, err) || !pull_folder(f, folder, imap, err))
            return false;
    }
    return true;
}

/* go_ahead - behind the sign-in: what we would ask first anyway */
static bool go_ahead(void *arg, struct imap *imap, struct err *err)
{
    struct finding *f = arg;
    if (f->early)
        return !imap_box_may_lead(&f->inbox, imap) || imap_box_lead(&f->inbox, imap, err);
    return !imap_can(imap, "LIST-EXTENDED") || send_list(f, imap, false, &f->listing, err);
}

/* show_alerts - but for the first `known` of them */
static void show_alerts(const struct pull *pull, const struct imap *imap, size_t known)
{
    const struct strv *alerts = imap_alerts(imap);
    for (size_t i = known; i < alerts->count; i++) {
        char text[512];
        text_clean(text, sizeof text, alerts->items[i], strlen(alerts->items[i]));
        pull->watch.notice(pull->watch.arg, text);
    }
}

/* open_early - the INBOX's memory, where nothing else is wanted: what is asked first depends on it */
static bool open_early(struct finding *f, struct err *err)
{
    const struct fetch_conf *conf = &f->pull->account->fetch;
    if (!is_plain(f->pull))
        return true;
    f->early = folders_add(f->folders, conf, "INBOX", '\0', &(struct strv)STRV_INIT, err) &&
               imap_box_open(f->pull, f->result, &f->folders->items[0], NULL, &f->inbox, err);
    return f->early;
}

static bool sign_in(struct finding *f, struct imap **imap_r, struct err *err)
{
    struct str memory = STR_INIT(4096);
    struct imap_ahead ahead = {.remember = !f->pull->dry_run, .send = go_ahead, .arg = f};
    enum session_phase phase;
    bool ok = fs_join(&memory, f->pull->state_dir, "server", err);
    ahead.memory = memory.buf;
    ok = ok && imap_open(&f->pull->session, &ahead, imap_r, &phase, err);
    str_free(&memory);
    return ok;
}

bool pull_imap_folders(const struct pull *pull, struct pull_result *result, struct imap *imap,
                       struct folders *folders, struct err *err)
{
    struct finding f = {.pull = pull, .result = result, .folders = folders};
    bool ok = only_inbox(&pull->account->fetch.folders)
                  ? folders_add(folders, &pull->account->fetch, "INBOX", '\0', &(struct strv)STRV_INIT, err)
                  : list(&f, imap, err);
    count_unfit(&f);
    if (ok && f.all.count > 0)
        check_patterns(&f);
    strv_free(&f.all);
    strv_free(&f.attributes);
    free(f.target);
    return ok;
}

static bool visit(struct finding *f, struct pull_line *line, struct err *err)
{
    size_t alerts = line->imap ? imap_alerts(line->imap)->count : 0;
    if (!(line->imap ? go_ahead(f, line->imap, err) : sign_in(f, &line->imap, err)))
        return false;
    bool ok = f->early ? pull_one(f, &f->inbox, line->imap, err)
                       : find_folders(f, line->imap, err) && pull_folders(f, line->imap, err);
    show_alerts(f->pull, line->imap, alerts);
    return ok;
}

bool pull_imap(const struct pull *pull, struct pull_line *line, struct pull_result *result, struct err *err)
{
    const struct fetch_conf *conf = &pull->account->fetch;
    struct links links;
    struct pull with_links = *pull;
    struct finding f = {.pull = &with_links, .result = result, .folders = &line->folders};
    folders_free(&line->folders);
    links_begin(&links, pull, &line->folders);
    if (!pull->dry_run && !pull->only_folder && conf->deliver.count == 0)
        with_links.links = &links;
    bool ok = open_early(&f, err) && visit(&f, line, err);
    if (f.early)
        imap_box_close(&f.inbox);
    links_end(&links);
    strv_free(&f.all);
    strv_free(&f.attributes);
    free(f.target);
    return ok;
}
