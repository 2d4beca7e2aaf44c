/* pop3_header - the headers of some messages, by TOP; or by RETR, where the server does not know TOP. */
#include "fetch/pop3_box.h"
#include "mail/headsum.h"

/* add_header - as much as counts; of a message without end there may be more */
static bool add_header(void *arg, const char *bytes, size_t n, struct err *err)
{
    struct str *header = arg;
    size_t room = header->max - header->len;
    return str_add(header, bytes, n < room ? n : room, err);
}

/* read_header - the answer to TOP or RETR; *refused_r: there is none, and why is in `err` */
static bool read_header(struct pop3_job *job, struct str *header, bool *refused_r, struct err *err)
{
    bool given = false;
    str_clear(header);
    bool ok = pop3_read_text(job->pop3, add_header, header, &given, err);
    *refused_r = ok && !given;
    return ok;
}

static size_t next_asked(const struct pop3_job *job, size_t at)
{
    while (at < job->count && !job->letters[at].ask)
        at++;
    return at;
}

static bool send_one(const struct pop3_job *job, size_t at, bool whole, struct err *err)
{
    uint32_t number = job->letters[at].number;
    return whole ? pop3_send_retr(job->pop3, number, err) : pop3_send_top(job->pop3, number, err);
}

static bool read_one(struct pop3_job *job, size_t at, struct str *header, pop3_header_take *take,
                     struct err *err)
{
    struct err why = {0};
    bool refused;
    if (!read_header(job, header, &refused, &why)) {
        *err = why;
        return false;
    }
    return take(job, &job->letters[at], refused ? NULL : header, &why, err);
}

/* read_from - whole: by RETR, for TOP is not to be had */
static bool read_from(struct pop3_job *job, size_t from, bool whole, struct str *header,
                      pop3_header_take *take, struct err *err)
{
    size_t sent = from, flying = 0, window = pop3_window(job->pop3);
    for (size_t read = from; read < job->count; read = next_asked(job, read + 1), flying--) {
        for (; sent < job->count && flying < window; flying++, sent = next_asked(job, sent + 1))
            if (!send_one(job, sent, whole, err))
                return false;
        if (!read_one(job, read, header, take, err))
            return false;
    }
    return true;
}

/* The first one shows whether there is TOP; it need not be announced. */
bool pop3_box_headers(struct pop3_job *job, pop3_header_take *take, struct err *err)
{
    struct str header = STR_INIT(HEADSUM_MAX);
    struct err why = {0};
    size_t first = next_asked(job, 0);
    bool refused = false, ok = first == job->count || send_one(job, first, false, err);
    if (ok && first < job->count && !read_header(job, &header, &refused, &why)) {
        *err = why;
        ok = false;
    } else if (ok && first < job->count) {
        ok = (refused || take(job, &job->letters[first], &header, NULL, err)) &&
             read_from(job, refused ? first : next_asked(job, first + 1), refused, &header, take, err);
    }
    str_free(&header);
    return ok;
}
