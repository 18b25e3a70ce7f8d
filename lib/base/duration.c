/* Reads and prints durations as Go's time package writes them. */
#include "base/clock.h"

#include <stdio.h>

#include "base/poison.h"

enum { TEXT_MAX = 64 };

static const struct {
    ov_str name;
    uint64_t ns;
} units[] = {
    {{"ns", 2}, 1},
    {{"us", 2}, 1000},
    {{"\xC2\xB5s", 3}, 1000}, /* U+00B5 and U+03BC both look like the Greek letter */
    {{"\xCE\xBCs", 3}, 1000},
    {{"ms", 2}, 1000000},
    {{"s", 1}, 1000000000},
    {{"m", 1}, 60 * 1000000000ull},
    {{"h", 1}, 3600 * 1000000000ull},
};

static bool is_digit(ov_str s, size_t at)
{
    return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

/* The unit's name goes up to the next digit or point, so that "1min" is not a minute and something. */
static bool take_unit(ov_str *rest, uint64_t *ret_ns)
{
    size_t end = 0;
    while (end < rest->len && !is_digit(*rest, end) && rest->ptr[end] != '.') end++;
    ov_str name = ov_str_sub(*rest, 0, end);
    *rest = ov_str_sub(*rest, end, rest->len);
    for (size_t i = 0; i < OV_COUNT(units); i++) {
        if (!ov_str_eq(name, units[i].name)) continue;
        *ret_ns = units[i].ns;
        return true;
    }
    return false;
}

static size_t digits_end(ov_str s, size_t from)
{
    while (is_digit(s, from)) from++;
    return from;
}

/* Adds one "1.5h" to *sum_ns. */
static bool take_term(ov_str *rest, uint64_t *sum_ns)
{
    uint64_t whole = 0, unit_ns, whole_ns;
    size_t point = digits_end(*rest, 0);
    bool has_point = point < rest->len && rest->ptr[point] == '.';
    size_t end = has_point ? digits_end(*rest, point + 1) : point;
    ov_str digits = ov_str_sub(*rest, 0, point), fraction = ov_str_sub(*rest, point + has_point, end);
    if (digits.len + fraction.len == 0 || (digits.len && !ov_str_to_u64(digits, &whole))) return false;
    *rest = ov_str_sub(*rest, end, rest->len);
    if (!take_unit(rest, &unit_ns)) return false;
    if (__builtin_mul_overflow(whole, unit_ns, &whole_ns) || __builtin_add_overflow(*sum_ns, whole_ns, sum_ns))
        return false;
    for (size_t i = 0; i < fraction.len; i++) {
        unit_ns /= 10;
        if (__builtin_add_overflow(*sum_ns, (uint64_t)(fraction.ptr[i] - '0') * unit_ns, sum_ns)) return false;
    }
    return *sum_ns <= INT64_MAX;
}

ov_status ov_duration_parse(ov_str text, int64_t *ret_ms, ov_err *err)
{
    uint64_t ns = 0;
    bool ok = text.len > 0 && text.len <= TEXT_MAX;
    ov_str rest = ov_str_eq(text, OV_STR("0")) ? (ov_str){0} : text;
    while (ok && rest.len > 0) ok = take_term(&rest, &ns);
    if (!ok)
        return ov_fail(err, OV_INVALID, "duration: %.*s: expected a text like 1h, 1m30s or 500ms",
                       OV_STR_ARG(ov_str_sub(text, 0, TEXT_MAX)));
    *ret_ms = (int64_t)(ns / 1000000);
    return OV_OK;
}

/* "5", "5.25": seconds without idle zeros. */
static void format_seconds(uint64_t ms, char *out, size_t size)
{
    int len = snprintf(out, size, "%u.%03u", (unsigned)(ms / 1000) % 60, (unsigned)(ms % 1000));
    while (len > 0 && out[len - 1] == '0') out[--len] = '\0';
    if (len > 0 && out[len - 1] == '.') out[--len] = '\0';
}

void ov_duration_format(int64_t ms, char out[OV_WALL_TEXT])
{
    const char *sign = ms < 0 ? "-" : "";
    uint64_t n = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    char seconds[24];
    format_seconds(n % 60000, seconds, sizeof seconds);
    unsigned long long hours = n / 3600000;
    unsigned minutes = (unsigned)(n / 60000 % 60);
    if (n > 0 && n < 1000)
        snprintf(out, OV_WALL_TEXT, "%s%ums", sign, (unsigned)n);
    else if (hours > 0)
        snprintf(out, OV_WALL_TEXT, "%s%lluh%um%.6ss", sign, hours, minutes, seconds);
    else if (minutes > 0)
        snprintf(out, OV_WALL_TEXT, "%s%um%.6ss", sign, minutes, seconds);
    else
        snprintf(out, OV_WALL_TEXT, "%s%.6ss", sign, seconds);
}
