/* outlog - see outlog.h. A message that all get is one line, "sent", with their addresses in `to`. */
#include "queue/outlog.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define TO_MAX 2000 /* more addresses than a line of the log takes are left out */

static const char *event_of(enum verdict verdict)
{
    return verdict == VERDICT_DELIVERED ? "sent" : verdict == VERDICT_LATER ? "deferred" : "refused";
}

static bool is_alike(const struct outcome *x, const struct outcome *y)
{
    return x->verdict == y->verdict && x->code == y->code && strcmp(x->enhanced, y->enhanced) == 0 &&
           strcmp(x->text != NULL ? x->text : "", y->text != NULL ? y->text : "") == 0;
}

static void log_one(const struct message *m, const struct account *account, const struct outcome *o,
                    const char *to)
{
    char code[32];
    snprintf(code, sizeof code, "%d%s%s", o->code, o->enhanced[0] != '\0' ? " " : "", o->enhanced);
    log_event(o->verdict == VERDICT_DELIVERED ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, event_of(o->verdict),
              "id", m->id, "account", account->name, "from", m->envelope.sender, "to", to, "host",
              account->send.server.host, "code", code, "reply", o->text, NULL);
}

void outlog(const struct message *m, const struct account *account, const struct outcome *outcomes,
            const size_t *to, size_t to_count)
{
    for (size_t k = 0; k < to_count; k++) {
        const struct outcome *o = &outcomes[to[k]];
        struct str alike = STR_INIT(TO_MAX);
        struct err ignored;
        size_t first = 0;
        while (!is_alike(&outcomes[to[first]], o))
            first++;
        bool fits = true;
        for (size_t i = k; fits && first == k && i < to_count; i++)
            if (is_alike(&outcomes[to[i]], o))
                fits = str_addf(&alike, &ignored, "%s%s", alike.len > 0 ? "," : "",
                                m->envelope.recipients[to[i]].address);
        if (first == k && o->verdict != VERDICT_NONE)
            log_one(m, account, o, alike.buf);
        str_free(&alike);
    }
}
