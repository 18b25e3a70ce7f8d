/* Go's duration texts in both directions. */
#include "base/clock.h"

#include "support/check.h"
#include "base/poison.h"

static void test_parse(void)
{
    static const struct {
        const char *text;
        int64_t want_ms;
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"1h", 3600000},
        {"1m30s", 90000},
        {"500ms", 500},
        {"1.5h", 5400000},
        {".5s", 500},
        {"1.s", 1000},
        {"30m1h", 5400000},
        {"1h1h", 7200000},
        {"1500us", 1},
        {"1500\xC2\xB5s", 1},
        {"1500\xCE\xBCs", 1},
        {"999999ns", 0},
        {"0.5ms0.5ms", 1},
        {"0.001s", 1},
        {"0.00000000000000000001h", 0},
        {"2562047h47m16.854775807s", 9223372036854},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].text);
        int64_t ms = -1;
        ov_err err = {0};
        CHECK_OK(ov_duration_parse(ov_str_of(cases[i].text), &ms, &err), &err);
        CHECK_INT(ms, cases[i].want_ms);
    }
    check_case(NULL);
}

static void test_refused(void)
{
    static const char *const cases[] = {
        "",
        "1",
        "-1s",
        "+1s",
        "s",
        ".s",
        ".",
        "1d",
        "1 s",
        " 1s",
        "1.2.3s",
        "1mi",
        "1hour",
        "1S",
        "1e3s",
        "00",
        "2562048h",
        "99999999999999999999h",
        "1h99999999999999999999ns",
        "9223372036854775807ns1ns",
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i]);
        int64_t ms = 42;
        ov_err err = {0};
        CHECK_STATUS(ov_duration_parse(ov_str_of(cases[i]), &ms, &err), OV_INVALID, &err);
        CHECK_INT(ms, 42);
    }
    check_case(NULL);
    int64_t ms;
    ov_err err = {0};
    CHECK_STATUS(ov_duration_parse(OV_STR("1d"), &ms, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "duration: 1d: expected a text like 1h, 1m30s or 500ms");
}

static void test_format(void)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        {0, "0s"},
        {1, "1ms"},
        {999, "999ms"},
        {1000, "1s"},
        {1500, "1.5s"},
        {1050, "1.05s"},
        {59999, "59.999s"},
        {60000, "1m0s"},
        {90500, "1m30.5s"},
        {3600000, "1h0m0s"},
        {5400000, "1h30m0s"},
        {-1500, "-1.5s"},
        {INT64_MAX, "2562047788015h12m55.807s"},
        {INT64_MIN, "-2562047788015h12m55.808s"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].want);
        char text[OV_WALL_TEXT];
        ov_duration_format(cases[i].ms, text);
        CHECK_C(text, cases[i].want);
    }
    check_case(NULL);
}

int main(void)
{
    test_parse();
    test_refused();
    test_format();
    return check_end();
}
