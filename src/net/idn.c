/* idn - host names as the wire wants them: A-labels, no trailing dot; IP literals stay as they are.
 * Names that are ASCII already never pass through libidn2: it refuses names that exist ("r3---a.example"). */
#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "base/text.h"
#include "net/dial.h"

#define HOST_MAX 253 /* RFC 1035, as text without the trailing dot */
#define LABEL_MAX 63

bool dial_is_ip(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char bare[INET6_ADDRSTRLEN];
    size_t n = strcspn(host, "%"); /* fe80::1%eth0 */
    if (n >= sizeof bare)
        return false;
    memcpy(bare, host, n);
    bare[n] = '\0';
    return inet_pton(AF_INET6, bare, address) == 1 || inet_pton(AF_INET, host, address) == 1;
}

static bool labels_fit(const char *name)
{
    for (const char *dot; *name; name = *dot ? dot + 1 : dot) {
        dot = strchrnul(name, '.');
        if (dot == name || dot - name > LABEL_MAX)
            return false;
    }
    return true;
}

static bool bytes_fit(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= HOST_MAX && !text_has_control(name, n) && strcspn(name, " /@:\\\"'<>[]") == n;
}

static bool not_a_name(const char *host, const char *why, struct err *err)
{
    char shown[HOST_MAX + 3];
    text_clean(shown, sizeof shown, host, strlen(host));
    err_set(err, ERR_CONFIG, "\"%s\" is not the name of a host%s%s.", shown, *why ? ": " : "", why);
    return err_hint(err, "Give the server's name as its operator writes it, such as mail.example.org.");
}

bool dial_idna(const char *host, struct str *out, struct err *err)
{
    char *ascii = NULL;
    bool good = false;
    if (dial_is_ip(host))
        return str_addz(out, host, err);
    if (!text_is_ascii(host, strlen(host))) {
        int status = idn2_to_ascii_8z(host, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
        if (status != IDN2_OK)
            return not_a_name(host, idn2_strerror(status), err);
    }
    const char *name = ascii ? ascii : host;
    size_t n = strlen(name), start = out->len;
    if (n > 1 && name[n - 1] == '.')
        n--;
    if (!str_add(out, name, n, err))
        goto out;
    text_lower_z(out->buf + start);
    good = bytes_fit(out->buf + start) && labels_fit(out->buf + start);
    if (!good) {
        str_cut(out, start);
        not_a_name(host, "", err);
    }
out:
    idn2_free(ascii);
    return good;
}
