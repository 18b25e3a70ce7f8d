/* Headings, escapes and numbers as Prometheus's own client writes them. */
#include "metrics/metrics.h"

#include <math.h>

#include "support/check.h"
#include "base/poison.h"

static void test_family(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(1000);
    ov_exposition_family(&out, "a_total", OV_METRIC_COUNTER, "Two\nlines, a \\ and a \".");
    ov_exposition_family(&out, "b", OV_METRIC_GAUGE, "B.");
    CHECK_STR(ov_buf_str(&out), OV_STR("# HELP a_total Two\\nlines, a \\\\ and a \".\n# TYPE a_total counter\n"
                                       "# HELP b B.\n# TYPE b gauge\n"));
}

static void test_escape(void)
{
    static const struct {
        ov_str value, want;
    } cases[] = {
        {{"", 0}, {"", 0}},
        {{"plain", 5}, {"plain", 5}},
        {{"a\"b\\c\nd", 7}, {"a\\\"b\\\\c\\nd", 10}},
        {{"\xC3\xA9", 2}, {"\xC3\xA9", 2}},
        {{"a\xFF\xC3", 3}, {"a\xEF\xBF\xBD\xEF\xBF\xBD", 7}},
        {{NULL, 0}, {"", 0}},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(100);
        ov_exposition_escape(&out, cases[i].value);
        CHECK_STR(ov_buf_str(&out), cases[i].want);
    }
}

/* The wanted texts are strconv.FormatFloat(f, 'g', -1, 64). */
static void test_numbers(void)
{
    const struct {
        double value;
        const char *want;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1, "-1"},
        {58, "58"},
        {0.5, "0.5"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {100.25, "100.25"},
        {-2.5, "-2.5"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-05"},
        {999999, "999999"},
        {999999.5, "999999.5"},
        {1000000, "1e+06"},
        {1000000.5, "1.0000005e+06"},
        {1639773192, "1.639773192e+09"},
        {1234567, "1.234567e+06"},
        {1e21, "1e+21"},
        {1e100, "1e+100"},
        {9007199254740993.0, "9.007199254740992e+15"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {5e-324, "5e-324"},
        {NAN, "NaN"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(100);
        ov_exposition_number(&out, cases[i].value);
        CHECK_STR(ov_buf_str(&out), ov_str_of(cases[i].want));
    }
}

int main(void)
{
    test_family();
    test_escape();
    test_numbers();
    return check_end();
}
