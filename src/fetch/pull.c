/* pull - what fetching by IMAP and by POP3 have in common. */
#include "fetch/pull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "box/lmtp.h"
#include "box/pipe.h"
#include "client/imap.h"
#include "fetch/batch.h"
#include "fetch/news.h"
#include "fetch/quarantine.h"
#include "fetch/throttle.h"

#define DAY 86400
#define LOCK_MS 50 /* that another who has it is waited for */

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

bool pull_is_first(const struct pull *pull, const char *wire)
{
    struct str path = STR_INIT(4096);
    struct err ignored;
    bool first = memory_path(pull, wire, &path, &ignored) && access(path.buf, F_OK) != 0;
    str_free(&path);
    return first;
}

/* locate - where the memory of a folder is, and whose; `who` holds what `owner_r` points to */
static bool locate(const struct pull *pull, const char *wire, struct str *path, struct str *who,
                   struct seen_owner *owner_r, struct err *err)
{
    if (!add_who(&pull->account->fetch, who, err) || !memory_path(pull, wire, path, err))
        return false;
    *owner_r = (struct seen_owner){pull->account->fetch.server.protocol, who->buf, wire};
    return true;
}

bool pull_memory(const struct pull *pull, const char *wire, bool look_only, struct seen **seen_r,
                 struct err *err)
{
    struct str path = STR_INIT(4096), who = STR_INIT(2048);
    struct seen_owner owner;
    bool ok =
        locate(pull, wire, &path, &who, &owner, err) && seen_open(path.buf, &owner, look_only, seen_r, err);
    str_free(&path);
    str_free(&who);
    return ok;
}

bool pull_has_maildir(const struct pull *pull, struct err *err)
{
    if (pull->account->fetch.deliver.count == 0)
        return true;
    err_set(err, ERR_CONFIG,
            "The mail of the account %s is handed over (deliver), so there is no maildir to look at.",
            pull->account->name);
    return err_hint(err, "`tappal status` lists what was not taken.");
}

static bool box_path(const struct pull *pull, const char *path, struct str *full, struct err *err)
{
    const char *root = pull->account->fetch.maildir;
    return path[0] ? fs_join(full, root, path, err) : str_addz(full, root, err);
}

static bool open_box(const struct pull *pull, const char *path, struct maildir **box_r, struct err *err)
{
    struct str full = STR_INIT(4096);
    bool ok = box_path(pull, path, &full, err) && maildir_open(full.buf, box_r, err);
    str_free(&full);
    return ok;
}

/* has_box - could a message be put there now? Else opening it makes it, or says why not */
static bool has_box(const struct pull *pull, const char *path)
{
    static const char *const parts[] = {"/tmp/.", "/new/.", "/cur/."};
    struct str full = STR_INIT(4096);
    struct err ignored;
    bool ok = pull->account->fetch.deliver.count > 0 || box_path(pull, path, &full, &ignored);
    size_t n = full.len;
    for (size_t i = 0; ok && n > 0 && i < sizeof parts / sizeof *parts; i++) {
        str_cut(&full, n);
        ok = str_addz(&full, parts[i], &ignored) && access(full.buf, W_OK | X_OK) == 0;
    }
    str_free(&full);
    return ok;
}

bool pull_glance(const struct pull *pull, const char *wire, const char *path, struct seen_glance *glance_r)
{
    struct str memory = STR_INIT(4096), who = STR_INIT(2048);
    struct seen_owner owner;
    struct err ignored;
    bool ok = has_box(pull, path) && locate(pull, wire, &memory, &who, &owner, &ignored) &&
              seen_glance(memory.buf, &owner, glance_r);
    str_free(&memory);
    str_free(&who);
    return ok;
}

/* open_sink - where this folder's messages go */
static bool open_sink(const struct pull *pull, const char *path, struct pull_folder *f, struct err *err)
{
    const struct account *a = pull->account;
    const struct strv *deliver = &a->fetch.deliver;
    const char *whom = a->address ? a->address : a->fetch.who.login ? a->fetch.who.login : a->name;
    if (deliver->count == 0) {
        if (!open_box(pull, path, &f->box, err))
            return false;
        f->sink = maildir_sink(f->box);
        return true;
    }
    return strcmp(deliver->items[0], "lmtp") == 0
               ? lmtp_open(pull->state_dir, deliver->items[1], deliver->items[2], a->name, &f->sink, err)
               : pipe_open(pull->state_dir, deliver->items + 1, a->name, whom, &f->sink, err);
}

/* received_line - up to the date; NULL and true: none is wanted */
static bool received_line(const struct fetch_conf *conf, const char *address, char **line_r, struct err *err)
{
    struct str line = STR_INIT(1024);
    char us[256] = "localhost";
    if (!conf->received)
        return true;
    (void)!gethostname(us, sizeof us - 1);
    bool ok = str_addf(&line, err, "Received: from %s\r\n\tby %s with %s (tappal)",
                       conf->server.host ? conf->server.host : "localhost", us,
                       conf->server.protocol == PROTO_POP3 ? "POP3" : "IMAP") &&
              (!address || str_addf(&line, err, "\r\n\tfor <%s>", address)) &&
              ((*line_r = str_steal(&line)) || err_nomem(err));
    str_free(&line);
    return ok;
}

static bool open_batch(const struct pull *pull, const char *name, const char *path, struct pull_folder *f,
                       struct err *err)
{
    const struct account *a = pull->account;
    if (!open_sink(pull, path, f, err) || !received_line(&a->fetch, a->address, &f->received, err))
        return false;
    if (!(f->batch = calloc(1, sizeof *f->batch)))
        return err_nomem(err);
    if (!batch_init(f->batch, a->name, name, a->fetch.server.protocol, f->sink, f->box, f->seen, err))
        return false;
    f->batch->pull = pull;
    f->batch->received = f->received;
    return batch_recover(f->batch, err);
}

bool pull_folder_open(const struct pull *pull, const char *wire, const char *name, const char *path,
                      struct pull_folder *f_r, struct err *err)
{
    struct pull_folder f = {.name = name};
    bool ok = pull_memory(pull, wire, pull->dry_run, &f.seen, err) && seen_call(f.seen, name, err) &&
              (pull->dry_run || open_batch(pull, name, path, &f, err));
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
            result->linked += f->batch->linked;
            if (result->trouble.kind == ERR_NONE)
                result->trouble = f->batch->first_trouble;
        }
        batch_free(f->batch);
    }
    free(f->batch);
    if (!f->box)
        sink_close(&f->sink);
    maildir_close(&f->box);
    free(f->received);
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

/* clean_state - halves of files whose rewriting was stopped (.NAME.RANDOM, by fs_replace), and files that were to have
 * no name (fs_create_unnamed): nothing else in this folder begins with a dot */
static bool clean_state(const char *path, struct err *err)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    bool ok = d || err_errno(err, ERR_LOCAL, "%s cannot be read", path);
    while (ok && (entry = readdir(d)))
        if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = fs_unlink(dirfd(d), entry->d_name, err);
    if (d)
        closedir(d);
    return ok;
}

/* try_lock - who only looks whether it is free (pull_is_running) holds it for a moment: 1 got it, 0 another has it, -1 error */
static int try_lock(int fd, struct err *err)
{
    struct err why = {0};
    if (fs_lock_wait(fd, clock_mono_ms() + LOCK_MS, &why))
        return 1;
    if (why.sys == EWOULDBLOCK)
        return 0;
    *err = why;
    return -1;
}

bool pull_lock(const char *state_dir, bool look_only, int *fd_r, bool *got_r, struct err *err)
{
    struct str path = STR_INIT(4096);
    int got = -1;
    *fd_r = -1;
    if (fs_join(&path, state_dir, "lock", err)) {
        *fd_r = open(path.buf, O_RDWR | (look_only ? 0 : O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (*fd_r >= 0)
            got = try_lock(*fd_r, err);
        else if (look_only && errno == ENOENT)
            got = 1;
        else
            fs_fail(err, path.buf, "opened");
    }
    str_free(&path);
    *got_r = got == 1;
    return got >= 0;
}

bool pull_is_running(const char *state_dir)
{
    int fd;
    bool got;
    struct err ignored;
    bool running = pull_lock(state_dir, true, &fd, &got, &ignored) && !got;
    if (fd >= 0)
        close(fd);
    return running;
}

bool pull_goes_on(const struct pull *pull, struct err *err)
{
    return !pull->watch.stopped || !pull->watch.stopped(pull->watch.arg) ||
           err_set(err, ERR_NETWORK, "Fetching was stopped.");
}

static bool serve(const struct pull *pull, struct pull_line *line, struct pull_result *result,
                  struct err *err)
{
    return pull->account->fetch.server.protocol == PROTO_POP3 ? pull_pop3(pull, result, err)
                                                              : pull_imap(pull, line, result, err);
}

/* serve_and_tell - what has come is told of also where not all did */
static bool serve_and_tell(const struct pull *pull, struct pull_line *line, struct pull_result *result,
                           struct err *err)
{
    struct news news;
    struct pull with_news = *pull;
    struct err why = {0};
    if (!news_begin(&news, pull->state_dir, err))
        return false;
    with_news.news = &news;
    bool ok = serve(&with_news, line, result, err);
    if (!news_tell(&news, pull->account->fetch.on_new.items, pull->account->name, &why))
        pull_trouble(pull, result, &why);
    news_end(&news);
    return ok;
}

/* is_held - has the server asked us to come later than now? A person who asks for one message is not kept waiting. */
static bool is_held(const struct pull *pull, struct pull_result *result, struct err *err)
{
    struct throttle t;
    char wait[32];
    int64_t now = clock_now();
    throttle_recall(pull->state_dir, now, &t);
    result->calm = t.calm > now;
    if (t.until <= now || pull->only_folder)
        return false;
    result->held = true;
    text_show_duration((uint64_t)(t.until - now), wait);
    err_set(err, ERR_REFUSED_TEMP, "%s", t.why);
    err_hint(err, "It is left alone for another %s.", wait);
    return true;
}

/* note_limit - what cannot be noted is asked for again, and refused again */
static void note_limit(const struct pull *pull, struct err *err)
{
    int64_t seconds;
    char wait[32];
    struct err ignored;
    if (!throttle_is(err, &seconds) ||
        !throttle_note(pull->state_dir, clock_now(), seconds, err->what, &ignored))
        return;
    text_show_duration((uint64_t)seconds, wait);
    err_hint(err,
             "It limits how much it is asked. Nothing is lost; it is left alone for %s, and then asked for "
             "less at a time.",
             wait);
}

bool pull_account_over(const struct pull *pull, struct pull_line *line, struct pull_result *result_r,
                       struct err *err)
{
    *result_r = (struct pull_result){0};
    if (is_held(pull, result_r, err) || (!pull->dry_run && !clean_state(pull->state_dir, err)))
        return false;
    bool tells = pull->account->fetch.on_new.count > 0 && !pull->dry_run;
    bool ok = (tells ? serve_and_tell : serve)(pull, line, result_r, err);
    if (!ok)
        pull_line_close(line);
    if (!ok && !pull->dry_run)
        note_limit(pull, err);
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
