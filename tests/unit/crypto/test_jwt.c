/* Tokens as OpenSSL itself verifies them, and base64 as URLs carry it. */
#include "crypto/jwt.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/base64.h"
#include "support/check.h"
#include "support/rsa_key.h"
#include "base/poison.h"

static void test_base64url(void)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xfb\xff\xbf", "-_-_"}, {"\xff", "_w"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].text);
        OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(64);
        ov_buf_append_c(&out, "=+/"); /* what stood there before stays */
        ov_base64url_encode(ov_str_of(cases[i].bytes), &out);
        CHECK_STR(ov_str_sub(ov_buf_str(&out), 3, out.len), ov_str_of(cases[i].text));
        CHECK(ov_str_starts(ov_buf_str(&out), OV_STR("=+/")));
    }
    check_case(NULL);
}

/* The bytes of base64url. */
static void decode(ov_str text, ov_buf *out)
{
    OV_CLEANUP(ov_buf_clear) ov_buf usual = OV_BUF(4096);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        ov_buf_append_char(&usual, c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (usual.len % 4) ov_buf_append_char(&usual, '=');
    CHECK(ov_base64_decode(ov_buf_str(&usual), out));
}

static bool verifies(ov_str signed_part, ov_str signature)
{
    static const char pem[] = RFC7515_KEY;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                               (const unsigned char *)signed_part.ptr, signed_part.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

static void test_sign(void)
{
    static const char claims[] = "{\"iat\":1,\"exp\":601,\"iss\":\"42\"}";
    OV_CLEANUP(ov_rsa_key_free_p) ov_rsa_key *key = NULL;
    OV_CLEANUP(ov_buf_clear) ov_buf token = OV_BUF(1024), header = OV_BUF(256), body = OV_BUF(256), end = OV_BUF(256);
    ov_err err = {0};
    if (!CHECK_OK(ov_rsa_key_parse(OV_STR(RFC7515_KEY), &key, &err), &err)) return;
    if (!CHECK_OK(ov_jwt_sign(key, ov_str_of(claims), &token, &err), &err)) return;
    ov_str rest = ov_buf_str(&token), parts[3] = {0}, more;
    for (size_t i = 0; i < OV_COUNT(parts); i++) CHECK(ov_str_split(&rest, '.', &parts[i]));
    CHECK(!ov_str_split(&rest, '.', &more));
    decode(parts[0], &header);
    decode(parts[1], &body);
    decode(parts[2], &end);
    CHECK_STR(ov_buf_str(&header), OV_STR("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"));
    CHECK_STR(ov_buf_str(&body), ov_str_of(claims));
    size_t signed_len = parts[0].len + 1 + parts[1].len;
    CHECK(verifies(ov_str_sub(ov_buf_str(&token), 0, signed_len), ov_buf_str(&end)));
    CHECK(!verifies(ov_str_sub(ov_buf_str(&token), 0, signed_len - 1), ov_buf_str(&end)));
}

static void test_no_room(void)
{
    OV_CLEANUP(ov_rsa_key_free_p) ov_rsa_key *key = NULL;
    ov_err err = {0};
    if (!CHECK_OK(ov_rsa_key_parse(OV_STR(RFC7515_KEY), &key, &err), &err)) return;
    for (size_t max = 0; max < 400; max += 100) {
        OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(max);
        CHECK_STATUS(ov_jwt_sign(key, OV_STR("{}"), &out, &err), OV_INVALID, &err);
    }
}

int main(void)
{
    test_base64url();
    test_sign();
    test_no_room();
    return check_end();
}
