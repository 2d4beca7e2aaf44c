/* adopt - see adopt.h.
 *
 * A file stands for a message where the state says so, or where letter and size fit: fetchers add headers of their own
 * (Received, X-TUID), so a file may be larger than the server's message, but never smaller: half a message must not
 * count as fetched. Each file stands for one message. */
#include "fetch/adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "fetch/foreign.h"
#include "fetch/here.h"
#include "fetch/survey.h"

#define STATE_MAX (256u << 20)

/* A message that some state names. */
struct claim {
    struct seen_key key;
    uint32_t validity, near;
    size_t state; /* which of them */
};

/* A file that mbsync has given a number. */
struct numbered {
    uint32_t number;
    struct here_file *file;
};

struct adopt {
    const struct pull *pull;
    const struct adopt_watch *watch;
    struct strv states;   /* those that are named, and those that lie about */
    struct claim *claims; /* by key */
    size_t count;
    struct here here;
    struct numbered *numbered; /* by number */
    size_t numbers;
};

/* -- the states of others -- */

static int by_key(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    return memcmp(&x->key, &y->key, sizeof x->key);
}

static bool add_claims(struct adopt *a, const struct foreign *f, size_t state, struct err *err)
{
    bool pop3 = a->pull->account->fetch.server.protocol == PROTO_POP3;
    struct claim *claims = realloc(a->claims, (a->count + f->count + 1) * sizeof *claims);
    if (!claims)
        return err_nomem(err);
    a->claims = claims;
    for (size_t i = 0; i < f->count; i++) {
        const struct foreign_message *m = &f->messages[i];
        if (pop3 != (m->uidl != NULL))
            continue;
        claims[a->count++] = (struct claim){
            .key = pop3 ? seen_key_hash("uidl", m->uidl, strlen(m->uidl)) : seen_key_uid(m->uid),
            .validity = m->validity,
            .near = m->near,
            .state = state,
        };
    }
    return true;
}

static void note_state(const struct adopt *a, const struct foreign *f, const char *path, size_t used)
{
    char text[600];
    snprintf(text, sizeof text, "%.300s is the state of %s: it names %zu message%s of this mailbox%s.", path,
             foreign_name(f->kind), used, used == 1 ? "" : "s",
             f->others ? ", and others of other mailboxes" : "");
    a->watch->note(a->watch->arg, text);
}

static bool read_state(struct adopt *a, size_t state, struct err *err)
{
    const struct fetch_conf *conf = &a->pull->account->fetch;
    const char *path = a->states.items[state];
    struct str text = STR_INIT(STATE_MAX);
    struct foreign f = {0};
    size_t before = a->count;
    bool ok = fs_read_file(path, &text, err) &&
              foreign_read(text.buf, text.len, conf->who.login ? conf->who.login : "",
                           conf->server.host ? conf->server.host : "", path, &f, err) &&
              add_claims(a, &f, state, err);
    if (ok)
        note_state(a, &f, path, a->count - before);
    foreign_free(&f);
    str_free(&text);
    return ok;
}

static bool read_states(struct adopt *a, struct err *err)
{
    for (size_t i = 0; i < a->here.states.count; i++)
        if (!strv_has(&a->states, a->here.states.items[i]) &&
            !strv_add(&a->states, a->here.states.items[i], err))
            return false;
    for (size_t i = 0; i < a->states.count; i++)
        if (!read_state(a, i, err))
            return false;
    if (a->count > 0)
        qsort(a->claims, a->count, sizeof *a->claims, by_key);
    return true;
}

/* find_claim - of this message in this numbering */
static const struct claim *find_claim(const struct adopt *a, const struct survey_folder *f,
                                      const struct seen_key *key)
{
    struct claim wanted = {.key = *key};
    size_t lo = 0, hi = a->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (by_key(&a->claims[mid], &wanted) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < a->count && by_key(&a->claims[lo], &wanted) == 0; lo++)
        if (a->claims[lo].validity == f->validity)
            return &a->claims[lo];
    return NULL;
}

/* -- files -- */

static int by_number(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* number_files - ",U=NUMBER" in their names, up to ":2," or the next comma */
static bool number_files(struct adopt *a, struct err *err)
{
    a->numbered = calloc(a->here.count + 1, sizeof *a->numbered);
    if (!a->numbered)
        return err_nomem(err);
    for (size_t i = 0; i < a->here.count; i++) {
        struct here_file *file = &a->here.files[i];
        const char *at = strstr(strrchr(file->path, '/'), ",U=");
        unsigned long number = at ? strtoul(at + 3, NULL, 10) : 0;
        if (number > 0 && number <= UINT32_MAX)
            a->numbered[a->numbers++] = (struct numbered){(uint32_t)number, file};
    }
    if (a->numbers > 0)
        qsort(a->numbered, a->numbers, sizeof *a->numbered, by_number);
    return true;
}

/* lies_beside - FOLDER/.mbsyncstate and FOLDER/cur/NAME. A state that lies elsewhere does not say whose it is. */
static bool lies_beside(const struct adopt *a, const char *state, const struct here_file *file)
{
    const char *end = strrchr(state, '/');
    size_t root = strlen(a->here.root), n = (size_t)(strrchr(file->path, '/') - file->path);
    if (!end || strcmp(end, "/.mbsyncstate") != 0)
        return true;
    size_t folder = n > 4 ? n - 4 : 0, length = root + (folder ? folder + 1 : 0); /* less "/cur" */
    return (size_t)(end - state) == length && strncmp(state, a->here.root, root) == 0 &&
           (folder == 0 || strncmp(state + root + 1, file->path, folder) == 0);
}

static bool fits(const struct here_file *file, const struct survey_message *m)
{
    return file->read && !file->gone && !file->claimed && file->wire >= m->wire;
}

static struct here_file *file_of_number(const struct adopt *a, const struct claim *c,
                                        const struct survey_message *m)
{
    size_t lo = 0, hi = c->near ? a->numbers : 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (a->numbered[mid].number < c->near)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; c->near && lo < a->numbers && a->numbered[lo].number == c->near; lo++)
        if (lies_beside(a, a->states.items[c->state], a->numbered[lo].file) && fits(a->numbered[lo].file, m))
            return a->numbered[lo].file;
    return NULL;
}

/* file_of_letter - the one whose size is nearest */
static struct here_file *file_of_letter(const struct adopt *a, const struct survey_message *m)
{
    struct here_file *best = NULL;
    struct here_file **at = seen_mark_known(m->letter) ? here_by_letter(&a->here, m->letter) : NULL;
    for (; at && *at && memcmp((*at)->letter, m->letter, sizeof m->letter) == 0; at++)
        if (fits(*at, m) && (!best || (*at)->wire < best->wire))
            best = *at;
    return best;
}

/* -- one folder -- */

static bool record(const struct survey_folder *f, const struct survey_message *m, struct here_file *file,
                   struct err *err)
{
    struct seen_entry e = {.key = m->key,
                           .state = SEEN_PLACED,
                           .wire = m->wire,
                           .size = file->size,
                           .date = m->date,
                           .when = clock_now()};
    memcpy(e.hash, file->hash, sizeof e.hash);
    memcpy(e.letter, file->letter, sizeof e.letter);
    file->claimed = true;
    return f->pull->dry_run || seen_keep(f->seen, &e, err);
}

/* claim_ours - the files of messages that are known already stand for no others */
static bool claim_ours(struct adopt *a, const struct survey_folder *f, struct err *err)
{
    for (const struct seen_entry *e = seen_each(f->seen, NULL); e; e = seen_each(f->seen, e)) {
        struct here_file *file = NULL;
        bool same = false;
        if (seen_is_here(e) &&
            !here_find(&a->here, f->seen, f->pull->account->fetch.server.protocol, e, &file, &same, err))
            return false;
        if (file)
            file->claimed = true;
    }
    return true;
}

/* adopt_by_state - the others need their letter */
static bool adopt_by_state(struct adopt *a, struct survey_folder *f, struct adopt_folder *sum,
                           struct err *err)
{
    for (size_t i = 0; i < f->count; i++) {
        struct survey_message *m = &f->messages[i];
        const struct seen_entry *e = seen_find(f->seen, &m->key);
        const struct claim *c = e ? NULL : find_claim(a, f, &m->key);
        struct here_file *file = c ? file_of_number(a, c, m) : NULL;
        sum->listed++;
        sum->ours += e != NULL;
        sum->by_state += file != NULL;
        m->ask = !e && !file;
        if (file && !record(f, m, file, err))
            return false;
    }
    return true;
}

static bool adopt_by_letter(struct adopt *a, struct survey_folder *f, struct adopt_folder *sum,
                            struct err *err)
{
    for (size_t i = 0; i < f->count; i++) {
        struct survey_message *m = &f->messages[i];
        struct here_file *file = m->ask ? file_of_letter(a, m) : NULL;
        bool claimed = m->ask && !file && find_claim(a, f, &m->key);
        if (!m->ask)
            continue;
        sum->by_letter += file != NULL;
        sum->elsewhere += claimed;
        sum->fresh += !file && !claimed;
        if ((file && !record(f, m, file, err)) ||
            (claimed && !f->pull->dry_run && !seen_known(f->seen, &m->key, err)))
            return false;
    }
    return true;
}

static bool visit(void *arg, struct survey_folder *f, struct err *err)
{
    struct adopt *a = arg;
    struct adopt_folder sum = {.name = f->name};
    bool first = f->validity != 0 && seen_validity(f->seen) != f->validity;
    if (!f->pull->dry_run && first &&
        (!seen_set_validity(f->seen, f->validity, err) || !seen_set_next(f->seen, 1, err)))
        return false;
    return claim_ours(a, f, err) && adopt_by_state(a, f, &sum, err) && survey_letters(f, err) &&
           adopt_by_letter(a, f, &sum, err) && (f->pull->dry_run || seen_sync(f->seen, err)) &&
           a->watch->folder(a->watch->arg, &sum, err);
}

/* note_unread - what cannot be read may be what is then fetched once more */
static void note_unread(const struct adopt *a)
{
    char text[2200];
    if (a->here.unread.kind == ERR_NONE)
        return;
    snprintf(text, sizeof text, "%.2000s What cannot be read counts as not here, and is fetched again.",
             a->here.unread.what);
    a->watch->note(a->watch->arg, text);
}

bool adopt_account(const struct pull *pull, const struct strv *states, const struct adopt_watch *watch,
                   struct err *err)
{
    struct adopt a = {.pull = pull, .watch = watch};
    bool ok = pull_has_maildir(pull, err) && strv_copy(&a.states, states, err) &&
              here_scan(pull->account->fetch.maildir, &a.here, err) && read_states(&a, err) &&
              here_read_all(&a.here, err) && number_files(&a, err);
    if (ok)
        note_unread(&a);
    ok = ok && survey_account(pull, visit, &a, err);
    here_free(&a.here);
    strv_free(&a.states);
    free(a.claims);
    free(a.numbered);
    return ok;
}
