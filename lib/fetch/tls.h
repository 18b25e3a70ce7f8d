/* What one hop trusts and what it shows of us: a request's own certificates, told to curl. */
#ifndef OV_FETCH_TLS_H
#define OV_FETCH_TLS_H

#include "fetch/compat.h"
#include "fetch/fetch.h"
#include "fetch/url.h"

/* What curl refers to while it works. Zero is empty. */
typedef struct {
    ov_secret *key;
    struct curl_slist *connect_to;
} ov_tls_held;
void ov_tls_held_clear(ov_tls_held *h); /* after curl has let go of it; zeroes */

/* target is url's parts. With a server name curl asks for url with that name in the host's place, connects to the host,
 * and host ("h:443") is what the Host header must say; else host is empty. false: no such name can be asked for. */
bool ov_tls_set(CURL *easy, const ov_fetch_tls *tls, const char *url, const ov_url_parts *target, ov_tls_held *held,
                char host[static OV_URL_HOST_MAX]);

#endif
