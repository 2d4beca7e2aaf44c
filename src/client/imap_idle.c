/* imap_idle - see imap_idle.h.
 *
 *   idle   = "IDLE" CRLF "DONE"                  ; the server says "+" in between, and when it likes "* n EXISTS"
 *   notify = "NOTIFY" SP "SET" 1*(SP "(" filter-mailboxes SP "(" event *(SP event) ")" ")") */
#include "client/imap_idle.h"

#include <string.h>

#include "base/clock.h"
#include "client/imap_impl.h"

#define EVENTS "(MessageNew MessageExpunge)"

bool imap_has_stirred(struct imap *imap)
{
    bool stirred = imap->stirred;
    imap->stirred = false;
    return stirred;
}

bool imap_notify(struct imap *imap, const char *const *names, size_t count, bool *granted_r, struct err *err)
{
    struct str list = STR_INIT(CHAT_LINE_MAX / 2);
    struct imap_answer answer = {.status = IMAP_NO};
    struct err too_long;
    unsigned tag;
    bool fits = true, ok = true;
    *granted_r = imap->overflowed = false;
    for (size_t i = 0; fits && i < count; i++)
        fits = (i == 0 || str_addc(&list, ' ', &too_long)) && imap_add_name(imap, names[i], &list, &too_long);
    if (fits)
        ok = imap_send(imap, &tag, err, "NOTIFY SET (selected " EVENTS ") (mailboxes (%s) " EVENTS ")",
                       list.buf) &&
             imap_await(imap, tag, NULL, &answer, err);
    str_free(&list);
    *granted_r = ok && answer.status == IMAP_OK;
    return ok;
}

bool imap_notify_is_over(const struct imap *imap)
{
    return imap->overflowed;
}

/* is_news - beside what imap_read.c sees by itself: EXISTS, and STATUS by NOTIFY */
static bool is_news(const struct imap_idle *idle, const struct imap_reply *r)
{
    return imap_part_is(&r->name, "RECENT") || imap_part_is(&r->name, "LIST") ||
           (idle->changes && (imap_part_is(&r->name, "FETCH") || imap_part_is(&r->name, "EXPUNGE") ||
                              imap_part_is(&r->name, "VANISHED")));
}

/* hear_one - one response; a tagged one ends the idling */
static bool hear_one(struct imap *imap, struct imap_idle *idle, struct imap_reply *r, struct err *err)
{
    if (!imap_read(imap, NULL, r, err))
        return false;
    if (r->form == IMAP_UNTAGGED && is_news(idle, r))
        imap->stirred = true;
    if (r->form != IMAP_TAGGED)
        return true;
    idle->over = true;
    return imap_complete(imap, r, err);
}

bool imap_idle_begin(struct imap *imap, struct imap_idle *idle, bool *granted_r, struct err *err)
{
    struct imap_reply r = {.form = IMAP_UNTAGGED};
    struct imap_answer answer;
    idle->over = false;
    if (!imap_send(imap, &idle->tag, err, "IDLE"))
        return false;
    for (imap_be_patient(imap); !idle->over && r.form != IMAP_CONTINUE;)
        if (!hear_one(imap, idle, &r, err))
            return false;
    chat_set_end(&imap->session.chat, 0);
    *granted_r = !idle->over;
    return !idle->over || imap_await(imap, idle->tag, NULL, &answer, err);
}

int imap_idle_fd(const struct imap *imap)
{
    return stream_read_fd(imap->session.chat.stream);
}

bool imap_idle_hear(struct imap *imap, struct imap_idle *idle, struct err *err)
{
    struct imap_reply r;
    int more = 0;
    while (!idle->over && (more = stream_wait(imap->session.chat.stream, clock_mono_ms(), err)) > 0)
        if (!hear_one(imap, idle, &r, err))
            return false;
    imap->lost = imap->lost || more < 0;
    return more >= 0;
}

bool imap_idle_end(struct imap *imap, struct imap_idle *idle, uint32_t seconds, struct err *err)
{
    struct chat *chat = &imap->session.chat;
    struct imap_reply r;
    struct imap_answer answer;
    uint32_t limit = chat->limit;
    bool ok = idle->over || chat_send(chat, err, "DONE");
    chat_set_limit(chat, seconds < limit ? seconds : limit);
    chat_set_end(chat, seconds);
    while (ok && !idle->over)
        ok = hear_one(imap, idle, &r, err);
    chat_set_limit(chat, limit);
    chat_set_end(chat, 0);
    imap->lost = imap->lost || !ok;
    return ok && imap_await(imap, idle->tag, NULL, &answer, err);
}
