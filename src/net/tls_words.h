/* tls_words - what a person is told when TLS fails: the sentences, without GnuTLS. */
#ifndef TAPPAL_NET_TLS_WORDS_H
#define TAPPAL_NET_TLS_WORDS_H

#include <stdint.h>

#include "base/err.h"
#include "conf/account.h"

/* Each sets err and returns false. `peer` is the server as dial_name writes it; texts are clean already. */
bool tls_say_self_signed(struct err *err, const char *peer);
bool tls_say_untrusted(struct err *err, const char *peer, const char *issuer);
/* `when`: the end, or the begin, of the time it is valid in. `above`: it is not the server's own certificate. */
bool tls_say_expired(struct err *err, const char *peer, bool above, int64_t when);
bool tls_say_not_yet_valid(struct err *err, const char *peer, bool above, int64_t when);
bool tls_say_wrong_name(struct err *err, const char *peer, const char *wanted, const char *borne);
bool tls_say_no_name(struct err *err, const char *peer, const char *wanted); /* a subject's CN at most */
bool tls_say_bad_certificate(struct err *err, const char *peer, const char *why);

bool tls_say_spoke_early(struct err *err, const char *peer); /* bytes behind the consent to STARTTLS */
bool tls_say_plaintext(struct err *err, const char *peer, enum tls_mode mode, const char *heard);
bool tls_say_too_old(struct err *err, const char *peer);
bool tls_say_too_weak(struct err *err, const char *peer);
bool tls_say_unknown_name(struct err *err, const char *peer, const char *name);
bool tls_say_wants_certificate(struct err *err, const char *peer, const char *why);
bool tls_say_broken_off(struct err *err, const char *peer, const char *why);
bool tls_say_closed(struct err *err, const char *peer);    /* instead of a handshake */
bool tls_say_truncated(struct err *err, const char *peer); /* without close_notify */

#endif
