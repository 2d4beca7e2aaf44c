/* pull - what fetching by IMAP and by POP3 have in common. */
#include "fetch/pull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "client/imap.h"
#include "fetch/batch.h"
#include "fetch/quarantine.h"

#define DAY 86400

void pull_trouble(const struct pull *pull, struct pull_result *result, const struct err *why)
{
    if (result->trouble.kind == ERR_NONE)
        result->trouble = *why;
    pull->watch.trouble(pull->watch.arg, why);
}

bool pull_is_due(const struct pull *pull, const struct seen_entry *entry)
{
    const struct fetch_conf *conf = &pull->account->fetch;
    if (!seen_is_here(entry) || entry->stub)
        return false;
    return conf->keep == KEEP_NO || (conf->keep == KEEP_YES && conf->move_to) ||
           (conf->keep == KEEP_DAYS && clock_now() - entry->when >= (int64_t)conf->keep_days * DAY);
}

/* who - the mailbox as such: whose it is, and where */
static bool add_who(const struct fetch_conf *conf, struct str *out, struct err *err)
{
    const struct endpoint *server = &conf->server;
    const char *place = server->host ? server->host : server->socket ? server->socket : "tunnel";
    return str_addf(out, err, "%s@%s", conf->who.login ? conf->who.login : "", place);
}

/* memory_path - STATE/HASH.seen: a server's name never becomes a path */
static bool memory_path(const struct pull *pull, const char *wire, struct str *out, struct err *err)
{
    char hex[17];
    struct seen_key hash = seen_key_hash(pull->account->fetch.server.protocol == PROTO_POP3 ? "pop3" : "imap",
                                         wire, strlen(wire));
    text_hex(hash.bytes, 8, hex);
    return str_addf(out, err, "%s/%s.seen", pull->state_dir, hex);
}

static bool open_memory(const struct pull *pull, const char *wire, struct seen_owner *owner, struct str *who,
                        struct seen **seen_r, struct err *err)
{
    struct str path = STR_INIT(4096);
    *owner = (struct seen_owner){.protocol = pull->account->fetch.server.protocol, .folder = wire};
    bool ok = add_who(&pull->account->fetch, who, err) && memory_path(pull, wire, &path, err);
    owner->who = who->buf;
    ok = ok && seen_open(path.buf, owner, pull->dry_run, seen_r, err);
    str_free(&path);
    return ok;
}

static bool open_box(const struct pull *pull, const char *path, struct maildir **box_r, struct err *err)
{
    struct str full = STR_INIT(4096);
    const char *root = pull->account->fetch.maildir;
    bool ok = (path[0] ? fs_join(&full, root, path, err) : str_addz(&full, root, err)) &&
              maildir_open(full.buf, box_r, err);
    str_free(&full);
    return ok;
}

bool pull_folder_open(const struct pull *pull, const char *wire, const char *name, const char *path,
                      struct pull_folder *f_r, struct err *err)
{
    struct pull_folder f = {.name = name};
    struct seen_owner owner;
    struct str who = STR_INIT(2048);
    bool ok = open_memory(pull, wire, &owner, &who, &f.seen, err);
    if (ok && !pull->dry_run) {
        ok = open_box(pull, path, &f.box, err) && ((f.batch = calloc(1, sizeof *f.batch)) || err_nomem(err));
        ok = ok && batch_init(f.batch, pull->account->name, name, owner.protocol, f.box, f.seen, err) &&
             batch_recover(f.batch, err);
    }
    str_free(&who);
    if (ok)
        *f_r = f;
    else
        pull_folder_close(&f, NULL);
    return ok;
}

void pull_folder_close(struct pull_folder *f, struct pull_result *result)
{
    if (f->batch) {
        if (result) {
            result->aside += quarantine_count(f->seen);
            result->messages += f->batch->placed;
            result->octets += f->batch->placed_octets;
            result->folders += f->batch->placed > 0;
        }
        batch_free(f->batch);
    }
    free(f->batch);
    maildir_close(&f->box);
    seen_close(&f->seen);
    *f = (struct pull_folder){0};
}

bool pull_is_another(const struct pull_folder *f, const struct pull *pull, struct err *err)
{
    struct str who = STR_INIT(2048);
    if (!add_who(&pull->account->fetch, &who, err)) {
        str_free(&who);
        return false;
    }
    err_set(err, ERR_CONFIG,
            "The folder %s was fetched from %.200s until now, and %.200s does not look like the same "
            "mailbox. Nothing was fetched from it and nothing deleted.",
            f->name, seen_moved(f->seen), who.buf);
    str_free(&who);
    return err_hint(err,
                    "If it is another mailbox, rename the account's file: a new account begins anew, and the "
                    "maildir may stay. If it is the same one, put the old host and login back.");
}

/* clean_state - halves of a memory whose rewriting was stopped (.HASH.seen.RANDOM, by fs_replace) */
static bool clean_state(const char *path, struct err *err)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    bool ok = d || err_errno(err, ERR_LOCAL, "%s cannot be read", path);
    while (ok && (entry = readdir(d)))
        if (entry->d_name[0] == '.' && strstr(entry->d_name, ".seen."))
            ok = fs_unlink(dirfd(d), entry->d_name, err);
    if (d)
        closedir(d);
    return ok;
}

bool pull_lock(const char *state_dir, bool look_only, int *fd_r, bool *got_r, struct err *err)
{
    struct str path = STR_INIT(4096);
    int got = -1;
    *fd_r = -1;
    if (fs_join(&path, state_dir, "lock", err)) {
        *fd_r = open(path.buf, O_RDWR | (look_only ? 0 : O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (*fd_r >= 0)
            got = fs_try_lock(*fd_r, err);
        else if (look_only && errno == ENOENT)
            got = 1;
        else
            err_errno(err, ERR_LOCAL, "%s could not be opened", path.buf);
    }
    str_free(&path);
    *got_r = got == 1;
    return got >= 0;
}

bool pull_goes_on(const struct pull *pull, struct err *err)
{
    return !pull->watch.stopped || !pull->watch.stopped(pull->watch.arg) ||
           err_set(err, ERR_NETWORK, "Fetching was stopped.");
}

bool pull_account_over(const struct pull *pull, struct pull_line *line, struct pull_result *result_r,
                       struct err *err)
{
    *result_r = (struct pull_result){0};
    if (!pull->dry_run && !clean_state(pull->state_dir, err))
        return false;
    bool ok = pull->account->fetch.server.protocol == PROTO_POP3 ? pull_pop3(pull, result_r, err)
                                                                 : pull_imap(pull, line, result_r, err);
    if (!ok)
        pull_line_close(line);
    return ok;
}

void pull_line_close(struct pull_line *line)
{
    imap_close(&line->imap);
    folders_free(&line->folders);
}

bool pull_account(const struct pull *pull, struct pull_result *result_r, struct err *err)
{
    struct pull_line line = {0};
    bool ok = pull_account_over(pull, &line, result_r, err);
    pull_line_close(&line);
    return ok;
}
