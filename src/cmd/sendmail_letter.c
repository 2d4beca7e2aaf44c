/* sendmail_letter - from the octets of a message, however they come, to a durable one. All of it is read
 * before anything of the network, any secret or any lock is touched; killed before its end, nothing is
 * queued. */
#include "cmd/sendmail.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/text.h"

#define HEADER_MAX (2 * REWRITE_HEADER_MAX) /* with what rewriting adds */

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
    e->ret = l->asked.ret;
    e->require_tls = l->asked.require_tls || desk->options->require_tls;
    return copy_text(&e->config_dir, dir != NULL ? dir : desk->place.config_dir, err) &&
           copy_text(&e->account, l->account != NULL ? l->account->name : NULL, err) &&
           copy_text(&e->header_from, header_from, err) && copy_text(&e->envid, l->asked.envid, err);
}

/* A configuration that cannot say who sends keeps no message from being accepted: programs that
 * send mail seldom look at the status. Told at once are only a person who is setting up an account,
 * and who asked for an account that is not there. */
static bool choose(struct letter *l, const char *header_from, struct err *err)
{
    const struct desk *desk = l->desk;
    l->account = desk_choose(desk, l->asked.sender, header_from[0] != '\0' ? header_from : NULL, &l->fault);
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
        domain = address_own_domain(l);
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
    return addr_qualify(spec, address_own_domain(l), err);
}

static bool write_text(struct letter *l, const struct str *text, struct err *err)
{
    return desk_use_room(l->desk, &l->room, text->len, err) &&
           store_write(l->writer, text->buf, text->len, err);
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
        .domain = address_own_domain(l),
    };
    ok = ok && rewrite_header(&l->rewrite, &fixes, &header, err) && write_text(l, &header, err);
    str_free(&from);
    str_free(&id);
    str_free(&header);
    return ok;
}

/* The header is known: who sends, from whom, to whom. */
static bool address(struct letter *l, struct rewrite_found *found_r, struct err *err)
{
    rewrite_look(&l->rewrite, found_r);
    return (!l->from_header || rewrite_recipients(&l->rewrite, &l->asked, err)) &&
           choose(l, found_r->from, err) && set_origin(l, found_r->from, err) &&
           address_sender(l, found_r->from, err) && address_recipients(l, err);
}

static bool begin(struct letter *l, struct err *err)
{
    struct rewrite_found found;
    return address(l, &found, err) && desk_room(l->desk, &l->room, err) &&
           store_begin(&l->desk->store, &l->envelope, &l->writer, err) && write_header(l, &found, err);
}

/* What is ready goes to the file. */
static bool flush(struct letter *l, struct err *err)
{
    if (l->writer == NULL && !rewrite_ready(&l->rewrite))
        return true;
    if (l->writer == NULL && !begin(l, err))
        return false;
    bool ok = write_text(l, &l->rewrite.body, err);
    str_clear(&l->rewrite.body);
    return ok;
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

void letter_begin(struct letter *l, struct desk *desk, bool dot_ends)
{
    *l = (struct letter){.desk = desk};
    rewrite_begin(&l->rewrite, dot_ends);
    envelope_init(&l->asked);
    envelope_init(&l->envelope);
}

bool letter_add(struct letter *l, const char *bytes, size_t n, struct err *err)
{
    return rewrite_add(&l->rewrite, bytes, n, err) && flush(l, err);
}

bool letter_end(struct letter *l, struct err *err)
{
    if (!rewrite_end(&l->rewrite, err) || !flush(l, err))
        return false;
    block_signals();
    return store_commit(l->writer, err);
}

bool letter_verify(struct letter *l, struct err *err)
{
    struct rewrite_found found;
    if (!rewrite_end(&l->rewrite, err) || !address(l, &found, err))
        return false;
    if (l->account == NULL)
        *err = l->fault;
    return l->account != NULL;
}

void letter_free(struct letter *l)
{
    store_writer_free(&l->writer);
    rewrite_free(&l->rewrite);
    envelope_free(&l->asked);
    envelope_free(&l->envelope);
    aliases_free(&l->aliases);
}
