/* sendmail_options - one row per option. What callers pass is in tests/unit/spool/sendmail_options_test.c. */
#include "cmd/sendmail_options.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define ENVID_MAX 100 /* RFC 3461, 4.4 */

enum takes {
    ALONE, /* nothing: others may follow in the same word, as in -ti */
    WORD,  /* the rest of the word, or the next word */
    REST,  /* the rest of the word, which may be empty: -q, -q30m */
};

enum meaning {
    IGNORED,
    FROM_HEADER,
    DOT_IS_TEXT,
    VERBOSE,
    ALIASES,
    BECOME,
    OPTION,
    NAMED,
    RUN_QUEUE,
    SENDER,
    FULL_NAME,
    NOTIFY,
    RET,
    ENVID,
    ACCOUNT,
    CONFIG,
    JSON,
    HELP,
    VERSION,
};

static const struct flag {
    char letter;
    enum takes takes;
    enum meaning meaning;
} flags[] = {
    {'A', WORD, IGNORED},                             /* -Am, -Ac: which of Sendmail's files */
    {'B', WORD, IGNORED},                             /* -B8BITMIME: we look at the octets */
    {'C', WORD, IGNORED},                             /* Sendmail's configuration file */
    {'D', WORD, IGNORED},                             /* a file for debugging output */
    {'E', ALONE, IGNORED},                            /* of Sony, then */
    {'F', WORD, FULL_NAME},    {'G', ALONE, IGNORED}, /* relayed, not submitted */
    {'I', ALONE, ALIASES},     {'J', ALONE, IGNORED}, {'L', WORD, IGNORED}, /* the name in syslog */
    {'M', WORD, IGNORED},                             /* a macro; of old, a message to run */
    {'N', WORD, NOTIFY},       {'O', WORD, NAMED},    /* -O name=value, some of which name files */
    {'Q', REST, IGNORED},                             /* quarantine */
    {'R', WORD, RET},          {'T', WORD, IGNORED},  /* a time-out, of old */
    {'U', ALONE, IGNORED},                            /* first submission */
    {'V', WORD, ENVID},        {'X', WORD, IGNORED},  /* a file for the traffic */
    {'b', WORD, BECOME},       {'c', ALONE, IGNORED}, /* hold expensive ones */
    {'d', REST, IGNORED},                             /* debugging */
    {'e', WORD, IGNORED},                             /* how errors are told */
    {'f', WORD, SENDER},       {'h', WORD, IGNORED},  /* hop count */
    {'i', ALONE, DOT_IS_TEXT}, {'m', ALONE, IGNORED}, /* to me too */
    {'n', ALONE, IGNORED},                            /* no aliases */
    {'o', WORD, OPTION},       {'p', WORD, IGNORED},  /* protocol it came by */
    {'q', REST, RUN_QUEUE},    {'r', WORD, SENDER},   {'s', ALONE, IGNORED}, /* keep the From line */
    {'t', ALONE, FROM_HEADER}, {'v', ALONE, VERBOSE}, {'x', ALONE, IGNORED}, /* of AIX */
};

static const struct long_flag {
    const char *name;
    enum takes takes;
    enum meaning meaning;
} long_flags[] = {
    {"account", WORD, ACCOUNT}, {"config", WORD, CONFIG},    {"json", ALONE, JSON},
    {"help", ALONE, HELP},      {"verbose", ALONE, VERBOSE}, {"version", ALONE, VERSION},
};

static bool hint_usage(struct err *err)
{
    return err_hint(err, "tappal-sendmail --help lists the options.");
}

static bool set_job(struct sendmail_options *o, const char *letter, struct err *err)
{
    static const struct {
        char letter;
        enum sendmail_job job;
    } jobs[] = {{'m', JOB_SEND}, {'p', JOB_LIST}, {'i', JOB_ALIASES}, {'v', JOB_VERIFY}, {'s', JOB_SMTP}};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        if (letter[0] == jobs[i].letter && letter[1] == '\0') {
            o->job = jobs[i].job;
            return true;
        }
    }
    err_set(err, ERR_USAGE, "tappal-sendmail has no mode -b%s.", letter);
    return hint_usage(err);
}

/* -o: of Sendmail's old options two matter. */
static void set_option(struct sendmail_options *o, const char *text)
{
    if (text[0] == 'i')
        o->dot_is_text = true;
    else if (text[0] == 'd' && text[1] != '\0')
        o->mode = text[1] == 'i' ? SEND_WAIT : text[1] == 'b' ? SEND_BACKGROUND : SEND_QUEUE;
}

/* -O: of those with long names one, which Postfix has too (RFC 8689). Who misspells its value must not believe that it
 * was heard. */
static bool set_named_option(struct sendmail_options *o, const char *text, struct err *err)
{
    static const char name[] = "requiretls";
    const size_t n = sizeof name - 1;
    if (!text_starts_nocase(text, name) || (text[n] != '=' && text[n] != '\0'))
        return true;
    o->require_tls = text_eq_nocase(text + n, "=yes");
    if (o->require_tls || text_eq_nocase(text + n, "=no"))
        return true;
    err_set(err, ERR_USAGE, "-O %s says nothing that can be done.", text);
    return err_hint(err, "It takes requiretls=yes or requiretls=no.");
}

static bool set_notify(struct sendmail_options *o, const char *text, struct err *err)
{
    if (envelope_notify_parse(text, &o->notify))
        return true;
    err_set(err, ERR_USAGE, "-N %s says nothing that can be done.", text);
    return err_hint(err, "It takes never, or a list of success, failure and delay.");
}

static bool set_ret(struct sendmail_options *o, const char *text, struct err *err)
{
    if (!text_eq_nocase(text, "full") && !text_eq_nocase(text, "hdrs")) {
        err_set(err, ERR_USAGE, "-R %s says nothing that can be done.", text);
        return err_hint(err, "It takes full or hdrs.");
    }
    o->ret = text_eq_nocase(text, "full") ? RET_FULL : RET_HDRS;
    return true;
}

static bool set_envid(struct sendmail_options *o, const char *text, struct err *err)
{
    size_t n = strlen(text);
    if (n == 0 || n > ENVID_MAX || text_has_control(text, n) || !text_is_ascii(text, n)) {
        return err_set(err, ERR_USAGE, "The envelope id of -V must be 1 to %d printable ASCII characters.",
                       ENVID_MAX);
    }
    o->envid = text;
    return true;
}

/* Of -q's arguments those count that say which messages; -q30m, -qp, -qf and their like are about a daemon. */
static void set_queue_run(struct sendmail_options *o, const char *text)
{
    o->job = JOB_RUN_QUEUE;
    if (text[0] != '\0' && strchr("IRS", text[0]) != NULL && text[1] != '\0') {
        o->queue_by = text[0];
        o->queue_text = text + 1;
    }
}

static bool apply(struct sendmail_options *o, enum meaning meaning, const char *word, struct err *err)
{
    switch (meaning) {
    case FROM_HEADER:
        o->from_header = true;
        break;
    case DOT_IS_TEXT:
        o->dot_is_text = true;
        break;
    case VERBOSE:
        o->verbose = true;
        break;
    case ALIASES:
        o->job = JOB_ALIASES;
        break;
    case RUN_QUEUE:
        set_queue_run(o, word);
        break;
    case JSON:
        o->json = true;
        break;
    case HELP:
        o->job = JOB_HELP;
        break;
    case VERSION:
        o->job = JOB_VERSION;
        break;
    case OPTION:
        set_option(o, word);
        break;
    case NAMED:
        return set_named_option(o, word, err);
    case SENDER:
        o->sender = word;
        break;
    case FULL_NAME:
        o->full_name = word;
        break;
    case ACCOUNT:
        o->account = word;
        break;
    case CONFIG:
        o->config = word;
        break;
    case BECOME:
        return set_job(o, word, err);
    case NOTIFY:
        return set_notify(o, word, err);
    case RET:
        return set_ret(o, word, err);
    case ENVID:
        return set_envid(o, word, err);
    case IGNORED:
        break;
    }
    return true;
}

/* One word of short options, "-ti" or "-fada@example.org". *used_r: whether it took the next word too. */
static bool read_short(const char *word, const char *next, struct sendmail_options *o, bool *used_r,
                       struct err *err)
{
    for (const char *p = word + 1; *p != '\0'; p++) {
        const struct flag *flag = NULL;
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            flag = flags[i].letter == *p ? &flags[i] : flag;
        if (flag == NULL) {
            err_set(err, ERR_USAGE, "tappal-sendmail has no option -%c.", *p < 32 || *p > 126 ? '?' : *p);
            return hint_usage(err);
        }
        const char *argument = p + 1;
        if (flag->takes == WORD && *argument == '\0') {
            argument = next;
            *used_r = true;
        }
        if (argument == NULL) {
            err_set(err, ERR_USAGE, "The option -%c needs an argument.", *p);
            return hint_usage(err);
        }
        if (!apply(o, flag->meaning, argument, err))
            return false;
        if (flag->takes != ALONE)
            return true;
    }
    return true;
}

/* "--account=work" or "--account" "work" */
static bool read_long(const char *word, const char *next, bool untrusted, struct sendmail_options *o,
                      bool *used_r, struct err *err)
{
    size_t n = strcspn(word + 2, "=");
    const char *argument = word[2 + n] == '=' ? word + 2 + n + 1 : NULL;
    for (size_t i = 0; i < sizeof long_flags / sizeof *long_flags; i++) {
        const struct long_flag *flag = &long_flags[i];
        if (strlen(flag->name) != n || strncmp(flag->name, word + 2, n) != 0)
            continue;
        if (flag->takes == WORD && argument == NULL) {
            argument = next;
            *used_r = true;
        }
        if ((flag->takes == WORD) != (argument != NULL)) {
            err_set(err, ERR_USAGE, "The option --%s %s.", flag->name,
                    flag->takes == WORD ? "needs an argument" : "takes no argument");
            return hint_usage(err);
        }
        return apply(o, untrusted && flag->meaning == CONFIG ? IGNORED : flag->meaning, argument, err);
    }
    char shown[64];
    text_clean(shown, sizeof shown, word, strlen(word));
    err_set(err, ERR_USAGE, "tappal-sendmail has no option %s.", shown);
    return hint_usage(err);
}

bool sendmail_options_read(char *const argv[], bool untrusted, struct sendmail_options *o_r, struct err *err)
{
    *o_r = (struct sendmail_options){.job = JOB_SEND};
    char *const *at = argv + 1;
    while (*at != NULL && (*at)[0] == '-' && (*at)[1] != '\0') {
        const char *word = *at++;
        bool used = false;
        if (strcmp(word, "--") == 0)
            break;
        if (word[1] == '-' ? !read_long(word, *at, untrusted, o_r, &used, err)
                           : !read_short(word, *at, o_r, &used, err))
            return false;
        at += used ? 1 : 0;
    }
    o_r->recipients = at;
    return true;
}
