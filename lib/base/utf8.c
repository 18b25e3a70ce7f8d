/* Tells well-formed UTF-8 (RFC 3629) from other bytes. */
#include "base/str.h"

#include "base/poison.h"

/* What the first byte says: how many follow, and where the second one must lie (no overlong form, no surrogate,
 * nothing above U+10FFFF); the others lie in 80..BF. */
typedef struct {
    unsigned char first, last, more, second_low, second_high;
} lead;

static const lead leads[] = {
    {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF}, {0xED, 0xED, 2, 0x80, 0x9F},
    {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF}, {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

static bool follows(const lead *l, const unsigned char *at, size_t left)
{
    if (left <= l->more || at[1] < l->second_low || at[1] > l->second_high) return false;
    for (size_t i = 2; i <= l->more; i++)
        if ((at[i] & 0xC0) != 0x80) return false;
    return true;
}

size_t ov_str_rune_length(ov_str s, size_t at)
{
    if (at >= s.len) return 0;
    const unsigned char *bytes = (const unsigned char *)s.ptr + at;
    if (bytes[0] < 0x80) return 1;
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if (bytes[0] >= leads[i].first && bytes[0] <= leads[i].last)
            return follows(&leads[i], bytes, s.len - at) ? leads[i].more + 1u : 0;
    return 0;
}

/* Most text is ASCII: eight bytes at a time while no high bit is set. */
static size_t skip_ascii(ov_str s, size_t at)
{
    uint64_t word;
    while (s.len - at >= sizeof word) {
        memcpy(&word, s.ptr + at, sizeof word);
        if (word & 0x8080808080808080u) break;
        at += sizeof word;
    }
    return at;
}

bool ov_str_is_utf8(ov_str s)
{
    for (size_t at = 0; at < s.len;) {
        at = skip_ascii(s, at);
        if (at == s.len) break;
        size_t n = ov_str_rune_length(s, at);
        if (n == 0) return false;
        at += n;
    }
    return true;
}
