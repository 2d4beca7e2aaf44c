/* imap_append - see imap_append.h. */
#include "client/imap_append.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "client/imap_impl.h"
#include "mail/mutf7.h"

#define LITERAL_MINUS 4096 /* RFC 7888, 5 */
#define NAME_MAX_BYTES 65536
#define QUOTED_MAX 8192
#define BLOCK 16384

/* -- the command -- */

static bool has_literal_minus(const struct imap *imap)
{
    return imap_can(imap, "LITERAL-") || imap_can(imap, "IMAP4rev2");
}

/* A literal8 asks first: not every server that takes the one ahead knows the other so. */
static bool goes_ahead(const struct imap *imap, uint64_t size, bool utf8)
{
    return !utf8 && ((imap_can(imap, "LITERAL+") && size <= IMAP_APPEND_AHEAD) ||
                     (has_literal_minus(imap) && size <= LITERAL_MINUS));
}

bool imap_appends_ahead(const struct imap *imap, const struct imap_letter *letter)
{
    return goes_ahead(imap, letter->size, letter->utf8);
}

/* date-time = DQUOTE (SP DIGIT / 2DIGIT) "-" month "-" year SP time SP zone DQUOTE */
static bool add_date(struct str *out, int64_t date, struct err *err)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)date;
    struct tm tm;
    return !gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999 ||
           str_addf(out, err, " \"%2d-%s-%04d %02d:%02d:%02d +0000\"", tm.tm_mday, months[tm.tm_mon],
                    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool send_head(struct imap *imap, const struct imap_letter *l, bool ahead, unsigned *tag_r,
                      struct err *err)
{
    struct str head = STR_INIT(QUOTED_MAX + 256);
    bool ok = imap_add_name(imap, l->folder, &head, err) && str_addz(&head, " (\\Seen)", err) &&
              add_date(&head, l->date, err) &&
              imap_send(imap, tag_r, err, "APPEND %s %s{%" PRIu64 "%s}", head.buf, l->utf8 ? "UTF8 (~" : "",
                        l->size, ahead ? "+" : "");
    str_free(&head);
    return ok;
}

/* The server says "go on", or that it does not want it. */
static bool await_go_ahead(struct imap *imap, unsigned tag, bool *go_r, struct err *err)
{
    const struct imap_pending *p = imap->pending;
    while (p->tag != tag)
        p++;
    for (imap_be_patient(imap); !p->done;) {
        struct imap_reply r;
        if (!imap_read(imap, NULL, &r, err))
            return false;
        if (r.form == IMAP_CONTINUE)
            return *go_r = true;
        if (r.form == IMAP_TAGGED && !imap_complete(imap, &r, err))
            return false;
    }
    *go_r = false;
    return true;
}

static bool send_text(struct imap *imap, const struct imap_letter *l, struct err *err)
{
    struct chat *chat = &imap->session.chat;
    char block[BLOCK];
    uint64_t left = l->size;
    chat_set_end(chat, 0);
    while (left > 0) {
        size_t n = 0, want = left < sizeof block ? (size_t)left : sizeof block;
        if (!l->read(l->arg, block, want, &n, err))
            return false;
        if (n == 0 || n > left)
            return err_set(err, ERR_INTERNAL, "A message has another length than it was said to have.");
        chat_renew(chat);
        if (!stream_write(chat->stream, block, n, err))
            return false;
        left -= n;
    }
    chat_remark(chat, "(%" PRIu64 " octets of a message)", l->size);
    return chat_send(chat, err, "%s", l->utf8 ? ")" : "");
}

bool imap_send_append(struct imap *imap, const struct imap_letter *letter, unsigned *tag_r, struct err *err)
{
    bool go = goes_ahead(imap, letter->size, letter->utf8);
    bool ok = send_head(imap, letter, go, tag_r, err) && (go || await_go_ahead(imap, *tag_r, &go, err)) &&
              (!go || send_text(imap, letter, err));
    imap->lost = imap->lost || !ok;
    return ok;
}

/* -- which folder -- */

static const char *const usual[] = {"Sent", "Sent Messages", "Sent Items", "Sent Mail"};
#define USUAL (sizeof usual / sizeof *usual)

struct finding {
    const struct imap *imap;
    const char *name;   /* asked for; NULL: the one marked \Sent */
    struct str *folder; /* found */
    size_t rank;        /* how well: 0 is best */
};

/* By name: below INBOX too, where some servers keep everything. USUAL + 1: not this one. */
static size_t rank_of(const struct finding *f, const char *shown, const struct strv *attributes)
{
    const char *plain = text_starts(shown, "INBOX/") ? shown + strlen("INBOX/") : shown;
    if (f->name)
        return strcmp(shown, f->name) == 0 ? 0 : strcmp(plain, f->name) == 0 ? 1 : USUAL + 1;
    if (strv_has_nocase(attributes, "\\Sent"))
        return 0;
    for (size_t i = 0; i < USUAL; i++)
        if (text_eq_nocase(plain, usual[i]))
            return i + 1;
    return USUAL + 1;
}

/* rank_named - by the name without the prefix of one's own folders, and by all of it. What is another person's is never
 * chosen unasked. */
static bool rank_named(const struct finding *f, const struct imap_list *list, size_t *rank_r, struct err *err)
{
    const struct imap_namespaces *namespaces = imap_namespaces(f->imap);
    const char *wire = list->name.buf, *plain = imap_namespace_plain(namespaces, wire);
    struct str shown = STR_INIT(NAME_MAX_BYTES), whole = STR_INIT(NAME_MAX_BYTES);
    *rank_r = USUAL + 1;
    bool ok =
        mutf7_show(plain, list->delimiter, &shown, err) && mutf7_show(wire, list->delimiter, &whole, err);
    if (ok && (f->name || !imap_namespace_foreign(namespaces, wire))) {
        size_t by_whole = rank_of(f, whole.buf, &list->attributes);
        *rank_r = rank_of(f, shown.buf, &list->attributes);
        *rank_r = by_whole < *rank_r ? by_whole : *rank_r;
    }
    str_free(&shown);
    str_free(&whole);
    return ok;
}

static bool listed(void *arg, const struct imap_list *list, struct err *err)
{
    struct finding *f = arg;
    size_t rank;
    if (strv_has_nocase(&list->attributes, "\\Noselect") ||
        strv_has_nocase(&list->attributes, "\\NonExistent") || strlen(list->name.buf) != list->name.len)
        return true;
    if (!rank_named(f, list, &rank, err))
        return false;
    if (rank >= f->rank)
        return true;
    f->rank = rank;
    str_clear(f->folder);
    return str_addz(f->folder, list->name.buf, err);
}

/* An extended LIST that comes to nothing is said again in the old way. */
static bool list(struct imap *imap, struct finding *f, struct err *err)
{
    struct imap_events events = {.arg = f, .list = listed};
    struct imap_answer answer;
    unsigned tag;
    if (!imap_ask_namespaces(imap, &tag, err))
        return false;
    imap_forget(imap, tag); /* it is answered before what follows it */
    if (imap_can(imap, "LIST-EXTENDED") && imap_can(imap, "SPECIAL-USE")) {
        if (!imap_send(imap, &tag, err, "LIST \"\" \"*\" RETURN (SPECIAL-USE)") ||
            !imap_await(imap, tag, &events, &answer, err))
            return false;
        if (answer.status == IMAP_OK && f->rank <= USUAL)
            return true;
    }
    return imap_send(imap, &tag, err, "LIST \"\" \"*\"") &&
           imap_finish(imap, tag, &events, "list the folders", err);
}

bool imap_find_sent(struct imap *imap, const char *name, struct str *folder, struct err *err)
{
    struct finding f = {.imap = imap, .name = name, .folder = folder, .rank = USUAL + 1};
    if (!list(imap, &f, err))
        return false;
    if (f.rank <= USUAL)
        return true;
    if (name)
        err_set(err, ERR_CONFIG, "The server %s has no folder \"%.200s\" for copies of sent mail.",
                imap_peer(imap), name);
    else
        err_set(err, ERR_CONFIG, "The server %s has no folder that is marked as the one for sent mail.",
                imap_peer(imap));
    return err_hint(err, name ? "Make it on the server, or name another: sent = imap FOLDER"
                              : "Name one, its levels parted by \"/\": sent = imap FOLDER");
}

/* -- what is in it -- */

static bool told(void *arg, const struct imap_state *state, struct err *err)
{
    struct imap_box *box = arg;
    (void)err;
    box->validity = state->validity;
    box->next = state->next;
    return true;
}

bool imap_numbers(struct imap *imap, const char *folder, struct imap_box *box_r, struct err *err)
{
    struct imap_events events = {.arg = box_r, .state = told};
    struct str quoted = STR_INIT(QUOTED_MAX);
    unsigned tag;
    *box_r = (struct imap_box){0};
    bool ok = imap_add_name(imap, folder, &quoted, err) &&
              imap_send(imap, &tag, err, "STATUS %s (UIDNEXT UIDVALIDITY)", quoted.buf) &&
              imap_finish(imap, tag, &events, "say what is in the folder for sent mail", err);
    str_free(&quoted);
    return ok;
}

bool imap_has_message(struct imap *imap, const char *folder, const struct imap_box *before,
                      const char *message_id, bool *there_r, struct err *err)
{
    struct uidset found = UIDSET_INIT;
    struct imap_events events = {.found = &found};
    struct str quoted = STR_INIT(QUOTED_MAX);
    unsigned tag;
    uint32_t first = 1;
    bool ok = imap_send_select(imap, folder, true, "", &tag, err) &&
              imap_finish(imap, tag, NULL, "open the folder for sent mail", err) &&
              imap_add_quoted(&quoted, message_id, strlen(message_id), err);
    if (ok && imap_box(imap)->validity == before->validity && before->next > 0)
        first = before->next;
    ok = ok &&
         imap_send(imap, &tag, err, "UID SEARCH UID %" PRIu32 ":* HEADER Message-ID %s", first, quoted.buf) &&
         imap_finish(imap, tag, &events, "search for a message", err);
    *there_r =
        ok && uidset_max(&found) >= first; /* "n:*" names the last message even where its UID is below n */
    str_free(&quoted);
    uidset_free(&found);
    return ok;
}
