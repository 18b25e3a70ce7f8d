/* Known hashes, pieces that must not collide, and the hexadecimal spelling. */
#include "crypto/hash.h"

#include "support/check.h"
#include "base/poison.h"

/* FIPS 180-4's examples. */
static void test_sha256(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[OV_SHA256_HEX];
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].text);
        ov_sha256_hex(ov_str_of(cases[i].text), hex);
        CHECK_C(hex, cases[i].want);
    }
    check_case(NULL);
    ov_sha256_hex((ov_str){0}, hex);
    CHECK_C(hex, cases[0].want);
}

static void hex_of_pieces(const ov_str *pieces, size_t count, char out[OV_SHA256_HEX])
{
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256_pieces(pieces, count, hash);
    ov_hex(hash, sizeof hash, out);
}

static void test_pieces(void)
{
    static const ov_str texts[] = {{"ab", 2}, {"c", 1}, {"a", 1}, {"bc", 2}, {NULL, 0}};
    char first[OV_SHA256_HEX], second[OV_SHA256_HEX], third[OV_SHA256_HEX], want[OV_SHA256_HEX];
    hex_of_pieces(&texts[0], 2, first);  /* ab, c */
    hex_of_pieces(&texts[2], 2, second); /* a, bc */
    hex_of_pieces(&texts[2], 3, third);  /* a, bc, nothing */
    ov_sha256_hex(OV_STR("\2\0\0\0\0\0\0\0ab\1\0\0\0\0\0\0\0c"), want);
    CHECK_C(first, want);
    CHECK(memcmp(first, second, sizeof first) != 0);
    CHECK(memcmp(second, third, sizeof second) != 0);
    hex_of_pieces(NULL, 0, first);
    ov_sha256_hex(OV_STR(""), want);
    CHECK_C(first, want);
}

static void test_hex(void)
{
    const unsigned char bytes[] = {0x00, 0x0F, 0xA5, 0xFF};
    char text[9];
    ov_hex(bytes, sizeof bytes, text);
    CHECK_C(text, "000fa5ff");
    unsigned char back[4] = {0};
    CHECK(ov_unhex(OV_STR("000fa5ff"), back, sizeof back));
    CHECK(memcmp(back, bytes, sizeof bytes) == 0);
    CHECK(ov_unhex(OV_STR(""), back, 0));
}

static void test_refused_hex(void)
{
    static const char *const cases[] = {"", "000fa5f", "000fa5ff0", "000fa5ff00", "000FA5FF", "000fa5fg", "0x0fa5ff"};
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        unsigned char out[4];
        check_case(cases[i]);
        CHECK(!ov_unhex(ov_str_of(cases[i]), out, sizeof out));
    }
    check_case(NULL);
}

static void test_secret_equal(void)
{
    CHECK(ov_secret_equal(OV_STR("token"), OV_STR("token")));
    CHECK(ov_secret_equal((ov_str){0}, OV_STR("")));
    CHECK(!ov_secret_equal(OV_STR("token"), OV_STR("tokem")));
    CHECK(!ov_secret_equal(OV_STR("token"), OV_STR("token1")));
    CHECK(!ov_secret_equal(OV_STR("token"), (ov_str){0}));
}

int main(void)
{
    test_sha256();
    test_pieces();
    test_hex();
    test_refused_hex();
    test_secret_equal();
    return check_end();
}
