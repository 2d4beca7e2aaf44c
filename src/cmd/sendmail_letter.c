/* sendmail_letter - from stdin to a durable message. All of stdin is read before anything of the
 * network, any secret or any lock is touched; killed before its end, nothing is queued. */
#include "cmd/sendmail.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/text.h"

#define HEADER_MAX (2 * REWRITE_HEADER_MAX) /* with what rewriting adds */

/* The domain for addresses that have none. */
static const char *own_domain(const struct letter *l)
{
    const struct account *a = l->account;
    return a != NULL && a->send.domain != NULL ? a->send.domain : l->desk->place.mail_name;
}

static bool owns(const struct account *account, const char *address)
{
    if (account->address != NULL && text_eq_nocase(account->address, address))
        return true;
    for (size_t i = 0; i < account->senders.count; i++)
        if (text_glob(account->senders.items[i], address))
            return true;
    return false;
}

/* The reverse-path: as asked for; else what From says, where the account may use that; else the
 * account's own address. set_from replaces all of these but the null sender. */
static bool set_sender(struct letter *l, const char *asked, const char *from, struct err *err)
{
    const struct account *a = l->account;
    char spec[ADDR_SPEC_SIZE];
    const char *chosen = asked;
    if (asked == NULL && from[0] != '\0' && (a == NULL || owns(a, from)))
        chosen = from;
    if (chosen == NULL)
        chosen = a != NULL && a->address != NULL ? a->address : l->desk->place.user_name;
    if (a != NULL && a->send.set_from != NULL && chosen[0] != '\0')
        chosen = a->send.set_from;
    snprintf(spec, sizeof spec, "%s", chosen);
    if (spec[0] != '\0' && !addr_qualify(spec, own_domain(l), err))
        return false;
    l->envelope.sender = strdup(spec);
    return l->envelope.sender != NULL || err_nomem(err);
}

/* A recipient without a domain goes to the admin, or gets our domain. */
static bool add_recipient(struct letter *l, const char *address, struct err *err)
{
    const char *admin = l->account != NULL ? l->account->send.admin : NULL;
    char spec[ADDR_SPEC_SIZE];
    snprintf(spec, sizeof spec, "%s", addr_domain(address) == NULL && admin != NULL ? admin : address);
    return addr_qualify(spec, own_domain(l), err) && envelope_add(&l->envelope, spec, err);
}

static bool set_recipients(struct letter *l, struct err *err)
{
    struct strv from_header = STRV_INIT;
    bool ok = !l->desk->options->from_header || rewrite_recipients(&l->rewrite, &from_header, err);
    for (size_t i = 0; ok && i < l->recipients.count; i++)
        ok = add_recipient(l, l->recipients.items[i], err);
    for (size_t i = 0; ok && i < from_header.count; i++)
        ok = add_recipient(l, from_header.items[i], err);
    strv_free(&from_header);
    if (ok && l->envelope.count == 0) {
        err_set(err, ERR_DATA, "The message names no recipient.");
        return err_hint(err, "With -t there must be an address in To, Cc or Bcc.");
    }
    for (size_t i = 0; ok && i < l->envelope.count; i++)
        l->envelope.recipients[i].notify = l->desk->options->notify;
    return ok;
}

static bool copy_text(char **to, const char *from, struct err *err)
{
    *to = from != NULL && from[0] != '\0' ? strdup(from) : NULL;
    return *to != NULL || from == NULL || from[0] == '\0' || err_nomem(err);
}

static bool set_origin(struct letter *l, const char *header_from, struct err *err)
{
    struct envelope *e = &l->envelope;
    const struct desk *desk = l->desk;
    const char *dir = l->account != NULL ? l->account->config_dir : desk->config.dir;
    e->accepted = clock_now();
    e->uid = (uint32_t)getuid();
    e->ret = desk->options->ret;
    return copy_text(&e->config_dir, dir != NULL ? dir : desk->place.config_dir, err) &&
           copy_text(&e->account, l->account != NULL ? l->account->name : NULL, err) &&
           copy_text(&e->header_from, header_from, err) && copy_text(&e->envid, desk->options->envid, err);
}

/* A configuration that cannot say who sends keeps no message from being accepted: programs that
 * send mail seldom look at the status. Told at once are only a person who is setting up an account,
 * and who asked for an account that is not there. */
static bool choose(struct letter *l, const char *asked, const char *header_from, struct err *err)
{
    const struct desk *desk = l->desk;
    l->account = desk_choose(desk, asked, header_from[0] != '\0' ? header_from : NULL, &l->fault);
    bool misnamed = desk->options->account != NULL && !desk->broken;
    if (l->account != NULL || (!misnamed && !desk_is_first_setup(desk, NULL)))
        return true;
    *err = l->fault;
    return false;
}

/* "<time.random@domain of From>"; our own domain where that one needs more than ASCII. */
static bool make_message_id(const struct letter *l, const char *from, struct str *out, struct err *err)
{
    unsigned char bytes[10];
    char random[17];
    const char *domain = addr_domain(from);
    if (domain == NULL || !text_is_ascii(domain, strlen(domain)))
        domain = own_domain(l);
    if (!proc_random(bytes, sizeof bytes, err))
        return false;
    text_base32(bytes, sizeof bytes, random);
    return str_addf(out, err, "<%llx.%s@%s>", (unsigned long long)clock_now_ms(), random, domain);
}

/* The address for a From that is missing. */
static bool own_address(const struct letter *l, char spec[ADDR_SPEC_SIZE], struct err *err)
{
    const struct account *a = l->account;
    const char *address = l->envelope.sender;
    if (a != NULL && a->send.set_from != NULL)
        address = a->send.set_from;
    else if (address[0] == '\0')
        address = a != NULL && a->address != NULL ? a->address : l->desk->place.user_name;
    snprintf(spec, ADDR_SPEC_SIZE, "%s", address);
    return addr_qualify(spec, own_domain(l), err);
}

static bool write_header(struct letter *l, const struct rewrite_found *found, struct err *err)
{
    const struct account *a = l->account;
    const char *name = l->desk->options->full_name;
    char date[48], address[ADDR_SPEC_SIZE];
    struct str from = STR_INIT(4096), id = STR_INIT(1024), header = STR_INIT(HEADER_MAX);
    clock_rfc5322(l->envelope.accepted, date);
    bool ok = own_address(l, address, err) &&
              addr_add_mailbox(&from, name == NULL && a != NULL ? a->full_name : name, address, err) &&
              make_message_id(l, found->from[0] != '\0' ? found->from : address, &id, err);
    const struct rewrite_fixes fixes = {
        .date = date,
        .from = from.buf,
        .message_id = id.buf,
        .set_from = a != NULL ? a->send.set_from : NULL,
        .domain = own_domain(l),
    };
    ok = ok && rewrite_header(&l->rewrite, &fixes, &header, err) &&
         store_write(l->writer, header.buf, header.len, err);
    str_free(&from);
    str_free(&id);
    str_free(&header);
    return ok;
}

/* The header is known: who sends, from whom, to whom; the file is begun. */
static bool begin(struct letter *l, struct err *err)
{
    struct rewrite_found found;
    const char *asked = l->sender_given ? l->sender : NULL;
    rewrite_look(&l->rewrite, &found);
    return choose(l, asked, found.from, err) && set_origin(l, found.from, err) &&
           set_sender(l, asked, found.from, err) && set_recipients(l, err) &&
           store_begin(&l->desk->store, &l->envelope, &l->writer, err) && write_header(l, &found, err);
}

/* What is ready goes to the file. */
static bool flush(struct letter *l, struct err *err)
{
    if (l->writer == NULL && !rewrite_ready(&l->rewrite))
        return true;
    if (l->writer == NULL && !begin(l, err))
        return false;
    bool ok = store_write(l->writer, l->rewrite.body.buf, l->rewrite.body.len, err);
    str_clear(&l->rewrite.body);
    return ok;
}

/* A non-blocking stdin is waited for: some callers' pipes are. */
static ssize_t read_some(char *chunk, size_t size)
{
    for (;;) {
        ssize_t n = read(STDIN_FILENO, chunk, size);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN))
            return n;
        (void)poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
    }
}

static bool read_all(struct letter *l, struct err *err)
{
    bool ok = true;
    char *chunk = malloc(REWRITE_CHUNK_MAX);
    if (chunk == NULL)
        return err_nomem(err);
    while (ok && !l->rewrite.ended) {
        ssize_t n = read_some(chunk, REWRITE_CHUNK_MAX);
        if (n < 0)
            ok = err_errno(err, ERR_LOCAL, "The message could not be read from standard input");
        else
            ok = (n > 0 ? rewrite_add(&l->rewrite, chunk, (size_t)n, err) : rewrite_end(&l->rewrite, err)) &&
                 flush(l, err);
    }
    free(chunk);
    return ok;
}

/* Command line faults are said before stdin is waited for. */
static bool read_arguments(struct letter *l, struct err *err)
{
    const struct sendmail_options *o = l->desk->options;
    l->sender_given = o->sender != NULL;
    if (l->sender_given && !addr_one(o->sender, l->sender, err))
        return false;
    for (char *const *r = o->recipients; *r != NULL; r++)
        if (!addr_list(*r, strlen(*r), &l->recipients, err))
            return false;
    if (l->recipients.count > 0 || o->from_header)
        return true;
    err_set(err, ERR_USAGE, "No recipient was given.");
    return err_hint(err, "Name one behind the options, or take them from the header with -t.");
}

/* From the link on the message is ours, whatever happens to us: these signals only end the waiting. */
static void block_signals(void)
{
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigprocmask(SIG_BLOCK, &ending, NULL);
}

static void letter_begin(struct letter *l, struct desk *desk)
{
    *l = (struct letter){.desk = desk};
    rewrite_begin(&l->rewrite, !desk->options->dot_is_text);
    envelope_init(&l->envelope);
}

bool letter_store(struct letter *l, struct desk *desk, struct err *err)
{
    letter_begin(l, desk);
    if (!read_arguments(l, err) || !desk_open_store(desk, err) || !read_all(l, err))
        return false;
    block_signals();
    return store_commit(l->writer, err);
}

bool letter_verify(struct letter *l, struct desk *desk, struct err *err)
{
    letter_begin(l, desk);
    if (desk->options->from_header)
        return err_set(err, ERR_USAGE,
                       "-bv takes recipients from the command line only, so -t cannot stand beside it.");
    if (!read_arguments(l, err) || !choose(l, l->sender_given ? l->sender : NULL, "", err))
        return false;
    if (l->account == NULL) {
        *err = l->fault;
        return false;
    }
    return set_sender(l, l->sender_given ? l->sender : NULL, "", err) && set_recipients(l, err);
}

void letter_free(struct letter *l)
{
    store_writer_free(&l->writer);
    rewrite_free(&l->rewrite);
    envelope_free(&l->envelope);
    strv_free(&l->recipients);
}
