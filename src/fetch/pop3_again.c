/* pop3_again - messages under a known name that must be looked at once more: of another size than before, or listed
 * although the server has said to have deleted them. Servers that write notes of their own into headers (X-UIDL, Status)
 * change sizes from one session to the next, so it is the letter (mail/headsum.h) that decides. What has no letter is
 * fetched and compared octet by octet. */
#include <string.h>

#include "fetch/pop3_box.h"
#include "mail/headsum.h"

static bool is_doubtful(const struct pop3_job *job, const struct pop3_letter *l)
{
    const struct seen_entry *e = l->fate == POP3_FETCH ? seen_find(job->f.seen, &l->key) : NULL;
    return e && (seen_is_here(e) || e->state == SEEN_ASKED) && seen_mark_known(e->letter);
}

static bool take(struct pop3_job *job, struct pop3_letter *l, const struct str *header,
                 const struct err *refusal, struct err *err)
{
    unsigned char sha256[SUM_SHA256_BYTES];
    struct seen_entry e = *seen_find(job->f.seen, &l->key);
    bool asked = e.state != SEEN_PLACED;
    (void)refusal;
    if (!header || !headsum_letter(header->buf, header->len, sha256) ||
        memcmp(sha256, e.letter, sizeof e.letter) != 0)
        return true;
    l->fate = POP3_HAVE;
    e.wire = l->size;
    e.state = SEEN_PLACED;
    return job->pull->dry_run ||
           (seen_keep(job->f.seen, &e, err) && (!asked || seen_stays(job->f.seen, &l->key, err)));
}

bool pop3_box_look_again(struct pop3_job *job, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < job->count; i++) {
        job->letters[i].ask = is_doubtful(job, &job->letters[i]);
        any = any || job->letters[i].ask;
    }
    return !any || pop3_box_headers(job, take, err);
}
