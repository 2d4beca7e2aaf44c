/* options - one row per option of the ini files. The parser, `tappal account show`, the man page
 * check and the completions all read this table; there is no other list. */
#ifndef TAPPAL_CONF_OPTIONS_H
#define TAPPAL_CONF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/person.h"

enum option_type {
    OPTION_TEXT,    /* char *                                            */
    OPTION_ADDRESS, /* char *: a mail address; %U %H %M are filled in    */
    OPTION_DOMAIN,  /* char *: a domain, or an [address literal]         */
    OPTION_IP,      /* char *: an IPv4 or IPv6 address                   */
    OPTION_PROXY,   /* char *: socks5://[user:password@]host:port        */
    OPTION_PATH, /* char *: ~/ expanded, must then be absolute; `words` and pkcs11: URIs stay as they are */
    OPTION_LIST, /* struct strv: commas or repeated keys              */
    OPTION_SOURCES, /* struct strv: password_from; the tail of command and file is whole */
    OPTION_ARGV,    /* struct strv, split by text_split_argv             */
    OPTION_DELIVER, /* struct strv: "command" and its ARGV, or "lmtp", path, recipient */
    OPTION_PORT,    /* uint16_t: 1 to 65535                              */
    OPTION_SECONDS, /* uint32_t by text_duration                         */
    OPTION_COUNT,   /* uint64_t, at least 1                              */
    OPTION_SIZE,    /* uint64_t by text_size, at least 1                 */
    OPTION_RATE,    /* struct rate_limit: 20/min                         */
    OPTION_ENUM,    /* int-sized enum, by `words`                        */
    OPTION_KEEP,    /* enum keep_mode; the uint32_t keep_days at offset `also` */
    OPTION_SENT,    /* enum sent_copy; the char * sent_to at offset `also` */
    OPTION_HOST,    /* char *: a name or address; "name:port" sets the port too, at offset `also` */
};

struct conf_word {
    const char *word;
    int value;
    bool later; /* known, refused with "not in this version yet" */
};

struct conf_option {
    const char *section; /* "account", "send", "fetch", "tappal", "queue" */
    const char *name;
    enum option_type type;
    size_t offset; /* into struct account, or struct config for [tappal] and [queue] */
    size_t
        also; /* a second place: [fetch]'s, where [account] speaks for both; HOST: its port; KEEP: its days; SENT: where to. 0: none */
    const struct conf_word
        *words; /* OPTION_ENUM: the first of equal values is the one written; ended by a NULL word */
    const char *default_text; /* as a person would write it, or NULL */
    const char *doc;          /* one line */
    bool later;               /* reserved name: known, refused with "not in this version yet" */
};

/* Ended by a row whose section is NULL; [account] stands before [send] and [fetch]. */
extern const struct conf_option option_table[];

const struct conf_option *option_find(const char *section, const char *name);
bool option_section_known(const char *section);
/* [account] login and its like: the value has a place in [send] and one in [fetch] */
bool option_is_common(const struct conf_option *option);
bool option_is_list(const struct conf_option *option); /* may be repeated */

/* Puts the value into the struct at `base`. `raw` is as it stands behind the equals sign; every
 * rule about quotes and comments is applied here, since they depend on the type. A list grows. */
MUST_USE bool option_set(const struct conf_option *option, void *base, const char *raw,
                         const struct person *person, struct err *err);
/* The value as a person would write it, quoted where it must be; nothing where there is none. */
MUST_USE bool option_get(const struct conf_option *option, const void *base, struct str *out,
                         struct err *err);
/* Frees a text or a list, which is then absent; numbers stay. */
void option_clear(const struct conf_option *option, void *base);

#endif
