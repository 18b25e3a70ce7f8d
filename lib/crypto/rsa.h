/* RSA private keys in PEM, and signatures with them (RSASSA-PKCS1-v1_5 with SHA-256: RS256 of RFC 7518, section 3.3).
 */
#ifndef OV_CRYPTO_RSA_H
#define OV_CRYPTO_RSA_H

#include "base/buf.h"

typedef struct ov_rsa_key ov_rsa_key;

/* A private key of at least 2048 bits, PKCS #1 or #8, without a passphrase. OV_INVALID says what was expected and shows
 * nothing of the text. A key is used by any number of threads. */
OV_MUST_CHECK ov_status ov_rsa_key_parse(ov_str pem, ov_rsa_key **ret, ov_err *err);
void ov_rsa_key_free(ov_rsa_key *k); /* NULL is fine */
void ov_rsa_key_free_p(ov_rsa_key **k);

/* Appends the signature's bytes, always the same for the same data. OV_FAILED: OpenSSL could not, or no room in out. */
OV_MUST_CHECK ov_status ov_rsa_sign_sha256(const ov_rsa_key *k, ov_str data, ov_buf *out, ov_err *err);

#endif
