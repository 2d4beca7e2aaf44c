/* aliases_fuzz - any bytes as an aliases file: no crash, every name comes to an end, and nothing that is a command
 * or a file comes out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/aliases.h"

#define NAMES 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool must_hold)
{
    if (!must_hold)
        abort();
}

static void expand(struct aliases *a, const char *name)
{
    struct strv out = STRV_INIT;
    struct err err;
    if (!aliases_expand(a, name, &out, &err)) {
        check(err.kind == ERR_CONFIG);
        strv_free(&out);
        return;
    }
    for (size_t i = 0; i < out.count; i++) {
        const char *s = out.items[i] + (out.items[i][0] == '"' ? 1 : 0);
        check(strcmp(out.items[i], name) == 0 ||
              (s[0] != '|' && s[0] != '/' && !text_has_control(s, strlen(s))));
    }
    strv_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aliases a;
    struct err err;
    if (size > ALIASES_FILE_MAX / 2)
        return 0;
    check(aliases_parse((const char *)data, size, &a, &err));
    for (size_t i = 0; i < a.count && i < NAMES; i++)
        expand(&a, a.items[i].name);
    expand(&a, "root");
    aliases_free(&a);
    return 0;
}
