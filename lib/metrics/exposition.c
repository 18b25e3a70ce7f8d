/* Writes the pieces of the Prometheus text format: headings, escaped label values, numbers. */
#include "metrics/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/poison.h"

/* A double's shortest decimal has 1 to 17 digits. */
enum { DIGITS_MAX = 17, NUMBER_BYTES = 32, EXPONENT_MIN = -4, EXPONENT_MAX = 6 };

/* HELP escapes the backslash and the newline, not the quote. */
static void append_help(ov_buf *out, const char *help)
{
    for (; *help; help++) {
        if (*help == '\n')
            ov_buf_append_c(out, "\\n");
        else if (*help == '\\')
            ov_buf_append_c(out, "\\\\");
        else
            ov_buf_append_char(out, *help);
    }
}

void ov_exposition_family(ov_buf *out, const char *name, ov_metric_kind kind, const char *help)
{
    ov_buf_append_c(out, "# HELP ");
    ov_buf_append_c(out, name);
    ov_buf_append_char(out, ' ');
    append_help(out, help);
    ov_buf_append_c(out, "\n# TYPE ");
    ov_buf_append_c(out, name);
    ov_buf_append_c(out, kind == OV_METRIC_COUNTER ? " counter\n" : " gauge\n");
}

static void append_rune(ov_buf *out, const char *rune, size_t len)
{
    if (len == 0)
        ov_buf_append_c(out, "\xEF\xBF\xBD");
    else if (*rune == '\n')
        ov_buf_append_c(out, "\\n");
    else if (*rune == '"' || *rune == '\\')
        ov_buf_append(out, (const char[]){'\\', *rune}, 2);
    else
        ov_buf_append(out, rune, len);
}

void ov_exposition_escape(ov_buf *out, ov_str value)
{
    for (size_t at = 0; at < value.len;) {
        size_t len = ov_str_rune_length(value, at);
        append_rune(out, value.ptr + at, len);
        at += len ? len : 1;
    }
}

static void append_special(ov_buf *out, double value)
{
    ov_buf_append_c(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
}

/* strconv's 'g' with the shortest precision: digits that read back as the same double, and an exponent where it is
 * below -4 or above 5. */
void ov_exposition_number(ov_buf *out, double value)
{
    char text[NUMBER_BYTES];
    if (!isfinite(value)) {
        append_special(out, value);
    } else if (fabs(value) < 1e6 && value == (double)(int64_t)value) {
        ov_buf_append_i64(out, (int64_t)value);
    } else {
        int digits = 1;
        do snprintf(text, sizeof text, "%.*e", digits - 1, value);
        while (strtod(text, NULL) != value && digits++ < DIGITS_MAX);
        long exponent = strtol(strchr(text, 'e') + 1, NULL, 10);
        if (exponent >= EXPONENT_MIN && exponent < EXPONENT_MAX) {
            int after_point = digits - 1 - (int)exponent;
            snprintf(text, sizeof text, "%.*f", after_point > 0 ? after_point : 0, value);
        }
        ov_buf_append_c(out, text);
    }
}
