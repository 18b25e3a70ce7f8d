/* Reads image references by the grammar of distribution/reference, without a regular expression. */
#include "image.h"

#include "base/poison.h"

enum { TAG_MAX = 128, ID_HEX = 64 };

static const struct {
    const char *name;
    size_t hex;
} digest_algorithms[] = {{"sha256", 64}, {"sha384", 96}, {"sha512", 128}};

static bool is_lower_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool is_alphanumeric(char c)
{
    return is_lower_alphanumeric(c) || (c >= 'A' && c <= 'Z');
}

static bool is_digits(ov_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    return s.len > 0;
}

static bool is_lower_hex(ov_str s, size_t len)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) return false;
    return s.len == len;
}

static bool is_host_label(ov_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool inner = s.ptr[i] == '-' && i > 0 && i + 1 < s.len;
        if (!is_alphanumeric(s.ptr[i]) && !inner) return false;
    }
    return s.len > 0;
}

static bool is_ipv6(ov_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool hex = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
        if (!hex && c != ':') return false;
    }
    return s.len > 0;
}

/* A name or a bracketed address, with an optional port. */
static bool is_domain(ov_str s)
{
    size_t host_end = ov_str_find(s, ':', 0);
    if (s.len > 0 && s.ptr[0] == '[') {
        size_t close = ov_str_find(s, ']', 0);
        if (close == s.len || !is_ipv6(ov_str_sub(s, 1, close))) return false;
        host_end = close + 1;
    } else {
        ov_str rest = ov_str_sub(s, 0, host_end), label;
        if (rest.len == 0) return false;
        while (ov_str_split(&rest, '.', &label))
            if (!is_host_label(label)) return false;
    }
    if (host_end == s.len) return true;
    return s.ptr[host_end] == ':' && is_digits(ov_str_sub(s, host_end + 1, s.len));
}

/* What may stand between letters and digits: one dot, one or two underscores, any number of dashes. */
static bool is_separator(ov_str s)
{
    for (size_t i = 1; i < s.len; i++)
        if (s.ptr[i] != s.ptr[0]) return false;
    switch (s.ptr[0]) {
    case '.':
        return s.len == 1;
    case '_':
        return s.len <= 2;
    default:
        return s.ptr[0] == '-';
    }
}

static bool is_path_component(ov_str s)
{
    size_t at = 0;
    if (s.len == 0 || !is_lower_alphanumeric(s.ptr[0]) || !is_lower_alphanumeric(s.ptr[s.len - 1])) return false;
    while (at < s.len) {
        while (at < s.len && is_lower_alphanumeric(s.ptr[at])) at++;
        size_t from = at;
        while (at < s.len && !is_lower_alphanumeric(s.ptr[at])) at++;
        if (at > from && !is_separator(ov_str_sub(s, from, at))) return false;
    }
    return true;
}

static bool is_path(ov_str s)
{
    ov_str rest = s, component;
    if (s.len == 0) return false;
    while (ov_str_split(&rest, '/', &component))
        if (!is_path_component(component)) return false;
    return true;
}

static bool is_tag(ov_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_alphanumeric(c) && c != '_' && (i == 0 || (c != '-' && c != '.'))) return false;
    }
    return s.len > 0 && s.len <= TAG_MAX;
}

static bool is_digest(ov_str s)
{
    size_t colon = ov_str_find(s, ':', 0);
    for (size_t i = 0; i < OV_COUNT(digest_algorithms); i++)
        if (ov_str_eq(ov_str_sub(s, 0, colon), ov_str_of(digest_algorithms[i].name)))
            return is_lower_hex(ov_str_sub(s, colon + 1, s.len), digest_algorithms[i].hex);
    return false;
}

static bool has_upper(ov_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') return true;
    return false;
}

/* The first part is a host if it looks like one: a dot, a port, an upper-case letter, or "localhost". */
static void split_domain(ov_str text, ov_str *ret_domain, ov_str *ret_rest)
{
    size_t slash = ov_str_find(text, '/', 0);
    ov_str first = ov_str_sub(text, 0, slash);
    bool host = slash < text.len && (ov_str_eq(first, OV_STR("localhost")) || has_upper(first) ||
                                     ov_str_find(first, '.', 0) < first.len || ov_str_find(first, ':', 0) < first.len);
    *ret_domain = host ? first : OV_STR("docker.io");
    *ret_rest = host ? ov_str_sub(text, slash + 1, text.len) : text;
    if (ov_str_eq(first, OV_STR("index.docker.io")) && host) *ret_domain = OV_STR("docker.io");
}

/* Cuts "@digest" and ":tag" off the end; false when one is malformed. */
static bool split_suffixes(ov_str *rest, image_ref *ref)
{
    size_t at = ov_str_find(*rest, '@', 0);
    if (at < rest->len) {
        ref->digest = ov_str_sub(*rest, at + 1, rest->len);
        *rest = ov_str_sub(*rest, 0, at);
        if (!is_digest(ref->digest)) return false;
    }
    size_t colon = ov_str_find(*rest, ':', 0);
    if (colon < rest->len) {
        ref->tag = ov_str_sub(*rest, colon + 1, rest->len);
        *rest = ov_str_sub(*rest, 0, colon);
        if (!is_tag(ref->tag)) return false;
    }
    return true;
}

static bool put_path(image_ref *ref, ov_str before, ov_str path)
{
    if (before.len + path.len > sizeof ref->path) return false;
    memcpy(ref->path, before.ptr, before.len);
    memcpy(ref->path + before.len, path.ptr, path.len);
    ref->path_len = before.len + path.len;
    return true;
}

/* What looked like a host but cannot be one is the path's first component, without any domain. */
static bool set_names(image_ref *ref, ov_str domain, ov_str rest)
{
    bool official = ov_str_eq(domain, OV_STR("docker.io")) && ov_str_find(rest, '/', 0) == rest.len;
    if (!is_path(rest)) return false;
    if (is_domain(domain)) {
        ref->domain = domain;
        return put_path(ref, official ? OV_STR("library/") : OV_STR(""), rest);
    }
    if (!is_path_component(domain) || domain.len + 1 > sizeof ref->path) return false;
    ov_str joined = {domain.ptr, domain.len + 1 + rest.len}; /* they stand side by side in the text */
    return put_path(ref, OV_STR(""), joined);
}

static bool parse_parts(ov_str text, image_ref *ref)
{
    ov_str domain, rest;
    split_domain(text, &domain, &rest);
    return !is_lower_hex(text, ID_HEX) && split_suffixes(&rest, ref) && set_names(ref, domain, rest);
}

ov_status image_parse(ov_str text, image_ref *ret, ov_err *err)
{
    image_ref ref = {0};
    if (text.len > IMAGE_TEXT_MAX)
        return ov_fail(err, OV_INVALID, "image reference \"%.40s...\": longer than %d bytes", text.ptr, IMAGE_TEXT_MAX);
    if (!parse_parts(text, &ref))
        return ov_fail(err, OV_INVALID, "image reference \"%.*s\": malformed", OV_STR_ARG(text));
    *ret = ref;
    return OV_OK;
}
