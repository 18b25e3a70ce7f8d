/* Keeps the few response headers that callers decide on, and reads Link and Retry-After. */
#include "fetch/headers.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "fetch/url.h"
#include "base/poison.h"

static const struct {
    const char *name;
    size_t offset, size;
    bool joined; /* a further line goes on; else it replaces the one before */
} kept[] = {
#define KEPT_AS(header, member, joined)                                                           \
    {                                                                                             \
        header, offsetof(ov_fetch_result, member), sizeof(((ov_fetch_result *)0)->member), joined \
    }
#define KEPT(header, member) KEPT_AS(header, member, false)
    KEPT("etag", etag),
    KEPT("last-modified", last_modified),
    KEPT("content-type", content_type),
    KEPT_AS("link", link, true),
    KEPT_AS("www-authenticate", www_authenticate, true),
    KEPT("retry-after", retry_after),
    KEPT("date", date),
    KEPT("x-total", total),
    KEPT("x-total-count", total),
    KEPT("x-ratelimit-remaining", ratelimit_remaining),
    KEPT("x-ratelimit-limit", ratelimit_limit),
    KEPT("x-ratelimit-reset", ratelimit_reset),
    KEPT("x-ratelimit-resource", ratelimit_resource),
    KEPT("ratelimit-remaining", ratelimit_remaining),
    KEPT("ratelimit-limit", ratelimit_limit),
    KEPT("ratelimit-reset", ratelimit_reset),
#undef KEPT
#undef KEPT_AS
};

static void keep(ov_fetch_result *result, size_t which, ov_str value)
{
    char *out = (char *)result + kept[which].offset;
    size_t size = kept[which].size, have = kept[which].joined ? strlen(out) : 0;
    size_t joint = have ? 2 : 0;
    if (memchr(value.ptr ? value.ptr : "", '\0', value.len) || have + joint + value.len >= size) {
        if (!have) out[0] = '\0';
        return;
    }
    if (joint) memcpy(out + have, ", ", joint);
    if (value.len) memcpy(out + have + joint, value.ptr, value.len);
    out[have + joint + value.len] = '\0';
}

static void begin(ov_head *h, ov_str line, ov_fetch_result *result)
{
    for (size_t i = 0; i < OV_COUNT(kept); i++) *((char *)result + kept[i].offset) = '\0';
    uint64_t status = 0;
    size_t space = ov_str_find(line, ' ', 0);
    (void)ov_str_to_u64(ov_str_sub(line, space + 1, space + 4), &status);
    *h = (ov_head){.status = (unsigned)status, .framed = line.len > 5 && line.ptr[5] >= '2'};
    result->status = h->status;
}

static void add_coding(ov_head *h, ov_str value)
{
    if (value.len == 0 || ov_str_eq_ignore_case(value, OV_STR("identity"))) return;
    bool gzip = ov_str_eq_ignore_case(value, OV_STR("gzip")) || ov_str_eq_ignore_case(value, OV_STR("x-gzip"));
    h->coding = gzip && h->coding == OV_CODING_NONE ? OV_CODING_GZIP : OV_CODING_OTHER;
}

bool ov_head_line(ov_head *h, ov_str line, ov_fetch_result *result)
{
    line = ov_str_trim(line);
    if (ov_str_starts(line, OV_STR("HTTP/"))) {
        begin(h, line, result);
        return false;
    }
    if (line.len == 0) return h->ended = h->status >= 200;
    size_t colon = ov_str_find(line, ':', 0);
    ov_str name = ov_str_sub(line, 0, colon), value = ov_str_trim(ov_str_sub(line, colon + 1, line.len));
    if (ov_str_eq_ignore_case(name, OV_STR("content-length"))) h->framed = true;
    if (ov_str_eq_ignore_case(name, OV_STR("transfer-encoding"))) h->framed = true;
    if (ov_str_eq_ignore_case(name, OV_STR("location"))) h->located = value.len > 0;
    if (ov_str_eq_ignore_case(name, OV_STR("content-encoding"))) add_coding(h, value);
    for (size_t i = 0; i < OV_COUNT(kept); i++)
        if (ov_str_eq_ignore_case(name, ov_str_of(kept[i].name))) keep(result, i, value);
    return false;
}

static bool relation_has_next(ov_str value)
{
    value = ov_str_trim(value);
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = ov_str_sub(value, 1, value.len - 1);
    ov_str one;
    while (ov_str_split(&value, ' ', &one))
        if (ov_str_eq_ignore_case(one, OV_STR("next"))) return true;
    return false;
}

/* The place of the first of two characters outside quotes. */
static size_t find_bare(ov_str s, char a, char b, size_t from)
{
    bool quoted = false;
    for (size_t i = from; i < s.len; i++) {
        if (quoted && s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            quoted = !quoted;
        else if (!quoted && (s.ptr[i] == a || s.ptr[i] == b))
            return i;
    }
    return s.len;
}

/* Parameters of one link, from behind its ">" to the "," that ends it; *at moves there. */
static bool parameters_say_next(ov_str link, size_t *at)
{
    bool next = false;
    while (*at < link.len && link.ptr[*at] != ',') {
        size_t end = find_bare(link, ';', ',', *at + 1);
        ov_str parameter = ov_str_trim(ov_str_sub(link, *at, end));
        if (parameter.len && parameter.ptr[0] == ';') parameter = ov_str_trim(ov_str_sub(parameter, 1, parameter.len));
        size_t equals = ov_str_find(parameter, '=', 0);
        if (ov_str_eq_ignore_case(ov_str_trim(ov_str_sub(parameter, 0, equals)), OV_STR("rel")))
            next = next || relation_has_next(ov_str_sub(parameter, equals + 1, parameter.len));
        *at = end;
    }
    return next;
}

bool ov_fetch_link_next(ov_str link, ov_str base, char *out, size_t size)
{
    size_t at = 0;
    while (at < link.len) {
        size_t open = ov_str_find(link, '<', at), close = ov_str_find(link, '>', open);
        if (close >= link.len) return false;
        ov_str target = ov_str_trim(ov_str_sub(link, open + 1, close));
        at = close + 1;
        if (parameters_say_next(link, &at)) return ov_url_resolve(base, target, out, size);
        at++;
    }
    return false;
}

int64_t ov_fetch_date_s(ov_str value)
{
    value = ov_str_trim(value);
    if (value.len == 0 || value.len > 63) return -1;
    OV_CLEANUP(ov_free_p) char *text = ov_dup(value);
    time_t at = curl_getdate(text, NULL);
    return at < 0 ? -1 : (int64_t)at;
}

int64_t ov_fetch_retry_after_s(ov_str value, int64_t now_unix_s)
{
    value = ov_str_trim(value);
    uint64_t seconds;
    if (ov_str_to_u64(value, &seconds)) return seconds > INT32_MAX ? INT32_MAX : (int64_t)seconds;
    int64_t at = ov_fetch_date_s(value);
    if (at < 0) return -1;
    return at > now_unix_s ? at - now_unix_s : 0;
}
