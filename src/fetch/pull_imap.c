/* pull_imap - an IMAP account: signing in, and its folders, one after another. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/text.h"
#include "fetch/imap_box.h"
#include "fetch/imap_find.h"
#include "fetch/imap_team.h"
#include "fetch/links.h"
#include "fetch/throttle.h"

struct visit {
    const struct pull *pull;
    struct pull_result *result;
    struct imap_find find;
    struct imap_job inbox; /* open before the connection, where it is all that is wanted */
    bool early;            /* it is */
};

/* pull_one - a failure is the session's, or this machine's; else only this folder failed, and is told of */
static bool pull_one(struct visit *v, struct imap_job *job, struct imap *imap, struct err *err)
{
    struct err why = {0};
    int64_t seconds;
    if (imap_box_work(job, imap, &why))
        return true;
    if (job->lost || !imap_usable(imap) || why.kind == ERR_LOCAL || throttle_is(&why, &seconds)) {
        *err = why;
        return false;
    }
    pull_trouble(v->pull, v->result, &why);
    return true;
}

static bool pull_folder(void *arg, const struct folder *folder, struct imap *imap, struct err *err)
{
    struct visit *v = arg;
    struct imap_job job;
    struct err why = {0};
    if (!imap_box_open(v->pull, v->result, folder, v->find.target, &job, &why)) {
        if (why.kind == ERR_LOCAL)
            *err = why;
        else
            pull_trouble(v->pull, v->result, &why);
        return why.kind != ERR_LOCAL;
    }
    bool ok = pull_one(v, &job, imap, err);
    imap_box_close(&job);
    return ok;
}

/* pull_together - what was never fetched, by as many sessions as the account wants */
static bool pull_together(struct visit *v, struct imap *imap, struct err *err)
{
    struct imap_team team = {.pull = v->pull, .result = v->result, .take = pull_folder, .arg = v};
    struct pull pull = *v->pull;
    if (!imap_team_gather(&team, v->find.folders, imap))
        return true;
    pull.team = &team;
    v->pull = &pull;
    bool ok = imap_team_work(&team, imap, err);
    v->pull = team.pull;
    return ok;
}

static bool pull_folders(struct visit *v, struct imap *imap, struct err *err)
{
    const char *only = v->pull->only_folder;
    for (size_t i = 0; i < v->find.folders->count; i++) {
        const struct folder *folder = &v->find.folders->items[i];
        if (only && !folders_is_called(folder, only))
            continue;
        if (!pull_goes_on(v->pull, err) || !pull_folder(v, folder, imap, err))
            return false;
    }
    return true;
}

/* go_ahead - behind the sign-in: what we would ask first anyway */
static bool go_ahead(void *arg, struct imap *imap, struct err *err)
{
    struct visit *v = arg;
    if (v->early)
        return !imap_box_may_lead(&v->inbox, imap) || imap_box_lead(&v->inbox, imap, err);
    return imap_find_ask(&v->find, imap, err);
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
static bool open_early(struct visit *v, struct err *err)
{
    const struct fetch_conf *conf = &v->pull->account->fetch;
    if (!imap_find_is_plain(v->pull))
        return true;
    v->early = folders_take_inbox(v->find.folders, conf, err) &&
               imap_box_open(v->pull, v->result, &v->find.folders->items[0], NULL, &v->inbox, err);
    return v->early;
}

static bool sign_in(struct visit *v, struct imap **imap_r, struct err *err)
{
    struct str memory = STR_INIT(4096);
    struct imap_ahead ahead = {.remember = !v->pull->dry_run, .send = go_ahead, .arg = v};
    enum session_phase phase;
    bool ok = fs_join(&memory, v->pull->state_dir, "server", err);
    ahead.memory = memory.buf;
    ok = ok && imap_open(&v->pull->session, &ahead, imap_r, &phase, err);
    str_free(&memory);
    return ok;
}

bool pull_imap_folders(const struct pull *pull, struct pull_result *result, struct imap *imap,
                       struct folders *folders, struct err *err)
{
    struct imap_find find = {.pull = pull, .result = result, .folders = folders};
    bool ok = imap_find_is_plain(pull) ? folders_take_inbox(folders, &pull->account->fetch, err)
                                       : imap_find_all(&find, imap, err);
    imap_find_free(&find);
    return ok;
}

static bool visit(struct visit *v, struct pull_line *line, struct err *err)
{
    size_t alerts = line->imap ? imap_alerts(line->imap)->count : 0;
    if (!(line->imap ? go_ahead(v, line->imap, err) : sign_in(v, &line->imap, err)))
        return false;
    bool ok = v->early
                  ? pull_one(v, &v->inbox, line->imap, err)
                  : imap_find_all(&v->find, line->imap, err) && imap_find_states(&v->find, line->imap, err) &&
                        pull_together(v, line->imap, err) && pull_folders(v, line->imap, err);
    show_alerts(v->pull, line->imap, alerts);
    return ok;
}

bool pull_imap(const struct pull *pull, struct pull_line *line, struct pull_result *result, struct err *err)
{
    const struct fetch_conf *conf = &pull->account->fetch;
    struct links links;
    struct pull with_links = *pull;
    struct visit v = {.pull = &with_links,
                      .result = result,
                      .find = {.pull = &with_links, .result = result, .folders = &line->folders}};
    folders_free(&line->folders);
    links_begin(&links, pull, &line->folders);
    if (!pull->only_folder && conf->deliver.count == 0)
        with_links.links = &links;
    bool ok = open_early(&v, err) && visit(&v, line, err);
    if (v.early)
        imap_box_close(&v.inbox);
    links_end(&links);
    imap_find_free(&v.find);
    return ok;
}
