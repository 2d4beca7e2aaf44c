/* options - one row per option of the ini files. The parser, `tappal account show`, the man page
 * check and the completions all read this table; there is no other list. */
#ifndef TAPPAL_CONF_OPTIONS_H
#define TAPPAL_CONF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_type {
    OPTION_TEXT,     /* char *                                            */
    OPTION_PATH,     /* char *: ~/ expanded, must then be absolute        */
    OPTION_LIST,     /* struct strv: commas or repeated keys              */
    OPTION_SOURCES,  /* struct strv: password_from; the tail of command and file is whole */
    OPTION_ARGV,     /* struct strv, split by text_split_argv             */
    OPTION_BOOL,     /* bool: yes | no                                    */
    OPTION_PORT,     /* uint16_t: 1 to 65535                              */
    OPTION_SECONDS,  /* uint32_t by text_duration                         */
    OPTION_COUNT,    /* uint64_t                                          */
    OPTION_SIZE,     /* uint64_t by text_size                             */
    OPTION_ENUM,     /* int-sized enum, by `words`                        */
    OPTION_KEEP,     /* enum keep_mode and the uint32_t keep_days         */
    OPTION_HOST,     /* char *, and "name:port" sets the port behind it   */
};

struct conf_word { const char *word; int value; };

struct conf_option {
    const char *section; /* "account", "send", "fetch", "tappal", "queue" */
    const char *name;
    enum option_type type;
    size_t offset;       /* into struct account, or struct config for [tappal] and [queue] */
    const struct conf_word *words; /* OPTION_ENUM, ended by a NULL word */
    const char *default_text;        /* as a person would write it, or NULL */
    const char *doc;                 /* one line */
    bool later;          /* reserved name: known, refused with "not in this version yet" */
};

/* Ended by a row whose section is NULL. */
extern const struct conf_option option_table[];
const struct conf_option *option_find(const char *section, const char *name);

#endif
