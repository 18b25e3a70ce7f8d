/* Takes a request target apart: dots and repeated slashes go first, then segments are split, then each is decoded. */
#include "httpd/path.h"

#include "httpd/httpd.h"

#include "base/poison.h"

void ov_http_target_init(ov_http_target *t)
{
    *t = (ov_http_target){
        /* as sent, normalised and decoded, each with a terminator */
        .bytes = OV_BUF(3 * (OV_HTTP_TARGET_MAX + 2)),
        .query_bytes = OV_BUF(OV_HTTP_TARGET_MAX + 1),
    };
}

void ov_http_target_clear(ov_http_target *t)
{
    ov_buf_clear(&t->bytes);
    ov_buf_clear(&t->query_bytes);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The byte that an escape at at stands for, or -1. */
static int escaped_byte(ov_str s, size_t at)
{
    if (s.len - at < 3) return -1;
    int high = hex_value(s.ptr[at + 1]), low = hex_value(s.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool is_well_formed(ov_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c <= ' ' || c == 0x7F) return false;
        if (c == '%' && escaped_byte(path, i) < 0) return false;
    }
    return true;
}

/* Writes the decoded text to out, which has room for s.len bytes. A bad escape stands for itself (queries; paths were
 * checked). */
static ov_str decode(ov_str s, char *out, bool plus_is_space)
{
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        int byte = s.ptr[i] == '%' ? escaped_byte(s, i) : -1;
        if (byte >= 0) i += 2;
        if (byte < 0) byte = plus_is_space && s.ptr[i] == '+' ? ' ' : (unsigned char)s.ptr[i];
        out[len++] = (char)byte;
    }
    return (ov_str){.ptr = out, .len = len};
}

/* "http://host/a" is "/a": a proxy's form that servers must take (RFC 9112, 3.2.2). */
static ov_str without_authority(ov_str uri)
{
    static const ov_str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < OV_COUNT(schemes); i++) {
        if (!ov_str_eq_ignore_case(ov_str_sub(uri, 0, schemes[i].len), schemes[i])) continue;
        ov_str rest = ov_str_sub(uri, schemes[i].len, uri.len);
        size_t slash = ov_str_find(rest, '/', 0);
        return slash < rest.len ? ov_str_sub(rest, slash, rest.len) : OV_STR("/");
    }
    return uri;
}

static size_t without_last_segment(const char *out, size_t len)
{
    while (len > 0 && out[len - 1] != '/') len--;
    return len ? len - 1 : 0;
}

/* Writes "/a/b" for "//a/./x/../b/" to out; ".." above the root stays at the root. */
static void normalise(ov_http_target *t, char *out)
{
    size_t len = 0;
    ov_str rest = t->path, segment = {0};
    while (ov_str_split(&rest, '/', &segment)) {
        bool dots = ov_str_eq(segment, OV_STR("..")), dot = ov_str_eq(segment, OV_STR("."));
        t->slash_behind = segment.len == 0 || dot || dots;
        if (dots) len = without_last_segment(out, len);
        if (t->slash_behind) continue;
        out[len++] = '/';
        memcpy(out + len, segment.ptr, segment.len);
        len += segment.len;
    }
    if (len == 0) {
        out[len++] = '/';
        t->slash_behind = false;
    }
    out[len] = '\0';
    t->clean = (ov_str){.ptr = out, .len = len};
}

static void split(ov_http_target *t, char *out)
{
    t->count = 0;
    if (t->clean.len <= 1) return;
    bool escapes = ov_str_find(t->clean, '%', 0) < t->clean.len;
    ov_str rest = ov_str_sub(t->clean, 1, t->clean.len), segment;
    while (t->count <= OV_HTTP_SEGMENTS && ov_str_split(&rest, '/', &segment)) {
        unsigned i = t->count++;
        if (i == OV_HTTP_SEGMENTS) return;
        t->segments[i] = escapes ? decode(segment, out, false) : segment;
        out += segment.len;
    }
}

unsigned ov_http_target_parse(ov_http_target *t, ov_str uri)
{
    t->count = t->pair_count = 0;
    t->query_split = t->slash_behind = false;
    t->path = t->clean = t->query = (ov_str){0};
    ov_buf_reset(&t->bytes);
    if (uri.len > OV_HTTP_TARGET_MAX) return 414;
    size_t room = uri.len + 2;
    char *bytes = ov_buf_extend(&t->bytes, 3 * room);
    if (uri.len) memcpy(bytes, uri.ptr, uri.len);
    uri = without_authority((ov_str){.ptr = bytes, .len = uri.len});
    size_t mark = ov_str_find(uri, '?', 0);
    t->path = ov_str_sub(uri, 0, mark);
    if (mark < uri.len) t->query = ov_str_sub(uri, mark + 1, uri.len);
    if (t->path.len > OV_HTTP_PATH_MAX) return 414;
    if (!ov_str_starts(t->path, OV_STR("/")) || !is_well_formed(t->path)) return 400;
    normalise(t, bytes + room);
    split(t, bytes + 2 * room);
    return 0;
}

static void split_query(ov_http_target *t)
{
    t->query_split = true;
    ov_buf_reset(&t->query_bytes);
    char *out = ov_buf_extend(&t->query_bytes, t->query.len);
    ov_str rest = t->query, pair;
    while (t->pair_count < OV_HTTP_QUERY_PAIRS && ov_str_split(&rest, '&', &pair)) {
        if (pair.len == 0) continue;
        size_t equals = ov_str_find(pair, '=', 0);
        ov_http_query_pair *p = &t->pairs[t->pair_count++];
        p->name = decode(ov_str_sub(pair, 0, equals), out, true);
        out += p->name.len;
        p->value = decode(ov_str_sub(pair, equals + 1, pair.len), out, true);
        out += p->value.len;
    }
}

ov_str ov_http_target_query(ov_http_target *t, ov_str name)
{
    if (!t->query_split) split_query(t);
    for (unsigned i = 0; i < t->pair_count; i++)
        if (ov_str_eq(t->pairs[i].name, name)) return t->pairs[i].value;
    return (ov_str){0};
}
