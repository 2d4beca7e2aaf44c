/* queue_json - `tappal queue list --json`: for programs. Names and meanings stay; new ones may come. */
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "cmd/queue_desk.h"
#include "cmd/say.h"

#define JSON_MAX (256u << 20)

static const char *const verdicts[] = {[VERDICT_NONE] = "none",
                                       [VERDICT_DELIVERED] = "delivered",
                                       [VERDICT_LATER] = "later",
                                       [VERDICT_REFUSED] = "refused"};

static bool add_recipient(struct json_out *j, const struct recipient *r, const struct outcome *o,
                          struct err *err)
{
    return json_open(j, NULL, '{', err) && json_text(j, "address", r->address, err) &&
           json_text(j, "verdict", verdicts[o->verdict], err) && json_number(j, "code", o->code, err) &&
           json_text(j, "enhanced", o->enhanced[0] ? o->enhanced : NULL, err) &&
           json_text(j, "reply", o->text, err) && json_close(j, '}', err);
}

static bool add_recipients(struct json_out *j, const struct message *m, struct err *err)
{
    bool ok = json_open(j, "recipients", '[', err);
    for (size_t i = 0; ok && i < m->envelope.count; i++)
        ok = add_recipient(j, &m->envelope.recipients[i], &m->journal.outcomes[i], err);
    return ok && json_close(j, ']', err);
}

static bool add_journal(struct json_out *out, const struct journal *j, struct err *err)
{
    int64_t next = j->held ? -1 : journal_due(j);
    return json_number(out, "tries", j->attempts, err) &&
           json_number(out, "last_try", j->last_attempt, err) && json_number(out, "next_try", next, err) &&
           json_bool(out, "held", j->held, err) && json_text(out, "held_why", j->held_why, err) &&
           json_bool(out, "in_doubt", j->in_doubt_open, err) &&
           json_text(out, "error_kind", j->last_error ? err_kind_name(j->last_kind) : NULL, err) &&
           json_text(out, "error", j->last_error, err) && json_text(out, "hint", j->last_hint, err);
}

static bool add_copy(struct json_out *out, const struct journal_copy *copy, struct err *err)
{
    const char *state = copy->stage == COPY_NONE ? NULL : copy->stage == COPY_OVER ? "over" : "due";
    return json_text(out, "copy", state, err) && json_text(out, "copy_said", copy->said, err);
}

static bool add_message(struct json_out *j, struct queue_desk *desk, const struct message *m, bool failed,
                        struct err *err)
{
    struct str why = STR_INIT(16384);
    bool ok = failed || queue_why(m, &desk->reason, &why, err);
    ok = ok && json_open(j, NULL, '{', err) && json_text(j, "id", m->id, err) &&
         json_text(j, "place", failed ? "failed" : "queue", err) &&
         json_text(j, "account", m->envelope.account, err) &&
         json_number(j, "accepted", m->envelope.accepted, err) &&
         json_number(j, "size", (int64_t)m->facts.size, err) &&
         json_text(j, "sender", m->envelope.sender, err) && add_recipients(j, m, err) &&
         add_journal(j, &m->journal, err) && add_copy(j, &m->journal.copy, err) &&
         json_text(j, "why", failed ? NULL : why.buf, err) && json_close(j, '}', err);
    str_free(&why);
    return ok;
}

static bool add_all(struct json_out *j, struct queue_desk *desk, bool failed, struct err *err)
{
    struct store *store = failed ? &desk->failed : &desk->store;
    struct store_item *items;
    size_t count;
    if (!store_list(store, &items, &count, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        struct message m;
        struct err fault;
        if (store_peek(store, items[i].id, &m, &fault) == TAKE_GOT)
            ok = add_message(j, desk, &m, failed, err);
        store_release(&m);
    }
    free(items);
    return ok;
}

bool queue_json(struct queue_desk *desk, struct err *err)
{
    struct str out = STR_INIT(JSON_MAX);
    struct json_out j = json_begin(&out);
    bool ok = json_open(&j, NULL, '[', err) && add_all(&j, desk, false, err) &&
              add_all(&j, desk, true, err) && json_close(&j, ']', err);
    if (ok)
        say("%s", out.buf);
    str_free(&out);
    return ok;
}
