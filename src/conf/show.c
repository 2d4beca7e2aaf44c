/* show - see show.h. The files are read once more, for the lines in which things were set. */
#include "conf/show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "conf/ini.h"
#include "conf/settle.h"

#define VALUE_MAX 16384
#define PATH_BYTES_MAX 8192
#define VALUE_COLUMN 44

struct showing {
    const struct account *account;
    struct ini_file own, defaults;
    struct strv *lines;
};

static bool read_again(const char *path, bool for_account, struct ini_file *file, struct err *err)
{
    struct faults ignored = {0}; /* they were looked for when the account was read */
    struct str text = STR_INIT(INI_FILE_MAX);
    if (!for_account && access(path, F_OK) != 0)
        return true;
    bool ok = fs_read_file(path, &text, err);
    if (ok)
        ini_read(path, &text, for_account, file, &ignored);
    faults_free(&ignored);
    str_wipe(&text);
    return ok;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* add_source - of "command pass show mail" only "command pass ..." is shown */
static bool add_source(const char *source, struct str *out, struct err *err)
{
    static const char command[] = "command ";
    size_t n = strlen(source);
    size_t shown = n;
    if (text_starts(source, command))
        shown = strlen(command) + strcspn(source + strlen(command), " \t");
    return str_add(out, source, shown, err) && (shown == n || str_addz(out, " ...", err));
}

static bool add_sources(const struct strv *sources, struct str *out, struct err *err)
{
    for (size_t i = 0; i < sources->count; i++)
        if ((i > 0 && !str_addz(out, ", ", err)) || !add_source(sources->items[i], out, err))
            return false;
    return true;
}

static bool add_proxy(const char *proxy, struct str *out, struct err *err)
{
    const char *at = proxy ? strrchr(proxy, '@') : NULL;
    if (!proxy)
        return true;
    return at ? str_addf(out, err, "socks5://...%s", at) : str_addz(out, proxy, err);
}

static bool add_value(const struct showing *showing, const struct conf_option *option, struct str *out,
                      struct err *err)
{
    struct conf_option there = *option;
    const struct account *account = showing->account;
    if (option_is_common(option) && !account->send.on)
        there.offset = option->also;
    const void *field = (const char *)account + there.offset;
    if (there.type == OPTION_SOURCES)
        return add_sources(field, out, err);
    if (there.type == OPTION_PROXY)
        return add_proxy(*(char *const *)field, out, err);
    return option_get(&there, account, out, err);
}

/* inherited - nobody set it here, but [account] speaks for both halves */
static bool inherited(const struct showing *showing, const struct conf_option *option)
{
    const struct setting *setting;
    const struct conf_option *above = option_find("account", option->name);
    return above && above != option && (above->offset == option->offset || above->also == option->offset) &&
           settle_source(above, &showing->own, &showing->defaults, &setting) != NULL;
}

static bool add_line(const struct showing *showing, const struct conf_option *option, struct err *err)
{
    struct str value = STR_INIT(VALUE_MAX);
    struct str line = STR_INIT(2 * VALUE_MAX);
    const struct setting *setting;
    const struct ini_file *file = settle_source(option, &showing->own, &showing->defaults, &setting);
    bool ok = add_value(showing, option, &value, err);
    if (ok && value.len > 0) {
        ok = str_addf(&line, err, "  %s = %s", option->name, value.buf);
        for (size_t i = line.len; ok && i < VALUE_COLUMN; i++)
            ok = str_addc(&line, ' ', err);
        ok = ok &&
             (file ? str_addf(&line, err, "  %s:%u", last_part(file->shown), setting->line)
                   : str_addz(&line, inherited(showing, option) ? "  [account]" : "  default", err)) &&
             strv_add(showing->lines, line.buf, err);
    }
    str_free(&line);
    str_free(&value);
    return ok;
}

static bool is_shown(const struct account *account, const struct conf_option *option)
{
    return !option->later && strcmp(option->section, "tappal") != 0 &&
           strcmp(option->section, "queue") != 0 &&
           (strcmp(option->section, "send") != 0 || account->send.on) &&
           (strcmp(option->section, "fetch") != 0 || account->fetch.on);
}

static bool add_lines(const struct showing *showing, struct err *err)
{
    const char *section = "";
    char head[16];
    for (const struct conf_option *o = option_table; o->section; o++) {
        if (!is_shown(showing->account, o))
            continue;
        snprintf(head, sizeof head, "[%s]", o->section);
        if (strcmp(section, o->section) != 0 && !strv_add(showing->lines, head, err))
            return false;
        section = o->section;
        if (!add_line(showing, o, err))
            return false;
    }
    return true;
}

bool conf_show_account(const struct account *account, struct strv *lines_r, struct err *err)
{
    struct showing showing = {.account = account, .lines = lines_r};
    struct str path = STR_INIT(PATH_BYTES_MAX);
    bool ok = fs_join(&path, account->config_dir, "tappal.ini", err) &&
              read_again(account->file, true, &showing.own, err) &&
              read_again(path.buf, false, &showing.defaults, err) && strv_add(lines_r, account->file, err) &&
              add_lines(&showing, err);
    ini_free(&showing.own);
    ini_free(&showing.defaults);
    str_free(&path);
    return ok;
}
