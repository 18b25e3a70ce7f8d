/* Passes the lexical pieces of JSON text, eight bytes at a time where they are plain. */
#include "json/scan.h"

#include <stdint.h>
#include <string.h>

#include "base/poison.h"

#define EACH(byte) ((uint64_t)(byte)*UINT64_C(0x0101010101010101))
#define HIGH EACH(0x80)

/* High bits mark the bytes of w that are zero; the lowest mark is exact, higher ones may be false. */
static inline uint64_t zero_bytes(uint64_t w)
{
    return (w - EACH(1)) & ~w & HIGH;
}

static inline uint64_t special_bytes(uint64_t w)
{
    uint64_t control = (w - EACH(0x20)) & ~w & HIGH;
    return (w & HIGH) | control | zero_bytes(w ^ EACH('"')) | zero_bytes(w ^ EACH('\\'));
}

static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Behind the run of ASCII that needs no look: no quote, backslash, control character or high bit. */
static inline const char *pass_plain(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, sizeof w);
        uint64_t marks = special_bytes(w);
        if (marks) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return p + (__builtin_ctzll(marks) >> 3);
#else
            break;
#endif
        }
        p += 8;
    }
    while (p < end && is_plain((unsigned char)*p)) p++;
    return p;
}

static inline bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t ov_json_utf8_len(const char *p, const char *end)
{
    const unsigned char *b = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (b[0] < 0x80) return 1;
    if (b[0] < 0xC2 || b[0] > 0xF4) return 0;
    if (b[0] < 0xE0) return left >= 2 && is_continuation(p[1]) ? 2 : 0;
    if (b[0] < 0xF0) {
        if (left < 3 || !is_continuation(p[1]) || !is_continuation(p[2])) return 0;
        if (b[0] == 0xE0 && b[1] < 0xA0) return 0; /* overlong */
        if (b[0] == 0xED && b[1] > 0x9F) return 0; /* surrogate */
        return 3;
    }
    if (left < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) || !is_continuation(p[3])) return 0;
    if (b[0] == 0xF0 && b[1] < 0x90) return 0; /* overlong */
    if (b[0] == 0xF4 && b[1] > 0x8F) return 0; /* beyond U+10FFFF */
    return 4;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The value of four hexadecimal digits, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* p stands behind "\u"; gives the place behind the escape (both halves of a pair). */
static const char *pass_unicode_escape(const char *p, const char *end, const char **why)
{
    int32_t unit = hex4(p, end);
    if (unit < 0) {
        *why = "expected four hexadecimal digits";
        return p;
    }
    if (unit == 0) {
        *why = "\\u0000 is not allowed";
        return p;
    }
    if (unit < 0xD800 || unit > 0xDFFF) return p + 4;
    if (unit <= 0xDBFF && end - p >= 10 && p[4] == '\\' && p[5] == 'u') {
        int32_t low = hex4(p + 6, end);
        if (low >= 0xDC00 && low <= 0xDFFF) return p + 10;
    }
    *why = "lone surrogate";
    return p;
}

/* p stands on the backslash. */
static const char *pass_escape(const char *p, const char *end, const char **why)
{
    if (end - p >= 2) {
        switch (p[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            return p + 2;
        case 'u':
            return pass_unicode_escape(p + 2, end, why);
        default:
            break;
        }
    }
    *why = "bad escape in a string";
    return p;
}

const char *ov_json_scan_string(const char *p, const char *end, bool *escaped, const char **why)
{
    for (;;) {
        p = pass_plain(p, end);
        if (p == end) {
            *why = "string without its closing quote";
            return p;
        }
        if (*p == '"') return p;
        if (*p == '\\') {
            *escaped = true;
            p = pass_escape(p, end, why);
            if (*why) return p;
        } else if ((unsigned char)*p < 0x20) {
            *why = "control character in a string";
            return p;
        } else {
            size_t len = ov_json_utf8_len(p, end);
            if (!len) {
                *why = "bytes that are not UTF-8";
                return p;
            }
            p += len;
        }
    }
}

static const char *pass_digits(const char *p, const char *end, const char **why)
{
    if (p == end || *p < '0' || *p > '9') {
        *why = "expected a digit";
        return p;
    }
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

const char *ov_json_scan_number(const char *p, const char *end, const char **why)
{
    if (p < end && *p == '-') p++;
    if (p < end && *p == '0')
        p++;
    else
        p = pass_digits(p, end, why);
    if (!*why && p < end && *p == '.') p = pass_digits(p + 1, end, why);
    if (!*why && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        p = pass_digits(p, end, why);
    }
    if (!*why && p < end && *p >= '0' && *p <= '9') *why = "number with a leading zero";
    return p;
}

static size_t encode_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* *p stands behind "\u" of a checked escape. */
static uint32_t decode_unicode(const char **p)
{
    uint32_t c = (uint32_t)hex4(*p, *p + 4);
    *p += 4;
    if (c < 0xD800 || c > 0xDBFF) return c;
    uint32_t low = (uint32_t)hex4(*p + 2, *p + 6);
    *p += 6;
    return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

size_t ov_json_decode_unit(const char **p, char out[4])
{
    if (**p != '\\') {
        out[0] = *(*p)++;
        return 1;
    }
    char c = (*p)[1];
    *p += 2;
    switch (c) {
    case 'b':
        out[0] = '\b';
        return 1;
    case 'f':
        out[0] = '\f';
        return 1;
    case 'n':
        out[0] = '\n';
        return 1;
    case 'r':
        out[0] = '\r';
        return 1;
    case 't':
        out[0] = '\t';
        return 1;
    case 'u':
        return encode_utf8(decode_unicode(p), out);
    default:
        out[0] = c;
        return 1;
    }
}

size_t ov_json_decode(ov_str raw, char *out)
{
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    char *to = out;
    while (p < end) {
        char unit[4];
        size_t len = ov_json_decode_unit(&p, unit);
        memcpy(to, unit, len);
        to += len;
    }
    return (size_t)(to - out);
}
