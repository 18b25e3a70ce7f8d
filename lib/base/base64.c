/* Reads and writes base64 four characters at a time. */
#include "base/base64.h"

#include "base/poison.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

/* Digits of one group before the padding: 4, 3 or 2; 0 when it is none. Padding stands in the last group only. */
static size_t group_digits(const char *group, bool last)
{
    if (group[3] != '=') return 4;
    if (!last) return 0;
    return group[2] == '=' ? 2 : 3;
}

bool ov_base64_decode(ov_str text, ov_buf *out)
{
    if (text.len % 4) return false;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t digits = group_digits(text.ptr + i, i + 4 == text.len);
        unsigned bits = 0;
        if (digits == 0) return false;
        for (size_t k = 0; k < 4; k++) {
            int v = k < digits ? value_of(text.ptr[i + k]) : 0;
            if (v < 0) return false;
            bits = bits << 6 | (unsigned)v;
        }
        const unsigned char bytes[] = {(unsigned char)(bits >> 16), (unsigned char)(bits >> 8), (unsigned char)bits};
        ov_buf_append(out, bytes, digits - 1);
    }
    return !out->failed;
}

void ov_base64_encode(ov_str bytes, ov_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        ov_str group = ov_str_sub(bytes, i, i + 3);
        unsigned bits = 0;
        for (size_t k = 0; k < 3; k++) bits = bits << 8 | (k < group.len ? (unsigned char)group.ptr[k] : 0);
        char text[4] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63], digits[bits & 63]};
        for (size_t k = group.len + 1; k < sizeof text; k++) text[k] = '=';
        ov_buf_append(out, text, sizeof text);
    }
}
