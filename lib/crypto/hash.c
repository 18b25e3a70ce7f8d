/* Hashes by OpenSSL, and their hexadecimal spelling. */
#include "crypto/hash.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/status.h"
#include "base/poison.h"

/* What OpenSSL's digests can fail of is memory, and that ends the process here as everywhere. */
static void must(int ok)
{
    if (ok != 1) abort();
}

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

void ov_sha256(ov_str data, unsigned char out[OV_SHA256_BYTES])
{
    const char *bytes = data.len ? data.ptr : "";
    must(SHA256((const unsigned char *)bytes, data.len, out) != NULL);
}

void ov_sha256_hex(ov_str data, char out[OV_SHA256_HEX])
{
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256(data, hash);
    ov_hex(hash, sizeof hash, out);
}

void ov_sha256_pieces(const ov_str *pieces, size_t count, unsigned char out[OV_SHA256_BYTES])
{
    OV_CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context != NULL);
    must(EVP_DigestInit_ex(context, EVP_sha256(), NULL));
    for (size_t i = 0; i < count; i++) {
        unsigned char length[8];
        for (unsigned byte = 0; byte < sizeof length; byte++)
            length[byte] = (unsigned char)((uint64_t)pieces[i].len >> 8 * byte);
        must(EVP_DigestUpdate(context, length, sizeof length));
        if (pieces[i].len) must(EVP_DigestUpdate(context, pieces[i].ptr, pieces[i].len));
    }
    must(EVP_DigestFinal_ex(context, out, NULL));
}

void ov_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ov_unhex(ov_str hex, unsigned char *out, size_t len)
{
    if (hex.len % 2 != 0 || hex.len / 2 != len) return false;
    for (size_t i = 0; i < len; i++) {
        int high = digit_value(hex.ptr[2 * i]), low = digit_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

bool ov_secret_equal(ov_str a, ov_str b)
{
    unsigned char hash_a[OV_SHA256_BYTES], hash_b[OV_SHA256_BYTES];
    ov_sha256(a, hash_a);
    ov_sha256(b, hash_b);
    return CRYPTO_memcmp(hash_a, hash_b, sizeof hash_a) == 0;
}
