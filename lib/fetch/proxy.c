/* Reads the proxy variables and matches hosts against no_proxy as curl does. */
#include "fetch/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fetch/cidr.h"
#include "fetch/fetch.h"
#include "base/poison.h"

static char *variable(const char *lower, const char *upper)
{
    const char *value = getenv(lower);
    if ((!value || !*value) && upper) value = getenv(upper);
    return value && *value ? ov_dup(ov_str_of(value)) : NULL;
}

void ov_proxy_env_read(ov_proxy_env *ret)
{
    *ret = (ov_proxy_env){.http = variable("http_proxy", getenv("REQUEST_METHOD") ? NULL : "HTTP_PROXY"),
                          .https = variable("https_proxy", "HTTPS_PROXY"),
                          .none = variable("no_proxy", "NO_PROXY")};
    OV_CLEANUP(ov_free_p) char *all = variable("all_proxy", "ALL_PROXY");
    if (!ret->http && all) ret->http = ov_dup(ov_str_of(all));
    if (!ret->https && all) ret->https = ov_dup(ov_str_of(all));
}

void ov_proxy_env_clear(ov_proxy_env *e)
{
    free(e->http);
    free(e->https);
    free(e->none);
    *e = (ov_proxy_env){0};
}

/* A range such as 10.0.0.0/8, where the host is an address. */
static bool range_matches(ov_str item, const char *host)
{
    unsigned char address[16];
    size_t len = 0;
    if (inet_pton(AF_INET, host, address) == 1)
        len = 4;
    else if (inet_pton(AF_INET6, host, address) == 1)
        len = 16;
    ov_fetch_policy range;
    if (len == 0 || ov_fetch_policy_parse(item, &range, NULL) != OV_OK || range.allowed_count != 1) return false;
    unsigned char inside[16] = {[10] = 0xff, [11] = 0xff};
    memcpy(len == 4 ? inside + 12 : inside, address, len);
    return ov_cidr_within(inside, range.allowed[0].address, range.allowed[0].bits);
}

static ov_str without_dots(ov_str name)
{
    if (name.len && name.ptr[0] == '.') name = ov_str_sub(name, 1, name.len);
    if (name.len && name.ptr[name.len - 1] == '.') name.len--;
    return name;
}

static bool excluded(ov_str item, const char *host)
{
    if (item.len == 0) return false;
    if (ov_str_eq(item, OV_STR("*")) || range_matches(item, host)) return true;
    ov_str name = without_dots(item), whole = ov_str_of(host);
    if (whole.len && whole.ptr[whole.len - 1] == '.') whole.len--;
    if (name.len == 0 || name.len > whole.len) return false;
    if (!ov_str_eq_ignore_case(ov_str_sub(whole, whole.len - name.len, whole.len), name)) return false;
    return name.len == whole.len || whole.ptr[whole.len - name.len - 1] == '.';
}

const char *ov_proxy_for(const ov_proxy_env *e, const ov_url_parts *target)
{
    const char *proxy = target->https ? e->https : e->http;
    if (!proxy) return "";
    ov_str rest = ov_str_of(e->none), by_comma, item;
    while (ov_str_split(&rest, ',', &by_comma))
        while (ov_str_split(&by_comma, ' ', &item))
            if (excluded(ov_str_trim(item), target->host)) return "";
    return proxy;
}
