/* RFC 3339 in both directions, with offsets, fractions, leap days and everything that is not a time. */
#include "base/clock.h"

#include "support/check.h"
#include "base/poison.h"

static void test_parse(void)
{
    static const struct {
        const char *text;
        int64_t want_ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-02T03:04:05.678Z", 1767323045678},
        {"2026-01-02T03:04:05.6789999Z", 1767323045678},
        {"2026-01-02T03:04:05.6Z", 1767323045600},
        {"2026-01-02T03:04:05Z", 1767323045000},
        {"2026-01-02t03:04:05z", 1767323045000},
        {"2026-01-01T20:04:05-07:00", 1767323045000},
        {"2026-01-02T08:34:05+05:30", 1767323045000},
        {"2026-01-02T03:04:05-00:00", 1767323045000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].text);
        ov_wall t = {0};
        ov_err err = {0};
        CHECK_OK(ov_wall_parse(ov_str_of(cases[i].text), &t, &err), &err);
        CHECK_INT(t.ms, cases[i].want_ms);
    }
    check_case(NULL);
}

static void test_refused(void)
{
    static const char *const cases[] = {
        "",
        "now",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-1-2T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-01-02T24:04:05Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:05-0700",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05Zjunk",
        "+026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.00000000000000000000000000000000000000000000000Z",
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i]);
        ov_wall t = {42};
        ov_err err = {0};
        CHECK_STATUS(ov_wall_parse(ov_str_of(cases[i]), &t, &err), OV_INVALID, &err);
        CHECK_INT(t.ms, 42);
    }
    check_case(NULL);
    ov_wall t;
    ov_err err = {0};
    CHECK_STATUS(ov_wall_parse(OV_STR("soon"), &t, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "time: soon: expected RFC 3339 like 2026-01-02T03:04:05Z");
}

static void test_format(void)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1767323045678, "2026-01-02T03:04:05.678Z"},
        {1709164800000, "2024-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-62135596800000, "0001-01-01T00:00:00.000Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].want);
        char text[OV_WALL_TEXT];
        ov_wall_format((ov_wall){cases[i].ms}, text);
        CHECK_C(text, cases[i].want);
    }
    check_case(NULL);
}

static void test_now(void)
{
    ov_mono first = ov_mono_now(), second = ov_mono_now();
    CHECK(ov_mono_since(second, first) >= 0);
    CHECK_INT(ov_mono_since(ov_mono_after(first, 250), first), 250);
    CHECK(ov_wall_now().ms > 1700000000000);
}

int main(void)
{
    test_parse();
    test_refused();
    test_format();
    test_now();
    return check_end();
}
