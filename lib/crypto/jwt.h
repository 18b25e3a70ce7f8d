/* JSON Web Tokens (RFC 7519) signed with RS256, in their compact form. */
#ifndef OV_CRYPTO_JWT_H
#define OV_CRYPTO_JWT_H

#include "crypto/rsa.h"

/* Appends base64 with "-" and "_" and without padding (RFC 4648, section 5; RFC 7515, section 2). */
void ov_base64url_encode(ov_str bytes, ov_buf *out);

/* Appends header.claims.signature; claims is the text of a JSON object. OV_FAILED as ov_rsa_sign_sha256, OV_INVALID: no
 * room in out. */
OV_MUST_CHECK ov_status ov_jwt_sign(const ov_rsa_key *k, ov_str claims, ov_buf *out, ov_err *err);

#endif
