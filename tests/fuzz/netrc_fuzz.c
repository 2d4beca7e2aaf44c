/* netrc_fuzz - any bytes as a netrc file: a password that is found is a part of them, but for backslashes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/secret_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str password = STR_INIT(SECRET_MAX);
    struct err err = {0};
    const char *text = (const char *)data;
    enum secret_answer answer = secret_netrc_find(text, size, "mail.example.org", "ada", &password, &err);
    if (answer == SECRET_FOUND && (password.len == 0 || password.len > size))
        abort();
    if (answer == SECRET_FAILED && err.kind == ERR_NONE)
        abort();
    if (answer != SECRET_FOUND && password.len != 0)
        abort();
    str_wipe(&password);
    return 0;
}
