/* foreign - see foreign.h. */
#include "fetch/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

#define NUMBER_DIGITS 10

struct line {
    const char *at;
    size_t n;
};

/* next_line - without its LF or CRLF; false at the end */
static bool next_line(struct line *rest, struct line *line_r)
{
    if (rest->n == 0)
        return false;
    const char *lf = memchr(rest->at, '\n', rest->n);
    size_t n = lf ? (size_t)(lf - rest->at) : rest->n;
    *line_r = (struct line){rest->at, n > 0 && rest->at[n - 1] == '\r' ? n - 1 : n};
    rest->at += n + (lf != NULL);
    rest->n -= n + (lf != NULL);
    return true;
}

/* take_word - up to the next blank, which is passed over too */
static struct line take_word(struct line *line)
{
    if (line->n == 0)
        return *line;
    const char *blank = memchr(line->at, ' ', line->n);
    struct line word = {line->at, blank ? (size_t)(blank - line->at) : line->n};
    line->at += word.n + (blank != NULL);
    line->n -= word.n + (blank != NULL);
    return word;
}

static bool word_is(const struct line *word, const char *z)
{
    return word->n == strlen(z) && memcmp(word->at, z, word->n) == 0;
}

static bool read_number(const struct line *word, uint32_t *out)
{
    char text[NUMBER_DIGITS + 1];
    uint64_t value;
    if (word->n == 0 || word->n > NUMBER_DIGITS)
        return false;
    memcpy(text, word->at, word->n);
    text[word->n] = '\0';
    if (!text_u64(text, UINT32_MAX, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool add(struct foreign *f, const struct foreign_message *message, const struct line *uidl,
                struct err *err)
{
    if (f->count == FOREIGN_MAX)
        return err_set(err, ERR_DATA, "it names too many messages");
    struct foreign_message *messages = array_room(f->messages, &f->cap, f->count + 1, sizeof *messages, err);
    if (!messages)
        return false;
    f->messages = messages;
    f->messages[f->count] = *message;
    if (uidl && !(f->messages[f->count].uidl = strndup(uidl->at, uidl->n)))
        return err_nomem(err);
    f->count++;
    return true;
}

static bool damaged(struct err *err)
{
    return err_set(err, ERR_DATA, "a line of it is not what the program writes");
}

/* -- one reader for each program -- */

static bool read_mbsync(struct foreign *f, struct line rest, struct err *err)
{
    struct line line = {0};
    uint32_t validity = 0;
    while (next_line(&rest, &line) && line.n > 0) {
        struct line name = take_word(&line);
        /* before version 1.4 the two sides were called otherwise */
        bool far = word_is(&name, "FarUidValidity") || word_is(&name, "MasterUidValidity");
        if (far && !read_number(&line, &validity))
            return damaged(err);
    }
    if (validity == 0)
        return damaged(err);
    while (next_line(&rest, &line)) {
        struct foreign_message m = {.validity = validity};
        struct line uid = take_word(&line), near = take_word(&line);
        if (!read_number(&uid, &m.uid) || !read_number(&near, &m.near))
            return damaged(err);
        if (m.uid != 0 && !add(f, &m, NULL, err))
            return false;
    }
    return true;
}

static bool read_getmail(struct foreign *f, struct line rest, struct err *err)
{
    struct line line;
    while (next_line(&rest, &line)) {
        struct foreign_message m = {0};
        const char *nul = line.n ? memchr(line.at, '\0', line.n) : NULL;
        if (line.n == 0)
            continue;
        if (!nul)
            return damaged(err);
        struct line name = {line.at, (size_t)(nul - line.at)};
        const char *slash = memchr(name.at, '/', name.n);
        struct line validity = {name.at, slash ? (size_t)(slash - name.at) : 0};
        struct line uid = {slash ? slash + 1 : name.at, name.n - validity.n - (slash != NULL)};
        bool imap = slash && read_number(&validity, &m.validity) && read_number(&uid, &m.uid);
        if (!add(f, &m, imap ? NULL : &name, err))
            return false;
    }
    return true;
}

static bool read_mpop(struct foreign *f, struct line rest, const char *login, const char *host,
                      struct err *err)
{
    struct line line;
    uint32_t left = 0;
    bool ours = false;
    while (next_line(&rest, &line)) {
        if (left > 0) {
            left--;
            f->others += !ours;
            if (ours && !add(f, &(struct foreign_message){0}, &line, err))
                return false;
        } else if (line.n > 0 && line.at[0] == ' ') {
            line.at++;
            line.n--;
            struct line count = take_word(&line), server = take_word(&line);
            if (!read_number(&count, &left))
                return damaged(err);
            ours = word_is(&server, host) && word_is(&line, login);
        } else if (line.n > 0 && line.at[0] != '#') {
            return damaged(err);
        }
    }
    return left == 0 || damaged(err);
}

/* The user may hold an @, the host may not. */
static bool read_fetchmail(struct foreign *f, struct line rest, const char *login, const char *host,
                           struct err *err)
{
    struct line line;
    while (next_line(&rest, &line)) {
        size_t user = strlen(login), place = strlen(host);
        struct line who = take_word(&line);
        if (who.n == 0 || line.n == 0 || !memchr(who.at, '@', who.n))
            return damaged(err);
        bool ours = who.n == user + 1 + place && memcmp(who.at, login, user) == 0 && who.at[user] == '@' &&
                    text_eqn_nocase(who.at + user + 1, host, place);
        f->others += !ours;
        if (ours && !add(f, &(struct foreign_message){0}, &line, err))
            return false;
    }
    return true;
}

/* recognize - by the first line; getmail's are the only ones with a NUL */
static enum foreign_kind recognize(struct line rest)
{
    struct line line = {0};
    if (next_line(&rest, &line) && line.n > 0 && memchr(line.at, '\0', line.n))
        return FOREIGN_GETMAIL;
    if (line.n > 0 && (line.at[0] == '#' || line.at[0] == ' '))
        return FOREIGN_MPOP;
    struct line word = take_word(&line);
    bool numbers = word.n > 3 && (memcmp(word.at + word.n - 3, "ity", 3) == 0 ||
                                  memcmp(word.at + word.n - 3, "Uid", 3) == 0);
    return numbers && !memchr(word.at, '@', word.n) ? FOREIGN_MBSYNC : FOREIGN_FETCHMAIL;
}

bool foreign_read(const char *text, size_t n, const char *login, const char *host, const char *shown,
                  struct foreign *foreign_r, struct err *err)
{
    struct line all = {text, n};
    struct foreign f = {.kind = recognize(all)};
    struct err why = {0};
    bool ok = f.kind == FOREIGN_MBSYNC    ? read_mbsync(&f, all, &why)
              : f.kind == FOREIGN_GETMAIL ? read_getmail(&f, all, &why)
              : f.kind == FOREIGN_MPOP    ? read_mpop(&f, all, login, host, &why)
                                          : read_fetchmail(&f, all, login, host, &why);
    if (ok) {
        *foreign_r = f;
        return true;
    }
    foreign_free(&f);
    if (why.kind != ERR_DATA) {
        *err = why;
        return false;
    }
    err_set(err, ERR_DATA, "%s cannot be read as the state of mbsync, getmail, mpop or fetchmail: %s.", shown,
            why.what);
    return err_hint(err,
                    "mbsync keeps it in .mbsyncstate or ~/.mbsync, getmail in ~/.getmail/oldmail-*, mpop in "
                    "~/.mpop_uidls, fetchmail in ~/.fetchids.");
}

void foreign_free(struct foreign *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->messages[i].uidl);
    free(f->messages);
    *f = (struct foreign){0};
}

const char *foreign_name(enum foreign_kind kind)
{
    static const char *const names[] = {
        [FOREIGN_MBSYNC] = "mbsync",
        [FOREIGN_GETMAIL] = "getmail",
        [FOREIGN_MPOP] = "mpop",
        [FOREIGN_FETCHMAIL] = "fetchmail",
    };
    return names[kind];
}
