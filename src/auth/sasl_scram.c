/* sasl_scram - the bounds of SCRAM (RFC 5802 7) that libgsasl leaves to its caller.
 *
 *   server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
 *   reserved-mext = "m=" 1*(value-char)    nonce = "r=" c-nonce s-nonce
 *   salt = "s=" base64                     iteration-count = "i=" posit-number */
#include "auth/sasl_impl.h"

#include <string.h>

#include "base/text.h"

#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 1000000
#define FIRST_MAX 4096

static bool malformed(struct err *err)
{
    return err_set(err, ERR_PROTOCOL, "The server's first SCRAM message is not well formed.");
}

/* Steps over "X=value" and the comma behind it; value_r is NUL-terminated in place. */
static bool take(char **at, char name, char **value_r)
{
    char *s = *at;
    if (s[0] != name || s[1] != '=' || s[2] == '\0' || s[2] == ',')
        return false;
    *value_r = s + 2;
    char *comma = strchr(*value_r, ',');
    *at = comma != NULL ? comma + 1 : s + strlen(s);
    if (comma != NULL)
        *comma = '\0';
    return true;
}

static bool check_nonce(const char *client_first, const char *nonce)
{
    const char *ours = strstr(client_first, ",r=");
    if (ours == NULL)
        return false;
    size_t n = strcspn(ours + 3, ",");
    return n > 0 && strncmp(ours + 3, nonce, n) == 0 && nonce[n] != '\0';
}

bool sasl_scram_check_first(const char *client_first, const char *in, size_t n, struct err *err)
{
    char copy[FIRST_MAX + 1];
    if (n > FIRST_MAX || memchr(in, '\0', n) != NULL)
        return malformed(err);
    memcpy(copy, in, n);
    copy[n] = '\0';

    char *at = copy, *nonce, *salt, *count;
    if (text_starts(copy, "m="))
        return err_set(err, ERR_PROTOCOL, "The server asks for a SCRAM extension that does not exist.");
    if (!take(&at, 'r', &nonce) || !take(&at, 's', &salt) || !take(&at, 'i', &count))
        return malformed(err);
    if (!check_nonce(client_first, nonce))
        return err_set(err, ERR_PROTOCOL, "The server's SCRAM nonce does not extend ours.");
    uint64_t iterations;
    if (!text_u64(count, UINT64_MAX, &iterations))
        return malformed(err);
    if (iterations < ITERATIONS_MIN)
        return err_set(
            err, ERR_PROTOCOL,
            "The server asks for %s rounds of SCRAM, too few to protect the password (%d at least).", count,
            ITERATIONS_MIN);
    if (iterations > ITERATIONS_MAX)
        return err_set(err, ERR_PROTOCOL, "The server asks for %s rounds of SCRAM, more than %d.", count,
                       ITERATIONS_MAX);
    return true;
}
