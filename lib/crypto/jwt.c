/* Puts header, claims and signature of a token together. */
#include "crypto/jwt.h"

#include "base/base64.h"
#include "base/poison.h"

enum { SIGNATURE_BYTES_MAX = 16 * 1024 / 8 /* of the largest key that OpenSSL takes */ };

void ov_base64url_encode(ov_str bytes, ov_buf *out)
{
    size_t from = out->len;
    ov_base64_encode(bytes, out);
    for (size_t i = from; i < out->len; i++) {
        if (out->ptr[i] == '+') out->ptr[i] = '-';
        if (out->ptr[i] == '/') out->ptr[i] = '_';
    }
    while (out->len > from && out->ptr[out->len - 1] == '=') out->len--;
}

ov_status ov_jwt_sign(const ov_rsa_key *k, ov_str claims, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf signature = OV_BUF(SIGNATURE_BYTES_MAX);
    size_t from = out->len;
    ov_base64url_encode(OV_STR("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"), out);
    ov_buf_append_char(out, '.');
    ov_base64url_encode(claims, out);
    ov_status status = ov_buf_finish(out, "token", err);
    if (status == OV_OK) status = ov_rsa_sign_sha256(k, ov_str_sub(ov_buf_str(out), from, out->len), &signature, err);
    if (status != OV_OK) return status;
    ov_buf_append_char(out, '.');
    ov_base64url_encode(ov_buf_str(&signature), out);
    return ov_buf_finish(out, "token", err);
}
