/* Order, cutting and numbers of foreign text, the empty text without a pointer included. */
#include "base/str.h"

#include "support/check.h"
#include "base/poison.h"

#define NONE ((ov_str){0})

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void test_order(void)
{
    static const struct {
        const char *a, *b;
        int want;
    } cases[] = {
        {"", "", 0},   {"", "a", -1},        {"a", "ab", -1}, {"b", "ab", 1},
        {"a", "a", 0}, {"\x7F", "\x80", -1}, {"Z", "a", -1},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].b);
        CHECK_INT(sign(ov_str_cmp(ov_str_of(cases[i].a), ov_str_of(cases[i].b))), cases[i].want);
        CHECK_INT(sign(ov_str_cmp(ov_str_of(cases[i].b), ov_str_of(cases[i].a))), -cases[i].want);
    }
    check_case(NULL);
    CHECK_INT(ov_str_cmp(NONE, OV_STR("")), 0);
}

static void test_equality(void)
{
    CHECK(ov_str_eq(NONE, OV_STR("")));
    CHECK(ov_str_eq_ignore_case(OV_STR("Content-LENGTH"), OV_STR("content-length")));
    CHECK(!ov_str_eq_ignore_case(OV_STR("a"), OV_STR("ab")));
    CHECK(!ov_str_eq_ignore_case(OV_STR("@["), OV_STR("`{"))); /* 32 apart, but no letters */
    CHECK(ov_str_starts(OV_STR("v1.2"), OV_STR("v")) && ov_str_starts(NONE, NONE));
    CHECK(!ov_str_starts(OV_STR("v"), OV_STR("v1")));
    CHECK(ov_str_ends(OV_STR("index.yaml"), OV_STR(".yaml")) && ov_str_ends(NONE, NONE));
    CHECK(!ov_str_ends(OV_STR("yaml"), OV_STR(".yaml")));
}

static void test_find_and_sub(void)
{
    ov_str s = OV_STR("a/b/c");
    CHECK_INT(ov_str_find(s, '/', 0), 1);
    CHECK_INT(ov_str_find(s, '/', 2), 3);
    CHECK_INT(ov_str_find(s, '/', 4), 5);
    CHECK_INT(ov_str_find(s, '/', 99), 5);
    CHECK_INT(ov_str_find(NONE, '/', 0), 0);
    CHECK_STR(ov_str_sub(s, 2, 3), OV_STR("b"));
    CHECK_STR(ov_str_sub(s, 4, 99), OV_STR("c"));
    CHECK_STR(ov_str_sub(s, 99, 100), OV_STR(""));
    CHECK_STR(ov_str_sub(s, 3, 1), OV_STR(""));
    CHECK_STR(ov_str_sub(NONE, 1, 2), OV_STR(""));
}

static void test_trim(void)
{
    CHECK_STR(ov_str_trim(OV_STR(" \t\r\n a b \n")), OV_STR("a b"));
    CHECK_STR(ov_str_trim(OV_STR(" \t ")), OV_STR(""));
    CHECK_STR(ov_str_trim(NONE), OV_STR(""));
    CHECK_STR(ov_str_trim(OV_STR("a")), OV_STR("a"));
}

static void test_split(void)
{
    static const struct {
        const char *text, *want; /* each part in brackets */
    } cases[] = {
        {"a,b", "[a][b]"}, {"a", "[a]"}, {"", "[]"}, {",", "[][]"}, {"a,,b,", "[a][][b][]"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].text);
        char got[32];
        size_t len = 0;
        ov_str rest = ov_str_of(cases[i].text), part;
        while (ov_str_split(&rest, ',', &part)) {
            got[len++] = '[';
            memcpy(got + len, part.ptr, part.len);
            len += part.len;
            got[len++] = ']';
        }
        CHECK_STR(((ov_str){got, len}), ov_str_of(cases[i].want));
    }
    check_case(NULL);
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
    } cases[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"0x10", false, 0},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].text);
        uint64_t n = 0;
        CHECK_INT(ov_str_to_u64(ov_str_of(cases[i].text), &n), cases[i].ok);
        CHECK(n == cases[i].want);
    }
    check_case(NULL);
}

int main(void)
{
    test_order();
    test_equality();
    test_find_and_sub();
    test_trim();
    test_split();
    test_numbers();
    return check_end();
}
