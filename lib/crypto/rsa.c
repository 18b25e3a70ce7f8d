/* Reads RSA keys and signs by OpenSSL; its queue of errors is left empty. */
#include "crypto/rsa.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "base/poison.h"

enum { BITS_MIN = 2048 };

struct ov_rsa_key {
    EVP_PKEY *key;
};

static void free_bio(BIO **bio)
{
    BIO_free(*bio);
}

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* Without it OpenSSL would ask the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1;
}

ov_status ov_rsa_key_parse(ov_str pem, ov_rsa_key **ret, ov_err *err)
{
    static const char expected[] = "expected an RSA private key in PEM";
    if (pem.len == 0 || pem.len > INT_MAX) return ov_fail(err, OV_INVALID, "%s", expected);
    OV_CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    OV_CLEANUP(free_key) EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    ERR_clear_error();
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return ov_fail(err, OV_INVALID, "%s%s", expected, key ? ", this one is of another kind" : "");
    if (EVP_PKEY_get_bits(key) < BITS_MIN)
        return ov_fail(err, OV_INVALID, "%s of at least %d bits, this one has %d", expected, BITS_MIN,
                       EVP_PKEY_get_bits(key));
    ov_rsa_key *k = ov_zalloc(sizeof *k);
    k->key = OV_TAKE(key);
    *ret = k;
    return OV_OK;
}

void ov_rsa_key_free(ov_rsa_key *k)
{
    if (!k) return;
    EVP_PKEY_free(k->key); /* zeroes the private parts */
    free(k);
}

void ov_rsa_key_free_p(ov_rsa_key **k)
{
    ov_rsa_key_free(*k);
}

static bool sign(EVP_PKEY *key, ov_str data, ov_buf *out)
{
    OV_CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = (size_t)EVP_PKEY_get_size(key), before = out->len;
    const unsigned char *bytes = (const unsigned char *)(data.len ? data.ptr : "");
    char *place = ov_buf_extend(out, len);
    if (!place) return false;
    bool ok = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(context, (unsigned char *)place, &len, bytes, data.len) == 1;
    out->len = before + (ok ? len : 0);
    return ok;
}

ov_status ov_rsa_sign_sha256(const ov_rsa_key *k, ov_str data, ov_buf *out, ov_err *err)
{
    bool ok = sign(k->key, data, out);
    ERR_clear_error();
    return ok ? OV_OK : ov_fail(err, OV_FAILED, "signing with the RSA key failed");
}
