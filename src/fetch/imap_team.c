/* imap_team - see imap_team.h. */
#include "fetch/imap_team.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "client/imap_idle.h"
#include "fetch/imap_box.h"
#include "fetch/news.h"

#define TURN_MS 50 /* between two looks whether the others have ended, and whether we are to stop */

struct member {
    pid_t pid; /* 0: the first session, or ended */
    bool let_in;
    struct err why_not;
    struct pull_result result;
    uint64_t news;
    _Atomic uint64_t octets;
};

struct imap_team_board {
    atomic_size_t next; /* folder that nobody has taken */
    size_t size;
    struct member members[FETCH_CONNECTIONS_MAX];
    atomic_bool done[FOLDERS_MAX];
};

/* -- who, and what -- */

/* by_size - UIDNEXT is all that is known of it without asking */
static int by_size(const void *a, const void *b)
{
    const struct folder *x = *(const struct folder *const *)a, *y = *(const struct folder *const *)b;
    bool x_is_inbox = text_eq_nocase(x->name, "INBOX"), y_is_inbox = text_eq_nocase(y->name, "INBOX");
    if (x_is_inbox != y_is_inbox)
        return x_is_inbox ? -1 : 1;
    return x->next > y->next ? -1 : x->next < y->next;
}

bool imap_team_gather(struct imap_team *team, const struct folders *folders, const struct imap *imap)
{
    const struct pull *pull = team->pull;
    bool alone = pull->account->fetch.connections < 2 || pull->dry_run || pull->only_folder ||
                 team->result->calm || imap_is_spared(imap);
    /* What lies in several folders under one lasting name is fetched once, and linked: one process must know of it. */
    if (alone || (pull->links && imap_box_mark_item(imap)[0]))
        return false;
    team->list = calloc(folders->count + 1, sizeof *team->list);
    for (size_t i = 0; team->list && i < folders->count; i++)
        if (folders->items[i].next != 1 && pull_is_first(pull, folders->items[i].wire))
            team->list[team->count++] = &folders->items[i];
    if (team->count > 1) {
        qsort(team->list, team->count, sizeof team->list[0], by_size);
        return true;
    }
    free(team->list);
    return false;
}

uint64_t imap_team_octets(const struct imap_team *team, uint64_t mine)
{
    struct imap_team_board *b = team->board;
    uint64_t sum = 0;
    atomic_store(&b->members[team->self].octets, mine);
    for (size_t i = 0; i < b->size; i++)
        sum += atomic_load(&b->members[i].octets);
    return sum;
}

/* take_all - one folder after another, until none is left or the session is of no more use */
static bool take_all(struct imap_team *team, struct imap *imap, struct err *err)
{
    struct imap_team_board *b = team->board;
    for (size_t i; (i = atomic_fetch_add(&b->next, 1)) < team->count;) {
        if (!pull_goes_on(team->pull, err) || !team->take(team->arg, team->list[i], imap, err))
            return false;
        atomic_store(&b->done[i], true);
    }
    return true;
}

/* -- a further session -- */

static void help(struct imap_team *team, pid_t parent, const struct imap *first)
{
    struct member *me = &team->board->members[team->self];
    struct session_options options = team->pull->session;
    struct news *news = team->pull->news;
    struct imap *imap;
    struct err ended;
    enum session_phase phase;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    close(imap_idle_fd(first)); /* not a word on it from here */
    options.may_prompt = false;
    *team->result = (struct pull_result){0};
    uint64_t told = news ? news->count : 0;
    me->let_in = imap_open(&options, NULL, &imap, &phase, &me->why_not);
    if (me->let_in) {
        (void)!take_all(team, imap, &ended); /* the first session sees what it left undone */
        imap_close(&imap);
    }
    me->result = *team->result;
    me->news = news ? news->count - told : 0;
    _exit(0);
}

static bool start(struct imap_team *team, const struct imap *first, struct err *err)
{
    pid_t parent = getpid();
    for (size_t i = 1; i < team->board->size; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return err_errno(err, ERR_LOCAL, "A process for another connection could not be started");
        if (pid == 0) {
            team->self = i;
            help(team, parent, first);
        }
        team->board->members[i].pid = pid;
    }
    return true;
}

/* -- the first session -- */

static size_t count_at_work(struct imap_team *team)
{
    size_t left = 0;
    for (size_t i = 1; i < team->board->size; i++) {
        struct member *m = &team->board->members[i];
        if (m->pid != 0 && waitpid(m->pid, NULL, WNOHANG) != 0)
            m->pid = 0;
        left += m->pid != 0;
    }
    return left;
}

/* wait_for_others - or, where it cannot go on, ends them: they make durable what they hold */
static void wait_for_others(struct imap_team *team, bool goes_on)
{
    struct err ignored;
    bool told = false;
    while (count_at_work(team) > 0) {
        goes_on = goes_on && pull_goes_on(team->pull, &ignored);
        for (size_t i = 1; !goes_on && !told && i < team->board->size; i++)
            if (team->board->members[i].pid != 0)
                kill(team->board->members[i].pid, SIGTERM);
        told = !goes_on;
        poll(NULL, 0, TURN_MS);
    }
}

static void add_up(struct imap_team *team)
{
    struct pull_result *sum = team->result;
    for (size_t i = 1; i < team->board->size; i++) {
        const struct member *m = &team->board->members[i];
        sum->messages += m->result.messages;
        sum->octets += m->result.octets;
        sum->folders += m->result.folders;
        sum->deleted += m->result.deleted;
        sum->moved += m->result.moved;
        sum->aside += m->result.aside;
        sum->removed += m->result.removed;
        if (sum->trouble.kind == ERR_NONE)
            sum->trouble = m->result.trouble;
        if (team->pull->news)
            team->pull->news->count += m->news;
    }
}

static void tell_who_was_not_let_in(const struct imap_team *team, const struct imap *imap)
{
    const struct imap_team_board *b = team->board;
    const struct err *why = NULL;
    char text[1500];
    size_t in = 1;
    for (size_t i = 1; i < b->size; i++) {
        in += b->members[i].let_in;
        why = b->members[i].let_in || b->members[i].why_not.kind == ERR_NONE ? why : &b->members[i].why_not;
    }
    if (!why)
        return;
    snprintf(
        text, sizeof text,
        "The server %s let in %zu of %zu connections: %.1000s Nothing is left out; set `connections` lower.",
        imap_peer(imap), in, b->size, why->what);
    team->pull->watch.notice(team->pull->watch.arg, text);
}

static bool do_the_rest(struct imap_team *team, struct imap *imap, struct err *err)
{
    for (size_t i = 0; i < team->count; i++)
        if (!team->board->done[i] &&
            (!pull_goes_on(team->pull, err) || !team->take(team->arg, team->list[i], imap, err)))
            return false;
    return true;
}

bool imap_team_work(struct imap_team *team, struct imap *imap, struct err *err)
{
    size_t wanted = team->pull->account->fetch.connections;
    struct imap_team_board *b =
        mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b == MAP_FAILED) {
        free(team->list);
        return err_nomem(err);
    }
    b->size = wanted < team->count ? wanted : team->count;
    team->board = b;
    bool ok = start(team, imap, err) && take_all(team, imap, err);
    wait_for_others(team, ok);
    add_up(team);
    tell_who_was_not_let_in(team, imap);
    ok = ok && do_the_rest(team, imap, err);
    team->board = NULL;
    munmap(b, sizeof *b);
    free(team->list);
    return ok;
}
