/* Reads both clocks; prints and reads RFC 3339 times. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/poison.h"

enum { TEXT_MAX = 64, YEAR_ZERO_DAYS = 719528, YEAR_10000_DAYS = 2932897 };

static int64_t now_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

ov_wall ov_wall_now(void)
{
    return (ov_wall){now_ms(CLOCK_REALTIME)};
}

ov_mono ov_mono_now(void)
{
    return (ov_mono){now_ms(CLOCK_MONOTONIC)};
}

void ov_wall_format(ov_wall t, char out[OV_WALL_TEXT])
{
    const int64_t day_ms = 86400000;
    /* RFC 3339 has the years 0000 to 9999. */
    if (t.ms < -YEAR_ZERO_DAYS * day_ms) t.ms = -YEAR_ZERO_DAYS * day_ms;
    if (t.ms >= YEAR_10000_DAYS * day_ms) t.ms = YEAR_10000_DAYS * day_ms - 1;
    int64_t fraction = ((t.ms % 1000) + 1000) % 1000;
    time_t seconds = (t.ms - fraction) / 1000;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(out, OV_WALL_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)fraction % 1000);
}

/* Cuts len digits off the front; false when others stand there or the number lies outside low..high. */
static bool take_number(ov_str *text, size_t len, int low, int high, int *ret)
{
    uint64_t n;
    if (text->len < len || !ov_str_to_u64(ov_str_sub(*text, 0, len), &n) || (int)n < low || (int)n > high) return false;
    *text = ov_str_sub(*text, len, text->len);
    *ret = (int)n;
    return true;
}

static bool take_char(ov_str *text, char one, char other)
{
    if (text->len == 0 || (text->ptr[0] != one && text->ptr[0] != other)) return false;
    *text = ov_str_sub(*text, 1, text->len);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(ov_str *text, struct tm *tm)
{
    int year, month, day;
    if (!take_number(text, 4, 0, 9999, &year) || !take_char(text, '-', '-') || !take_number(text, 2, 1, 12, &month) ||
        !take_char(text, '-', '-') || !take_number(text, 2, 1, days_in_month(year, month), &day))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return true;
}

static bool take_time(ov_str *text, struct tm *tm)
{
    return take_number(text, 2, 0, 23, &tm->tm_hour) && take_char(text, ':', ':') &&
           take_number(text, 2, 0, 59, &tm->tm_min) && take_char(text, ':', ':') &&
           take_number(text, 2, 0, 60, &tm->tm_sec); /* 60: a leap second */
}

/* Milliseconds; what is finer is cut. */
static bool take_fraction(ov_str *text, int *ret_ms)
{
    int digit, scale = 100, ms = 0;
    *ret_ms = 0;
    if (!take_char(text, '.', '.')) return true;
    if (!take_number(text, 1, 0, 9, &digit)) return false;
    do {
        ms += digit * scale;
        scale /= 10;
    } while (take_number(text, 1, 0, 9, &digit));
    *ret_ms = ms;
    return true;
}

static bool take_offset(ov_str *text, int *ret_minutes)
{
    int hours, minutes;
    *ret_minutes = 0;
    if (take_char(text, 'Z', 'z')) return true;
    bool west = text->len > 0 && text->ptr[0] == '-';
    if (!take_char(text, '+', '-') || !take_number(text, 2, 0, 23, &hours) || !take_char(text, ':', ':') ||
        !take_number(text, 2, 0, 59, &minutes))
        return false;
    *ret_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

ov_status ov_wall_parse(ov_str text, ov_wall *ret, ov_err *err)
{
    struct tm tm = {0};
    int fraction_ms = 0, offset_minutes = 0;
    ov_str rest = ov_str_sub(text, 0, TEXT_MAX + 1);
    bool ok = take_date(&rest, &tm) && take_char(&rest, 'T', 't') && take_time(&rest, &tm) &&
              take_fraction(&rest, &fraction_ms) && take_offset(&rest, &offset_minutes);
    if (!ok || rest.len > 0 || text.len > TEXT_MAX)
        return ov_fail(err, OV_INVALID, "time: %.*s: expected RFC 3339 like 2026-01-02T03:04:05Z",
                       OV_STR_ARG(ov_str_sub(text, 0, TEXT_MAX)));
    ret->ms = ((int64_t)timegm(&tm) - (int64_t)offset_minutes * 60) * 1000 + fraction_ms;
    return OV_OK;
}
