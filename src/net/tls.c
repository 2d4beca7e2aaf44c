/* tls - GnuTLS behind a stream layer. The only file that includes GnuTLS.
 *
 * Verification runs inside the handshake (verify): a certificate that does not hold is answered with an
 * alert before any byte of ours. GnuTLS falls back to the subject's CN where a certificate bears no DNS
 * name; RFC 9525 forbids that, so bears_dns_name is asked as well. */
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/dial.h"
#include "net/tls_words.h"

/* Bookworm's default still offers TLS 1.0 and 1.1. */
#define PRIORITY_APPENDED "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM"
#define NAME_LIMIT 512
#define NAMES_SHOWN 6
#define SHOWN_MAX 160   /* of a name in a sentence */
#define FLIGHT_MAX 8192 /* our handshake messages, gathered into one segment */
#define HEARD_MAX 80    /* of the peer's first bytes, for the sentence when they are not TLS */
#define WARNINGS_MAX 16 /* warning alerts within one handshake */
#define PIN_TRIES 3
#define BINDING_MAX 256

struct tls_trust {
    gnutls_certificate_credentials_t credentials;
};

struct tls_layer {
    struct stream_layer layer;
    gnutls_session_t session;
    const char *peer; /* the stream's */
    struct str name;  /* A-labels, or an IP literal */
    unsigned char address[sizeof(struct in6_addr)];
    unsigned address_size; /* 0: a DNS name */
    enum tls_mode mode;
    char heard[HEARD_MAX];
    size_t heard_n;
    bool failed; /* `failure` is set: by the layer below or by verify */
    struct err failure;
    char described[96];
};

/* -- trust -- */

/* The PIN callback has no way through struct tls_settings, and PKCS#11 is the process's affair in GnuTLS too.
 */
static struct {
    tls_ask_pin *ask;
    void *arg;
} pin_source;

void tls_set_pin_callback(tls_ask_pin *ask, void *arg)
{
    pin_source.ask = ask;
    pin_source.arg = arg;
}

/* Never tries the token's last chance: a wrong PIN would lock it for good. */
static int give_pin(void *unused, int attempt, const char *url, const char *label, unsigned flags, char *pin,
                    size_t max)
{
    (void)unused;
    if (!pin_source.ask || attempt >= PIN_TRIES || (flags & GNUTLS_PIN_FINAL_TRY))
        return -1;
    return pin_source.ask(pin_source.arg, label && *label ? label : url, pin, max) ? 0 : -1;
}

static bool load_ca(gnutls_certificate_credentials_t credentials, const char *ca, struct err *err)
{
    struct stat st;
    if (!ca) {
        if (gnutls_certificate_set_x509_system_trust(credentials) > 0)
            return true;
        err_set(err, ERR_CONFIG, "This machine has no store of certificate authorities.");
        return err_hint(err,
                        "Install the package ca-certificates, or name a file of certificates by tls_ca.");
    }
    if (stat(ca, &st) < 0) {
        err_errno(err, ERR_CONFIG, "The certificates in %s (tls_ca) cannot be read", ca);
        return err_hint(err, "Give the absolute name of a PEM file, or of a folder of such files.");
    }
    int n = S_ISDIR(st.st_mode)
                ? gnutls_certificate_set_x509_trust_dir(credentials, ca, GNUTLS_X509_FMT_PEM)
                : gnutls_certificate_set_x509_trust_file(credentials, ca, GNUTLS_X509_FMT_PEM);
    if (n > 0)
        return true;
    err_set(err, ERR_CONFIG, "%s (tls_ca) holds no certificate that can be used%s%s.", ca, n < 0 ? ": " : "",
            n < 0 ? gnutls_strerror(n) : "");
    return err_hint(err,
                    "It must hold PEM certificates: blocks that begin with -----BEGIN CERTIFICATE-----.");
}

static bool load_client(gnutls_certificate_credentials_t credentials, const struct tls_settings *settings,
                        struct err *err)
{
    const char *key = settings->key ? settings->key : settings->cert;
    if (!settings->cert)
        return true;
    gnutls_certificate_set_pin_function(credentials, give_pin, NULL);
    int status =
        gnutls_certificate_set_x509_key_file2(credentials, settings->cert, key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (status >= 0)
        return true;
    err_set(err, ERR_CONFIG, "The client certificate %s (tls_cert) with the key %s cannot be used: %s.",
            settings->cert, key, gnutls_strerror(status));
    return err_hint(err, "tls_cert and tls_key name PEM files or pkcs11: URIs that belong together.");
}

bool tls_trust_load(const struct tls_settings *settings, struct tls_trust **trust_r, struct err *err)
{
    struct tls_trust *trust = calloc(1, sizeof *trust);
    if (!trust || gnutls_certificate_allocate_credentials(&trust->credentials) < 0) {
        free(trust);
        return err_nomem(err);
    }
    if (load_ca(trust->credentials, settings->ca, err) && load_client(trust->credentials, settings, err)) {
        *trust_r = trust;
        return true;
    }
    tls_trust_free(&trust);
    return false;
}

void tls_trust_free(struct tls_trust **trust)
{
    if (!*trust)
        return;
    gnutls_certificate_free_credentials((*trust)->credentials);
    free(*trust);
    *trust = NULL;
}

/* -- what a certificate says -- */

static void show_issuer(gnutls_x509_crt_t cert, char out[SHOWN_MAX])
{
    char name[SHOWN_MAX];
    size_t size = sizeof name;
    if (gnutls_x509_crt_get_issuer_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) < 0) {
        size = sizeof name;
        if (gnutls_x509_crt_get_issuer_dn(cert, name, &size) < 0)
            size = 0;
    }
    text_clean(out, SHOWN_MAX, name, size);
}

/* The i-th name as text: 1 shown, 0 of a kind we do not show, -1 there are no more. */
static int show_name(gnutls_x509_crt_t cert, unsigned i, char out[SHOWN_MAX])
{
    char name[NAME_LIMIT];
    size_t size = sizeof name;
    int type = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &size, NULL);
    if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return -1;
    if (type == GNUTLS_SAN_DNSNAME) {
        text_clean(out, SHOWN_MAX, name, size);
        return 1;
    }
    if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16))
        return inet_ntop(size == 4 ? AF_INET : AF_INET6, name, out, SHOWN_MAX) ? 1 : 0;
    return 0;
}

/* "mail.example.net, *.example.net and 3 more" */
static void list_names(gnutls_x509_crt_t cert, struct str *out)
{
    struct err ignored;
    char name[SHOWN_MAX];
    unsigned shown = 0, more = 0;
    int kind;
    bool good = true;
    for (unsigned i = 0; good && (kind = show_name(cert, i, name)) >= 0; i++) {
        if (kind == 0)
            continue;
        if (shown == NAMES_SHOWN)
            more++;
        else
            good = str_addf(out, &ignored, "%s%s", shown++ ? ", " : "", name);
    }
    if (more > 0)
        good = good && str_addf(out, &ignored, " and %u more", more);
    if (!good || shown == 0)
        str_clear(out);
}

static bool bears_dns_name(gnutls_x509_crt_t cert)
{
    char name[NAME_LIMIT];
    for (unsigned i = 0;; i++) {
        size_t size = sizeof name;
        int type = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &size, NULL);
        if (type == GNUTLS_SAN_DNSNAME)
            return true;
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return false;
        if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
            return false;
    }
}

/* The first certificate of the chain that `expired` or is not yet valid; the leaf where none is. */
static unsigned find_wrong_time(const gnutls_x509_crt_t *chain, unsigned n, bool expired)
{
    time_t now = time(NULL);
    for (unsigned i = 0; i < n; i++)
        if (expired ? gnutls_x509_crt_get_expiration_time(chain[i]) < now
                    : gnutls_x509_crt_get_activation_time(chain[i]) > now)
            return i;
    return 0;
}

static bool explain_name(const struct tls_layer *l, gnutls_x509_crt_t leaf, struct err *err)
{
    struct str names = STR_INIT(NAME_LIMIT);
    if (l->address_size == 0 && !bears_dns_name(leaf))
        return tls_say_no_name(err, l->peer, l->name.buf);
    list_names(leaf, &names);
    tls_say_wrong_name(err, l->peer, l->name.buf, names.buf);
    str_free(&names);
    return false;
}

static bool explain_bits(const struct tls_layer *l, unsigned status, struct err *err)
{
    gnutls_datum_t text = {0};
    char shown[400] = "";
    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0)
        text_clean(shown, sizeof shown, (const char *)text.data, text.size);
    gnutls_free(text.data);
    return tls_say_bad_certificate(err, l->peer, *shown ? shown : "it cannot be verified");
}

/* Trust comes first: what an untrusted certificate says of itself is worth nothing. */
static bool explain_status(const struct tls_layer *l, const gnutls_x509_crt_t *chain, unsigned n,
                           unsigned status, struct err *err)
{
    char issuer[SHOWN_MAX];
    if (status & GNUTLS_CERT_SIGNER_NOT_FOUND) {
        if (gnutls_x509_crt_check_issuer(chain[0], chain[0]))
            return tls_say_self_signed(err, l->peer);
        show_issuer(chain[n - 1], issuer);
        return tls_say_untrusted(err, l->peer, issuer);
    }
    if (status & GNUTLS_CERT_EXPIRED) {
        unsigned i = find_wrong_time(chain, n, true);
        return tls_say_expired(err, l->peer, i > 0, gnutls_x509_crt_get_expiration_time(chain[i]));
    }
    if (status & GNUTLS_CERT_NOT_ACTIVATED) {
        unsigned i = find_wrong_time(chain, n, false);
        return tls_say_not_yet_valid(err, l->peer, i > 0, gnutls_x509_crt_get_activation_time(chain[i]));
    }
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        return tls_say_bad_certificate(err, l->peer, "it is not meant for servers");
    if ((status & ~(unsigned)GNUTLS_CERT_INVALID & ~(unsigned)GNUTLS_CERT_UNEXPECTED_OWNER) == 0)
        return explain_name(l, chain[0], err);
    return explain_bits(l, status, err);
}

/* -- verification -- */

static int check_chain(struct tls_layer *l, const gnutls_x509_crt_t *chain, unsigned n)
{
    gnutls_typed_vdata_st wanted[] = {
        {.type = l->address_size ? GNUTLS_DT_IP_ADDRESS : GNUTLS_DT_DNS_HOSTNAME,
         .data = l->address_size ? l->address : (unsigned char *)l->name.buf,
         .size = l->address_size},
        {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER},
    };
    unsigned status = 0;
    int result = gnutls_certificate_verify_peers(l->session, wanted, 2, &status);
    if (result == 0 && status == 0 && (l->address_size > 0 || bears_dns_name(chain[0])))
        return 0;
    l->failed = true;
    if (result == 0)
        explain_status(l, chain, n, status, &l->failure);
    else
        tls_say_bad_certificate(&l->failure, l->peer, gnutls_strerror(result));
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* Called by GnuTLS within the handshake. */
static int verify(gnutls_session_t session)
{
    struct tls_layer *l = gnutls_session_get_ptr(session);
    unsigned n = 0, imported = 0;
    const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &n);
    gnutls_x509_crt_t chain[16];
    int result = GNUTLS_E_CERTIFICATE_ERROR;
    n = n < 16 ? n : 16;
    while (imported < n && gnutls_x509_crt_init(&chain[imported]) == 0) {
        imported++;
        if (gnutls_x509_crt_import(chain[imported - 1], &raw[imported - 1], GNUTLS_X509_FMT_DER) < 0)
            break;
    }
    if (n > 0 && imported == n)
        result = check_chain(l, chain, n);
    else
        l->failed = !tls_say_bad_certificate(&l->failure, l->peer, "it cannot be read");
    while (imported > 0)
        gnutls_x509_crt_deinit(chain[--imported]);
    return result;
}

/* -- the transport below -- */

static void keep_heard(struct tls_layer *l, const char *bytes, size_t n)
{
    n = n < HEARD_MAX - l->heard_n ? n : HEARD_MAX - l->heard_n;
    memcpy(l->heard + l->heard_n, bytes, n);
    l->heard_n += n;
}

static ssize_t moved(struct tls_layer *l, long n)
{
    if (n >= 0)
        return n;
    if (n == STREAM_EOF)
        return 0;
    l->failed = l->failed || n == STREAM_FAILED;
    gnutls_transport_set_errno(l->session, n == STREAM_FAILED ? EIO : EAGAIN);
    return -1;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *parts, int count)
{
    struct tls_layer *l = ptr;
    struct stream_layer *below = l->layer.below;
    char flight[FLIGHT_MAX];
    size_t n = 0;
    if (count == 1)
        return moved(l, below->ops->write(below, parts[0].iov_base, parts[0].iov_len, &l->failure));
    for (int i = 0; i < count && n < sizeof flight; i++) {
        size_t part = parts[i].iov_len < sizeof flight - n ? parts[i].iov_len : sizeof flight - n;
        memcpy(flight + n, parts[i].iov_base, part);
        n += part;
    }
    return moved(l, below->ops->write(below, flight, n, &l->failure));
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *buf, size_t n)
{
    struct tls_layer *l = ptr;
    long got = l->layer.below->ops->read(l->layer.below, buf, n, &l->failure);
    if (got > 0)
        keep_heard(l, buf, (size_t)got);
    return moved(l, got);
}

/* -- why a handshake failed -- */

static bool explain_plaintext(struct tls_layer *l, struct err *err)
{
    char line[HEARD_MAX + 1], shown[SHOWN_MAX];
    long more = l->layer.below->ops->read(l->layer.below, line, HEARD_MAX, &l->failure);
    if (more > 0)
        keep_heard(l, line, (size_t)more);
    memcpy(line, l->heard, l->heard_n);
    line[l->heard_n] = '\0';
    text_clean(shown, sizeof shown, line, strcspn(line, "\r\n"));
    return tls_say_plaintext(err, l->peer, l->mode, shown);
}

static bool explain_alert(const struct tls_layer *l, struct err *err)
{
    gnutls_alert_description_t alert = gnutls_alert_get(l->session);
    const char *name = gnutls_alert_get_name(alert) ? gnutls_alert_get_name(alert) : "for a reason unknown";
    switch (alert) {
    case GNUTLS_A_PROTOCOL_VERSION:
        return tls_say_too_old(err, l->peer);
    case GNUTLS_A_HANDSHAKE_FAILURE:
    case GNUTLS_A_DECODE_ERROR:
        if (gnutls_certificate_client_get_request_status(l->session)) /* what servers say to an empty one */
            return tls_say_wants_certificate(err, l->peer, name);
        return alert == GNUTLS_A_DECODE_ERROR ? tls_say_broken_off(err, l->peer, name)
                                              : tls_say_too_weak(err, l->peer);
    case GNUTLS_A_INSUFFICIENT_SECURITY:
        return tls_say_too_weak(err, l->peer);
    case GNUTLS_A_UNRECOGNIZED_NAME:
        return tls_say_unknown_name(err, l->peer, l->name.buf);
    case GNUTLS_A_CERTIFICATE_REQUIRED:
    case GNUTLS_A_BAD_CERTIFICATE:
    case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
    case GNUTLS_A_CERTIFICATE_REVOKED:
    case GNUTLS_A_CERTIFICATE_EXPIRED:
    case GNUTLS_A_CERTIFICATE_UNKNOWN:
    case GNUTLS_A_UNKNOWN_CA:
    case GNUTLS_A_ACCESS_DENIED:
        return tls_say_wants_certificate(err, l->peer, name);
    default:
        return tls_say_broken_off(err, l->peer, name);
    }
}

static bool explain_error(struct tls_layer *l, int status, struct err *err)
{
    if (l->failed) {
        *err = l->failure;
        l->failed = false; /* a read behind a failed write may know more */
        return false;
    }
    switch (status) {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return explain_alert(l, err);
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        return tls_say_too_old(err, l->peer);
    case GNUTLS_E_INSUFFICIENT_SECURITY:
    case GNUTLS_E_DH_PRIME_UNACCEPTABLE:
        return tls_say_too_weak(err, l->peer);
    case GNUTLS_E_PREMATURE_TERMINATION:
        return tls_say_truncated(err, l->peer);
    case GNUTLS_E_MEMORY_ERROR:
        return err_nomem(err);
    default:
        return tls_say_broken_off(err, l->peer, gnutls_strerror(status));
    }
}

static bool explain_handshake(struct tls_layer *l, int status, struct err *err)
{
    bool plain = l->heard_n > 0 && (l->heard[0] < 0x14 || l->heard[0] > 0x17); /* types of TLS records */
    if (!l->failed && plain)
        return explain_plaintext(l, err);
    if (!l->failed && status == GNUTLS_E_PREMATURE_TERMINATION)
        return tls_say_closed(err, l->peer);
    return explain_error(l, status, err);
}

/* -- the layer -- */

static long wanted(const struct tls_layer *l)
{
    return gnutls_record_get_direction(l->session) ? STREAM_WANT_WRITE : STREAM_WANT_READ;
}

static long transferred(struct tls_layer *l, ssize_t n, struct err *err)
{
    if (n >= 0)
        return n;
    if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
        return wanted(l);
    if (n == GNUTLS_E_WARNING_ALERT_RECEIVED)
        return STREAM_WANT_READ;
    explain_error(l, (int)n, err);
    return STREAM_FAILED;
}

static long tls_read(struct stream_layer *layer, void *buf, size_t n, struct err *err)
{
    struct tls_layer *l = (struct tls_layer *)layer;
    ssize_t got = gnutls_record_recv(l->session, buf, n);
    return got == 0 ? STREAM_EOF : transferred(l, got, err);
}

static long tls_write(struct stream_layer *layer, const void *buf, size_t n, struct err *err)
{
    struct tls_layer *l = (struct tls_layer *)layer;
    return transferred(l, gnutls_record_send(l->session, buf, n), err);
}

static size_t tls_pending(struct stream_layer *layer)
{
    return gnutls_record_check_pending(((struct tls_layer *)layer)->session);
}

static void tls_free(struct tls_layer *l)
{
    if (l->session)
        gnutls_deinit(l->session);
    str_free(&l->name);
    free(l);
}

static void tls_close(struct stream_layer *layer)
{
    struct tls_layer *l = (struct tls_layer *)layer;
    (void)gnutls_bye(l->session, GNUTLS_SHUT_WR);
    tls_free(l);
}

static const struct stream_layer_ops tls_ops = {
    .read = tls_read, .write = tls_write, .pending = tls_pending, .close = tls_close};

/* -- starting -- */

/* The name to verify; where it is an IP literal, its bytes (a zone such as %eth0 left out). */
static bool set_name(struct tls_layer *l, const char *host, struct err *err)
{
    if (!host) {
        err_set(err, ERR_CONFIG, "It is not known which name the certificate of %s must bear.", l->peer);
        return err_hint(err, "Set tls_host = NAME, or tls = off where no password crosses the connection.");
    }
    if (!dial_idna(host, &l->name, err))
        return false;
    str_cut(&l->name, strcspn(l->name.buf, "%"));
    if (inet_pton(AF_INET, l->name.buf, l->address) == 1)
        l->address_size = sizeof(struct in_addr);
    else if (inet_pton(AF_INET6, l->name.buf, l->address) == 1)
        l->address_size = sizeof(struct in6_addr);
    return true;
}

static bool prepare(struct tls_layer *l, struct tls_trust *trust, struct err *err)
{
    int status = gnutls_init(&l->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (status >= 0)
        status = gnutls_set_default_priority_append(l->session, PRIORITY_APPENDED, NULL, 0);
    if (status >= 0)
        status = gnutls_credentials_set(l->session, GNUTLS_CRD_CERTIFICATE, trust->credentials);
    if (status >= 0 && l->address_size == 0)
        status = gnutls_server_name_set(l->session, GNUTLS_NAME_DNS, l->name.buf, l->name.len);
    if (status < 0)
        return err_set(err, ERR_INTERNAL, "TLS could not be set up: %s", gnutls_strerror(status));
    gnutls_session_set_ptr(l->session, l);
    gnutls_session_set_verify_function(l->session, verify);
    gnutls_transport_set_ptr(l->session, l);
    gnutls_transport_set_vec_push_function(l->session, push);
    gnutls_transport_set_pull_function(l->session, pull);
    return true;
}

static bool shake_hands(struct stream *s, struct tls_layer *l, struct err *err)
{
    for (int warnings = 0; warnings < WARNINGS_MAX;) {
        int status = gnutls_handshake(l->session);
        if (status == GNUTLS_E_SUCCESS)
            return true;
        if (status == GNUTLS_E_AGAIN || status == GNUTLS_E_INTERRUPTED) {
            if (!stream_wait_fd(s, wanted(l) == STREAM_WANT_WRITE, err)) {
                if (l->heard_n == 0 && err->sys == ETIMEDOUT)
                    err_hint(err,
                             "Does this port speak TLS from the first byte? If not, use tls = starttls.");
                return false;
            }
        } else if (gnutls_error_is_fatal(status)) {
            (void)gnutls_alert_send_appropriate(l->session, status);
            return explain_handshake(l, status, err);
        } else {
            warnings++;
        }
    }
    return err_set(err, ERR_TLS, "The server %s sends warnings instead of starting TLS.", l->peer);
}

bool tls_start(struct stream *s, struct tls_trust *trust, const struct tls_settings *settings,
               const char *host, struct err *err)
{
    if (stream_buffered(s) > 0)
        return tls_say_spoke_early(err, stream_peer(s));
    struct tls_layer *l = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err);
    *l = (struct tls_layer){
        .layer = {.ops = &tls_ops, .below = stream_top(s)}, .peer = stream_peer(s), .mode = settings->mode};
    str_init(&l->name, NAME_LIMIT);
    if (!stream_flush(s, err) || !set_name(l, settings->host ? settings->host : host, err) ||
        !prepare(l, trust, err) || !shake_hands(s, l, err) || !stream_push(s, &l->layer, err)) {
        tls_free(l);
        return false;
    }
    const char *cipher = gnutls_ciphersuite_get(l->session);
    snprintf(l->described, sizeof l->described, "%s %s",
             gnutls_protocol_get_name(gnutls_protocol_get_version(l->session)), cipher ? cipher : "");
    return true;
}

/* -- facts -- */

static struct tls_layer *find_layer(struct stream *s)
{
    struct stream_layer *layer = stream_top(s);
    while (layer && layer->ops != &tls_ops)
        layer = layer->below;
    return (struct tls_layer *)layer;
}

const char *tls_describe(struct stream *s)
{
    struct tls_layer *l = find_layer(s);
    return l ? l->described : NULL;
}

bool tls_channel_binding(struct stream *s, const char **type_r, struct str *data)
{
    struct tls_layer *l = find_layer(s);
    gnutls_datum_t binding = {0};
    struct err ignored;
    if (!l)
        return false;
    bool tls13 = gnutls_protocol_get_version(l->session) == GNUTLS_TLS1_3;
    /* Without the extended master secret tls-unique can be the same in two sessions (triple handshake). */
    if (!tls13 && !(gnutls_session_get_flags(l->session) & GNUTLS_SFLAGS_EXT_MASTER_SECRET))
        return false;
    if (gnutls_session_channel_binding(l->session, tls13 ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE,
                                       &binding) < 0)
        return false;
    str_clear(data);
    bool good = binding.size <= BINDING_MAX && str_add(data, binding.data, binding.size, &ignored);
    gnutls_free(binding.data);
    *type_r = tls13 ? "tls-exporter" : "tls-unique";
    return good;
}
