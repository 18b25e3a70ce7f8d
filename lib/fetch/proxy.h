/* Which proxy the environment names for a target, decided here and told to curl, so that both surely mean the same. */
#ifndef OV_FETCH_PROXY_H
#define OV_FETCH_PROXY_H

#include "fetch/url.h"

typedef struct {
    char *http, *https, *none; /* owned; NULL: not set */
} ov_proxy_env;
/* http_proxy, https_proxy, all_proxy, no_proxy in both cases; not HTTP_PROXY where there is a REQUEST_METHOD: a CGI
 * sets both from a request. https://curl.se/docs/manpage.html#ENVIRONMENT,
 * https://pkg.go.dev/net/http#ProxyFromEnvironment */
void ov_proxy_env_read(ov_proxy_env *ret);
void ov_proxy_env_clear(ov_proxy_env *e);
/* The proxy's URL or "" for none. */
const char *ov_proxy_for(const ov_proxy_env *e, const ov_url_parts *target);

#endif
