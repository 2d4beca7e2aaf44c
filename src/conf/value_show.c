/* value_show - an option's value as a person would write it, and letting go of it: the other half of value.c. */
#include "conf/value_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/account.h"
#include "conf/options.h"

#define VALUE_MAX 16384

static bool needs_quotes(const char *value, char stop)
{
    size_t n = strlen(value);
    if (n == 0 || value[0] == '"' || value_is_blank(value[0]) || value_is_blank(value[n - 1]))
        return true;
    for (const char *s = value; *s; s++)
        if (value_starts_comment(value, s) || *s == stop)
            return true;
    return false;
}

static bool add_quoted(struct str *out, const char *value, struct err *err)
{
    bool ok = str_addc(out, '"', err);
    for (; ok && *value; value++)
        ok = (*value != '"' || str_addc(out, '"', err)) && str_addc(out, *value, err);
    return ok && str_addc(out, '"', err);
}

static bool add_value(struct str *out, const char *value, char stop, struct err *err)
{
    return needs_quotes(value, stop) ? add_quoted(out, value, err) : str_addz(out, value, err);
}

static bool get_list(const struct strv *list, struct str *out, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i];
        bool ok = i == 0 || str_addz(out, ", ", err);
        if (!value_takes_the_rest(item))
            ok = ok && add_value(out, item, ',', err);
        else if (i + 1 < list->count) /* it must not take what follows for its own */
            ok = ok && add_quoted(out, item, err);
        else
            ok = ok && str_addz(out, item, err);
        if (!ok)
            return false;
    }
    return true;
}

static bool get_argv(const struct strv *list, struct str *out, struct err *err)
{
    if (list->count == 3 && strcmp(list->items[0], "/bin/sh") == 0 && strcmp(list->items[1], "-c") == 0)
        return str_addf(out, err, "sh: %s", list->items[2]);
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i];
        bool plain = *item && item[strcspn(item, " \t\"'")] == '\0' && *item != ';' && *item != '#';
        if ((i > 0 && !str_addc(out, ' ', err)) ||
            !(plain ? str_addz(out, item, err) : add_quoted(out, item, err)))
            return false;
    }
    return true;
}

static bool get_deliver(const struct strv *list, struct str *out, struct err *err)
{
    const struct strv rest = {.items = list->items + 1, .count = list->count - 1};
    return list->count == 0 || (str_addf(out, err, "%s ", list->items[0]) && get_argv(&rest, out, err));
}

static bool get_word(const struct conf_option *option, int value, struct str *out, struct err *err)
{
    const struct conf_word *word = option->words;
    while (word->word && word->value != value)
        word++;
    return !word->word || str_addz(out, word->word, err);
}

static bool get_sent(enum sent_copy sent, const char *to, struct str *out, struct err *err)
{
    static const char *const words[] = {[SENT_OFF] = "off", [SENT_MAILDIR] = "maildir", [SENT_IMAP] = "imap"};
    struct str both = STR_INIT(VALUE_MAX);
    bool ok = str_addf(&both, err, "%s%s%s", words[sent], to ? " " : "", to ? to : "") &&
              add_value(out, both.buf, '\0', err);
    str_free(&both);
    return ok;
}

/* get_address - a percent sign that is none of %U %H %M is doubled */
static bool get_address(const char *address, struct str *out, struct err *err)
{
    for (; address && *address; address++)
        if ((*address == '%' && !str_addc(out, '%', err)) || !str_addc(out, *address, err))
            return false;
    return true;
}

bool option_get(const struct conf_option *option, const void *base, struct str *out, struct err *err)
{
    const void *field = (const char *)base + option->offset;
    unsigned number;
    uint64_t large;
    if (option->later)
        return true;
    switch (option->type) {
    case OPTION_LIST:
    case OPTION_SOURCES:
        return get_list(field, out, err);
    case OPTION_ARGV:
        return get_argv(field, out, err);
    case OPTION_DELIVER:
        return get_deliver(field, out, err);
    case OPTION_ADDRESS:
        return get_address(*(char *const *)field, out, err);
    case OPTION_ENUM:
        return get_word(option, *(const int *)field, out, err);
    case OPTION_KEEP:
        return value_get_keep(*(const enum keep_mode *)field,
                              *(const uint32_t *)(const void *)((const char *)base + option->also), out, err);
    case OPTION_SENT:
        return get_sent(*(const enum sent_copy *)field,
                        *(char *const *)(const void *)((const char *)base + option->also), out, err);
    case OPTION_PORT:
        number = *(const uint16_t *)field;
        return number == 0 || str_addf(out, err, "%u", number);
    case OPTION_SECONDS:
        number = *(const uint32_t *)field;
        return (number == 0 && !option->default_text) || str_addf(out, err, "%us", number);
    case OPTION_COUNT:
    case OPTION_SIZE:
        large = *(const uint64_t *)field;
        return large == 0 || str_addf(out, err, "%" PRIu64, large);
    case OPTION_RATE:
        return value_get_rate(field, out, err);
    default: {
        const char *text = *(char *const *)field;
        return !text || add_value(out, text, '\0', err);
    }
    }
}

static void clear_at(const struct conf_option *option, char *field)
{
    switch (option->type) {
    case OPTION_LIST:
    case OPTION_SOURCES:
    case OPTION_ARGV:
    case OPTION_DELIVER:
        strv_free((struct strv *)(void *)field);
        break;
    case OPTION_PORT:
    case OPTION_SECONDS:
    case OPTION_COUNT:
    case OPTION_SIZE:
    case OPTION_RATE:
    case OPTION_ENUM:
    case OPTION_KEEP:
        break;
    default:
        free(*(char **)(void *)field);
        *(char **)(void *)field = NULL;
    }
}

void option_clear(const struct conf_option *option, void *base)
{
    if (option->later)
        return;
    if (option->type == OPTION_SENT) {
        free(*(char **)(void *)((char *)base + option->also));
        *(char **)(void *)((char *)base + option->also) = NULL;
        return;
    }
    clear_at(option, (char *)base + option->offset);
    if (option_is_common(option))
        clear_at(option, (char *)base + option->also);
}
