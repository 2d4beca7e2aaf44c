/* imap_read - listening: responses, their literals, and untagged data. */
#include "client/imap_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/flags.h"

void imap_be_patient(struct imap *imap)
{
    chat_set_end(&imap->session.chat, IMAP_PATIENCE * imap->session.chat.limit);
}

/* gone - the connection's failure, with the server's goodbye where it said one */
static bool gone(struct imap *imap, struct err *err)
{
    imap->lost = true;
    if (imap->bye[0] != '\0' && err->kind == ERR_NETWORK)
        err_set(err, ERR_REFUSED_TEMP, "The server %s ended the session: %s", imap_peer(imap), imap->bye);
    return false;
}

static bool broken(struct imap *imap, const char *what, struct err *err)
{
    imap->lost = true;
    err_set(err, ERR_PROTOCOL, "The server %s %s.", imap_peer(imap), what);
    return err_hint(err, "Nothing is lost; the next run goes on where this one stopped.");
}

static bool read_line(struct imap *imap, struct err *err)
{
    if (!chat_read_line(&imap->session.chat, &imap->line, err))
        return gone(imap, err);
    if (imap->text.len + imap->line.len > IMAP_RESPONSE_MAX)
        return broken(imap, "sent a response without end", err);
    return str_add(&imap->text, imap->line.buf, imap->line.len, err);
}

/* each_block - hands out the `size` octets of a literal, block by block */
static bool each_block(struct imap *imap, uint64_t size,
                       bool (*each)(void *, const char *, size_t, struct err *), void *arg, struct err *err)
{
    struct chat *chat = &imap->session.chat;
    uint64_t since = 0;
    chat_renew(chat);
    while (size > 0) {
        const char *bytes;
        size_t n;
        if (!stream_peek(chat->stream, &bytes, &n, err))
            return gone(imap, err);
        if (n == 0) {
            err_set(err, ERR_NETWORK, "The server %s hung up in the middle of a message.", imap_peer(imap));
            return gone(imap, err);
        }
        n = n < size ? n : (size_t)size;
        if (each && !each(arg, bytes, n, err)) {
            imap->lost = true; /* ours is the fault, but we stand inside a literal */
            return false;
        }
        stream_consume(chat->stream, n);
        size -= n;
        since += n;
        if (since >= IMAP_RENEW_EVERY) {
            if (each)
                imap_be_patient(imap);
            if (!chat_in_time(chat, err))
                return gone(imap, err);
            chat_renew(chat);
            since = 0;
        }
    }
    return true;
}

static bool add_block(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct imap *imap = arg;
    return str_add(&imap->text, bytes, n, err);
}

/* read_literal - a small literal becomes part of the response's text */
static bool read_literal(struct imap *imap, uint64_t size, struct err *err)
{
    if (size > IMAP_RESPONSE_MAX || imap->text.len + size + 2 > IMAP_RESPONSE_MAX)
        return broken(imap, "sent more data than such a response can hold", err);
    return str_add(&imap->text, "\r\n", 2, err) && each_block(imap, size, add_block, imap, err) &&
           read_line(imap, err);
}

/* take_message - streams the message to the events; an empty literal stands for it in the text */
static bool take_message(struct imap *imap, const struct imap_events *events, const struct imap_fetch *so_far,
                         uint64_t size, bool *taken, struct err *err)
{
    bool take = false;
    if (events && events->begin && !events->begin(events->arg, so_far, size, &take, err)) {
        imap->lost = true;
        return false;
    }
    chat_remark(&imap->session.chat, "(%llu octets of a message)", (unsigned long long)size);
    if (!each_block(imap, size, take ? events->data : NULL, take ? events->arg : NULL, err))
        return false;
    while (imap->text.buf[imap->text.len - 1] != '{')
        str_cut(&imap->text, imap->text.len - 1);
    *taken = *taken || take;
    return str_addz(&imap->text, "0}\r\n", err) && read_line(imap, err);
}

static bool read_fetch(struct imap *imap, const struct imap_events *events, struct err *err)
{
    struct imap_fetch fetch;
    bool bodies = false, taken = false;
    for (int literals = 0; literals <= IMAP_LITERALS_MAX; literals++) {
        uint64_t size;
        struct imap_reply r = imap_reply_read(imap->text.buf, imap->text.len);
        switch (imap_fetch_read(&fetch, r.text.at, r.text.n, &size)) {
        case IMAP_FETCH_BROKEN:
            return broken(imap, "sent a FETCH response that cannot be understood", err);
        case IMAP_FETCH_LITERAL_DUE:
            if (!read_literal(imap, size, err))
                return false;
            break;
        case IMAP_FETCH_BODY_DUE:
            if (bodies)
                return broken(imap, "sent one message twice in one response", err);
            bodies = true;
            if (!take_message(imap, events, &fetch, size, &taken, err))
                return false;
            break;
        case IMAP_FETCH_WHOLE:
            if (bodies)
                fetch.body = IMAP_BODY_NONE; /* it has been read */
            if (events && (events->begin ? taken : imap->news++ < IMAP_NEWS_MAX))
                imap_be_patient(imap);
            if (events && events->fetched && !events->fetched(events->arg, &fetch, taken, err)) {
                imap->lost = true;
                return false;
            }
            return true;
        }
    }
    return broken(imap, "sent a response in far too many pieces", err);
}

static bool read_list(struct imap *imap, const struct imap_events *events, const struct imap_reply *r,
                      struct err *err)
{
    struct imap_list list;
    if (!events || !events->list)
        return true;
    if (!imap_list_read(&list, r->text.at, r->text.n, err))
        return broken(imap, "sent a folder's name that cannot be read", err);
    bool ok = imap_take_name(imap, &list.name, err) && events->list(events->arg, &list, err);
    imap_list_free(&list);
    return ok;
}

/* read_state - one that cannot be read says nothing, as one that never came */
static bool read_state(struct imap *imap, const struct imap_events *events, const struct imap_reply *r,
                       struct err *err)
{
    struct imap_state state;
    struct err why = {0};
    if (!events || !events->state) {
        imap->stirred = true; /* NOTIFY: nobody asked */
        return true;
    }
    if (!imap_state_read(&state, r->text.at, r->text.n, &why)) {
        if (why.kind != ERR_PROTOCOL)
            *err = why;
        return why.kind == ERR_PROTOCOL;
    }
    bool ok = imap_take_name(imap, &state.name, err) && events->state(events->arg, &state, err);
    imap_state_free(&state);
    return ok;
}

static bool take_prefix(const struct imap *imap, struct imap_namespace *ns, struct err *err)
{
    struct str name = STR_INIT(4 * strlen(ns->prefix) + 8);
    bool ok = str_addz(&name, ns->prefix, err) && imap_take_name(imap, &name, err);
    char *prefix = ok ? str_steal(&name) : NULL;
    str_free(&name);
    if (!prefix)
        return ok ? err_nomem(err) : false;
    free(ns->prefix);
    ns->prefix = prefix;
    return true;
}

/* read_namespaces - an answer that cannot be read says nothing; nor does one that nobody asked for */
static bool read_namespaces(struct imap *imap, const struct imap_reply *r, struct err *err)
{
    struct imap_namespaces found;
    struct err why = {0};
    if (!imap->has_namespaces)
        return true;
    if (!imap_namespaces_read(&found, r->text.at, r->text.n, &why)) {
        if (why.kind != ERR_PROTOCOL)
            *err = why;
        return why.kind == ERR_PROTOCOL;
    }
    imap_namespaces_free(&imap->namespaces);
    imap->namespaces = found;
    for (size_t i = 0; i < found.count; i++)
        if (!take_prefix(imap, &imap->namespaces.items[i], err))
            return false;
    return true;
}

/* take_enabled - what we have not asked for is not on, whatever the server says */
static bool take_enabled(struct imap *imap, const struct imap_reply *r, struct err *err)
{
    struct strv words = STRV_INIT;
    bool ok = imap_capabilities_add(&words, r->text.at, r->text.n, err);
    if (ok && strv_has_nocase(&words, "UTF8=ACCEPT") && strv_has_nocase(&imap->enabled, "UTF8=ACCEPT"))
        imap->utf8 = true;
    strv_free(&words);
    return ok;
}

static bool learn_capabilities(struct imap *imap, const struct imap_part *words, struct err *err)
{
    strv_free(&imap->capabilities);
    imap->told = true;
    return imap_capabilities_add(&imap->capabilities, words->at, words->n, err);
}

static void take_permanent(struct imap *imap, const struct imap_part *list)
{
    uint8_t flags;
    bool any;
    if (imap_flags_read(list->at, list->n, &flags, &any))
        imap->box.permanent = any ? flags | FLAG_PASSED : flags; /* $Forwarded is a keyword */
}

/* take_validity - it stays as long as the folder is open (RFC 9051 2.3.1.1): another one would mean other messages */
static bool take_validity(struct imap *imap, uint32_t number, struct err *err)
{
    if (imap->box_is_open && imap->box.validity != number)
        return broken(imap, "numbers the messages of an open folder anew (UIDVALIDITY)", err);
    imap->box.validity = number;
    return true;
}

/* take_code - response codes: of untagged OK, and of tagged answers. UIDNEXT and HIGHESTMODSEQ count as they were when
 * the folder was opened: what is listed then is known to be whole up to them, and what comes later is not. */
static bool take_code(struct imap *imap, const struct imap_reply *r, struct err *err)
{
    uint64_t number;
    if (imap_part_is(&r->code, "CAPABILITY"))
        return learn_capabilities(imap, &r->arguments, err);
    if (imap_part_is(&r->code, "UIDVALIDITY") && imap_part_number(&r->arguments, UINT32_MAX, &number))
        return take_validity(imap, (uint32_t)number, err);
    if (imap_part_is(&r->code, "UIDNEXT") && imap_part_number(&r->arguments, UINT32_MAX, &number))
        imap->box.next = imap->box_is_open ? imap->box.next : (uint32_t)number;
    else if (imap_part_is(&r->code, "HIGHESTMODSEQ") && imap_part_number(&r->arguments, INT64_MAX, &number))
        imap->box.modseq = imap->box_is_open ? imap->box.modseq : number;
    else if (imap_part_is(&r->code, "PERMANENTFLAGS"))
        take_permanent(imap, &r->arguments);
    else if (imap_part_is(&r->code, "NOTIFICATIONOVERFLOW"))
        imap->overflowed = imap->stirred = true;
    else if (imap_part_is(&r->code, "MODIFIED"))
        return uidset_read(&imap->modified, r->arguments.at, r->arguments.n, err) ||
               broken(imap, "says in a way that cannot be understood what it did not change", err);
    else if (imap_part_is(&r->code, "ALERT") && imap->session.phase == PHASE_READY &&
             imap->alerts.count < IMAP_ALERTS_MAX) {
        char text[400];
        text_clean(text, sizeof text, r->text.at, r->text.n);
        return strv_has(&imap->alerts, text) || strv_add(&imap->alerts, text, err);
    }
    return true;
}

/* take_bye - its text, behind its code */
static void take_bye(struct imap *imap, const struct imap_reply *r)
{
    char code[64], text[300];
    text_clean(code, sizeof code, r->code.at, r->code.n);
    text_clean(text, sizeof text, r->text.at, r->text.n);
    snprintf(imap->bye, sizeof imap->bye, "%s%s%s%s", code[0] ? "[" : "", code, code[0] ? "] " : "", text);
}

static bool take_data(struct imap *imap, const struct imap_events *events, const struct imap_reply *r,
                      struct err *err)
{
    if (imap_part_is(&r->name, "EXISTS")) {
        imap->stirred = imap->stirred || imap->counted;
        imap->counted = true;
        imap->box.exists = r->number;
    } else if (imap_part_is(&r->name, "CAPABILITY"))
        return learn_capabilities(imap, &r->text, err);
    else if (imap_part_is(&r->name, "LIST") || imap_part_is(&r->name, "LSUB"))
        return read_list(imap, events, r, err);
    else if (imap_part_is(&r->name, "STATUS"))
        return read_state(imap, events, r, err);
    else if (imap_part_is(&r->name, "ENABLED"))
        return take_enabled(imap, r, err);
    else if (imap_part_is(&r->name, "NAMESPACE"))
        return read_namespaces(imap, r, err);
    else if (imap_part_is(&r->name, "SEARCH") && events && events->found)
        return imap_search_read(events->found, r->text.at, r->text.n, err) || (imap->lost = true, false);
    else if (imap_part_is(&r->name, "VANISHED") && events && events->vanished)
        return imap_vanished_read(events->vanished, r->text.at, r->text.n, err) || (imap->lost = true, false);
    else if (imap_part_is(&r->name, "ESEARCH") && events && events->found)
        return imap_esearch_read(events->found, r->text.at, r->text.n, err) || (imap->lost = true, false);
    return true;
}

/* read_literals - of data other than FETCH, until the text is whole */
static bool read_literals(struct imap *imap, struct err *err)
{
    for (int literals = 0; literals <= IMAP_LITERALS_MAX; literals++) {
        uint64_t size;
        int due = imap_literal_at_end(imap->line.buf, imap->line.len, &size);
        if (due < 0)
            return broken(imap, "announced data of a length that cannot be", err);
        if (due == 0)
            return true;
        if (!read_literal(imap, size, err))
            return false;
    }
    return broken(imap, "sent a response in far too many pieces", err);
}

bool imap_read(struct imap *imap, const struct imap_events *events, struct imap_reply *reply_r,
               struct err *err)
{
    str_clear(&imap->text);
    if (!read_line(imap, err))
        return false;
    struct imap_reply r = imap_reply_read(imap->text.buf, imap->text.len);
    if (r.form == IMAP_GARBAGE)
        return broken(imap, "does not speak IMAP, or we lost the thread", err);
    *reply_r = r;
    if (r.form == IMAP_CONTINUE)
        return true;
    if (r.form == IMAP_TAGGED || r.status != IMAP_DATA) {
        if (r.status == IMAP_BYE)
            take_bye(imap, &r);
        return take_code(imap, &r, err);
    }
    if (imap_part_is(&r.name, "FETCH")) {
        if (!read_fetch(imap, events, err))
            return false;
        *reply_r = imap_reply_read(imap->text.buf, imap->text.len);
        return true;
    }
    if (!read_literals(imap, err))
        return false;
    *reply_r = imap_reply_read(imap->text.buf, imap->text.len);
    return take_data(imap, events, reply_r, err);
}

void imap_answer_from(const struct imap_reply *reply, struct imap_answer *answer_r)
{
    answer_r->status = reply->status;
    answer_r->temporary = imap_reply_is_temporary(reply);
    text_clean(answer_r->code, sizeof answer_r->code, reply->code.at, reply->code.n);
    text_clean(answer_r->text, sizeof answer_r->text, reply->text.at, reply->text.n);
}

bool imap_complete(struct imap *imap, const struct imap_reply *reply, struct err *err)
{
    struct imap_part number = {.at = reply->tag.at + 1, .n = reply->tag.n - 1};
    uint64_t tag;
    if (reply->tag.at[0] == 'T' && imap_part_number(&number, UINT32_MAX, &tag)) {
        for (size_t i = 0; i < IMAP_OUTSTANDING_MAX; i++) {
            struct imap_pending *p = &imap->pending[i];
            if (p->tag != tag || p->done || tag == 0)
                continue;
            imap_answer_from(reply, &p->answer);
            p->done = true;
            imap->box_is_open = imap->box_is_open || (tag == imap->select_tag && p->answer.status == IMAP_OK);
            if (tag == imap->utf8_tag)
                imap->utf8_tag = 0;
            if (p->ignored)
                p->tag = 0;
            return true;
        }
    }
    return broken(imap, "answered a command that was not given", err);
}
