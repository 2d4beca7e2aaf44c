/* pull_imap - an IMAP account: signing in, choosing the folders, one after another. */
#include <string.h>

#include "base/text.h"
#include "fetch/imap_box.h"

#define TOLD_MAX 5 /* folders that cannot be ours are named one by one up to here */

struct finding {
    const struct pull *pull;
    struct pull_result *result;
    struct folders *folders;
    struct strv all; /* names of all folders, for a sentence */
    size_t unfit;    /* that cannot be folders here */
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
    bool ok = folders_name(list->name.buf, list->delimiter, &name, err) &&
              (f->all.count >= FOLDERS_MAX || strv_add(&f->all, name.buf, err));
    str_free(&name);
    if (!ok)
        return false;
    if (folders_add(f->folders, &f->pull->account->fetch, list->name.buf, list->delimiter, &why))
        return true;
    if (why.kind != ERR_DATA) {
        *err = why;
        return false;
    }
    note_unfit(f, &why);
    return true;
}

/* check_patterns - a name without wildcards that the server does not have is a mistake worth a word */
static void check_patterns(const struct finding *f)
{
    const struct strv *patterns = &f->pull->account->fetch.folders;
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        bool met = pattern[0] == '!' || strpbrk(pattern, "*%") != NULL;
        for (size_t k = 0; !met && k < f->all.count; k++)
            met = folders_match(pattern, f->all.items[k]);
        if (met)
            continue;
        struct err why = {0}, ignored;
        struct str names = STR_INIT(65536);
        for (size_t k = 0; k < f->all.count && k < 20; k++)
            if (!str_addf(&names, &ignored, "%s%s", k ? ", " : "", f->all.items[k]))
                break;
        err_set(&why, ERR_CONFIG, "The server has no folder \"%s\".", pattern);
        err_hint(&why, "It has: %.600s%s. Levels are parted by \"/\" in the option folders.", names.buf,
                 f->all.count > 20 ? ", ..." : "");
        pull_trouble(f->pull, f->result, &why);
        str_free(&names);
    }
}

static bool only_inbox(const struct strv *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (!text_eq_nocase(patterns->items[i], "INBOX"))
            return false;
    return true;
}

static bool find_folders(const struct pull *pull, struct pull_result *result, struct imap *imap,
                         struct folders *folders, struct err *err)
{
    if (only_inbox(&pull->account->fetch.folders))
        return folders_add(folders, &pull->account->fetch, "INBOX", '\0', err);
    struct finding f = {.pull = pull, .result = result, .folders = folders};
    struct imap_events events = {.arg = &f, .list = listed};
    unsigned tag;
    bool ok = imap_send(imap, &tag, err, "LIST \"\" \"*\"") &&
              imap_finish(imap, tag, &events, "list the folders", err);
    count_unfit(&f);
    if (ok)
        check_patterns(&f);
    strv_free(&f.all);
    return ok;
}

static bool pull_folders(const struct pull *pull, struct pull_result *result, struct imap *imap,
                         const struct folders *folders, struct err *err)
{
    for (size_t i = 0; i < folders->count; i++) {
        struct err why = {0};
        bool lost = false;
        if (imap_box_pull(pull, result, imap, &folders->items[i], &lost, &why))
            continue;
        if (lost || !imap_usable(imap) || why.kind == ERR_LOCAL) {
            *err = why;
            return false;
        }
        pull_trouble(pull, result, &why);
    }
    return true;
}

bool pull_imap(const struct pull *pull, struct pull_result *result, struct err *err)
{
    struct imap *imap = NULL;
    struct folders folders = {0};
    enum session_phase phase;
    if (!imap_open(&pull->session, &imap, &phase, err))
        return false;
    bool ok =
        find_folders(pull, result, imap, &folders, err) && pull_folders(pull, result, imap, &folders, err);
    const struct strv *alerts = imap_alerts(imap);
    for (size_t i = 0; i < alerts->count; i++) {
        char text[512];
        text_clean(text, sizeof text, alerts->items[i], strlen(alerts->items[i]));
        pull->watch.notice(pull->watch.arg, text);
    }
    imap_close(&imap);
    folders_free(&folders);
    return ok;
}
