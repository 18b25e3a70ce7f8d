/* Reads versions in go-version's grammar into one block each, and orders them. */
#include "version/version.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

enum { SEGMENTS_MIN = 3, NUMBER_TEXT_MAX = 20 };

/* Where the parts of a text stand; nothing is copied yet. */
typedef struct {
    size_t numbers_from, numbers_to; /* "1.2.3" */
    uint32_t count;                  /* numbers in it */
    ov_str pre, meta;
} version_parts;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_identifier(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '~';
}

/* One or more identifiers joined by dots; the place behind them, or from when there is none. */
static size_t skip_identifiers(ov_str text, size_t from)
{
    size_t end = from;
    for (size_t at = from; at < text.len && is_identifier(text.ptr[at]); at++) {
        while (at < text.len && is_identifier(text.ptr[at])) at++;
        end = at;
        if (at >= text.len || text.ptr[at] != '.') break;
    }
    return end;
}

/* Numbers joined by dots. false when the text does not begin with one or a dot is not followed by one. */
static bool split_numbers(ov_str text, version_parts *p)
{
    size_t at = text.len > 0 && text.ptr[0] == 'v' ? 1 : 0;
    p->numbers_from = at;
    p->count = 0;
    for (;;) {
        size_t start = at;
        while (at < text.len && is_digit(text.ptr[at])) at++;
        if (at == start) return false;
        p->count++;
        if (at >= text.len || text.ptr[at] != '.') break;
        at++;
    }
    p->numbers_to = at;
    return true;
}

/* The dash before a prerelease is optional before a letter, and is itself the prerelease where nothing follows it. */
static size_t split_pre(ov_str text, size_t at, version_parts *p)
{
    if (at >= text.len || text.ptr[at] == '+') return at;
    if (text.ptr[at] == '-' && at + 1 < text.len && is_identifier(text.ptr[at + 1])) at++;
    size_t end = skip_identifiers(text, at);
    p->pre = ov_str_sub(text, at, end);
    return end;
}

static bool split_parts(ov_str text, version_parts *p)
{
    if (!split_numbers(text, p)) return false;
    size_t at = split_pre(text, p->numbers_to, p);
    if (at < text.len && text.ptr[at] == '+') {
        size_t from = at + 1;
        at = skip_identifiers(text, from);
        if (at == from) return false;
        p->meta = ov_str_sub(text, from, at);
    }
    return at == text.len;
}

/* false beyond 63 bits. */
static bool read_numbers(ov_str text, const version_parts *p, int64_t *segments)
{
    size_t at = p->numbers_from;
    for (uint32_t i = 0; i < p->count; i++, at++) {
        int64_t value = 0;
        for (; at < p->numbers_to && is_digit(text.ptr[at]); at++) {
            int digit = text.ptr[at] - '0';
            if (value > (INT64_MAX - digit) / 10) return false;
            value = value * 10 + digit;
        }
        segments[i] = value;
    }
    return true;
}

/* Decimal digits without leading zeros; the place behind them. */
static char *put_number(char *out, int64_t n)
{
    char digits[NUMBER_TEXT_MAX];
    size_t len = 0;
    do {
        digits[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    while (len > 0) *out++ = digits[--len];
    return out;
}

static char *put_str(char *out, ov_str s)
{
    if (s.len > 0) memcpy(out, s.ptr, s.len);
    return out + s.len;
}

/* Writes the canonical text at out and points pre, meta and canonical into it. */
static size_t put_canonical(ov_version *v, const version_parts *p, char *out)
{
    char *at = out;
    for (uint32_t i = 0; i < v->segment_count; i++) {
        if (i > 0) *at++ = '.';
        at = put_number(at, v->segments[i]);
    }
    if (p->pre.len > 0) {
        *at++ = '-';
        v->pre = (ov_str){at, p->pre.len};
        at = put_str(at, p->pre);
    }
    if (p->meta.len > 0) {
        *at++ = '+';
        v->meta = (ov_str){at, p->meta.len};
        at = put_str(at, p->meta);
    }
    v->canonical = (ov_str){out, (size_t)(at - out)};
    return v->canonical.len;
}

/* Most texts are canonical but for a "v" in front: those are stored once. */
static ov_version *version_new(ov_str text, const version_parts *p, const int64_t *segments)
{
    uint32_t count = p->count < SEGMENTS_MIN ? SEGMENTS_MIN : p->count;
    char canonical[OV_VERSION_TEXT_MAX + 2 * SEGMENTS_MIN + 2]; /* padding and dashes add, zeros only shrink */
    ov_version draft = {.segment_count = count, .written_count = p->count, .segments = segments};
    size_t canonical_len = put_canonical(&draft, p, canonical);
    bool shared = ov_str_ends(text, draft.canonical);

    size_t size = sizeof(ov_version) + count * sizeof(int64_t) + text.len + (shared ? 0 : canonical_len);
    ov_version *v = ov_alloc(size);
    int64_t *own_segments = (int64_t *)(void *)(v + 1);
    char *own_text = (char *)(own_segments + count);
    memcpy(own_segments, segments, count * sizeof(int64_t));
    put_str(own_text, text);
    *v = draft;
    v->segments = own_segments;
    v->original = (ov_str){own_text, text.len};
    put_canonical(v, p, shared ? own_text + text.len - canonical_len : own_text + text.len);
    return v;
}

ov_status ov_version_parse(ov_str text, ov_version **ret, ov_err *err)
{
    version_parts parts = {0};
    int64_t segments[OV_VERSION_TEXT_MAX / 2 + SEGMENTS_MIN];
    for (int i = 0; i < SEGMENTS_MIN; i++) segments[i] = 0;
    if (text.len > OV_VERSION_TEXT_MAX)
        return ov_fail(err, OV_INVALID, "version \"%.40s...\": longer than %d bytes", text.ptr, OV_VERSION_TEXT_MAX);
    if (!split_parts(text, &parts)) return ov_fail(err, OV_INVALID, "version \"%.*s\": malformed", OV_STR_ARG(text));
    if (!read_numbers(text, &parts, segments))
        return ov_fail(err, OV_INVALID, "version \"%.*s\": a number beyond 63 bits", OV_STR_ARG(text));
    *ret = version_new(text, &parts, segments);
    return OV_OK;
}

void ov_version_free(ov_version *v)
{
    free(v);
}

void ov_version_free_p(ov_version **v)
{
    ov_version_free(*v);
}

int64_t ov_version_segment(const ov_version *v, uint32_t i)
{
    return i < v->segment_count ? v->segments[i] : 0;
}
