/* Bytes are added up to the maximum; a refused append sticks until the reset. */
#include "base/buf.h"

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static void test_appends(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf b = OV_BUF(1000);
    CHECK_STR(ov_buf_str(&b), OV_STR(""));
    ov_buf_append(&b, "abc", 2);
    ov_buf_append_str(&b, OV_STR("|str"));
    ov_buf_append_str(&b, (ov_str){0});
    ov_buf_append_c(&b, "|c");
    ov_buf_append_char(&b, '|');
    ov_buf_append_u64(&b, UINT64_MAX);
    ov_buf_append_char(&b, '|');
    ov_buf_append_i64(&b, INT64_MIN);
    ov_buf_append_char(&b, '|');
    ov_buf_append_i64(&b, 0);
    ov_buf_printf(&b, "|%d %s", 7, "x");
    CHECK_STR(ov_buf_str(&b), OV_STR("ab|str|c|18446744073709551615|-9223372036854775808|0|7 x"));
    CHECK_OK(ov_buf_finish(&b, "text", NULL), NULL);
}

static void test_long_printf(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf b = OV_BUF(2000);
    ov_buf_printf(&b, "%01000d", 5);
    CHECK_INT(b.len, 1000);
    CHECK(b.ptr && b.ptr[0] == '0' && b.ptr[999] == '5');
    ov_buf_printf(&b, "%01001d", 5);
    CHECK(b.failed);
}

static void test_maximum(void)
{
    static const struct {
        const char *name;
        size_t max, pieces, want_len;
        bool want_failed;
    } cases[] = {
        {"just full", 30, 10, 30, false},
        {"one byte too many", 29, 10, 27, true},
        {"nothing fits", 0, 1, 0, true},
        {"nothing asked", 0, 0, 0, false},
        {"more than one doubling", 100000, 33333, 99999, false},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        OV_CLEANUP(ov_buf_clear) ov_buf b = OV_BUF(cases[i].max);
        for (size_t n = 0; n < cases[i].pieces; n++) ov_buf_append(&b, "abc", 3);
        CHECK_INT(b.len, cases[i].want_len);
        CHECK_INT(b.failed, cases[i].want_failed);
        CHECK(b.cap <= b.max || b.cap <= 64);
    }
    check_case(NULL);
}

static void test_failure_sticks(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf b = OV_BUF(4);
    ov_err err = {0};
    ov_buf_append_c(&b, "abc");
    ov_buf_append_c(&b, "de");
    ov_buf_append_char(&b, 'f');
    CHECK_STR(ov_buf_str(&b), OV_STR("abc"));
    CHECK(ov_buf_extend(&b, 0) == NULL);
    CHECK_STATUS(ov_buf_finish(&b, "report", &err), OV_INVALID, &err);
    CHECK_C(err.msg, "report: more than 4 bytes");
    ov_buf_reset(&b);
    ov_buf_append_c(&b, "wxyz");
    CHECK_OK(ov_buf_finish(&b, "report", &err), &err);
    CHECK_STR(ov_buf_str(&b), OV_STR("wxyz"));
}

static void test_extend(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf b = OV_BUF(10);
    CHECK(ov_buf_extend(&b, 0) != NULL);
    char *place = ov_buf_extend(&b, 3);
    CHECK(place != NULL);
    if (place) memcpy(place, "abc", 3);
    CHECK_STR(ov_buf_str(&b), OV_STR("abc"));
    CHECK(ov_buf_extend(&b, SIZE_MAX) == NULL);
}

static void test_take(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf b = OV_BUF(10);
    size_t len = 99;
    OV_CLEANUP(ov_free_p) char *nothing = ov_buf_take(&b, &len);
    CHECK_C(nothing, "");
    CHECK_INT(len, 0);
    ov_buf_append_c(&b, "0123456789");
    OV_CLEANUP(ov_free_p) char *text = ov_buf_take(&b, NULL);
    CHECK_C(text, "0123456789");
    CHECK_INT(b.len, 0);
    ov_buf_append_c(&b, "again");
    CHECK_STR(ov_buf_str(&b), OV_STR("again"));
}

int main(void)
{
    test_appends();
    test_long_printf();
    test_maximum();
    test_failure_sticks();
    test_extend();
    test_take();
    return check_end();
}
