/* Keys in the forms that GitHub and OpenSSL write, what is none, and the signature of RFC 7515, appendix A.2. */
#include "crypto/rsa.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/jwt.h"
#include "support/check.h"
#include "support/rsa_key.h"
#include "base/poison.h"

enum { PEM_BYTES = 8192 };

typedef enum { AS_PKCS1, AS_PKCS8, AS_ENCRYPTED, AS_PUBLIC } pem_form;

/* A key made anew in the form; the caller frees. */
static char *pem_of(EVP_PKEY *key, pem_form form)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char phrase[] = "x";
    int ok = 0;
    if (form == AS_PKCS1) ok = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    if (form == AS_PKCS8) ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    if (form == AS_ENCRYPTED) ok = PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), NULL, 0, NULL, phrase);
    if (form == AS_PUBLIC) ok = PEM_write_bio_PUBKEY(bio, key);
    char *text = calloc(1, PEM_BYTES);
    if (ok != 1 || !text || BIO_read(bio, text, PEM_BYTES - 1) <= 0) abort();
    BIO_free(bio);
    EVP_PKEY_free(key);
    return text;
}

static void test_forms(void)
{
    const struct {
        const char *name;
        char *pem;
        const char *error; /* NULL: fine */
    } cases[] = {
        {"PKCS #1", pem_of(EVP_RSA_gen(2048), AS_PKCS1), NULL},
        {"PKCS #8", pem_of(EVP_RSA_gen(2048), AS_PKCS8), NULL},
        {"a passphrase", pem_of(EVP_RSA_gen(2048), AS_ENCRYPTED), "expected an RSA private key in PEM"},
        {"public", pem_of(EVP_RSA_gen(2048), AS_PUBLIC), "expected an RSA private key in PEM"},
        {"too small", pem_of(EVP_RSA_gen(1024), AS_PKCS1), "PEM of at least 2048 bits, this one has 1024"},
        {"another kind", pem_of(EVP_EC_gen("P-256"), AS_PKCS8), "this one is of another kind"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        OV_CLEANUP(ov_rsa_key_free_p) ov_rsa_key *key = NULL;
        ov_err err = {0};
        CHECK_STATUS(ov_rsa_key_parse(ov_str_of(cases[i].pem), &key, &err), cases[i].error ? OV_INVALID : OV_OK, &err);
        CHECK(!cases[i].error == (key != NULL));
        if (cases[i].error) CHECK(strstr(err.msg, cases[i].error) != NULL);
        free(cases[i].pem);
    }
    check_case(NULL);
}

static void test_no_keys(void)
{
    static const char *const texts[] = {"", "s3cret", "-----BEGIN RSA PRIVATE KEY-----\n",
                                        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"};
    for (size_t i = 0; i < OV_COUNT(texts); i++) {
        check_case(texts[i]);
        OV_CLEANUP(ov_rsa_key_free_p) ov_rsa_key *key = NULL;
        ov_err err = {0};
        CHECK_STATUS(ov_rsa_key_parse(ov_str_of(texts[i]), &key, &err), OV_INVALID, &err);
        CHECK_C(err.msg, "expected an RSA private key in PEM");
    }
    check_case(NULL);
}

static void test_known_signature(void)
{
    static const char input[] =
        "eyJhbGciOiJSUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp"
        "0cnVlfQ";
    static const char known[] =
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W"
        "2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS"
        "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv"
        "Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    OV_CLEANUP(ov_rsa_key_free_p) ov_rsa_key *key = NULL;
    OV_CLEANUP(ov_buf_clear) ov_buf signature = OV_BUF(256), text = OV_BUF(1024), small = OV_BUF(255);
    ov_err err = {0};
    if (!CHECK_OK(ov_rsa_key_parse(OV_STR(RFC7515_KEY), &key, &err), &err)) return;
    CHECK_OK(ov_rsa_sign_sha256(key, ov_str_of(input), &signature, &err), &err);
    ov_base64url_encode(ov_buf_str(&signature), &text);
    CHECK_STR(ov_buf_str(&text), ov_str_of(known));
    CHECK_STATUS(ov_rsa_sign_sha256(key, ov_str_of(input), &small, &err), OV_FAILED, &err);
    CHECK_INT(small.len, 0);
}

int main(void)
{
    test_forms();
    test_no_keys();
    test_known_signature();
    return check_end();
}
