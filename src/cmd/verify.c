/* verify - `tappal verify`: is all that the server has here, as it was fetched? For people, and for programs (--json). */
#include "fetch/verify.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/json_out.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/visit.h"
#include "mail/stub.h"

#define NAMED_MAX 20 /* messages of a folder that are named one by one */
#define JSON_MAX (256u << 20)

static const char usage[] =
    "Usage: tappal verify [--json] [--config DIR] [ACCOUNT]\n"
    "Compares what the server holds with what is on the disk: what is missing here, what is no\n"
    "longer as it was fetched, what the server has no more. Nothing is changed anywhere.\n"
    "Exit status: 0, or 1 where a message is missing or changed.";

static const char *const words[VERIFY_FINDINGS] = {[VERIFY_NEW] = "new",
                                                   [VERIFY_MISSING] = "missing",
                                                   [VERIFY_CHANGED] = "changed",
                                                   [VERIFY_EXTRA] = "extra"};

struct report {
    bool json;
    struct str text;  /* what is to be said of the folder, behind its first line; or all of the JSON */
    struct str items; /* JSON: its messages */
    struct json_out out, list;
    uint64_t named, missing, wrong;
};

/* -- for people -- */

/* add_name - as tappal-fetch --uid takes it */
static bool add_name(struct str *out, const char *folder, const char *uid, struct err *err)
{
    struct str name = STR_INIT(65536);
    bool ok = str_addf(&name, err, "%s/%s", folder, uid) && stub_add_word(out, name.buf, err);
    str_free(&name);
    return ok;
}

static bool say_finding(struct report *r, const char *folder, enum verify_finding what, const char *uid,
                        uint64_t size, const char *path, struct err *err)
{
    char shown[32];
    struct str clean = STR_INIT(65536);
    if ((what != VERIFY_MISSING && what != VERIFY_CHANGED) || r->named++ >= NAMED_MAX)
        return true;
    text_show_size(size, shown);
    bool ok = !path || text_add_clean(&clean, path, strlen(path), 4096, err);
    ok = ok && str_addf(&r->text, err, "\n  %s: ", words[what]) && add_name(&r->text, folder, uid, err) &&
         str_addf(&r->text, err, ", %s%s%s", shown, path ? ", " : "", clean.buf);
    str_free(&clean);
    return ok;
}

static bool say_folder(struct report *r, const struct verify_folder *f, struct err *err)
{
    static const char *const told[VERIFY_FINDINGS] = {[VERIFY_NEW] = "not fetched",
                                                      [VERIFY_MISSING] = "missing",
                                                      [VERIFY_CHANGED] = "changed",
                                                      [VERIFY_EXTRA] = "here and no longer on the server"};
    struct str line = STR_INIT(65536);
    bool ok = str_addf(&line, err, "%s: %llu on the server; %llu here", f->name,
                       (unsigned long long)f->listed, (unsigned long long)f->here) &&
              (f->elsewhere == 0 ||
               str_addf(&line, err, ", %llu fetched by another program", (unsigned long long)f->elsewhere));
    for (int i = 0; ok && i < VERIFY_FINDINGS; i++)
        if (f->found[i] > 0)
            ok = str_addf(&line, err, ", %llu %s", (unsigned long long)f->found[i], told[i]);
    if (ok)
        say("%s%s", line.buf, r->text.buf);
    if (ok && r->named > NAMED_MAX)
        say("  and %llu more, which --json lists", (unsigned long long)(r->named - NAMED_MAX));
    str_free(&line);
    str_clear(&r->text);
    r->named = 0;
    return ok;
}

/* -- for programs -- */

static bool add_finding(struct report *r, enum verify_finding what, const char *uid, uint64_t size,
                        const char *path, struct err *err)
{
    return json_open(&r->list, NULL, '{', err) && json_text(&r->list, "finding", words[what], err) &&
           json_text(&r->list, "uid", uid, err) && json_number(&r->list, "size", (int64_t)size, err) &&
           json_text(&r->list, "file", path, err) && json_close(&r->list, '}', err);
}

static bool add_folder(struct report *r, const struct verify_folder *f, struct err *err)
{
    struct json_out *j = &r->out;
    bool ok = json_open(j, NULL, '{', err) && json_text(j, "folder", f->name, err) &&
              json_number(j, "listed", (int64_t)f->listed, err) &&
              json_number(j, "here", (int64_t)f->here, err) &&
              json_number(j, "elsewhere", (int64_t)f->elsewhere, err);
    for (int i = 0; ok && i < VERIFY_FINDINGS; i++)
        ok = json_number(j, words[i], (int64_t)f->found[i], err);
    ok = ok && json_open(j, "messages", '[', err) && str_add(&r->text, r->items.buf, r->items.len, err) &&
         json_close(j, ']', err) && json_close(j, '}', err);
    str_clear(&r->items);
    r->list = json_begin(&r->items);
    return ok;
}

/* -- both -- */

static bool on_finding(void *arg, const char *folder, enum verify_finding what, const char *uid,
                       uint64_t size, const char *path, struct err *err)
{
    struct report *r = arg;
    r->missing += what == VERIFY_MISSING;
    r->wrong += what == VERIFY_MISSING || what == VERIFY_CHANGED;
    return r->json ? add_finding(r, what, uid, size, path, err)
                   : say_finding(r, folder, what, uid, size, path, err);
}

static bool on_folder(void *arg, const struct verify_folder *f, struct err *err)
{
    struct report *r = arg;
    return r->json ? add_folder(r, f, err) : say_folder(r, f, err);
}

static void say_missing(const char *account)
{
    char hint[512];
    snprintf(
        hint, sizeof hint,
        "What you deleted or moved out of the maildir yourself is missing as well. It is not fetched again, "
        "but for one that you ask for: tappal fetch %.200s --uid FOLDER/UID",
        account);
    say_hint(hint);
}

static bool verify(const struct visit *v, struct report *r, struct err *err)
{
    struct verify_watch watch = {.arg = r, .finding = on_finding, .folder = on_folder};
    bool ok = (!r->json || json_open(&r->out, NULL, '[', err)) && verify_account(&v->pull, &watch, err) &&
              (!r->json || json_close(&r->out, ']', err));
    if (ok && r->json)
        say("%s", r->text.buf);
    else if (ok && r->missing > 0)
        say_missing(v->account->name);
    return ok;
}

static int run(const char *config, const char *name, bool json)
{
    struct report r = {.json = json, .text = STR_INIT(JSON_MAX), .items = STR_INIT(JSON_MAX)};
    struct visit v;
    struct err err = {0};
    r.out = json_begin(&r.text);
    r.list = json_begin(&r.items);
    int status = 0;
    if (!visit_begin(config, name, true, &v, &err) || !verify(&v, &r, &err))
        status = say_error(v.account ? v.account->name : NULL, &err);
    else if (v.trouble != ERR_NONE)
        status = err_exit_status(v.trouble);
    else
        status = r.wrong > 0;
    visit_end(&v);
    str_free(&r.text);
    str_free(&r.items);
    return status;
}

int cmd_verify(int argc, char **argv)
{
    enum { CONFIG = 1, JSON, HELP };
    static const struct option long_options[] = {{"config", required_argument, NULL, CONFIG},
                                                 {"json", no_argument, NULL, JSON},
                                                 {"help", no_argument, NULL, HELP},
                                                 {NULL, 0, NULL, 0}};
    const char *config = NULL;
    bool json = false;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (c == CONFIG)
            config = optarg;
        else if (c == JSON)
            json = true;
        else if (c == HELP) {
            say("%s", usage);
            return 0;
        } else
            return cmd_bad_option("verify", c, argv, long_options);
    }
    if (argc - optind > 1)
        return cmd_surplus("verify", argv[optind + 1]);
    return run(config, argv[optind], json);
}
