/* lmtp - see lmtp.h. */
#include "box/lmtp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "box/held.h"
#include "client/smtp.h"
#include "mail/crlf.h"

#define BLOCK 16384

struct lmtp {
    const char *recipient, *account;
    char *socket;
    struct endpoint server;
    struct credentials who;
    struct smtp *smtp; /* NULL: not connected */
    /* the message that is being sent */
    int fd;
    off_t at;
    struct crlf crlf;
    struct str ready; /* octets that go out next, from ready_at on */
    size_t ready_at;
    bool ended;
};

/* -- the text -- */

static void begin_text(void *arg)
{
    struct lmtp *l = arg;
    l->at = 0;
    l->crlf = (struct crlf){0};
    str_clear(&l->ready);
    l->ready_at = 0;
    l->ended = false;
}

static bool refill(struct lmtp *l, struct err *err)
{
    char block[BLOCK];
    str_clear(&l->ready);
    l->ready_at = 0;
    while (l->ready.len == 0 && !l->ended) {
        ssize_t n = pread(l->fd, block, sizeof(block), l->at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_errno(err, ERR_LOCAL, "The file that holds a message cannot be read");
        }
        l->at += n;
        l->ended = n == 0;
        if (!(n > 0 ? crlf_add(&l->crlf, block, (size_t)n, &l->ready, err)
                    : crlf_end(&l->crlf, &l->ready, err))) {
            return false;
        }
    }
    return true;
}

static bool read_text(void *arg, char *buf, size_t size, size_t *n_r, struct err *err)
{
    struct lmtp *l = arg;
    if (l->ready_at == l->ready.len && !refill(l, err)) {
        return false;
    }
    size_t left = l->ready.len - l->ready_at;
    *n_r = left < size ? left : size;
    memcpy(buf, l->ready.buf + l->ready_at, *n_r);
    l->ready_at += *n_r;
    return true;
}

/* What has to be known beforehand. Long lines are the server's to judge, so none is told of. */
static bool measure(struct lmtp *l, struct message_facts *facts, struct err *err)
{
    char block[BLOCK];
    size_t n;
    *facts = (struct message_facts){0};
    begin_text(l);
    do {
        if (!read_text(l, block, sizeof(block), &n, err)) {
            return false;
        }
        facts->size += n;
        facts->eight_bit_body = facts->eight_bit_body || !text_is_ascii(block, n);
    } while (n > 0);
    begin_text(l);
    return true;
}

static bool before_end(void *arg, struct err *err)
{
    (void)arg;
    (void)err;
    return true; /* the record of it is durable already */
}

/* -- the server -- */

static bool connect_to(struct lmtp *l, struct err *err)
{
    enum session_phase phase;
    struct session_options options = {.server = &l->server, .who = &l->who, .account = l->account};
    if (l->smtp != NULL && !smtp_usable(l->smtp)) {
        smtp_close(&l->smtp);
    }
    return l->smtp != NULL || smtp_open(&options, NULL, &l->smtp, &phase, err);
}

static enum sink_fate fate_of(const struct lmtp *l, const struct outcome *o, struct err *why)
{
    if (o->verdict == VERDICT_DELIVERED) {
        return SINK_TAKEN;
    }
    err_set(why, o->verdict == VERDICT_LATER ? ERR_REFUSED_TEMP : ERR_REFUSED_PERM,
            "The LMTP server %s does not take it for %s: %d %s%s%s", l->socket, l->recipient, o->code,
            o->enhanced, o->enhanced[0] != '\0' ? " " : "", o->text != NULL ? o->text : "");
    return o->verdict == VERDICT_LATER ? SINK_LATER : SINK_REFUSED;
}

static enum sink_fate not_sent(struct lmtp *l, const struct smtp_transaction *t, struct err *why)
{
    smtp_close(&l->smtp);
    if (!t->in_doubt) {
        return SINK_FAILED;
    }
    err_hint(why, "The server may have the message all the same.");
    return SINK_DOUBTFUL;
}

static enum sink_fate send_to(struct lmtp *l, const struct envelope *e, const struct message_facts *facts,
                              struct err *why)
{
    struct outcome outcome = {.verdict = VERDICT_NONE};
    struct smtp_transaction t = {
        .envelope = e,
        .facts = facts,
        .to = &(size_t){0},
        .to_count = 1,
        .step = PEER_ENVELOPE,
        .as_it_is = true,
        .read = read_text,
        .again = begin_text,
        .before_end = before_end,
        .arg = l,
        .outcomes = &outcome,
    };
    enum sink_fate fate = smtp_send(l->smtp, &t, why) && outcome.verdict != VERDICT_NONE
                              ? fate_of(l, &outcome, why)
                              : not_sent(l, &t, why);
    outcome_free(&outcome);
    return fate;
}

static enum sink_fate take(void *arg, int fd, const struct sink_label *label, struct err *why)
{
    struct lmtp *l = arg;
    struct message_facts facts;
    struct envelope e;
    enum sink_fate fate = SINK_FAILED;

    l->fd = fd;
    envelope_init(&e);
    e.sender = strdup(label->sender);
    if (e.sender == NULL) {
        err_nomem(why);
    } else if (envelope_add(&e, l->recipient, why) && measure(l, &facts, why) && connect_to(l, why)) {
        fate = send_to(l, &e, &facts, why);
    }
    envelope_free(&e);
    return fate;
}

static void close_lmtp(void *arg)
{
    struct lmtp *l = arg;
    smtp_close(&l->smtp);
    str_free(&l->ready);
    free(l->socket);
    free(l);
}

bool lmtp_open(const char *folder, const char *socket, const char *recipient, const char *account,
               struct sink **sink_r, struct err *err)
{
    struct lmtp *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return err_nomem(err);
    }
    l->recipient = recipient;
    l->account = account;
    l->socket = strdup(socket);
    l->server = (struct endpoint){.protocol = PROTO_LMTP, .socket = l->socket, .tls.mode = TLS_OFF};
    l->who.auth = AUTH_NONE;
    str_init(&l->ready, 4 * BLOCK);
    if (l->socket == NULL) {
        close_lmtp(l);
        return err_nomem(err);
    }
    return held_open(folder, &(struct held_taker){.take = take, .close = close_lmtp, .arg = l}, sink_r, err);
}
