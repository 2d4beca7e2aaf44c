/* ini_fuzz - any bytes as an account's file. A value that is accepted is accepted again as it is written
 * back, and then reads the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/ini.h"

#define VALUE_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct person person = {
    .home = (char[]){"/home/ada"},
    .user_name = (char[]){"ada"},
    .host_name = (char[]){"box"},
    .mail_name = (char[]){"box.example.org"},
};

/* written - the value as it would be written, after it was read from `raw`; false where it is refused */
static bool written(const struct conf_option *option, const char *raw, struct str *out)
{
    struct err err;
    struct account account = {0};
    bool ok = option_set(option, &account, raw, &person, &err);
    if (ok && !option_get(option, &account, out, &err))
        abort();
    conf_account_free(&account);
    return ok;
}

static void round_trip(const struct setting *setting)
{
    struct str once = STR_INIT(VALUE_MAX);
    struct str twice = STR_INIT(VALUE_MAX);
    if (written(setting->option, setting->raw, &once) &&
        (!written(setting->option, once.buf, &twice) || strcmp(once.buf, twice.buf) != 0))
        abort();
    str_free(&once);
    str_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct ini_file file;
    struct faults faults = {0};
    struct str text = STR_INIT(INI_FILE_MAX);
    if (str_add(&text, data, size, &err)) {
        ini_read("fuzz.ini", &text, true, &file, &faults);
        for (size_t i = 0; i < file.count; i++)
            round_trip(&file.settings[i]);
        ini_free(&file);
    }
    faults_free(&faults);
    str_free(&text);
    return 0;
}
