/* What a handler may ask of its request. */
#include "httpd/exchange.h"

#include "base/poison.h"

/* Handlers see their request read-only; what is remembered on the way is ours. */
static ov_http_request *own(const ov_http_request *r)
{
    return (ov_http_request *)(uintptr_t)r;
}

ov_str ov_http_param(const ov_http_request *r, unsigned i)
{
    return i < OV_HTTP_PARAMS ? r->params[i] : (ov_str){0};
}

ov_str ov_http_body(const ov_http_request *r)
{
    return ov_buf_str(&r->body);
}

ov_str ov_http_header(const ov_http_request *r, const char *name)
{
    return ov_str_trim(ov_str_of(MHD_lookup_connection_value(r->connection->mhd, MHD_HEADER_KIND, name)));
}

ov_str ov_http_query(const ov_http_request *r, const char *name)
{
    return ov_http_target_query(&own(r)->target, ov_str_of(name));
}

ov_str ov_http_path(const ov_http_request *r)
{
    return r->target.path;
}

/* "0", "0.0", "0.000": not wanted. */
static bool is_zero_weight(ov_str parameters)
{
    ov_str part;
    while (ov_str_split(&parameters, ';', &part)) {
        part = ov_str_trim(part);
        if (!ov_str_starts(part, OV_STR("q=")) && !ov_str_starts(part, OV_STR("Q="))) continue;
        for (size_t i = 2; i < part.len; i++)
            if (part.ptr[i] != '0' && part.ptr[i] != '.') return false;
        return true;
    }
    return false;
}

static bool accepts_gzip(ov_str header)
{
    bool any = false;
    ov_str item;
    while (ov_str_split(&header, ',', &item)) {
        size_t semicolon = ov_str_find(item, ';', 0);
        ov_str coding = ov_str_trim(ov_str_sub(item, 0, semicolon));
        bool wanted = !is_zero_weight(ov_str_sub(item, semicolon + 1, item.len));
        if (ov_str_eq_ignore_case(coding, OV_STR("gzip"))) return wanted;
        if (ov_str_eq(coding, OV_STR("*"))) any = wanted;
    }
    return any;
}

bool ov_http_accepts_gzip(const ov_http_request *r)
{
    own(r)->asked_gzip = true;
    return accepts_gzip(r->facts.accept_encoding);
}
