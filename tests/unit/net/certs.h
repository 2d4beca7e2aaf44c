/* certs - keys and certificates for the tests of TLS, good ones and bad ones, made by GnuTLS. */
#ifndef TAPPAL_TESTS_CERTS_H
#define TAPPAL_TESTS_CERTS_H

#include <arpa/inet.h>
#include <check.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"

#define DAY 86400

enum { ROOT, OTHER_ROOT, INTER, INTER_EXPIRED, INTER_NO_CA, INTER_OTHER_NAMES, SELF, CERTS_OF_CHAINS };

struct recipe {
    const char *cn;
    const char *dns, *dns2;
    size_t dns_n; /* where dns holds a NUL */
    const char *ip;
    int from, to; /* days from now; 0 0: -1 and 30 */
    bool ca, client_only, weak_key, sha1;
    const char *only; /* name constraint */
};

static const struct recipe makers[CERTS_OF_CHAINS] = {
    [ROOT] = {.cn = "Root", .ca = true},
    [OTHER_ROOT] = {.cn = "Other root", .ca = true},
    [INTER] = {.cn = "Between", .ca = true},
    [INTER_EXPIRED] = {.cn = "Old", .ca = true, .from = -9, .to = -2},
    [INTER_NO_CA] = {.cn = "No authority", .dns = "no-ca.example.test"},
    [INTER_OTHER_NAMES] = {.cn = "Elsewhere", .ca = true, .only = "example.net"},
};

struct signer {
    gnutls_x509_crt_t cert;
    gnutls_x509_privkey_t key;
};

static struct signer signers[CERTS_OF_CHAINS];
static char folder[] = "/tmp/tappal-tls-XXXXXX";
static char ca_file[64], ca_folder[64], client_file[64], locked_file[64];

static inline void check(int status)
{
    ck_assert_msg(status >= 0, "%s", gnutls_strerror(status));
}

/* A DNS name with a NUL inside, which GnuTLS would not write: SEQUENCE { [2] IA5String }. */
static inline void add_raw_name(gnutls_x509_crt_t cert, const char *name, size_t n)
{
    unsigned char der[128] = {0x30, (unsigned char)(n + 2), 0x82, (unsigned char)n};
    memcpy(der + 4, name, n);
    check(gnutls_x509_crt_set_extension_by_oid(cert, "2.5.29.17", der, n + 4, 0));
}

static inline void add_names(gnutls_x509_crt_t cert, const struct recipe *r)
{
    const char *names[] = {r->dns_n ? NULL : r->dns, r->dns2};
    unsigned char address[16];
    for (int i = 0; i < 2; i++)
        if (names[i])
            check(gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, names[i],
                                                       (unsigned)strlen(names[i]), GNUTLS_FSAN_APPEND));
    if (r->dns_n)
        add_raw_name(cert, r->dns, r->dns_n);
    if (r->ip) {
        bool v6 = strchr(r->ip, ':') != NULL;
        ck_assert_int_eq(inet_pton(v6 ? AF_INET6 : AF_INET, r->ip, address), 1);
        check(gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, address, v6 ? 16 : 4,
                                                   GNUTLS_FSAN_APPEND));
    }
}

static inline void constrain(gnutls_x509_crt_t cert, const char *only)
{
    gnutls_x509_name_constraints_t constraints;
    gnutls_datum_t name = {(unsigned char *)strdup(only), (unsigned)strlen(only)};
    check(gnutls_x509_name_constraints_init(&constraints));
    check(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &name));
    check(gnutls_x509_crt_set_name_constraints(cert, constraints, 1));
    gnutls_x509_name_constraints_deinit(constraints);
    free(name.data);
}

/* GnuTLS finds issuers only among certificates that it has read. */
static inline void reread(gnutls_x509_crt_t *cert)
{
    gnutls_datum_t der;
    check(gnutls_x509_crt_export2(*cert, GNUTLS_X509_FMT_DER, &der));
    gnutls_x509_crt_deinit(*cert);
    check(gnutls_x509_crt_init(cert));
    check(gnutls_x509_crt_import(*cert, &der, GNUTLS_X509_FMT_DER));
    gnutls_free(der.data);
}

static inline struct signer make(const struct recipe *r, const struct signer *issuer)
{
    static unsigned char serial;
    struct signer s;
    time_t now = time(NULL);
    int from = r->from || r->to ? r->from : -1, to = r->from || r->to ? r->to : 30;
    check(gnutls_x509_privkey_init(&s.key));
    if (r->weak_key)
        check(gnutls_x509_privkey_generate(s.key, GNUTLS_PK_RSA, 1024, 0));
    else
        check(gnutls_x509_privkey_generate(s.key, GNUTLS_PK_ECDSA,
                                           GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    check(gnutls_x509_crt_init(&s.cert));
    check(gnutls_x509_crt_set_version(s.cert, 3));
    check(gnutls_x509_crt_set_serial(s.cert, (serial++, &serial), 1));
    check(gnutls_x509_crt_set_activation_time(s.cert, now + from * DAY));
    check(gnutls_x509_crt_set_expiration_time(s.cert, now + to * DAY));
    check(gnutls_x509_crt_set_key(s.cert, s.key));
    check(gnutls_x509_crt_set_dn_by_oid(s.cert, GNUTLS_OID_X520_COMMON_NAME, 0, r->cn,
                                        (unsigned)strlen(r->cn)));
    check(gnutls_x509_crt_set_basic_constraints(s.cert, r->ca, -1));
    check(gnutls_x509_crt_set_key_usage(s.cert,
                                        r->ca ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE));
    add_names(s.cert, r);
    if (r->only)
        constrain(s.cert, r->only);
    if (!r->ca)
        check(gnutls_x509_crt_set_key_purpose_oid(
            s.cert, r->client_only ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER, 0));
    check(gnutls_x509_crt_sign2(s.cert, issuer ? issuer->cert : s.cert, issuer ? issuer->key : s.key,
                                r->sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256, 0));
    reread(&s.cert);
    return s;
}

static inline void drop(struct signer *s)
{
    gnutls_x509_crt_deinit(s->cert);
    gnutls_x509_privkey_deinit(s->key);
}

static inline void write_pem(const char *name, const struct signer *s, bool with_key, const char *password)
{
    struct str text = STR_INIT(20000);
    struct err err;
    gnutls_datum_t out;
    check(gnutls_x509_crt_export2(s->cert, GNUTLS_X509_FMT_PEM, &out));
    ck_assert(str_add(&text, out.data, out.size, &err));
    gnutls_free(out.data);
    if (with_key) {
        check(gnutls_x509_privkey_export2_pkcs8(s->key, GNUTLS_X509_FMT_PEM, password,
                                                password ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN,
                                                &out));
        ck_assert(str_add(&text, out.data, out.size, &err));
        gnutls_free(out.data);
    }
    ck_assert_msg(fs_write_new(name, text.buf, text.len, 0600, &err), "%s", err.what);
    str_free(&text);
}

static inline void make_all(void)
{
    static const int issuers[] = {
        [INTER] = ROOT, [INTER_EXPIRED] = ROOT, [INTER_NO_CA] = ROOT, [INTER_OTHER_NAMES] = ROOT};
    struct err err;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < SELF; i++)
        signers[i] = make(&makers[i], i < INTER ? NULL : &signers[issuers[i]]);
    snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
    snprintf(ca_folder, sizeof ca_folder, "%s/cas", folder);
    snprintf(client_file, sizeof client_file, "%s/client.pem", folder);
    snprintf(locked_file, sizeof locked_file, "%s/locked.pem", folder);
    write_pem(ca_file, &signers[ROOT], false, NULL);
    ck_assert(fs_make_dirs(ca_folder, &err));
    char inside[80];
    snprintf(inside, sizeof inside, "%s/root.pem", ca_folder);
    write_pem(inside, &signers[ROOT], false, NULL);
    struct signer client = make(&(struct recipe){.cn = "ada", .client_only = true}, &signers[ROOT]);
    write_pem(client_file, &client, true, NULL);
    write_pem(locked_file, &client, true, "open sesame");
    drop(&client);
}

static inline void drop_all(void)
{
    char inside[80];
    snprintf(inside, sizeof inside, "%s/root.pem", ca_folder);
    for (int i = 0; i < SELF; i++)
        drop(&signers[i]);
    unlink(inside);
    unlink(ca_file);
    unlink(client_file);
    unlink(locked_file);
    rmdir(ca_folder);
    rmdir(folder);
}

#endif
