/* adopt - `tappal adopt`: takes over mail that another program has fetched. A trial, unless --yes is given. */
#include "fetch/adopt.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/visit.h"

static const char usage[] =
    "Usage: tappal adopt [--from FILE]... [--yes] [--config DIR] [ACCOUNT]\n"
    "Records as fetched what another program has fetched into the maildir of the account, so\n"
    "that tappal-fetch does not fetch it again. Nothing is changed on the server, and no file.\n"
    "  --from FILE  the state of mbsync, getmail, mpop or fetchmail; may be given several times.\n"
    "               A .mbsyncstate in the maildir is found without it\n"
    "  --yes        do it; without it, only say what would be done";

struct wish {
    const char *config, *name;
    struct strv states; /* absolute paths */
    bool yes;
};

struct total {
    const struct visit *visit;
    uint64_t adopted, elsewhere;
};

static bool on_folder(void *arg, const struct adopt_folder *f, struct err *err)
{
    struct total *t = arg;
    const struct {
        uint64_t n;
        const char *what;
    } parts[] = {{f->ours, "known already"},
                 {f->by_state, "here by the other program's state"},
                 {f->by_letter, "here by their letter"},
                 {f->elsewhere, "fetched by the other program and not found here"},
                 {f->fresh, "to be fetched"}};
    struct str line = STR_INIT(65536);
    bool ok = str_addf(&line, err, "%s: %llu on the server", f->name, (unsigned long long)f->listed),
         first = true;
    for (size_t i = 0; ok && i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].n == 0)
            continue;
        ok = str_addf(&line, err, "%s%llu %s", first ? "; " : ", ", (unsigned long long)parts[i].n,
                      parts[i].what);
        first = false;
    }
    if (ok)
        say("%s", line.buf);
    str_free(&line);
    t->adopted += f->by_state + f->by_letter;
    t->elsewhere += f->elsewhere;
    return ok;
}

static void on_note(void *arg, const char *text)
{
    char clean[4096];
    (void)arg;
    text_clean(clean, sizeof clean, text, strlen(text));
    say("%s", clean);
}

static void say_end(const struct wish *wish, const struct total *t)
{
    const struct account *a = t->visit->account;
    if (a->fetch.keep == KEEP_NO && t->adopted > 0)
        say_warning("With keep = no, the next tappal-fetch deletes on the server what is here by now, what "
                    "was adopted "
                    "included.");
    if (t->adopted + t->elsewhere == 0)
        say("Nothing was recorded, for there is nothing to take over.");
    else if (wish->yes)
        say("Recorded. tappal-fetch %s fetches what is new from now on; switch the other program off.",
            a->name);
    else
        say("Nothing was recorded: this was a trial. With --yes it is done.");
}

static int run(const struct wish *wish)
{
    struct visit v;
    struct err err = {0};
    struct total total = {.visit = &v};
    struct adopt_watch watch = {.arg = &total, .folder = on_folder, .note = on_note};
    int status;
    if (!visit_begin(wish->config, wish->name, !wish->yes, &v, &err) ||
        !adopt_account(&v.pull, &wish->states, &watch, &err)) {
        status = say_error(v.account ? v.account->name : NULL, &err);
    } else {
        say_end(wish, &total);
        status = v.trouble != ERR_NONE ? err_exit_status(v.trouble) : 0;
    }
    visit_end(&v);
    return status;
}

/* add_state - by its true path: states may lie beside the mail that they are of */
static bool add_state(struct wish *wish, const char *path, struct err *err)
{
    char *real = realpath(path, NULL);
    bool ok =
        real ? strv_add(&wish->states, real, err) : err_errno(err, ERR_USAGE, "%s cannot be read", path);
    free(real);
    return ok;
}

/* read_options - false: nothing more to do, and *status_r is the exit status */
static bool read_options(int argc, char **argv, struct wish *wish, int *status_r)
{
    enum { CONFIG = 1, FROM, YES, HELP };
    static const struct option long_options[] = {{"config", required_argument, NULL, CONFIG},
                                                 {"from", required_argument, NULL, FROM},
                                                 {"yes", no_argument, NULL, YES},
                                                 {"help", no_argument, NULL, HELP},
                                                 {NULL, 0, NULL, 0}};
    struct err err;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (c == CONFIG) {
            wish->config = optarg;
        } else if (c == YES) {
            wish->yes = true;
        } else if (c == FROM) {
            if (!add_state(wish, optarg, &err)) {
                *status_r = say_error(NULL, &err);
                return false;
            }
        } else {
            *status_r = c == HELP ? 0 : cmd_bad_option("adopt", c, argv, long_options);
            if (c == HELP)
                say("%s", usage);
            return false;
        }
    }
    if (argc - optind > 1) {
        *status_r = cmd_surplus("adopt", argv[optind + 1]);
        return false;
    }
    wish->name = argv[optind];
    return true;
}

int cmd_adopt(int argc, char **argv)
{
    struct wish wish = {.states = STRV_INIT};
    int status;
    if (read_options(argc, argv, &wish, &status))
        status = run(&wish);
    strv_free(&wish.states);
    return status;
}
