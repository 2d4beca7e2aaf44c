/* status - `tappal status`: what is set up, what waits, what fails; for people, for programs (--json), and for monitoring
 * (--check). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "cmd/status_fetch.h"
#include "cmd/waker.h"
#include "queue/breaker.h"
#include "queue/rate.h"

#define PATH_BYTES_MAX 4096
#define JSON_MAX (1u << 20)
#define MAX_AGE 3600
#define LOOKED_MAX 1000 /* messages that are opened to see what they wait for */

static const char usage[] =
    "Usage: tappal status [--json] [--config DIR]\n"
    "       tappal status --check [--max-age TIME] [--config DIR]\n"
    "Says which accounts there are, which of them fail, and how many messages wait to be sent.\n"
    "  --check         one line, and an exit status for monitoring: 2 where a message waits for too long,\n"
    "                  1 where an account fails, or messages are held, in quarantine or given up,\n"
    "                  else 0\n"
    "  --max-age TIME  how long a message may wait, default 1h";

struct status {
    struct place place;
    struct config config;
    bool configured;
    struct err fault;         /* of the configuration, where not */
    struct breaker *breakers; /* one for each account, as these */
    struct rate *rates;
    struct fetch_status *fetching;
    char *queue;
    size_t waiting, due, failed, aside;
    size_t held;    /* of those that wait: until they are released */
    size_t copies;  /* of those that wait: they are delivered, and wait for their copy only */
    int64_t oldest; /* when the oldest that is not held came in; 0: none */
    enum waker waker;
};

/* -- gathering -- */

static bool gather_accounts(struct status *s, struct err *err)
{
    s->configured = place_load(&s->place, &s->config, &s->fault);
    if (!s->configured)
        return true;
    s->breakers = calloc(s->config.count + 1, sizeof *s->breakers);
    s->rates = calloc(s->config.count + 1, sizeof *s->rates);
    s->fetching = calloc(s->config.count + 1, sizeof *s->fetching);
    if (!s->breakers || !s->rates || !s->fetching)
        return err_nomem(err);
    for (size_t i = 0; i < s->config.count; i++)
        if (!breaker_load(&s->place, &s->config.accounts[i], &s->breakers[i], err) ||
            !rate_begin(&s->place, &s->config.accounts[i], &s->rates[i], err) ||
            !fetch_status_load(&s->place, &s->config.accounts[i], &s->fetching[i], err))
            return false;
    return true;
}

/* The first that is not held is the oldest. */
static void find_oldest(struct status *s, struct store *store, const struct store_item *items, size_t count)
{
    for (size_t i = 0; i < count && s->oldest == 0; i++) {
        struct message m;
        struct err ignored;
        if (store_peek(store, items[i].id, &m, &ignored) == TAKE_GOT && !m.journal.held)
            s->oldest = m.envelope.accepted;
        store_release(&m);
    }
}

/* What was never tried owes none. */
static void count_copies(struct status *s, struct store *store, const struct store_item *items, size_t count)
{
    for (size_t i = 0, looked = 0; i < count && looked < LOOKED_MAX; i++) {
        struct message m;
        struct err ignored;
        if (items[i].due == 0)
            continue;
        looked++;
        s->copies +=
            store_peek(store, items[i].id, &m, &ignored) == TAKE_GOT && journal_owes_only_copy(&m.journal);
        store_release(&m);
    }
}

static bool gather_store(struct status *s, struct store *store, struct err *err)
{
    struct store_item *items = NULL;
    bool ok = store_list(store, &items, &s->waiting, err) && store_count(store, "failed", &s->failed, err) &&
              store_count(store, "aside", &s->aside, err);
    for (size_t i = 0; ok && i < s->waiting; i++) {
        s->due += items[i].due <= clock_now();
        s->held += store_is_held(&items[i]);
    }
    if (ok) {
        find_oldest(s, store, items, s->waiting);
        count_copies(s, store, items, s->waiting);
    }
    free(items);
    s->waker = waker_find(&s->place, store);
    return ok;
}

static bool gather_queue(struct status *s, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX);
    struct store store;
    bool ok = place_queue(&s->place, &path, err) && store_open(path.buf, &store, err);
    if (ok) {
        s->queue = strdup(path.buf);
        ok = (s->queue || err_nomem(err)) && gather_store(s, &store, err);
        store_close(&store);
    }
    str_free(&path);
    return ok;
}

static void status_free(struct status *s)
{
    for (size_t i = 0; s->breakers && i < s->config.count; i++)
        breaker_free(&s->breakers[i]);
    for (size_t i = 0; s->rates && i < s->config.count; i++)
        rate_free(&s->rates[i]);
    for (size_t i = 0; s->fetching && i < s->config.count; i++)
        fetch_status_free(&s->fetching[i]);
    free(s->breakers);
    free(s->rates);
    free(s->fetching);
    free(s->queue);
    if (s->configured)
        conf_free(&s->config);
    place_free(&s->place);
}

/* -- for people -- */

static const char *server_name(bool on, const struct endpoint *server)
{
    return !on ? "" : server->host ? server->host : server->socket ? server->socket : "a tunnel";
}

/* When a message to one may go again; 0: now. */
static int64_t next_by_rate(const struct rate *rate, struct err *why_r)
{
    struct err ignored;
    int64_t when;
    if (!rate_ask(rate, 1, &when, &ignored) || when <= clock_now_ms())
        return 0;
    rate_explain(rate, 1, why_r);
    return when / 1000 + 1;
}

static void say_rate(const struct rate *rate)
{
    struct err why;
    char wait[32];
    int64_t next = next_by_rate(rate, &why);
    if (next == 0)
        return;
    text_show_duration((uint64_t)(next - clock_now()), wait);
    say("  sends the next message in %s: %s", wait, why.what);
}

static void say_account(const struct account *a, const struct breaker *b, const struct rate *rate)
{
    char since[32];
    say("%s: %s%s%s%s%s", a->name, a->address ? a->address : "(no address)", a->send.on ? "; sends by " : "",
        server_name(a->send.on, &a->send.server), a->fetch.on ? "; fetches from " : "",
        server_name(a->fetch.on, &a->fetch.server));
    say_rate(rate);
    if (b->failures == 0)
        return;
    text_show_duration(clock_now() > b->since ? (uint64_t)(clock_now() - b->since) : 0, since);
    say("  cannot send for %s: %s", since, b->why.what);
    if (b->why.hint[0])
        say("  hint: %s", b->why.hint);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int say_people(const struct status *s)
{
    if (s->failed > 0)
        say("%zu message%s could not be sent and lie%s in %s/failed: tappal queue list", s->failed,
            plural(s->failed), s->failed == 1 ? "s" : "", s->queue);
    if (s->aside > 0)
        say("%zu damaged message%s lie%s in %s/aside", s->aside, plural(s->aside), s->aside == 1 ? "s" : "",
            s->queue);
    for (size_t i = 0; s->configured && i < s->config.count; i++) {
        say_account(&s->config.accounts[i], &s->breakers[i], &s->rates[i]);
        fetch_status_say(s->config.accounts[i].name, &s->fetching[i]);
    }
    if (s->waiting == 0)
        say("No message waits.");
    else
        say("%zu message%s wait%s, %zu of them due now: tappal queue list", s->waiting, plural(s->waiting),
            s->waiting == 1 ? "s" : "", s->due);
    if (s->held > 0)
        say("%zu of them %s held, and not tried until somebody says so: tappal queue release", s->held,
            s->held == 1 ? "is" : "are");
    if (s->copies > 0)
        say("%zu of them %s delivered and wait%s only for the copy that `sent` wants.", s->copies,
            s->copies == 1 ? "is" : "are", s->copies == 1 ? "s" : "");
    if (s->waiting > 0)
        say("The queue is woken by %s.", waker_name(s->waker));
    return s->configured ? 0 : say_error(NULL, &s->fault);
}

/* -- for programs -- */

static bool add_breaker(struct json_out *j, const struct breaker *b, struct err *err)
{
    return json_open(j, "failure", '{', err) && json_text(j, "kind", err_kind_name(b->why.kind), err) &&
           json_text(j, "error", b->why.what, err) && json_text(j, "hint", b->why.hint, err) &&
           json_number(j, "times", b->failures, err) && json_number(j, "since", b->since, err) &&
           json_number(j, "next_probe", b->next, err) && json_close(j, '}', err);
}

static bool add_rate(struct json_out *j, const struct rate *rate, struct err *err)
{
    struct err why;
    int64_t next = next_by_rate(rate, &why);
    return next == 0 ? json_text(j, "limit", NULL, err)
                     : json_open(j, "limit", '{', err) && json_text(j, "error", why.what, err) &&
                           json_number(j, "next", next, err) && json_close(j, '}', err);
}

static bool add_accounts(struct json_out *j, const struct status *s, struct err *err)
{
    bool ok = json_open(j, "accounts", '[', err);
    for (size_t i = 0; ok && s->configured && i < s->config.count; i++) {
        const struct account *a = &s->config.accounts[i];
        ok = json_open(j, NULL, '{', err) && json_text(j, "name", a->name, err) &&
             json_text(j, "address", a->address, err) && json_bool(j, "sends", a->send.on, err) &&
             json_bool(j, "fetches", a->fetch.on, err) &&
             (s->breakers[i].failures > 0 ? add_breaker(j, &s->breakers[i], err)
                                          : json_text(j, "failure", NULL, err)) &&
             add_rate(j, &s->rates[i], err) && fetch_status_json(j, &s->fetching[i], err) &&
             json_close(j, '}', err);
    }
    return ok && json_close(j, ']', err);
}

static int say_json(const struct status *s)
{
    struct err err = {0};
    struct str out = STR_INIT(JSON_MAX);
    struct json_out j = json_begin(&out);
    bool ok =
        json_open(&j, NULL, '{', &err) && add_accounts(&j, s, &err) &&
        json_text(&j, "configuration_error", s->configured ? NULL : s->fault.what, &err) &&
        json_number(&j, "waiting", (int64_t)s->waiting, &err) &&
        json_number(&j, "due", (int64_t)s->due, &err) && json_number(&j, "held", (int64_t)s->held, &err) &&
        json_number(&j, "copies", (int64_t)s->copies, &err) && json_number(&j, "oldest", s->oldest, &err) &&
        json_number(&j, "failed", (int64_t)s->failed, &err) &&
        json_number(&j, "aside", (int64_t)s->aside, &err) &&
        json_text(&j, "woken_by", s->waker == WAKER_NONE ? NULL : waker_name(s->waker), &err) &&
        json_close(&j, '}', &err);
    if (ok)
        say("%s", out.buf);
    str_free(&out);
    return ok ? (s->configured ? 0 : err_exit_status(s->fault.kind)) : say_error(NULL, &err);
}

/* -- for monitoring -- */

enum { CHECK_GOOD, CHECK_WARNING, CHECK_CRITICAL };

static bool warned_of_fetching(const struct status *s)
{
    for (size_t i = 0; i < s->config.count; i++) {
        const struct fetch_status *f = &s->fetching[i];
        if (f->trouble.why.kind != ERR_NONE)
            say("WARNING: account %s has trouble with fetching: %s", s->config.accounts[i].name,
                f->trouble.why.what);
        else if (f->count > 0)
            say("WARNING: account %s cannot fetch %zu message%s, which are in quarantine",
                s->config.accounts[i].name, f->count, plural(f->count));
        else
            continue;
        return true;
    }
    return false;
}

static int say_check(const struct status *s, uint64_t max_age)
{
    char age[32];
    uint64_t waits = s->oldest > 0 && clock_now() > s->oldest ? (uint64_t)(clock_now() - s->oldest) : 0;
    text_show_duration(waits, age);
    if (waits > max_age) {
        say("CRITICAL: %zu message%s wait%s, the oldest for %s", s->waiting, plural(s->waiting),
            s->waiting == 1 ? "s" : "", age);
        return CHECK_CRITICAL;
    }
    for (size_t i = 0; s->configured && i < s->config.count; i++) {
        if (s->breakers[i].failures == 0)
            continue;
        say("WARNING: account %s cannot send: %s", s->config.accounts[i].name, s->breakers[i].why.what);
        return CHECK_WARNING;
    }
    if (!s->configured) {
        say("WARNING: %s", s->fault.what);
        return CHECK_WARNING;
    }
    if (warned_of_fetching(s))
        return CHECK_WARNING;
    if (s->failed + s->aside > 0) {
        say("WARNING: %zu message%s could not be sent", s->failed + s->aside, plural(s->failed + s->aside));
        return CHECK_WARNING;
    }
    if (s->held > 0) {
        say("WARNING: %zu message%s held until somebody says so", s->held, s->held == 1 ? " is" : "s are");
        return CHECK_WARNING;
    }
    say("OK: %zu message%s wait%s", s->waiting, plural(s->waiting), s->waiting == 1 ? "s" : "");
    return CHECK_GOOD;
}

/* -- the command -- */

struct options {
    const char *config;
    const char *age; /* as it was written; NULL: not at all */
    bool json, check;
    uint64_t max_age;
};

static int status(const struct options *o)
{
    struct status s = {.fault = {0}};
    struct err err = {0};
    int result;
    if (!place_find(o->config, &s.place, &err))
        return o->check ? CHECK_CRITICAL : say_error(NULL, &err);
    if (!gather_accounts(&s, &err) || !gather_queue(&s, &err)) {
        result = say_error(NULL, &err);
        result = o->check ? CHECK_CRITICAL : result;
    } else {
        result = o->check ? say_check(&s, o->max_age) : o->json ? say_json(&s) : say_people(&s);
    }
    status_free(&s);
    return result;
}

static bool options_fit(const struct options *o, struct err *err)
{
    if (o->json && o->check)
        return err_set(err, ERR_USAGE, "--json and --check do not go together.");
    if (o->age && !o->check)
        return err_set(err, ERR_USAGE, "--max-age goes with --check only.");
    return true;
}

static bool read_age(struct options *o, struct err *err)
{
    if (!o->age || text_duration(o->age, &o->max_age))
        return true;
    err_set(err, ERR_USAGE, "`%.32s` is not a length of time.", o->age);
    return err_hint(err, "Write a number with s, m, h or d behind it, like 90m.");
}

int cmd_status(int argc, char **argv)
{
    enum { CONFIG = 1, JSON, CHECK, AGE, HELP };
    static const struct option long_options[] = {
        {"config", required_argument, NULL, CONFIG}, {"json", no_argument, NULL, JSON},
        {"check", no_argument, NULL, CHECK},         {"max-age", required_argument, NULL, AGE},
        {"help", no_argument, NULL, HELP},           {NULL, 0, NULL, 0}};
    struct options o = {.max_age = MAX_AGE};
    struct err err = {0};
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        switch (c) {
        case CONFIG:
            o.config = optarg;
            break;
        case JSON:
            o.json = true;
            break;
        case CHECK:
            o.check = true;
            break;
        case AGE:
            o.age = optarg;
            break;
        case HELP:
            say("%s", usage);
            return 0;
        default:
            return cmd_bad_option("status", c, argv, long_options);
        }
    }
    if (optind < argc)
        return cmd_surplus("status", argv[optind]);
    return options_fit(&o, &err) && read_age(&o, &err) ? status(&o) : cmd_wrong("status", &err);
}
