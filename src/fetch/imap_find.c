/* imap_find - see imap_find.h. The answers of NAMESPACE and LIST are collected, whatever their order; only then is each
 * folder given its name and looked at. */
#include "fetch/imap_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/target.h"
#include "fetch/told.h"

#define TOLD_MAX 5     /* folders that cannot be ours are named one by one up to here */
#define SHOWN_MAX 20   /* folders that are named in a hint */
#define STATE_WINDOW 8 /* STATUS commands under way */

/* -- asking -- */

static bool only_inbox(const struct strv *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (!text_eq_nocase(patterns->items[i], "INBOX") && !text_eq_nocase(patterns->items[i], "\\Inbox"))
            return false;
    return true;
}

bool imap_find_is_plain(const struct pull *pull)
{
    return only_inbox(&pull->account->fetch.folders) && !pull->account->fetch.move_to;
}

/* state_items - what STATUS is asked for; flags and deletions show in the highest MODSEQ */
static const char *state_items(const struct imap_find *f, const struct imap *imap)
{
    const struct fetch_conf *conf = &f->pull->account->fetch;
    bool modseq = (conf->flags != SYNC_OFF || conf->deletions != SYNC_OFF) &&
                  (imap_can(imap, "CONDSTORE") || imap_can(imap, "QRESYNC"));
    return modseq ? "(UIDNEXT UIDVALIDITY HIGHESTMODSEQ)" : "(UIDNEXT UIDVALIDITY)";
}

/* send_plain_list - of all that lies below a prefix */
static bool send_plain_list(const struct imap_find *f, struct imap *imap, const char *prefix, unsigned *tag_r,
                            struct err *err)
{
    struct str pattern = STR_INIT(65536), quoted = STR_INIT(65536);
    bool ok = str_addf(&pattern, err, "%s*", prefix) && imap_add_name(imap, pattern.buf, &quoted, err) &&
              imap_send(imap, tag_r, err, "%s \"\" %s", f->pull->account->fetch.subscribed ? "LSUB" : "LIST",
                        quoted.buf);
    str_free(&pattern);
    str_free(&quoted);
    return ok;
}

/* send_list - all in one answer, as far as the server knows how (RFC 5258, 5819, 6154) */
static bool send_list(const struct imap_find *f, struct imap *imap, unsigned *tag_r, struct err *err)
{
    bool use = imap_can(imap, "SPECIAL-USE"), state = imap_can(imap, "LIST-STATUS");
    return imap_send(imap, tag_r, err, "LIST %s\"\" \"*\"%s%s%s%s%s%s",
                     f->pull->account->fetch.subscribed ? "(SUBSCRIBED) " : "",
                     use || state ? " RETURN (" : "", use ? "SPECIAL-USE" : "", use && state ? " " : "",
                     state ? "STATUS " : "", state ? state_items(f, imap) : "", use || state ? ")" : "");
}

bool imap_find_ask(struct imap_find *f, struct imap *imap, struct err *err)
{
    return imap_ask_namespaces(imap, &f->namespaces, err) &&
           (imap_can(imap, "LIST-EXTENDED") ? send_list(f, imap, &f->listing, err)
                                            : send_plain_list(f, imap, "", &f->listing, err));
}

/* -- hearing -- */

/* note_unfit - says why a folder cannot be one here; of many, how many they are */
static void note_unfit(struct imap_find *f, const struct err *why)
{
    if (f->unfit++ < TOLD_MAX)
        pull_trouble(f->pull, f->result, why);
}

static void count_unfit(const struct imap_find *f)
{
    struct err why = {0};
    if (f->unfit <= TOLD_MAX)
        return;
    err_set(&why, ERR_DATA, "%zu more of the server's folders cannot be folders here.", f->unfit - TOLD_MAX);
    pull_trouble(f->pull, f->result, &why);
}

static bool listed(void *arg, const struct imap_list *list, struct err *err)
{
    struct imap_find *f = arg;
    struct err why = {0};
    if (strv_has_nocase(&list->attributes, "\\Noselect") ||
        strv_has_nocase(&list->attributes, "\\NonExistent") || strlen(list->name.buf) != list->name.len)
        return true; /* no command could ever name what holds a NUL */
    if (list->name.len <= FOLDER_WIRE_MAX)
        return folders_list(&f->listed, list, err);
    err_set(&why, ERR_DATA, "The server has a folder whose name is %zu bytes long; it is left out.",
            list->name.len);
    note_unfit(f, &why);
    return true;
}

static bool told(void *arg, const struct imap_state *state, struct err *err)
{
    const struct imap_find *f = arg;
    struct folder *folder = folders_find(f->listed.count > 0 ? &f->listed : f->folders, state->name.buf);
    (void)err;
    if (folder) {
        folder->validity = state->validity;
        folder->next = state->next;
        folder->modseq = state->modseq;
    }
    return true;
}

static bool await(struct imap_find *f, struct imap *imap, unsigned *tag, struct imap_answer *answer_r,
                  struct err *err)
{
    struct imap_events events = {.arg = f, .list = listed, .state = told};
    unsigned waited = *tag;
    *tag = 0;
    return waited == 0 || imap_await(imap, waited, &events, answer_r, err);
}

/* hear - an extended LIST that comes to nothing is said again in the old way */
static bool hear(struct imap_find *f, struct imap *imap, struct err *err)
{
    struct imap_answer answer = {0};
    if ((f->listing == 0 && !imap_find_ask(f, imap, err)) || !await(f, imap, &f->namespaces, &answer, err) ||
        !await(f, imap, &f->listing, &answer, err))
        return false;
    if (imap_can(imap, "LIST-EXTENDED") && (answer.status != IMAP_OK || f->listed.count == 0)) {
        folders_free(&f->listed);
        if (!send_plain_list(f, imap, "", &f->listing, err) || !await(f, imap, &f->listing, &answer, err))
            return false;
    }
    return answer.status == IMAP_OK || imap_refused(imap, &answer, "list the folders", err);
}

/* asks_for - does a pattern begin with the prefix of others' folders? */
static bool asks_for(const struct imap_find *f, const struct imap_namespace *ns)
{
    struct folder below = {.wire = ns->prefix, .delimiter = ns->delimiter};
    static const struct imap_namespaces none = {0};
    struct err ignored;
    bool asks = false;
    const struct strv *patterns = &f->pull->account->fetch.folders;
    size_t n = folders_name(&below, &none, &ignored) ? strlen(below.name) : 0;
    for (size_t i = 0; n > 0 && i < patterns->count; i++)
        asks = asks || strncmp(patterns->items[i], below.name, n) == 0;
    free(below.name);
    return asks;
}

/* hear_others - some servers name the folders of others only where they are asked for */
static bool hear_others(struct imap_find *f, struct imap *imap, struct err *err)
{
    const struct imap_namespaces *namespaces = imap_namespaces(imap);
    struct imap_answer answer;
    for (size_t i = 0; i < namespaces->count; i++) {
        const struct imap_namespace *ns = &namespaces->items[i];
        bool known = ns->own || !asks_for(f, ns);
        for (size_t k = 0; !known && k < f->listed.count; k++)
            known = imap_namespace_foreign(namespaces, f->listed.items[k].wire) == ns;
        if (!known && (!send_plain_list(f, imap, ns->prefix, &f->listing, err) ||
                       !await(f, imap, &f->listing, &answer, err)))
            return false;
    }
    return true;
}

/* -- choosing -- */

/* is_target - the first that `move_to` fits: nothing is fetched from there, for it was here before */
static bool is_target(const struct imap_find *f, const struct folder *folder)
{
    char *pattern = f->pull->account->fetch.move_to;
    struct strv patterns = {.items = &pattern, .count = 1};
    return pattern && (f->target ? strcmp(f->target, folder->wire) == 0 : folders_wanted(&patterns, folder));
}

static bool choose_one(struct imap_find *f, const struct imap *imap, struct folder *folder, struct err *err)
{
    const struct fetch_conf *conf = &f->pull->account->fetch;
    struct err why = {0};
    if (is_target(f, folder))
        return f->target || (f->target = strdup(folder->wire)) || err_nomem(err);
    if (!folders_wanted(&conf->folders, folder) ||
        folders_take(f->folders, conf, imap_namespaces(imap), folder, &why))
        return true;
    if (why.kind != ERR_DATA) {
        *err = why;
        return false;
    }
    note_unfit(f, &why);
    return true;
}

static bool is_met(const struct imap_find *f, const char *pattern)
{
    bool met = pattern[0] == '!' || strpbrk(pattern, "*%");
    for (size_t i = 0; !met && i < f->listed.count; i++)
        met = folders_fit(pattern, &f->listed.items[i]);
    return met;
}

/* add_names - of what the server has, for a hint */
static void add_names(const struct imap_find *f, struct str *names)
{
    struct err ignored;
    size_t most = f->listed.count < SHOWN_MAX ? f->listed.count : SHOWN_MAX;
    for (size_t i = 0; i < most; i++)
        if (!str_addf(names, &ignored, "%s%s", i ? ", " : "", f->listed.items[i].name))
            return;
}

/* nearest - of the names that the server has: what may have been meant; or NULL */
static const char *nearest(const struct imap_find *f, const char *pattern)
{
    const char **names = calloc(f->listed.count + 1, sizeof *names);
    for (size_t i = 0; names && i < f->listed.count; i++)
        names[i] = f->listed.items[i].name;
    const char *near = names ? text_nearest(pattern, names) : NULL;
    free(names);
    return near;
}

static void tell_unmet(const struct imap_find *f, const char *pattern)
{
    struct err why = {0};
    struct str names = STR_INIT(65536);
    const char *limit = f->pull->account->fetch.subscribed ? " that is subscribed to" : "";
    const char *near = pattern[0] == '\\' ? NULL : nearest(f, pattern);
    add_names(f, &names);
    if (pattern[0] == '\\')
        err_set(&why, ERR_CONFIG, "The server marks no folder%s as \"%s\".", limit, pattern);
    else
        err_set(&why, ERR_CONFIG, "The server has no folder \"%s\"%s.", pattern, limit);
    err_hint(&why, "%s%s%sIt has: %.600s%s. %s in the option folders.", near ? "Did you mean " : "",
             near ? near : "", near ? "? " : "", names.buf, f->listed.count > SHOWN_MAX ? ", ..." : "",
             pattern[0] == '\\' ? "Write the folder's own name" : "Levels are parted by \"/\"");
    pull_trouble(f->pull, f->result, &why);
    str_free(&names);
}

/* check_patterns - a name without wildcards that the server does not have is a mistake worth a word */
static void check_patterns(const struct imap_find *f)
{
    const struct fetch_conf *conf = &f->pull->account->fetch;
    for (size_t i = 0; i < conf->folders.count; i++) {
        if (!is_met(f, conf->folders.items[i]))
            tell_unmet(f, conf->folders.items[i]);
    }
}

/* knows_uses - does the server say which folder is the one for junk, if any is? */
static bool knows_uses(const struct imap_find *f, const struct imap *imap)
{
    static const char *const uses[] = {"\\All",  "\\Archive", "\\Drafts", "\\Flagged",
                                       "\\Junk", "\\Sent",    "\\Trash",  "\\Important"};
    bool extended = imap_can(imap, "LIST-EXTENDED") || imap_can(imap, "IMAP4rev2");
    if (imap_can(imap, "SPECIAL-USE") && (extended || !f->pull->account->fetch.subscribed))
        return true;
    for (size_t i = 0; i < f->listed.count; i++)
        for (size_t k = 0; k < sizeof uses / sizeof *uses; k++)
            if (strv_has_nocase(&f->listed.items[i].attributes, uses[k]))
                return true;
    return false;
}

/* check_uses - "!\Junk" at a server that does not know of uses leaves out nothing: worth a word, but not at each run */
static void check_uses(const struct imap_find *f, const struct imap *imap)
{
    const struct pull *pull = f->pull;
    const struct strv *patterns = &pull->account->fetch.folders;
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        char text[600];
        if (!text_starts(pattern, "!\\") || text_eq_nocase(pattern, "!\\Inbox") || knows_uses(f, imap) ||
            told_before(pull->state_dir, pattern, pull->dry_run))
            continue;
        snprintf(
            text, sizeof text,
            "The server does not say which of its folders is %.100s, so %.100s leaves none out. Name that "
            "folder instead in the option folders, with a ! before it.",
            pattern + 1, pattern);
        pull->watch.notice(pull->watch.arg, text);
    }
}

/* check_any - that wildcards fit nothing at all would look like a mailbox without mail */
static void check_any(const struct imap_find *f)
{
    const struct fetch_conf *conf = &f->pull->account->fetch;
    struct err why = {0};
    struct str names = STR_INIT(65536);
    if (f->folders->count > 0 || f->result->trouble.kind != ERR_NONE)
        return;
    add_names(f, &names);
    err_set(&why, ERR_CONFIG,
            "None of the server's folders%s is one that `folders` asks for: nothing is fetched.",
            conf->subscribed ? " that are subscribed to" : "");
    if (f->listed.count > 0)
        err_hint(&why, "It has: %.600s%s. Levels are parted by \"/\" in the option folders.", names.buf,
                 f->listed.count > SHOWN_MAX ? ", ..." : "");
    else
        err_hint(&why, "%s",
                 conf->subscribed ? "Nothing is subscribed to: take `subscribed` out, or subscribe to "
                                    "folders with a mail reader."
                                  : "It lists no folders at all.");
    pull_trouble(f->pull, f->result, &why);
    str_free(&names);
}

static void check_target(const struct imap_find *f)
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

/* check_places - a target that nothing is put into is a mistake worth a word */
static void check_places(const struct imap_find *f)
{
    const struct strv *items = &f->pull->account->fetch.targets;
    for (size_t i = 0; i < items->count; i++) {
        struct target target;
        struct err why = {0};
        bool ok = target_read(items->items[i], &target, &why), used = false;
        for (size_t k = 0; ok && !used && k < f->folders->count; k++)
            used = folders_fit(target.folder.buf, &f->folders->items[k]);
        if (ok && !used) {
            err_set(&why, ERR_CONFIG,
                    "`targets` names \"%.200s\", which is not among the folders that are fetched.",
                    target.folder.buf);
            err_hint(&why, "Look at `folders` and `targets` in %s.", f->pull->account->file);
        }
        if (!ok || !used)
            pull_trouble(f->pull, f->result, &why);
        target_free(&target);
    }
}

/* choose - patterns are checked before anything is taken away */
static bool choose(struct imap_find *f, const struct imap *imap, struct err *err)
{
    for (size_t i = 0; i < f->listed.count; i++)
        if (!folders_name(&f->listed.items[i], imap_namespaces(imap), err))
            return false;
    check_patterns(f);
    check_uses(f, imap);
    for (size_t i = 0; i < f->listed.count; i++)
        if (!choose_one(f, imap, &f->listed.items[i], err))
            return false;
    count_unfit(f);
    check_any(f);
    check_target(f);
    check_places(f);
    folders_free(&f->listed);
    return true;
}

bool imap_find_all(struct imap_find *f, struct imap *imap, struct err *err)
{
    return hear(f, imap, err) && hear_others(f, imap, err) && choose(f, imap, err);
}

void imap_find_free(struct imap_find *f)
{
    folders_free(&f->listed);
    free(f->target);
    f->target = NULL;
}

/* -- their states -- */

/* ask_state - *sent_r false: its name cannot be sent, which the opening will say */
static bool ask_state(struct imap *imap, const struct folder *folder, const char *items, bool *sent_r,
                      unsigned *tag_r, struct err *err)
{
    struct err why = {0};
    struct str name = STR_INIT(8192);
    *sent_r = imap_add_name(imap, folder->wire, &name, &why);
    bool ok = !*sent_r || imap_send(imap, tag_r, err, "STATUS %s %s", name.buf, items);
    str_free(&name);
    return ok;
}

/* Of those that no answer told about; a refusal only means that the folder will be opened. */
bool imap_find_states(struct imap_find *f, struct imap *imap, struct err *err)
{
    struct imap_answer answer;
    unsigned tags[STATE_WINDOW];
    size_t sent = 0, done = 0;
    for (size_t i = 0; f->folders->count > 1 && i < f->folders->count; i++) {
        const struct folder *folder = &f->folders->items[i];
        bool one = false;
        if (sent - done == STATE_WINDOW && !await(f, imap, &tags[done++ % STATE_WINDOW], &answer, err))
            return false;
        if (folder->validity == 0 &&
            !ask_state(imap, folder, state_items(f, imap), &one, &tags[sent % STATE_WINDOW], err))
            return false;
        sent += one;
    }
    while (done < sent)
        if (!await(f, imap, &tags[done++ % STATE_WINDOW], &answer, err))
            return false;
    return true;
}
