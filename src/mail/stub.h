/* stub - what is put down instead of a message that is too large: its own header, and a text that says how large it is
 * and how to get it. Pure. */
#ifndef TAPPAL_MAIL_STUB_H
#define TAPPAL_MAIL_STUB_H

#include <stdint.h>

#include "base/str.h"

/* `header` may end anywhere: what is no whole line is left out. Its fields stay as they are, but for those that describe a
 * body (MIME-Version, Content-...), which describe ours. `command` fetches the message. Lines end in CRLF. */
MUST_USE bool stub_make(const char *header, size_t n, uint64_t size, const char *command, struct str *out,
                        struct err *err);

/* A word of a command for sh(1): in quotes where it needs them. */
MUST_USE bool stub_add_word(struct str *out, const char *word, struct err *err);

#endif
