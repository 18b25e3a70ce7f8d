/* Compares, cuts and reads pieces of foreign text. */
#include "base/str.h"

#include "base/poison.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int ov_str_cmp(ov_str a, ov_str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool ov_str_eq_ignore_case(ov_str a, ov_str b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

bool ov_str_starts(ov_str s, ov_str prefix)
{
    return s.len >= prefix.len && ov_str_eq(ov_str_sub(s, 0, prefix.len), prefix);
}

bool ov_str_ends(ov_str s, ov_str suffix)
{
    return s.len >= suffix.len && ov_str_eq(ov_str_sub(s, s.len - suffix.len, s.len), suffix);
}

size_t ov_str_find(ov_str s, char c, size_t from)
{
    if (from >= s.len) return s.len;
    const char *found = memchr(s.ptr + from, c, s.len - from);
    return found ? (size_t)(found - s.ptr) : s.len;
}

ov_str ov_str_sub(ov_str s, size_t from, size_t to)
{
    if (to > s.len) to = s.len;
    if (from > to) from = to;
    return (ov_str){.ptr = from ? s.ptr + from : s.ptr, .len = to - from};
}

ov_str ov_str_trim(ov_str s)
{
    size_t from = 0, to = s.len;
    while (from < to && is_space(s.ptr[from])) from++;
    while (to > from && is_space(s.ptr[to - 1])) to--;
    return ov_str_sub(s, from, to);
}

bool ov_str_split(ov_str *rest, char sep, ov_str *ret_part)
{
    if (!rest->ptr) return false;
    size_t at = ov_str_find(*rest, sep, 0);
    *ret_part = ov_str_sub(*rest, 0, at);
    *rest = at < rest->len ? ov_str_sub(*rest, at + 1, rest->len) : (ov_str){0};
    return true;
}

bool ov_str_to_u64(ov_str s, uint64_t *ret)
{
    uint64_t n = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (unsigned)(s.ptr[i] - '0'), &n))
            return false;
    }
    *ret = n;
    return true;
}
