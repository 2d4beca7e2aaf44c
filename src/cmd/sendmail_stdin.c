/* sendmail_stdin - a message as most programs hand it over: addresses on the command line or in its header,
 * the text on standard input. */
#include "cmd/sendmail.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t stdin_read(char *chunk, size_t size)
{
    for (;;) {
        ssize_t n = read(STDIN_FILENO, chunk, size);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN))
            return n;
        (void)poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
    }
}

bool stdout_write(const char *bytes, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, n);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return err_errno(err, ERR_LOCAL, "The answer could not be written to standard output");
        if (written < 0) {
            (void)poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
            continue;
        }
        bytes += written;
        n -= (size_t)written;
    }
    return true;
}

/* Up to the end of the message, or, with header_only, until its header is whole. */
static bool read_text(struct letter *l, bool header_only, struct err *err)
{
    bool ok = true;
    char *chunk = malloc(REWRITE_CHUNK_MAX);
    ssize_t n = 1;
    if (chunk == NULL)
        return err_nomem(err);
    while (ok && n > 0 && !l->rewrite.ended && !(header_only && l->rewrite.in_body)) {
        n = stdin_read(chunk, REWRITE_CHUNK_MAX);
        if (n < 0)
            ok = err_errno(err, ERR_LOCAL, "The message could not be read from standard input");
        else if (header_only)
            ok = rewrite_add(&l->rewrite, chunk, (size_t)n, err);
        else
            ok = letter_add(l, chunk, (size_t)n, err);
    }
    free(chunk);
    return ok;
}

static bool copy_text(char **to, const char *from, struct err *err)
{
    *to = from != NULL ? strdup(from) : NULL;
    return *to != NULL || from == NULL || err_nomem(err);
}

/* Command line faults are said before stdin is waited for. */
static bool read_arguments(struct letter *l, struct err *err)
{
    const struct sendmail_options *o = l->desk->options;
    char sender[ADDR_SPEC_SIZE];
    l->from_header = o->from_header;
    l->asked.ret = o->ret;
    if ((o->sender != NULL && !addr_one(o->sender, sender, err)) ||
        !copy_text(&l->asked.sender, o->sender != NULL ? sender : NULL, err) ||
        !copy_text(&l->asked.envid, o->envid, err))
        return false;
    for (char *const *r = o->recipients; *r != NULL; r++)
        if (!envelope_add_list(&l->asked, *r, strlen(*r), err))
            return false;
    if (o->from_header || l->asked.count > 0)
        return o->from_header || address_any_usable(&l->asked, err);
    err_set(err, ERR_USAGE, "No recipient was given.");
    return err_hint(err, "Name one behind the options, or take them from the header with -t.");
}

bool stdin_store(struct letter *l, struct desk *desk, struct err *err)
{
    letter_begin(l, desk, !desk->options->dot_is_text);
    return read_arguments(l, err) && desk_open_store(desk, err) && read_text(l, false, err) &&
           letter_end(l, err);
}

bool stdin_verify(struct letter *l, struct desk *desk, struct err *err)
{
    letter_begin(l, desk, !desk->options->dot_is_text);
    return read_arguments(l, err) && (!l->from_header || read_text(l, true, err)) && letter_verify(l, err);
}
