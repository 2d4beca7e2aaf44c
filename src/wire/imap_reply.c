/* imap_reply - see imap_reply.h. */
#include "wire/imap_reply.h"

#include <string.h>

#include "base/text.h"
#include "mail/flags.h"

static struct imap_part part(const char *at, const char *end)
{
    return (struct imap_part){.at = at, .n = (size_t)(end - at)};
}

bool imap_part_is(const struct imap_part *p, const char *word)
{
    return p->n == strlen(word) && text_eqn_nocase(p->at, word, p->n);
}

bool imap_part_number(const struct imap_part *p, uint64_t max, uint64_t *out)
{
    struct imap_token t = {.kind = IMAP_ATOM, .bytes = p->at, .n = p->n};
    return imap_token_u64(&t, max, out);
}

/* word - up to the next blank; *at_r moves behind the blanks that follow */
static struct imap_part word(const char **at_r, const char *end)
{
    const char *begin = *at_r, *p = begin;
    while (p < end && *p != ' ')
        p++;
    struct imap_part w = part(begin, p);
    while (p < end && *p == ' ')
        p++;
    *at_r = p;
    return w;
}

static void read_resp_text(struct imap_reply *r, const char *at, const char *end)
{
    const char *close = at < end && *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
    if (close) {
        at++;
        r->code = word(&at, close);
        r->arguments = part(at, close);
        at = close + 1;
        while (at < end && *at == ' ')
            at++;
    }
    r->text = part(at, end);
}

static enum imap_status status_of(const struct imap_part *p)
{
    static const struct {
        const char *word;
        enum imap_status status;
    } words[] = {
        {"OK", IMAP_OK},   {"NO", IMAP_NO},           {"BAD", IMAP_NOT_UNDERSTOOD},
        {"BYE", IMAP_BYE}, {"PREAUTH", IMAP_PREAUTH},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (imap_part_is(p, words[i].word))
            return words[i].status;
    return IMAP_DATA;
}

static void read_untagged(struct imap_reply *r, const char *at, const char *end)
{
    r->name = word(&at, end);
    r->status = status_of(&r->name);
    if (r->status != IMAP_DATA) {
        read_resp_text(r, at, end);
        return;
    }
    if (imap_part_number(&r->name, UINT32_MAX, &r->number))
        r->name = word(&at, end);
    r->text = part(at, end);
    if (r->name.n == 0)
        r->form = IMAP_GARBAGE;
}

struct imap_reply imap_reply_read(const char *line, size_t n)
{
    const char *at = line, *end = line + n;
    struct imap_reply r = {.form = IMAP_GARBAGE, .text = part(line, end)};
    struct imap_part tag = word(&at, end);
    if (imap_part_is(&tag, "+")) {
        r.form = IMAP_CONTINUE;
        r.text = part(at, end);
    } else if (imap_part_is(&tag, "*")) {
        r.form = IMAP_UNTAGGED;
        read_untagged(&r, at, end);
    } else if (tag.n > 0) {
        struct imap_part status = word(&at, end);
        r.status = status_of(&status);
        if (r.status == IMAP_OK || r.status == IMAP_NO || r.status == IMAP_NOT_UNDERSTOOD) {
            r.form = IMAP_TAGGED;
            r.tag = tag;
            read_resp_text(&r, at, end);
        }
    }
    return r;
}

bool imap_reply_is_temporary(const struct imap_reply *reply)
{
    static const char *const codes[] = {"UNAVAILABLE",  "INUSE",     "LIMIT",    "SERVERBUG",
                                        "CONTACTADMIN", "THROTTLED", "OVERQUOTA"};
    static const char *const phrases[] = {"*throttled*", "*try again*",
                                          "*temporar*",  "*too many*connections*",
                                          "*try later*", "*command or bandwidth limit*"};
    char text[256];
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (imap_part_is(&reply->code, codes[i]))
            return true;
    text_clean(text, sizeof text, reply->text.at, reply->text.n);
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (text_glob(phrases[i], text))
            return true;
    return false;
}

bool imap_capabilities_add(struct strv *out, const char *text, size_t n, struct err *err)
{
    const char *at = text, *end = text + n;
    while (at < end) {
        struct imap_part w = word(&at, end);
        if (w.n > 0 && !memchr(w.at, '\0', w.n) && !strv_addn(out, w.at, w.n, err))
            return false;
    }
    return true;
}

static bool broken(struct err *err, const char *what)
{
    return err_set(err, ERR_PROTOCOL, "The server's %s answer is broken.", what);
}

bool imap_search_read(struct uidset *set, const char *text, size_t n, struct err *err)
{
    struct imap_text in = {text, text + n};
    for (;;) {
        uint64_t uid;
        struct imap_token t = imap_next(&in);
        if (t.kind == IMAP_END || t.kind == IMAP_OPEN) /* "(MODSEQ 917162500)" may stand at the end */
            return true;
        if (!imap_token_u64(&t, UINT32_MAX, &uid) || uid == 0)
            return broken(err, "SEARCH");
        if (!uidset_add(set, (uint32_t)uid, (uint32_t)uid, err))
            return false;
    }
}

bool imap_esearch_read(struct uidset *set, const char *text, size_t n, struct err *err)
{
    struct imap_text in = {text, text + n};
    struct imap_token t = imap_next(&in), due;
    if (t.kind == IMAP_OPEN) { /* (TAG "A1") */
        if (!imap_skip(&in, t, &due))
            return broken(err, "ESEARCH");
        t = imap_next(&in);
    }
    if (imap_token_is(&t, "UID"))
        t = imap_next(&in);
    for (; t.kind != IMAP_END; t = imap_next(&in)) {
        struct imap_token value = imap_next(&in);
        if (t.kind != IMAP_ATOM || value.kind == IMAP_END)
            return broken(err, "ESEARCH");
        if (!imap_token_is(&t, "ALL")) {
            if (!imap_skip(&in, value, &due))
                return broken(err, "ESEARCH");
        } else if (value.kind != IMAP_ATOM || !uidset_read(set, value.bytes, value.n, err)) {
            return broken(err, "ESEARCH");
        }
    }
    return true;
}

bool imap_vanished_read(struct uidset *set, const char *text, size_t n, struct err *err)
{
    struct imap_text in = {text, text + n};
    struct imap_token t = imap_next(&in), due;
    if (t.kind == IMAP_OPEN) { /* (EARLIER) */
        if (!imap_skip(&in, t, &due))
            return broken(err, "VANISHED");
        t = imap_next(&in);
    }
    if (t.kind != IMAP_ATOM || imap_next(&in).kind != IMAP_END)
        return broken(err, "VANISHED");
    return uidset_read(set, t.bytes, t.n, err);
}

/* read_flags - behind the parenthesis, to the other one */
static bool read_flags(struct imap_text *in, uint8_t *flags_r, bool *any_r)
{
    struct imap_token t;
    *flags_r = 0;
    *any_r = false;
    while ((t = imap_next(in)).kind == IMAP_ATOM || t.kind == IMAP_QUOTED) {
        *flags_r |= flags_of_imap(t.bytes, t.n);
        *any_r = *any_r || imap_token_is(&t, "\\*");
    }
    return t.kind == IMAP_CLOSE;
}

bool imap_flags_read(const char *text, size_t n, uint8_t *flags_r, bool *any_r)
{
    struct imap_text in = {text, text + n};
    return imap_next(&in).kind == IMAP_OPEN && read_flags(&in, flags_r, any_r);
}

void imap_list_free(struct imap_list *list)
{
    strv_free(&list->attributes);
    str_free(&list->name);
}

static bool read_attributes(struct imap_list *list, struct imap_text *in, struct err *err)
{
    if (imap_next(in).kind != IMAP_OPEN)
        return broken(err, "LIST");
    for (struct imap_token t = imap_next(in); t.kind != IMAP_CLOSE; t = imap_next(in)) {
        if (t.kind != IMAP_ATOM || memchr(t.bytes, '\0', t.n))
            return broken(err, "LIST");
        if (!strv_addn(&list->attributes, t.bytes, t.n, err))
            return false;
    }
    return true;
}

/* read_name - a string, or all that is left of the line: some servers forget the quotes around blanks */
static bool read_name(struct imap_list *list, struct imap_text *in, struct err *err)
{
    while (in->at < in->end && *in->at == ' ')
        in->at++;
    const char *begin = in->at;
    struct imap_token t = imap_next(in);
    if (t.kind == IMAP_ATOM)
        t.n = (size_t)(in->end - begin);
    if (!imap_token_is_string(&t))
        return broken(err, "LIST");
    return imap_token_text(&t, &list->name, err);
}

bool imap_list_read(struct imap_list *list_r, const char *text, size_t n, struct err *err)
{
    struct imap_text in = {text, text + n};
    struct imap_list list = {.attributes = STRV_INIT, .name = STR_INIT(n + 1)};
    bool ok = read_attributes(&list, &in, err);
    if (ok) {
        struct imap_token t = imap_next(&in);
        if (t.kind == IMAP_QUOTED && t.n > 0)
            list.delimiter = t.bytes[t.n - 1]; /* "\\" is a backslash */
        else if (t.kind != IMAP_QUOTED && !imap_token_is(&t, "NIL"))
            ok = broken(err, "LIST");
    }
    ok = ok && read_name(&list, &in, err);
    if (ok)
        *list_r = list;
    else
        imap_list_free(&list);
    return ok;
}

void imap_state_free(struct imap_state *state)
{
    str_free(&state->name);
}

/* read_facts - names and numbers; what we do not know, and what is no number, is skipped */
static bool read_facts(struct imap_state *state, struct imap_text *in)
{
    struct imap_token name, value, due;
    if (imap_next(in).kind != IMAP_OPEN)
        return false;
    while ((name = imap_next(in)).kind == IMAP_ATOM) {
        uint64_t number;
        value = imap_next(in);
        if (!imap_token_u64(&value, INT64_MAX, &number)) {
            if (!imap_skip(in, value, &due))
                return false;
        } else if (imap_token_is(&name, "HIGHESTMODSEQ")) {
            state->modseq = number;
        } else if (number > UINT32_MAX) {
            continue;
        } else if (imap_token_is(&name, "UIDNEXT")) {
            state->next = (uint32_t)number;
        } else if (imap_token_is(&name, "UIDVALIDITY")) {
            state->validity = (uint32_t)number;
        }
    }
    return name.kind == IMAP_CLOSE;
}

bool imap_state_read(struct imap_state *state_r, const char *text, size_t n, struct err *err)
{
    struct imap_text in = {text, text + n};
    struct imap_state state = {.name = STR_INIT(n + 1)};
    struct imap_token name = imap_next(&in);
    bool ok = (imap_token_is_string(&name) || broken(err, "STATUS")) &&
              imap_token_text(&name, &state.name, err) && (read_facts(&state, &in) || broken(err, "STATUS"));
    if (ok)
        *state_r = state;
    else
        imap_state_free(&state);
    return ok;
}

/* month - from 0, -1 where it is none */
static int month(const char *text)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (text_eqn_nocase(names + (size_t)i * 3, text, 3))
            return i;
    return -1;
}

/* days_since_1970 - of a day in the Gregorian calendar, the year beginning with March so that a leap day ends
 * it */
static int64_t days_since_1970(int64_t year, int mon, int day)
{
    int64_t y = mon < 2 ? year - 1 : year;
    int from_march = (mon + 10) % 12;
    int64_t era = y / 400, in_era = y % 400;
    int64_t in_year = (153 * from_march + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static int pair(const char *text)
{
    char tens = text[0] == ' ' ? '0' : text[0];
    if (tens < '0' || tens > '9' || text[1] < '0' || text[1] > '9')
        return -1;
    return (tens - '0') * 10 + (text[1] - '0');
}

bool imap_date_read(const char *text, size_t n, int64_t *out)
{
    /*                            0123456789012345678901234 */
    static const char shape[] = "dd-mmm-yyyy hh:mm:ss +zzzz";
    if (n != sizeof shape - 1 || text[2] != '-' || text[6] != '-' || text[11] != ' ' || text[14] != ':' ||
        text[17] != ':' || text[20] != ' ' || (text[21] != '+' && text[21] != '-'))
        return false;
    int day = pair(text), mon = month(text + 3), century = pair(text + 7), year = pair(text + 9);
    int hour = pair(text + 12), min = pair(text + 15), sec = pair(text + 18);
    int zone_hour = pair(text + 22), zone_min = pair(text + 24);
    if (day < 1 || day > 31 || mon < 0 || century < 0 || year < 0 || hour < 0 || hour > 23 || min < 0 ||
        min > 59 || sec < 0 || sec > 60 || zone_hour < 0 || zone_min < 0)
        return false;
    int64_t zone = (zone_hour * 60 + zone_min) * 60;
    *out = days_since_1970(century * 100 + year, mon, day) * 86400 + (hour * 60 + min) * 60 + sec -
           (text[21] == '+' ? zone : -zone);
    return true;
}

/* read_lasting_name - what a server calls a message for ever: false where the item is none of these. EMAILID's is in
 * parentheses. */
static bool read_lasting_name(struct imap_fetch *f, struct imap_text *in, const struct imap_token *name,
                              const struct imap_token *value)
{
    uint64_t number;
    if (imap_token_is(name, "X-GM-MSGID") && imap_token_u64(value, INT64_MAX, &number) && number != 0) {
        f->gm_msgid = (struct imap_part){value->bytes, value->n};
        return true;
    }
    struct imap_text ahead = *in;
    struct imap_token id = imap_next(&ahead);
    if (!imap_token_is(name, "EMAILID") || value->kind != IMAP_OPEN || id.kind != IMAP_ATOM ||
        imap_token_is(&id, "NIL") || imap_next(&ahead).kind != IMAP_CLOSE)
        return false;
    f->email_id = (struct imap_part){id.bytes, id.n};
    *in = ahead;
    return true;
}

static bool is_header(const struct imap_token *name)
{
    static const char begin[] = "BODY[HEADER";
    return name->kind == IMAP_ATOM && name->n >= sizeof begin &&
           text_eqn_nocase(name->bytes, begin, sizeof begin - 1);
}

/* read_item - one name and its value; what we do not know is skipped */
static enum imap_fetch_end read_item(struct imap_fetch *f, struct imap_text *in,
                                     const struct imap_token *name, uint64_t *size_r)
{
    struct imap_token value = imap_next(in), due;
    bool body = imap_token_is(name, "BODY[]");
    uint64_t number;
    if (name->kind != IMAP_ATOM)
        return IMAP_FETCH_BROKEN;
    if (value.kind == IMAP_LITERAL_DUE) {
        *size_r = value.size;
        return body ? IMAP_FETCH_BODY_DUE : IMAP_FETCH_LITERAL_DUE;
    }
    if (imap_token_is(name, "UID")) {
        if (!imap_token_u64(&value, UINT32_MAX, &number) || number == 0)
            return IMAP_FETCH_BROKEN;
        f->uid = (uint32_t)number;
    } else if (imap_token_is(name, "RFC822.SIZE")) {
        f->has_size =
            imap_token_u64(&value, INT64_MAX, &f->size); /* "9.37e+06" has been seen: size unknown */
    } else if (imap_token_is(name, "INTERNALDATE") && value.kind == IMAP_QUOTED) {
        if (!imap_date_read(value.bytes, value.n, &f->date))
            f->date = 0;
    } else if (imap_token_is(name, "FLAGS") && value.kind == IMAP_OPEN) {
        bool any;
        f->has_flags = read_flags(in, &f->flags, &any);
        return f->has_flags ? IMAP_FETCH_WHOLE : IMAP_FETCH_BROKEN;
    } else if (body && imap_token_is_string(&value)) {
        f->body = imap_token_is(&value, "NIL") ? IMAP_BODY_NIL : IMAP_BODY_TEXT;
        f->body_text = value;
    } else if (is_header(name) && imap_token_is_string(&value)) {
        f->header = value;
    } else if (!read_lasting_name(f, in, name, &value) && !imap_skip(in, value, &due)) {
        *size_r = due.size;
        return due.kind == IMAP_LITERAL_DUE ? IMAP_FETCH_LITERAL_DUE : IMAP_FETCH_BROKEN;
    }
    return IMAP_FETCH_WHOLE;
}

enum imap_fetch_end imap_fetch_read(struct imap_fetch *fetch_r, const char *text, size_t n, uint64_t *size_r)
{
    struct imap_text in = {text, text + n};
    struct imap_fetch f = {0};
    enum imap_fetch_end end = IMAP_FETCH_WHOLE;
    if (imap_next(&in).kind != IMAP_OPEN)
        return IMAP_FETCH_BROKEN;
    while (end == IMAP_FETCH_WHOLE) {
        struct imap_token name = imap_next(&in);
        if (name.kind == IMAP_CLOSE)
            break;
        end = read_item(&f, &in, &name, size_r);
    }
    *fetch_r = f;
    return end;
}
