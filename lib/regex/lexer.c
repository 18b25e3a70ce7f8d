/* The smallest pieces of a pattern: characters and escapes, read and written. */
#include "regex/parser.h"

#include "base/poison.h"

enum { SHOWN_MAX = 60 };

ov_status ov_re_fail(const ov_re_parser *p, const char *why, ov_str text)
{
    size_t end = text.len > SHOWN_MAX ? SHOWN_MAX : text.len;
    while (end < text.len && end && ((unsigned char)text.ptr[end] & 0xC0) == 0x80) end--;
    return ov_fail(p->err, OV_INVALID, "%s: %.*s", why, OV_STR_ARG(ov_str_sub(text, 0, end)));
}

ov_str ov_re_read_since(const ov_re_parser *p, size_t from)
{
    return ov_str_sub(p->src, from, p->at);
}

bool ov_re_ahead(const ov_re_parser *p, const char *text)
{
    return ov_str_starts(ov_str_sub(p->src, p->at, p->src.len), ov_str_of(text));
}

uint32_t ov_re_rune(ov_re_parser *p)
{
    const unsigned char *b = (const unsigned char *)p->src.ptr + p->at;
    int more = b[0] < 0x80 ? 0 : b[0] < 0xE0 ? 1 : b[0] < 0xF0 ? 2 : 3;
    uint32_t c = more ? b[0] & (0x3Fu >> more) : b[0];
    for (int i = 1; i <= more; i++) c = c << 6 | (b[i] & 0x3Fu);
    p->at += 1 + (size_t)more;
    return c;
}

bool ov_re_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool ov_re_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void ov_re_write_rune(ov_buf *out, uint32_t c)
{
    if (c < 0x80 && (ov_re_is_digit((char)c) || ov_re_is_letter((char)c)))
        ov_buf_append_char(out, (char)c);
    else
        ov_buf_printf(out, "\\x{%x}", (unsigned)c);
}

static int hex_value(uint32_t c)
{
    if (c >= '0' && c <= '9') return (int)(c - '0');
    if (c >= 'a' && c <= 'f') return (int)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return (int)(c - 'A') + 10;
    return -1;
}

/* Behind \x: two digits or any number of them in braces. */
static bool read_hex(ov_re_parser *p, uint32_t *ret)
{
    uint32_t value = 0;
    bool braces = ov_re_ahead(p, "{");
    if (braces) p->at++;
    for (size_t count = 0; p->at < p->src.len; count++) {
        uint32_t c = ov_re_rune(p);
        if (braces && c == '}' && count) {
            *ret = value;
            return true;
        }
        int digit = hex_value(c);
        if (digit < 0) return false;
        value = value * 16 + (uint32_t)digit;
        if (value > OV_RE_RUNE_MAX) return false;
        if (!braces && count == 1) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool octal_ahead(const ov_re_parser *p)
{
    return p->at < p->src.len && p->src.ptr[p->at] >= '0' && p->src.ptr[p->at] <= '7';
}

static uint32_t read_octal(ov_re_parser *p, uint32_t first)
{
    uint32_t value = first - '0';
    for (int i = 1; i < 3 && octal_ahead(p); i++) value = value * 8 + (uint32_t)(p->src.ptr[p->at++] - '0');
    return value;
}

ov_status ov_re_escape(ov_re_parser *p, uint32_t *ret)
{
    static const char controls[] = "a\af\fn\nr\rt\tv\v";
    size_t from = p->at++;
    if (p->at == p->src.len) return ov_fail(p->err, OV_INVALID, "trailing backslash at end of expression");
    uint32_t c = ov_re_rune(p);
    for (size_t i = 0; i + 1 < sizeof controls; i += 2) {
        if (c != (uint32_t)controls[i]) continue;
        *ret = (uint32_t)controls[i + 1];
        return OV_OK;
    }
    /* A lone digit from 1 on would be a backreference. */
    if (c == '0' || (c >= '1' && c <= '7' && octal_ahead(p))) {
        *ret = read_octal(p, c);
        return OV_OK;
    }
    if (c == 'x' && read_hex(p, ret)) return OV_OK;
    if (c < 0x80 && !ov_re_is_digit((char)c) && !ov_re_is_letter((char)c)) {
        *ret = c;
        return OV_OK;
    }
    return ov_re_fail(p, "invalid escape sequence", ov_re_read_since(p, from));
}
