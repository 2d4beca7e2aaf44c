/* smtp_repair - a text that the server would not take as it is, encoded on its way out (mail/mime): see
 * smtp_impl.h. What is stored stays as it is; it is read once to see what is to be done, once to know how long the text
 * will be, for SIZE= and BDAT say so beforehand, and once to be sent. */
#include <string.h>

#include "client/smtp_impl.h"

bool smtp_may_need_repair(const struct smtp *s, const struct smtp_transaction *t)
{
    return !t->as_it_is &&
           ((t->facts->eight_bit_body && !s->caps.eight_bit) || t->facts->longest_line > MIME_LINE_MAX);
}

static bool survey(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct mime_plan *plan = &t->progress.plan;
    char block[SMTP_BLOCK];
    size_t n;

    plan->ascii = !s->caps.eight_bit;
    t->again(t->arg);
    mime_free(&s->mime);
    mime_survey(&s->mime, plan);
    do {
        if (!t->read(t->arg, block, sizeof(block), &n, err) || !mime_add(&s->mime, block, n, err)) {
            return false;
        }
    } while (n > 0);
    return mime_end(&s->mime, err);
}

static bool measure(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    char block[SMTP_BLOCK];
    uint64_t size = 0;
    size_t n;

    smtp_begin_text(s, t);
    do {
        if (!smtp_read_text(s, t, block, sizeof(block), &n, err)) {
            return false;
        }
        size += n;
    } while (n > 0);
    t->progress.size = size;
    return true;
}

bool smtp_plan_repair(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    struct smtp_progress *p = &t->progress;
    if (!survey(s, t, err)) {
        return false;
    }
    p->eight_bit = p->plan.eight_bit;
    p->repair = p->plan.repairs && p->plan.stuck == NULL;
    t->again(t->arg);
    return !p->repair || measure(s, t, err);
}

void smtp_begin_text(struct smtp *s, struct smtp_transaction *t)
{
    if (!t->progress.repair) {
        return;
    }
    t->again(t->arg);
    mime_free(&s->mime);
    mime_repair(&s->mime, &t->progress.plan, &s->repaired);
    str_clear(&s->repaired);
    s->repaired_at = 0;
    s->repaired_all = false;
}

/* More of it; nothing at the end. */
static bool refill(struct smtp *s, struct smtp_transaction *t, struct err *err)
{
    char block[SMTP_BLOCK];
    size_t n;

    str_clear(&s->repaired);
    s->repaired_at = 0;
    while (s->repaired.len == 0 && !s->repaired_all) {
        if (!t->read(t->arg, block, sizeof(block), &n, err)) {
            return false;
        }
        s->repaired_all = n == 0;
        if (!(n > 0 ? mime_add(&s->mime, block, n, err) : mime_end(&s->mime, err))) {
            return false;
        }
    }
    return true;
}

bool smtp_read_text(struct smtp *s, struct smtp_transaction *t, char *buf, size_t size, size_t *n_r,
                    struct err *err)
{
    if (!t->progress.repair) {
        return t->read(t->arg, buf, size, n_r, err);
    }
    if (s->repaired_at == s->repaired.len && !refill(s, t, err)) {
        return false;
    }
    size_t left = s->repaired.len - s->repaired_at;
    *n_r = left < size ? left : size;
    memcpy(buf, s->repaired.buf + s->repaired_at, *n_r);
    s->repaired_at += *n_r;
    return true;
}
