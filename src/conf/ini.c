/* ini - see ini.h.
 *
 *   file    = *( *blank [ comment / section / setting ] LF )
 *   comment = ( ";" / "#" ) *any           section = "[" name "]"
 *   setting = name *blank "=" *blank value *blank
 *
 * libinih decides what is a section and what a name, but reads 200 bytes at a time (the tail of a
 * longer line, even of a comment, would become a live setting), cuts values at " ;", counts no
 * lines we can see, and merges sections. So it never sees the file: next_line() owns whole lines,
 * checks them, and hands it "[section]" or "name =" alone; the value is taken from here. */
#include "conf/ini.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

#define NAME_MAX_BYTES 40 /* more than any of ours has, and less than libinih bears */
#define OPTION_NAMES_MAX 200

struct reader {
    const char *at, *end;
    unsigned line;
    char text[INI_LINE_MAX + 1]; /* the current line */
    char *value;                 /* in `text` */
    bool for_account;
    bool in_section;   /* some [section] has begun */
    bool skip_section; /* an unknown or doubled one: said once, its settings pass in silence */
    struct ini_file *file;
    struct faults *faults;
};

static bool fault(struct reader *reader, struct err *err)
{
    err_prefix(err, "%s:%u: ", reader->file->shown, reader->line);
    faults_add(reader->faults, err);
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* -- a whole line, and what no line may hold -- */

static bool check_bytes(struct reader *reader, const char *s, size_t n)
{
    struct err err;
    if (n > INI_LINE_MAX) {
        err_set(&err, ERR_CONFIG, "This line has %zu bytes; %d are allowed.", n, INI_LINE_MAX);
        err_hint(&err, "A list may be spread over several lines: write the option again for each part.");
    } else if (memchr(s, '\0', n)) {
        err_set(&err, ERR_CONFIG, "There is a NUL byte in this line.");
        err_hint(&err, "Is this a text file? Write the line again with an editor.");
    } else if (!text_is_utf8(s, n)) {
        err_set(&err, ERR_CONFIG, "This line is not valid UTF-8.");
        err_hint(&err, "Save the file as UTF-8 in your editor.");
    } else {
        for (size_t i = 0; i < n; i++) {
            if (s[i] == '\t' || !text_has_control(s + i, 1))
                continue;
            err_set(&err, ERR_CONFIG, "There is a control character (0x%02x) in this line.",
                    (unsigned char)s[i]);
            err_hint(&err, "Write the line again with an editor.");
            return fault(reader, &err);
        }
        return true;
    }
    return fault(reader, &err);
}

/* take_line - the next line without its end and its outer blanks into `text`; false at the end of the
 * file. A line that may not be read is empty. */
static bool take_line(struct reader *reader)
{
    if (reader->at == reader->end)
        return false;
    const char *s = reader->at;
    const char *lf = memchr(s, '\n', (size_t)(reader->end - s));
    const char *stop = lf ? lf : reader->end;
    reader->at = lf ? lf + 1 : reader->end;
    reader->line++;
    if (reader->line == 1 && stop - s >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
        s += 3; /* a byte order mark, as some editors leave it */
    if (stop > s && stop[-1] == '\r')
        stop--;
    reader->text[0] = '\0';
    if (!check_bytes(reader, s, (size_t)(stop - s)))
        return true;
    while (s < stop && is_blank(*s))
        s++;
    while (stop > s && is_blank(stop[-1]))
        stop--;
    memcpy(reader->text, s, (size_t)(stop - s));
    reader->text[stop - s] = '\0';
    return true;
}

/* -- sections -- */

/* section_names - those that may stand in this file */
static size_t section_names(bool for_account, const char **names)
{
    size_t n = 0;
    for (const struct conf_option *o = option_table; o->section; o++) {
        bool machine = strcmp(o->section, "tappal") == 0 || strcmp(o->section, "queue") == 0;
        if ((n == 0 || strcmp(names[n - 1], o->section) != 0) && !(for_account && machine))
            names[n++] = o->section;
    }
    names[n] = NULL;
    return n;
}

static bool unknown_section(struct reader *reader, const char *name)
{
    struct err err;
    const char *names[8];
    section_names(reader->for_account, names);
    const char *near = text_nearest(name, names);
    err_set(&err, ERR_CONFIG, "There is no section [%s].", name);
    if (option_section_known(name))
        err_hint(&err, "[%s] belongs in tappal.ini, not in the file of an account.", name);
    else if (near)
        err_hint(&err, "Did you mean [%s]?", near);
    else
        err_hint(&err, "Known are [account], [send] and [fetch]%s.",
                 reader->for_account ? "" : ", and in tappal.ini [tappal] and [queue]");
    return fault(reader, &err);
}

static bool section_fits(const struct reader *reader, const char *name)
{
    const char *names[8];
    size_t n = section_names(reader->for_account, names);
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* begin_section - checks "[name]"; what stands in a section that is wrong is not looked at */
static bool begin_section(struct reader *reader)
{
    struct err err;
    char *name = reader->text + 1;
    char *close = strchr(name, ']');
    reader->in_section = true;
    reader->skip_section = true;
    if (!close) {
        err_set(&err, ERR_CONFIG, "The name of a section is not closed by `]`.");
        err_hint(&err, "Write it like this: [send]");
        return fault(reader, &err);
    }
    if (close[1] != '\0') {
        err_set(&err, ERR_CONFIG, "Something follows the `]` of a section.");
        err_hint(&err, "Put the comment or the option on a line of its own.");
        return fault(reader, &err);
    }
    *close = '\0';
    if (!section_fits(reader, name))
        return unknown_section(reader, name);
    if (strv_has(&reader->file->sections, name)) {
        err_set(&err, ERR_CONFIG, "The section [%s] is there a second time.", name);
        err_hint(&err, "Put both parts together under one [%s].", name);
        return fault(reader, &err);
    }
    if (!strv_add(&reader->file->sections, name, &err))
        return fault(reader, &err);
    reader->skip_section = false;
    return true;
}

/* -- settings -- */

static bool no_equals_sign(struct reader *reader)
{
    struct err err; /* the line is not shown: it may be a password */
    err_set(&err, ERR_CONFIG, "This line has no equals sign.");
    err_hint(&err,
             "Write `name = value`; a comment begins with # or ;, and a long value is not carried on to the "
             "next line.");
    return fault(reader, &err);
}

static bool bad_name(struct reader *reader)
{
    struct err err;
    err_set(&err, ERR_CONFIG, "This line does not begin with the name of an option.");
    err_hint(&err, "Names are made of small letters and underscores: `password_from = keyring`.");
    return fault(reader, &err);
}

/* split_setting - cuts `text` at its equals sign: the name stays, `value` points behind it */
static bool split_setting(struct reader *reader)
{
    struct err err;
    char *equals = strchr(reader->text, '=');
    if (!equals)
        return no_equals_sign(reader);
    char *end = equals;
    while (end > reader->text && is_blank(end[-1]))
        end--;
    *end = '\0';
    reader->value = equals + 1 + strspn(equals + 1, " \t");
    size_t n = strspn(reader->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (n == 0 || n > NAME_MAX_BYTES || reader->text[n] != '\0')
        return bad_name(reader);
    if (reader->in_section)
        return true;
    err_set(&err, ERR_CONFIG, "`%s` stands before the first section.", reader->text);
    err_hint(&err, "Put [account], [send] or [fetch] on a line above it.");
    return fault(reader, &err);
}

/* next_line - libinih's reader: "[section]" or "name =" of the next line that holds one */
static char *next_line(char *out, int size, void *stream)
{
    struct reader *reader = stream;
    while (take_line(reader)) {
        const char *s = reader->text;
        if (*s == '\0' || *s == ';' || *s == '#')
            continue;
        if (*s == '[') {
            if (begin_section(reader))
                return snprintf(out, (size_t)size, "[%s]\n", s + 1) < size ? out : NULL;
        } else if (!(reader->in_section && reader->skip_section) && split_setting(reader)) {
            return snprintf(out, (size_t)size, "%s =\n", s) < size ? out : NULL;
        }
    }
    return NULL;
}

/* -- names -- */

/* secret_in_the_file - the value is somebody's password: it is never shown */
static bool secret_in_the_file(struct reader *reader, const char *name)
{
    struct err err;
    err_set(&err, ERR_CONFIG, "`%s` would keep a password in this file, which tappal does not do.", name);
    err_hint(&err,
             "Take the line out, say where the password is kept (password_from = keyring), then run: tappal "
             "auth login NAME");
    return fault(reader, &err);
}

/* other_section - where else the name is an option, or NULL */
static const char *other_section(const struct reader *reader, const char *name)
{
    for (const struct conf_option *o = option_table; o->section; o++)
        if (strcmp(o->name, name) == 0 && section_fits(reader, o->section))
            return o->section;
    return NULL;
}

static bool unknown_option(struct reader *reader, const char *section, const char *name)
{
    struct err err;
    const char *names[OPTION_NAMES_MAX];
    size_t n = 0;
    for (const struct conf_option *o = option_table; o->section && n + 1 < OPTION_NAMES_MAX; o++)
        if (strcmp(o->section, section) == 0)
            names[n++] = o->name;
    names[n] = NULL;
    const char *other = other_section(reader, name);
    const char *near = text_nearest(name, names);
    err_set(&err, ERR_CONFIG, "[%s] has no option `%s`.", section, name);
    if (other)
        err_hint(&err, "`%s` belongs under [%s].", name, other);
    else if (near)
        err_hint(&err, "Did you mean `%s`?", near);
    else
        err_hint(&err, "tappal.ini(5) lists the options: man tappal.ini");
    return fault(reader, &err);
}

static bool doubled(struct reader *reader, const struct conf_option *option)
{
    struct err err;
    size_t from = 0;
    const struct setting *before = option_is_list(option) ? NULL : ini_find(reader->file, option, &from);
    if (!before)
        return false;
    err_set(&err, ERR_CONFIG, "`%s` was set already, in line %u.", option->name, before->line);
    err_hint(&err, "Take one of the two lines out.");
    fault(reader, &err);
    return true;
}

static bool keep_setting(struct reader *reader, const struct conf_option *option)
{
    struct err err;
    struct ini_file *file = reader->file;
    struct setting *more = array_room(file->settings, &file->cap, file->count + 1, sizeof *more, &err);
    if (!more)
        return fault(reader, &err);
    file->settings = more;
    struct setting *setting = &file->settings[file->count];
    *setting = (struct setting){option, strdup(reader->value), reader->line};
    if (!setting->raw) {
        err_nomem(&err);
        return fault(reader, &err);
    }
    file->count++;
    return true;
}

static bool names_a_secret(const char *name)
{
    static const char *const names[] = {"password", "passwd", "pass", "passphrase", "secret", "token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_eq_nocase(name, names[i]))
            return true;
    return false;
}

/* take_name - libinih's handler; always 1, since faults are kept by ourselves */
static int take_name(void *user, const char *section, const char *name, const char *empty)
{
    struct reader *reader = user;
    (void)empty;
    const struct conf_option *option = option_find(section, name);
    if (!option && names_a_secret(name))
        secret_in_the_file(reader, name);
    else if (!option)
        unknown_option(reader, section, name);
    else if (!doubled(reader, option))
        keep_setting(reader, option);
    return 1;
}

void ini_read(const char *shown, const struct str *text, bool for_account, struct ini_file *file_r,
              struct faults *faults)
{
    struct err err;
    *file_r = (struct ini_file){0};
    file_r->shown = strdup(shown);
    struct reader *reader = calloc(1, sizeof *reader);
    if (file_r->shown && reader) {
        *reader = (struct reader){.at = text->buf,
                                  .end = text->buf + text->len,
                                  .for_account = for_account,
                                  .file = file_r,
                                  .faults = faults};
        if (ini_parse_stream(next_line, reader, take_name, reader) != 0) {
            err_set(&err, ERR_INTERNAL, "This line was refused by libinih.");
            fault(reader, &err);
        }
    } else {
        err_nomem(&err);
        faults_add(faults, &err);
    }
    if (reader)
        explicit_bzero(reader->text, sizeof reader->text);
    free(reader);
}

void ini_free(struct ini_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        free(file->settings[i].raw);
    free(file->settings);
    free(file->shown);
    strv_free(&file->sections);
    *file = (struct ini_file){0};
}

const struct setting *ini_find(const struct ini_file *file, const struct conf_option *option, size_t *from)
{
    for (; *from < file->count; ++*from)
        if (file->settings[*from].option == option)
            return &file->settings[(*from)++];
    return NULL;
}
