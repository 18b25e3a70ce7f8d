/* Random bits differ, hexadecimal text has the promised length and digits. */
#include "base/random.h"

#include "support/check.h"
#include "base/poison.h"

static void test_bits(void)
{
    CHECK(ov_random_u64() != ov_random_u64());
}

static void test_hex(void)
{
    static const size_t lengths[] = {0, 1, 8, 64, 65, 200};
    for (size_t i = 0; i < OV_COUNT(lengths); i++) {
        char text[2 * 200 + 2];
        memset(text, '#', sizeof text);
        ov_random_hex(text, lengths[i]);
        CHECK_INT(strspn(text, "0123456789abcdef"), 2 * lengths[i]);
        CHECK_INT(text[2 * lengths[i]], '\0');
        CHECK_INT(text[2 * lengths[i] + 1], '#');
    }
    char a[33], b[33];
    ov_random_hex(a, 16);
    ov_random_hex(b, 16);
    CHECK(memcmp(a, b, 32) != 0);
}

int main(void)
{
    test_bits();
    test_hex();
    return check_end();
}
