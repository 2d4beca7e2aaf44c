/* watch - an account whose new mail comes by itself: between two looks at the server it waits, on the server's own
 * word where there is one (IDLE for the folder that is open, NOTIFY for the others), else for the next look's time.
 *
 *   the last look   the server tells of           waits for
 *   --------------  ----------------------------  ----------------------------------------------------------------
 *   went well       the INBOX, all that we want   its word, renewed each 4 minutes; looks after `every`, or 30 min
 *                   the INBOX, or NOTIFY of all   the same, but looks after `every`, or 5 minutes: NOTIFY is only as
 *                                                 good as the server's way of storing mail
 *                   nothing, or POP3              `every`, or 5 minutes
 *   failed          -                             1, 2, 5 ... minutes (mail/retry), or the network coming up
 *
 * Waking from suspend, or a network that came up, leads to a look at once: a dead connection shows there.
 * What failed is told by the caller's `look`; what it is waiting for goes to `state`. */
#ifndef TAPPAL_FETCH_WATCH_H
#define TAPPAL_FETCH_WATCH_H

#include "fetch/pull.h"
#include "net/wake.h"

#define WATCH_EVERY 300   /* seconds between looks where the server does not tell of everything */
#define WATCH_REST 1800   /* where it does: servers forget */
#define WATCH_RENEW 240   /* some servers hang up on who says nothing for five minutes */
#define WATCH_CHECK 15    /* a server that is there answers within */
#define WATCH_BUSY 60     /* another run is at work on the account, or the server cries wolf */
#define WATCH_BEAT 600    /* `state` is told at least so often, to show that we live */
#define WATCH_SHORT 60000 /* ms: a session that did not last longer is no reason to connect again at once */

enum watch_end { WATCH_GOOD, WATCH_NOTHING, WATCH_FAILED, WATCH_TAKEN };

struct watch {
    const struct account *account;
    struct wake *wake;
    void *arg;
    /* Looks for new mail over the line. WATCH_NOTHING: there was none; WATCH_TAKEN: another run looks. */
    enum watch_end (*look)(void *arg, struct pull_line *line, struct err *err);
    void (*state)(void *arg, const char *text);
};

/* Until wake says WAKE_STOPPED. */
void watch_run(const struct watch *watch);

#endif
