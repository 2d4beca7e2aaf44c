/* smtp_text - the text of a message on its way out, with DATA or with BDAT (RFC 3030): see smtp_impl.h.
 *
 * before_end is called before the last octet is put, whichever way it goes. With BDAT that octet is part of
 * the text, so the last block waits for it. */
#include <inttypes.h>

#include "client/smtp_impl.h"
#include "mail/dotcrlf.h"

bool smtp_blame_local(struct smtp_transaction *t)
{
    t->blame = SMTP_BLAME_LOCAL;
    return false;
}

static bool put_out(struct smtp *s, const struct str *bytes, struct err *err)
{
    smtp_set_limit(s, SMTP_SECONDS_BLOCK);
    chat_renew(&s->session.chat);
    return stream_write(s->session.chat.stream, bytes->buf, bytes->len, err);
}

static void remark_text(struct smtp *s, const struct smtp_transaction *t)
{
    chat_remark(&s->session.chat, "the message, %" PRIu64 " octets%s", t->progress.size,
                t->progress.repair ? ", made fit for this server" : "");
}

/* From now on only an answer can say that the message was not taken. */
static bool announce(struct smtp_transaction *t, struct err *err)
{
    if (!t->before_end(t->arg, err)) {
        return smtp_blame_local(t);
    }
    t->in_doubt = true;
    return true;
}

/* -- DATA -- */

static bool put_dotted(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct dotcrlf d = DOTCRLF_INIT;
    char block[SMTP_BLOCK];
    size_t n;

    smtp_begin_text(s, t);
    do {
        if (!smtp_read_text(s, t, block, sizeof(block), &n, err)) {
            return smtp_blame_local(t);
        }
        str_clear(&s->out);
        if (!dotcrlf_add(&d, block, n, &s->out, err) || !put_out(s, &s->out, err)) {
            return false;
        }
    } while (n > 0);
    str_clear(&s->out);
    return (dotcrlf_end(&d, &s->out, err) || smtp_blame_local(t)) && announce(t, err) &&
           put_out(s, &s->out, err);
}

/* -- BDAT -- */

static bool put_bdat(struct smtp *s, uint64_t octets, struct err *err)
{
    str_clear(&s->out);
    return smtp_command_bdat(&s->out, octets, err) &&
           chat_send_bytes(&s->session.chat, s->out.buf, s->out.len, err);
}

/* What was measured is what is read, or something is wrong with the disk. */
static bool is_as_long(size_t n, uint64_t left, struct err *err)
{
    return (n > 0 && n <= left) || err_set(err, ERR_LOCAL, "A message changed while it was being sent.");
}

static bool put_chunk(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    char block[SMTP_BLOCK];
    size_t n;
    uint64_t left = t->progress.size;

    if (!put_bdat(s, left, err)) {
        return false;
    }
    smtp_begin_text(s, t);
    do {
        if (!smtp_read_text(s, t, block, sizeof(block), &n, err) || !is_as_long(n, left, err)) {
            return smtp_blame_local(t);
        }
        left -= n;
        str_clear(&s->out);
        if ((left == 0 && !announce(t, err)) || !str_add(&s->out, block, n, err) ||
            !put_out(s, &s->out, err)) {
            return false;
        }
    } while (left > 0);
    return true;
}

bool smtp_put_text(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    remark_text(s, t);
    return t->progress.bdat ? put_chunk(s, t, err) : put_dotted(s, t, err);
}

/* -- a small text, all at once -- */

bool smtp_load_text(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    char block[SMTP_BLOCK];
    size_t n;

    str_clear(&s->text);
    do {
        if (!t->read(t->arg, block, sizeof(block), &n, err) || !str_add(&s->text, block, n, err)) {
            return smtp_blame_local(t);
        }
    } while (n > 0);
    return announce(t, err);
}

bool smtp_put_loaded(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    bool ok = put_bdat(s, s->text.len, err);
    remark_text(s, t);
    return ok && put_out(s, &s->text, err);
}
