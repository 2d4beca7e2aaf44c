/* pop3_list - LIST and UIDL: what the mailbox holds, however the server writes it. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "client/pop3_impl.h"

#define NAMES_SPARE 1000 /* lines of UIDL that may name no message of LIST */

void pop3_listing_free(struct pop3_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->items[i].uidl);
    free(listing->items);
    *listing = (struct pop3_listing){0};
}

static bool add_item(struct pop3_listing *l, uint32_t number, uint64_t size, struct err *err)
{
    struct pop3_item *items = array_room(l->items, &l->cap, l->count + 1, sizeof *items, err);
    if (!items)
        return false;
    l->items = items;
    items[l->count++] = (struct pop3_item){.number = number, .size = size};
    return true;
}

static struct pop3_item *find_item(struct pop3_listing *l, uint32_t number)
{
    size_t lo = 0, hi = l->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->items[mid].number == number)
            return &l->items[mid];
        if (l->items[mid].number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* read_sizes - LIST: numbers must rise, for each stands for one message; a size that is none counts as 0 */
static bool read_sizes(struct pop3 *p, struct pop3_listing *l, struct err *err)
{
    const char *line, *rest;
    size_t n, rest_n;
    bool end = false;
    uint32_t number;
    if (!pop3_read_reply(p, err))
        return false;
    if (p->reply.status != POP3_OK)
        return pop3_refused(p, ERR_REFUSED_PERM, "does not list its messages", err);
    for (;;) {
        uint64_t size = 0;
        if (!pop3_next_line(p, &line, &n, &end, err))
            return false;
        if (end)
            return true;
        if (!pop3_listing_read(line, n, &number, &rest, &rest_n) || l->count == POP3_MESSAGES_MAX ||
            (l->count > 0 && number <= l->items[l->count - 1].number)) {
            p->lost = true;
            return err_set(err, ERR_PROTOCOL,
                           "The server %s lists its messages in a way that makes no sense.", pop3_peer(p));
        }
        if (!pop3_size_read(rest, rest_n, &size))
            size = 0;
        if (!add_item(l, number, size, err))
            return false;
    }
}

/* read_names - UIDL: whatever the server writes behind the number; what is not listed is passed over */
static bool read_names(struct pop3 *p, struct pop3_listing *l, struct err *err)
{
    const char *line, *rest;
    size_t n, rest_n;
    bool end = false;
    uint32_t number;
    if (!pop3_read_reply(p, err))
        return false;
    if (p->reply.status != POP3_OK)
        return true; /* no names: the headers tell the messages apart */
    for (size_t lines = 0; lines <= l->count + NAMES_SPARE; lines++) {
        if (!pop3_next_line(p, &line, &n, &end, err))
            return false;
        if (end)
            return true;
        struct pop3_item *item =
            pop3_listing_read(line, n, &number, &rest, &rest_n) ? find_item(l, number) : NULL;
        if (!item || item->uidl || rest_n == 0 || memchr(rest, '\0', rest_n))
            continue;
        item->uidl = strndup(rest, rest_n);
        if (!item->uidl)
            return err_nomem(err);
    }
    return pop3_listing_too_long(p, "UIDL", err);
}

bool pop3_list(struct pop3 *p, struct pop3_listing *listing_r, struct err *err)
{
    struct pop3_listing l = {0};
    bool ahead = pop3_window(p) > 1;
    pop3_listing_begins(p);
    bool ok = chat_send(&p->session.chat, err, "LIST") &&
              (!ahead || chat_send(&p->session.chat, err, "UIDL")) && read_sizes(p, &l, err) &&
              (ahead || chat_send(&p->session.chat, err, "UIDL")) && read_names(p, &l, err);
    chat_set_end(&p->session.chat, 0);
    if (ok)
        *listing_r = l;
    else
        pop3_listing_free(&l);
    return ok;
}
