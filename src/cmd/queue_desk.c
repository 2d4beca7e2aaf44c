/* queue_desk - see queue_desk.h. */
#include "cmd/queue_desk.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/dispatch.h"

#define PATH_LEN_MAX 4096
#define SHOWN_BYTES 2048

/* The account has sent as much as it may. */
static bool is_over_rate(const struct rate *rate, const struct message *m, struct err *why_r)
{
    struct err ignored;
    size_t recipients = rate_most(rate, journal_count_open(&m->journal));
    int64_t when;
    if (!rate_ask(rate, recipients, &when, &ignored) || when <= clock_now_ms())
        return false;
    rate_explain(rate, recipients, why_r);
    return true;
}

/* A waiting message, which may not have been tried because of it, says what keeps its account from sending. */
static bool add_account(void *arg, const struct message *m, struct str *out, struct err *err)
{
    struct queue_desk *desk = arg;
    struct line *line;
    struct err why;
    if (!lines_find(&desk->lines, &m->envelope, &line, &why))
        return true;
    if (breaker_holds(&line->breaker, clock_now()))
        why = line->breaker.why;
    else if (!is_over_rate(&line->rate, m, &why))
        return true;
    return str_addf(out, err, ": waits for account %s: ", line->account->name) &&
           text_add_clean(out, why.what, strlen(why.what), SHOWN_BYTES, err);
}

/* What a person does here is said to them as it is done; the log is for later. */
static void open_log(const struct place *place)
{
    struct config config;
    struct err ignored;
    const bool ok = place_load(place, &config, &ignored);
    log_open("tappal", ok && config.log ? config.log : "syslog");
    if (ok)
        conf_free(&config);
}

bool queue_desk_open(const char *config, struct queue_desk *desk, struct err *err)
{
    struct str path = STR_INIT(PATH_LEN_MAX);
    *desk = (struct queue_desk){.store = {.dir = -1, .msg = -1, .tmp = -1},
                                .failed = {.dir = -1, .msg = -1, .tmp = -1},
                                .reason = {.add = add_account, .arg = desk}};
    bool ok = place_find(config, &desk->place, err) && place_queue(&desk->place, &path, err) &&
              store_open(path.buf, &desk->store, err) &&
              store_view(&desk->store, "failed", &desk->failed, err);
    desk->lines.place = &desk->place;
    if (ok)
        open_log(&desk->place);
    str_free(&path);
    if (!ok)
        queue_desk_close(desk);
    return ok;
}

void queue_desk_close(struct queue_desk *desk)
{
    lines_close(&desk->lines);
    store_close(&desk->failed);
    store_close(&desk->store);
    place_free(&desk->place);
}

bool queue_desk_wake(struct queue_desk *desk, struct err *err)
{
    store_wake(&desk->store);
    return store_is_watched(&desk->store) || dispatch(&desk->store, NULL, -1, err);
}

bool queue_desk_serve(struct queue_desk *desk, const char *id, struct err *err)
{
    struct strv more = STRV_INIT;
    bool ok = strv_add(&more, "--wait-for", err) && strv_add(&more, id, err) &&
              dispatch(&desk->store, &more, -1, err);
    strv_free(&more);
    return ok;
}

bool queue_no_longer(const char *id, struct err *err)
{
    return err_set(err, ERR_DATA, "The message %s has just left the queue.", id);
}
