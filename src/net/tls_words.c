/* tls_words - what a person is told when TLS fails. Each sentence names the server and what is wrong,
 * each hint what can be done; "somebody may be listening in" stands where that is what it looks like. */
#include "net/tls_words.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define HINT_OPERATOR "Only the server's operator can help."
#define HINT_LATER "Try again later; if it happens each time, ask the server's operator."

static void show_date(int64_t t, char out[32])
{
    clock_iso(t, out);
    out[strcspn(out, "T")] = '\0';
}

/* GnuTLS ends some of its texts with a full stop and some not. */
static int stem(const char *why)
{
    size_t n = strlen(why);
    return (int)(n > 0 && why[n - 1] == '.' ? n - 1 : n);
}

/* -- certificates -- */

bool tls_say_self_signed(struct err *err, const char *peer)
{
    err_set(err, ERR_TLS, "The certificate of %s is self-signed: nobody vouches for it.", peer);
    return err_hint(
        err, "If the server is your own, save its certificate in a file and set tls_ca = FILE. Otherwise "
             "somebody may be listening in: do not go on.");
}

bool tls_say_untrusted(struct err *err, const char *peer, const char *issuer)
{
    err_set(err, ERR_TLS, "The certificate of %s was issued by \"%s\", whom this machine does not trust.",
            peer, *issuer ? issuer : "somebody unnamed");
    return err_hint(
        err, "If that is the authority of your own network, set tls_ca = FILE with its certificate. The "
             "server may also have forgotten an intermediate certificate, or somebody may be listening in.");
}

static bool say_wrong_time(struct err *err, const char *peer, bool above, const char *verb, int64_t when)
{
    char date[32], today[32];
    show_date(when, date);
    show_date(clock_now(), today);
    err_set(err, ERR_TLS, "The certificate %s%s %s %s.", above ? "above that of " : "of ", peer, verb, date);
    return err_hint(
        err, "This machine's clock says %s. If that is right, only the server's operator can help.", today);
}

bool tls_say_expired(struct err *err, const char *peer, bool above, int64_t when)
{
    return say_wrong_time(err, peer, above, "expired on", when);
}

bool tls_say_not_yet_valid(struct err *err, const char *peer, bool above, int64_t when)
{
    return say_wrong_time(err, peer, above, "is not valid before", when);
}

bool tls_say_wrong_name(struct err *err, const char *peer, const char *wanted, const char *borne)
{
    err_set(err, ERR_TLS, "The certificate of %s is not for %s but for %s.", peer, wanted,
            *borne ? borne : "nobody");
    return err_hint(
        err, "Check the spelling of host. If the server is known to bear another name, set tls_host = NAME.");
}

bool tls_say_no_name(struct err *err, const char *peer, const char *wanted)
{
    err_set(err, ERR_TLS,
            "The certificate of %s names no host besides its subject, which does not count (RFC 9525).",
            peer);
    return err_hint(err, "Its operator must add %s as a subject alternative name.", wanted);
}

bool tls_say_bad_certificate(struct err *err, const char *peer, const char *why)
{
    err_set(err, ERR_TLS, "The certificate of %s is not good: %.*s.", peer, stem(why), why);
    return err_hint(err, HINT_OPERATOR);
}

/* -- the handshake -- */

bool tls_say_spoke_early(struct err *err, const char *peer)
{
    err_set(err, ERR_TLS, "The server %s sent more before TLS had begun, where it had to wait.", peer);
    return err_hint(err,
                    "Somebody may be tampering with the connection. tls = implicit leaves no room for that.");
}

bool tls_say_plaintext(struct err *err, const char *peer, enum tls_mode mode, const char *heard)
{
    static const struct {
        const char *greeting, *port;
    } known[] = {{"220", "port 587"}, {"* ", "port 143"}, {"+OK", "port 110"}, {"", "another port"}};
    size_t i = 0;
    if (mode == TLS_STARTTLS) {
        err_set(err, ERR_TLS, "The server %s went on without TLS after it had agreed to start it.", peer);
        return err_hint(err, "Use tls = implicit with port 465, 993 or 995, if the server offers it.");
    }
    while (!text_starts(heard, known[i].greeting))
        i++;
    err_set(err, ERR_TLS, "The server %s answered without TLS (\"%s\").", peer, heard);
    return err_hint(
        err, "This port does not speak TLS from the first byte: use tls = starttls, with %s or this one.",
        known[i].port);
}

bool tls_say_too_old(struct err *err, const char *peer)
{
    err_set(err, ERR_TLS, "The server %s speaks no version of TLS that is still safe (1.2 or 1.3).", peer);
    return err_hint(err, HINT_OPERATOR);
}

bool tls_say_too_weak(struct err *err, const char *peer)
{
    err_set(err, ERR_TLS, "The server %s offers no encryption that is still safe.", peer);
    return err_hint(err, HINT_OPERATOR);
}

bool tls_say_unknown_name(struct err *err, const char *peer, const char *name)
{
    err_set(err, ERR_TLS, "The server %s does not know the name %s.", peer, name);
    return err_hint(err, "Check the spelling of host, or set tls_host.");
}

bool tls_say_wants_certificate(struct err *err, const char *peer, const char *why)
{
    err_set(err, ERR_TLS, "The server %s wants a client certificate that it accepts (%s).", peer, why);
    return err_hint(err, "Set tls_cert and tls_key to the certificate that you were given for this server.");
}

bool tls_say_broken_off(struct err *err, const char *peer, const char *why)
{
    err_set(err, ERR_TLS, "TLS with the server %s failed: %.*s.", peer, stem(why), why);
    return err_hint(err, HINT_LATER);
}

bool tls_say_closed(struct err *err, const char *peer)
{
    err_set(err, ERR_NETWORK, "The server %s closed the connection instead of starting TLS.", peer);
    return err_hint(err, "Does this port speak TLS? Check port and tls; otherwise try again later.");
}

bool tls_say_truncated(struct err *err, const char *peer)
{
    err_set(err, ERR_NETWORK, "The server %s cut the connection without the goodbye that TLS asks for.",
            peer);
    return err_hint(err, HINT_LATER);
}
