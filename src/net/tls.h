/* tls - GnuTLS behind a stream layer; tls.c alone includes GnuTLS.
 *
 * TLS 1.2 at least, certificate and name always verified, inside the handshake, before any byte of ours;
 * purpose "TLS server"; no fall-back to the CN (RFC 9525). Names go through IDNA and lose a trailing dot;
 * IP literals are matched as addresses and never sent as SNI (RFC 6066). */
#ifndef TAPPAL_NET_TLS_H
#define TAPPAL_NET_TLS_H

#include "conf/account.h"
#include "net/stream.h"

/* Trust and client certificate of one account, loaded once and used for many sessions. Loading the
 * system's store takes some 7 ms: call it while the connect is under way. */
struct tls_trust;
MUST_USE bool tls_trust_load(const struct tls_settings *settings, struct tls_trust **trust_r, struct err *err);
void tls_trust_free(struct tls_trust **trust);

/* Handshake over `s` with verification for `host`; on success the layer is pushed. Refused (ERR_TLS) while unread
 * bytes are buffered: what came before TLS must not be taken for something that came through it. */
MUST_USE bool tls_start(struct stream *s, struct tls_trust *trust, const struct tls_settings *settings,
                        const char *host, struct err *err);

/* Facts of a running session. */
const char *tls_describe(struct stream *s); /* "TLS1.3 TLS_AES_256_GCM_SHA384", or NULL without TLS */
/* Channel binding for SCRAM-*-PLUS: false where there is none fit to use (facts: TLS 1.3 tls-exporter;
 * tls-unique only with extended master secret). *type_r is "tls-exporter" or "tls-unique". */
bool tls_channel_binding(struct stream *s, const char **type_r, struct str *data);

/* A PIN for a PKCS#11 token: cmd supplies the answer. */
typedef bool tls_ask_pin(void *arg, const char *token, char *pin, size_t size);
void tls_set_pin_callback(tls_ask_pin *ask, void *arg);

#endif
