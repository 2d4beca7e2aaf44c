/* rate - an account's counts as a small file, replaced as a whole:
 *   tappal-rate 1
 *   messages FIRST LAST COUNT        a slot of mail/tally each, in milliseconds since 1970
 *   recipients FIRST LAST COUNT */
#include "queue/rate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define PATH_LEN_MAX 4096
#define FILE_MAX 16384
#define LOCK_MS 10000 /* it is held for two syncs */
#define SHORT_MS 120000
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define TITLE "tappal-rate 1\n"

static bool is_limited(const struct rate *r)
{
    return r->account->send.rate.count > 0 || r->account->send.daily > 0;
}

static int64_t period_of(const struct rate *r)
{
    return (int64_t)r->account->send.rate.seconds * 1000;
}

bool rate_begin(const struct place *place, const struct account *account, struct rate *r_r, struct err *err)
{
    *r_r = (struct rate){.account = account, .path = STR_INIT(PATH_LEN_MAX)};
    if (is_limited(r_r) && !place_account_mark(place, account, ".rate", &r_r->path, err)) {
        rate_free(r_r);
        return false;
    }
    return true;
}

void rate_free(struct rate *r)
{
    str_free(&r->path);
}

/* -- the file -- */

static bool parse_slot(struct rate_counts *c, const char *line)
{
    struct tally_slot slot;
    char word[16];
    if (sscanf(line, "%15s %" SCNd64 " %" SCNd64 " %" SCNu64, word, &slot.first, &slot.last, &slot.count) !=
        4) {
        return false;
    }
    struct tally *t = strcmp(word, "messages") == 0     ? &c->messages
                      : strcmp(word, "recipients") == 0 ? &c->recipients
                                                        : NULL;
    if (t == NULL || t->used == TALLY_SLOTS || slot.count > TALLY_MOST || slot.first < 0 ||
        slot.last < slot.first) {
        return false;
    }
    t->slots[t->used++] = slot;
    return true;
}

/* What cannot be made sense of counts as nothing sent. */
static void parse(const char *text, struct rate_counts *c_r)
{
    const char *line = text + strlen(TITLE);
    bool ok = strncmp(text, TITLE, strlen(TITLE)) == 0;
    while (ok && *line != '\0') {
        const char *end = strchr(line, '\n');
        ok = end != NULL && parse_slot(c_r, line);
        line = ok ? end + 1 : line;
    }
    if (!ok) {
        *c_r = (struct rate_counts){0};
    }
}

/* *set_back_r: the clock was, so that what was read is to be kept. */
static bool read_counts(const struct rate *r, struct rate_counts *c_r, bool *set_back_r, struct err *err)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err why = {0};
    int64_t now = clock_now_ms();
    *c_r = (struct rate_counts){0};
    *set_back_r = false;
    bool ok = fs_read_file(r->path.buf, &text, &why);
    if (ok) {
        parse(text.buf, c_r);
        bool messages = tally_slide(&c_r->messages, period_of(r), now);
        *set_back_r = tally_slide(&c_r->recipients, DAY_MS, now) || messages;
    } else if (why.sys == ENOENT || why.kind == ERR_DATA) { /* no file of ours, or one that is far too long */
        ok = true;
    } else {
        *err = why;
    }
    str_free(&text);
    return ok;
}

static bool add_slots(struct str *out, const char *word, const struct tally *t, struct err *err)
{
    for (size_t i = 0; i < t->used; i++) {
        const struct tally_slot *s = &t->slots[i];
        if (!str_addf(out, err, "%s %" PRId64 " %" PRId64 " %" PRIu64 "\n", word, s->first, s->last,
                      s->count)) {
            return false;
        }
    }
    return true;
}

static bool write_counts(const struct rate *r, const struct rate_counts *c, struct err *err)
{
    struct str text = STR_INIT(FILE_MAX);
    bool ok = str_addz(&text, TITLE, err) && add_slots(&text, "messages", &c->messages, err) &&
              add_slots(&text, "recipients", &c->recipients, err) &&
              fs_replace(r->path.buf, text.buf, text.len, 0600, err);
    str_free(&text);
    return ok;
}

/* The lock on the folder: the file is another one after each count. */
static int lock(const struct rate *r, struct err *err)
{
    struct str folder = STR_INIT(PATH_LEN_MAX);
    int fd = -1;
    if (str_add(&folder, r->path.buf, (size_t)(strrchr(r->path.buf, '/') - r->path.buf), err)) {
        fd = fs_open_dir(folder.buf, err);
    }
    if (fd >= 0 && !fs_lock_wait(fd, clock_mono_ms() + LOCK_MS, err)) {
        close(fd);
        fd = -1;
    }
    str_free(&folder);
    return fd;
}

/* -- when -- */

size_t rate_most(const struct rate *r, size_t recipients)
{
    uint64_t daily = r->account->send.daily;
    return daily > 0 && recipients > daily ? (size_t)daily : recipients;
}

/* The later of both limits' times; *daily_r: it is that of `daily`. */
static int64_t room_at(const struct rate *r, const struct rate_counts *c, size_t recipients, int64_t now,
                       bool *daily_r)
{
    const struct send_conf *send = &r->account->send;
    int64_t a = now, b = now;
    if (send->rate.count > 0) {
        a = tally_room_at(&c->messages, period_of(r), send->rate.count, 1, now);
    }
    if (send->daily > 0) {
        b = tally_room_at(&c->recipients, DAY_MS, send->daily, recipients, now);
    }
    *daily_r = b > a;
    return b > a ? b : a;
}

/* At `when`, which may be to come: what has left the windows by then is forgotten. */
static void count_one(const struct rate *r, struct rate_counts *c, size_t recipients, int64_t when)
{
    tally_slide(&c->messages, period_of(r), when);
    tally_slide(&c->recipients, DAY_MS, when);
    if (r->account->send.rate.count > 0) {
        tally_add(&c->messages, period_of(r), when, 1);
    }
    if (r->account->send.daily > 0) {
        tally_add(&c->recipients, DAY_MS, when, recipients);
    }
}

bool rate_ask(const struct rate *r, size_t recipients, int64_t *when_r, struct err *err)
{
    struct rate_counts c;
    bool ignored, set_back;
    *when_r = 0;
    if (!is_limited(r)) {
        return true;
    }
    if (!read_counts(r, &c, &set_back, err)) {
        return false;
    }
    *when_r = room_at(r, &c, recipients, clock_now_ms(), &ignored);
    return true;
}

bool rate_take(struct rate *r, const size_t *recipients, size_t count, size_t *taken_r, struct err *err)
{
    struct rate_counts c;
    size_t taken = 0;
    bool ignored, set_back;
    *taken_r = count;
    if (!is_limited(r)) {
        return true;
    }
    int fd = lock(r, err);
    if (fd < 0) {
        return false;
    }
    bool ok = read_counts(r, &c, &set_back, err);
    int64_t now = clock_now_ms();
    while (ok && taken < count && room_at(r, &c, recipients[taken], now, &ignored) <= now) {
        count_one(r, &c, recipients[taken++], now);
    }
    ok = ok && (taken == 0 || write_counts(r, &c, err));
    close(fd);
    *taken_r = ok ? taken : 0;
    return ok;
}

/* What was sent, for the booking; a clock that was set back is written down, or each look would begin anew. */
static bool begin_booking(struct rate *r, struct err *err)
{
    bool set_back;
    int fd = lock(r, err);
    bool ok = fd >= 0 && read_counts(r, &r->booked, &set_back, err) &&
              (!set_back || write_counts(r, &r->booked, err));
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool rate_book(struct rate *r, size_t recipients, int64_t *when_r, struct err *err)
{
    int64_t now = clock_now_ms();
    bool ignored;
    if (r->booked_until == 0 && !begin_booking(r, err)) {
        return false;
    }
    int64_t from = r->booked_until > now ? r->booked_until : now;
    int64_t when = room_at(r, &r->booked, recipients, from, &ignored);
    count_one(r, &r->booked, recipients, when);
    r->booked_until = when;
    *when_r = when / 1000 + 1;
    return true;
}

/* A wait that a person would look at the clock for. Until then the queue is looked at each hour, for the limit may have
 * been changed. */
static void explain_when(int64_t now, int64_t when, char out[128])
{
    char time[48];
    if (when - now > SHORT_MS) {
        clock_rfc5322(when / 1000 + 1, time);
        snprintf(out, 128, ", and the next one may go on %s", time);
    }
}

void rate_explain(const struct rate *r, size_t recipients, struct err *why_r)
{
    static const struct {
        uint32_t seconds;
        const char *words;
    } times[] = {{1, "a second"}, {60, "a minute"}, {3600, "an hour"}, {86400, "a day"}};
    const struct send_conf *send = &r->account->send;
    struct rate_counts c = {0};
    bool daily = send->rate.count == 0, set_back;
    int64_t now = clock_now_ms(), when = now;
    char until[128] = "";
    size_t i = 0;

    if (read_counts(r, &c, &set_back, why_r)) {
        when = room_at(r, &c, recipients, now, &daily);
    }
    explain_when(now, when, until);
    while (i + 1 < sizeof(times) / sizeof(*times) && times[i].seconds != send->rate.seconds) {
        i++;
    }
    if (daily) {
        err_set(why_r, ERR_REFUSED_TEMP,
                "The account %s sends to no more than %" PRIu64 " recipients in 24 hours.", r->account->name,
                send->daily);
    } else {
        err_set(why_r, ERR_REFUSED_TEMP, "The account %s sends no more than %" PRIu32 " message%s in %s.",
                r->account->name, send->rate.count, send->rate.count == 1 ? "" : "s", times[i].words);
    }
    err_hint(why_r, "It goes out by itself in its turn%s; %s says how much may: %s.", until, r->account->file,
             daily ? "daily" : "rate");
}
