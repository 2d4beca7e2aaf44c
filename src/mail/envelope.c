/* envelope - reading and writing its text form, one `key: value` line each, in this order:
 *
 *   tappal-message 1
 *   accepted: 1763780000
 *   uid: 1000
 *   config_dir: /home/ada/.config/tappal     (may be missing, as the next two)
 *   account: work
 *   header_from: ada@example.org
 *   sender: ada@example.org
 *   ret: full | hdrs                         (may be missing, as the next three)
 *   envid: QQ314159
 *   report: yes
 *   require_tls: yes
 *   recipient: bob@example.test              (once or more, each with what follows)
 *   notify: never | success,failure,delay
 *   orcpt: rfc822;bob@example.test
 *   unusable: "two words" is not a mail address: ...
 *
 * and a blank line. There is one way to write an envelope, and only that is read. */
#include "mail/envelope.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/addr.h"
#include "mail/escape.h"

#define INDEX_FIRST_SIZE 16 /* slots; doubled while over half are taken */
#define NUMBER_MAX 20       /* digits of a uint64_t */
#define NOTIFY_ALL (NOTIFY_NEVER | NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY)

static const char first_line[] = "tappal-message 1\n";

static const struct {
    unsigned bit;
    const char *word;
} notify_words[] = {{NOTIFY_NEVER, "never"},
                    {NOTIFY_SUCCESS, "success"},
                    {NOTIFY_FAILURE, "failure"},
                    {NOTIFY_DELAY, "delay"}};
#define NOTIFY_WORDS (sizeof notify_words / sizeof *notify_words)

bool envelope_notify_parse(const char *words, unsigned *notify_r)
{
    unsigned notify = NOTIFY_UNSET;
    for (const char *p = words;; p++) {
        const size_t n = strcspn(p, ",");
        unsigned bit = 0;
        for (size_t i = 0; i < NOTIFY_WORDS; i++)
            if (n == strlen(notify_words[i].word) && text_eqn_nocase(p, notify_words[i].word, n))
                bit = notify_words[i].bit;
        notify |= bit;
        p += n;
        if (bit == 0 || ((notify & NOTIFY_NEVER) && notify != NOTIFY_NEVER))
            return false;
        if (*p == '\0')
            break;
    }
    *notify_r = notify;
    return true;
}

void envelope_init(struct envelope *e)
{
    *e = (struct envelope){0};
}

void envelope_free(struct envelope *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free(e->recipients[i].address);
        free(e->recipients[i].orcpt);
        free(e->recipients[i].unusable);
    }
    free(e->recipients);
    free(e->index);
    free(e->config_dir);
    free(e->account);
    free(e->header_from);
    free(e->sender);
    free(e->envid);
    envelope_init(e);
}

/* -- recipients, each once -- */

static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return at ? at : address + strlen(address);
}

static bool same_address(const char *a, const char *b)
{
    size_t local = (size_t)(domain_of(a) - a);
    return local == (size_t)(domain_of(b) - b) && memcmp(a, b, local) == 0 &&
           text_eq_nocase(a + local, b + local);
}

/* FNV-1a over the folded address: equal for all that same_address holds equal. */
static uint32_t hash_address(const char *address)
{
    uint32_t hash = 2166136261u;
    for (; *address; address++)
        hash = (hash ^ (unsigned char)text_lower(*address)) * 16777619u;
    return hash;
}

/* The slot where the address is, or would be. A slot holds a recipient's place plus one; 0: empty. */
static uint32_t *find_slot(const struct envelope *e, const char *address)
{
    size_t at = hash_address(address) & (e->index_size - 1);
    while (e->index[at] != 0 && !same_address(e->recipients[e->index[at] - 1].address, address))
        at = (at + 1) & (e->index_size - 1);
    return &e->index[at];
}

/* Room for one more recipient, in the list and in the index. */
static bool make_room(struct envelope *e, struct err *err)
{
    if ((e->count + 1) * 2 <= e->index_size)
        return true;
    size_t size = e->index_size ? e->index_size * 2 : INDEX_FIRST_SIZE;
    struct recipient *list = realloc(e->recipients, size / 2 * sizeof *list);
    if (!list)
        return err_nomem(err);
    e->recipients = list;
    uint32_t *index = calloc(size, sizeof *index);
    if (!index)
        return err_nomem(err);
    free(e->index);
    e->index = index;
    e->index_size = size;
    for (size_t i = 0; i < e->count; i++)
        *find_slot(e, e->recipients[i].address) = (uint32_t)(i + 1);
    return true;
}

bool envelope_add(struct envelope *e, const char *address, struct err *err)
{
    if (!make_room(e, err))
        return false;
    uint32_t *slot = find_slot(e, address);
    if (*slot != 0)
        return true;
    if (e->count == ENVELOPE_RECIPIENTS_MAX) {
        err_set(err, ERR_DATA, "The message has more than %d recipients.", ENVELOPE_RECIPIENTS_MAX);
        return err_hint(err, "Send it in several parts, or through a mailing list.");
    }
    char *copy = strdup(address);
    if (!copy)
        return err_nomem(err);
    e->recipients[e->count++] = (struct recipient){.address = copy};
    *slot = (uint32_t)e->count;
    return true;
}

bool envelope_add_unusable(struct envelope *e, const char *given, size_t n, const char *why, struct err *err)
{
    struct str shown = STR_INIT(4 * ENVELOPE_UNUSABLE_MAX + 4);
    const size_t before = e->count;
    bool ok = text_add_clean(&shown, given, n, ENVELOPE_UNUSABLE_MAX, err) && envelope_add(e, shown.buf, err);
    if (ok && e->count > before) {
        e->recipients[before].unusable = strdup(why);
        ok = e->recipients[before].unusable || err_nomem(err);
    }
    str_free(&shown);
    return ok;
}

bool envelope_add_list(struct envelope *e, const char *text, size_t n, struct err *err)
{
    static const char null_sender[] = "\"<>\" is no address that mail can be sent to.";
    struct addr_parser p;
    struct addr a;
    struct err why;
    enum addr_event event;
    bool ok = true;
    addr_begin(&p, text, n);
    while (ok && (event = addr_next(&p, &a, &why)) != ADDR_END) {
        if (event == ADDR_BAD)
            ok = envelope_add_unusable(e, text + a.start, a.end - a.start, why.what, err);
        else if (a.spec[0] == '\0')
            ok = envelope_add_unusable(e, "<>", 2, null_sender, err);
        else
            ok = envelope_add(e, a.spec, err);
    }
    return ok;
}

/* -- writing -- */

static bool write_text(struct str *out, const char *key, const char *value, struct err *err)
{
    return !value ||
           (str_addf(out, err, "%s: ", key) && escape_add(out, value, err) && str_addc(out, '\n', err));
}

static const char *ret_word(enum dsn_ret ret)
{
    return ret == RET_FULL ? "full" : ret == RET_HDRS ? "hdrs" : NULL;
}

static bool write_notify(struct str *out, unsigned notify, struct err *err)
{
    const char *before = "notify: ";
    for (size_t i = 0; i < NOTIFY_WORDS; i++) {
        if (!(notify & notify_words[i].bit))
            continue;
        if (!str_addz(out, before, err) || !str_addz(out, notify_words[i].word, err))
            return false;
        before = ",";
    }
    return !(notify & NOTIFY_ALL) || str_addc(out, '\n', err);
}

static bool write_recipient(struct str *out, const struct recipient *r, struct err *err)
{
    return write_text(out, "recipient", r->address, err) && write_notify(out, r->notify, err) &&
           write_text(out, "orcpt", r->orcpt, err) && write_text(out, "unusable", r->unusable, err);
}

bool envelope_write(const struct envelope *e, struct str *out, struct err *err)
{
    if (e->accepted < 0 || !e->sender || e->count == 0)
        return err_set(err, ERR_INTERNAL, "An envelope without time, sender or recipient was to be stored.");
    if (!str_addz(out, first_line, err) || !str_addf(out, err, "accepted: %" PRId64 "\n", e->accepted) ||
        !str_addf(out, err, "uid: %" PRIu32 "\n", e->uid) ||
        !write_text(out, "config_dir", e->config_dir, err) || !write_text(out, "account", e->account, err) ||
        !write_text(out, "header_from", e->header_from, err) || !write_text(out, "sender", e->sender, err) ||
        !write_text(out, "ret", ret_word(e->ret), err) || !write_text(out, "envid", e->envid, err) ||
        !write_text(out, "report", e->is_report ? "yes" : NULL, err) ||
        !write_text(out, "require_tls", e->require_tls ? "yes" : NULL, err))
        return false;
    for (size_t i = 0; i < e->count; i++)
        if (!write_recipient(out, &e->recipients[i], err))
            return false;
    return str_addc(out, '\n', err);
}

/* -- reading -- */

struct cursor {
    const char *at, *end;
};

static bool broken(const char *where, struct err *err)
{
    return err_set(err, ERR_DATA, "The envelope of the message is damaged at its line \"%s\".", where);
}

/* If the next line is `key: VALUE`, takes it and returns VALUE; else NULL, and nothing is taken. */
static const char *take(struct cursor *c, const char *key, size_t *n_r)
{
    size_t key_len = strlen(key), left = (size_t)(c->end - c->at);
    if (left < key_len + 2 || memcmp(c->at, key, key_len) != 0 || memcmp(c->at + key_len, ": ", 2) != 0)
        return NULL;
    const char *value = c->at + key_len + 2;
    const char *lf = memchr(value, '\n', left - key_len - 2);
    if (!lf)
        return NULL;
    *n_r = (size_t)(lf - value);
    c->at = lf + 1;
    return value;
}

/* A line that may be missing: *value_r stays NULL then. */
static bool read_text(struct cursor *c, const char *key, char **value_r, struct err *err)
{
    size_t n;
    const char *value = take(c, key, &n);
    if (!value)
        return true;
    struct str text = STR_INIT(ENVELOPE_TEXT_MAX);
    bool ok = escape_undo(&text, value, n, err);
    if (ok)
        *value_r = str_steal(&text);
    str_free(&text);
    return ok && (*value_r || err_nomem(err));
}

static bool read_number(struct cursor *c, const char *key, uint64_t max, uint64_t *value_r, struct err *err)
{
    size_t n;
    const char *value = take(c, key, &n);
    char digits[NUMBER_MAX + 1] = "";
    if (!value || n == 0 || n > NUMBER_MAX || memchr(value, '\0', n) || (value[0] == '0' && n > 1))
        return broken(key, err);
    memcpy(digits, value, n);
    return text_u64(digits, max, value_r) || broken(key, err);
}

/* A line whose value is one of the words, each standing for its place plus one; 0 where the line is missing.
 */
static bool read_word(struct cursor *c, const char *key, const char *const *words, size_t count,
                      unsigned *which_r, struct err *err)
{
    size_t n;
    const char *value = take(c, key, &n);
    *which_r = 0;
    if (!value)
        return true;
    for (unsigned i = 0; i < count; i++)
        if (strlen(words[i]) == n && memcmp(words[i], value, n) == 0)
            *which_r = i + 1;
    return *which_r != 0 || broken(key, err);
}

static bool read_yes(struct cursor *c, const char *key, bool *yes_r, struct err *err)
{
    unsigned which;
    if (!read_word(c, key, (const char *const[]){"yes"}, 1, &which, err))
        return false;
    *yes_r = which != 0;
    return true;
}

/* All sets of words in the order of their bits: "never", "success", "never,success", ... */
static bool read_notify(struct cursor *c, unsigned *notify_r, struct err *err)
{
    struct str line = STR_INIT(64);
    bool found = false, ok = true;
    for (unsigned set = 1; set <= NOTIFY_ALL && !found && ok; set++) {
        str_clear(&line);
        ok = write_notify(&line, set, err);
        found = ok && line.len <= (size_t)(c->end - c->at) && memcmp(line.buf, c->at, line.len) == 0;
        if (found) {
            *notify_r = set;
            c->at += line.len;
        }
    }
    str_free(&line);
    return ok;
}

/* The next recipient with its options; an address that is there already is damage. */
static bool read_recipient(struct cursor *c, struct envelope *e, struct err *err)
{
    char *address = NULL;
    size_t before = e->count;
    bool ok = read_text(c, "recipient", &address, err) && (address || broken("recipient", err)) &&
              envelope_add(e, address, err);
    free(address);
    if (!ok)
        return false;
    if (e->count == before)
        return broken("recipient", err);
    struct recipient *r = &e->recipients[before];
    return read_notify(c, &r->notify, err) && read_text(c, "orcpt", &r->orcpt, err) &&
           read_text(c, "unusable", &r->unusable, err);
}

static bool read_head(struct cursor *c, struct envelope *e, struct err *err)
{
    uint64_t accepted, uid;
    unsigned ret;
    if (!read_number(c, "accepted", INT64_MAX, &accepted, err) ||
        !read_number(c, "uid", UINT32_MAX, &uid, err) || !read_text(c, "config_dir", &e->config_dir, err) ||
        !read_text(c, "account", &e->account, err) || !read_text(c, "header_from", &e->header_from, err) ||
        !read_text(c, "sender", &e->sender, err) ||
        !read_word(c, "ret", (const char *const[]){"full", "hdrs"}, 2, &ret, err) ||
        !read_text(c, "envid", &e->envid, err) || !read_yes(c, "report", &e->is_report, err) ||
        !read_yes(c, "require_tls", &e->require_tls, err))
        return false;
    e->accepted = (int64_t)accepted;
    e->uid = (uint32_t)uid;
    e->ret = ret == 1 ? RET_FULL : ret == 2 ? RET_HDRS : RET_UNSET;
    return e->sender || broken("sender", err);
}

bool envelope_read(const char *text, size_t n, struct envelope *e_r, struct err *err)
{
    size_t first = sizeof first_line - 1;
    struct cursor c = {.at = text, .end = text + n};
    struct envelope e;
    envelope_init(&e);
    bool ok = (n >= first && n <= ENVELOPE_TEXT_MAX && memcmp(text, first_line, first) == 0) ||
              broken("tappal-message 1", err);
    if (ok) {
        c.at += first;
        ok = read_head(&c, &e, err);
    }
    do
        ok = ok && read_recipient(&c, &e, err);
    while (ok && c.at < c.end && *c.at != '\n');
    ok = ok && ((c.at + 1 == c.end && *c.at == '\n') || broken("", err));
    if (ok)
        *e_r = e;
    else
        envelope_free(&e);
    return ok;
}

/* -- outcomes -- */

bool verdict_is_open(enum verdict verdict)
{
    return verdict == VERDICT_NONE || verdict == VERDICT_LATER;
}

void outcome_free(struct outcome *o)
{
    free(o->text);
    *o = (struct outcome){.verdict = VERDICT_NONE};
}

bool outcome_copy(struct outcome *to, const struct outcome *from, struct err *err)
{
    char *text = from->text ? strdup(from->text) : NULL;
    if (from->text && !text)
        return err_nomem(err);
    free(to->text);
    *to = *from;
    to->text = text;
    return true;
}
